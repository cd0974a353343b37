//! URLs of WHIP servers (RFC 9725), and how they are used over HTTP.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::{Protocol, PushUrl, port};
use crate::definition::spec::limits::{is_authority, is_path_byte};

impl PushUrl {
    /// The URL to which the offer is posted, without user information.
    pub fn http_url(&self) -> String {
        let scheme = if self.protocol == Protocol::Whips { "https" } else { "http" };
        let path = self.text.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        format!("{scheme}://{}{}", self.authority(), path.unwrap_or_default())
    }

    /// Value of the header `Authorization`: the user information as a bearer token (RFC 6750 2.1), or as user and password
    /// if it contains a colon (RFC 7617 2). `None` without user information.
    pub fn authorization(&self) -> Option<String> {
        let user = &self.text[self.secrets[0].clone()];
        let decoded = percent_decode_str(user).decode_utf8_lossy();
        match user {
            "" => None,
            _ if user.contains(':') => Some(format!("Basic {}", STANDARD.encode(decoded.as_bytes()))),
            _ => Some(format!("Bearer {decoded}")),
        }
    }
}

/// The protocol of a scheme, if it is WHIP.
pub(super) fn protocol(scheme: &str) -> Option<Protocol> {
    match scheme {
        "whip" => Some(Protocol::Whip),
        "whips" => Some(Protocol::Whips),
        _ => None,
    }
}

/// The secrets of a URL: the user information and the query. Without user information, the path may be what permits
/// publishing, so the path and the query. `None` if the URL is not `whip://[USER@]HOST[:PORT]/PATH[?QUERY]`.
pub(super) fn secrets(text: &str) -> Option<[Range<usize>; 2]> {
    let start = text.find("://")? + "://".len();
    let path_at = start + text[start..].find('/')?;
    let (user, authority) = match text[start..path_at].split_once('@') {
        Some((user, authority)) => (start..start + user.len(), authority),
        None => (start..start, &text[start..path_at]),
    };
    let (path, query) = text[path_at..].split_once('?').unwrap_or((&text[path_at..], ""));
    let is_query_byte = |byte: u8| is_path_byte(byte) || byte == b'?';
    let has_user = user.start > start || text[start..path_at].contains('@');
    let fits = (!has_user || is_user(&text[user.clone()]))
        && is_authority(authority)
        && port(authority) != Some(0)
        && !authority.ends_with(':')
        && path.len() > 1
        && path.bytes().all(is_path_byte)
        && query.bytes().all(is_query_byte);
    let end = if has_user { path_at + path.len() } else { path_at + 1 };
    fits.then_some([user, end..text.len()])
}

/// Whether a text is user information (RFC 3986 3.2.1) whose decoded form may be in a header.
fn is_user(text: &str) -> bool {
    let is_plain = |byte: u8| is_path_byte(byte) && !b"@/%".contains(&byte);
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [high @ b'2'..=b'7', low, after @ ..]) if low.is_ascii_hexdigit() => {
                if *high == b'7' && low.eq_ignore_ascii_case(&b'f') {
                    return false;
                }
                after
            }
            (byte, after) if is_plain(*byte) => after,
            _ => return false,
        };
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_is_a_token_or_user_and_password() {
        for (url, http, authorization) in [
            ("whip://a/b/whip", "http://a/b/whip", None),
            ("whip://[::1]:8889/b?c=/d", "http://[::1]:8889/b?c=/d", None),
            ("whips://p1.9.b.x-_@a/whip", "https://a/whip", Some("Bearer p1.9.b.x-_")),
            ("whips://a%2Fb%2B=@a:1/whip", "https://a:1/whip", Some("Bearer a/b+=")),
            ("whip://user:pass%40@a/whip", "http://a/whip", Some("Basic dXNlcjpwYXNzQA==")),
        ] {
            let parsed = PushUrl::parse(url).unwrap();
            assert_eq!((&*parsed.http_url(), parsed.authorization().as_deref()), (http, authorization), "{url}");
        }
    }

    #[test]
    fn all_secrets_are_redacted() {
        let url = PushUrl::parse("whips://token@a/live/whip?key=1").unwrap();
        assert_eq!(url.redact("401 at a/live/whip?key=1 with token"), "401 at a/live/whip?*** with ***");
        assert_eq!(PushUrl::parse("whips://a/token/whip").unwrap().redact("no token/whip"), "no ***");
    }
}
