//! Push targets: other servers that receive the encoded frames of a stream.

use std::fmt;
use std::ops::Range;

use super::limits::{MAX_URL, is_authority, is_path_byte};
use super::refusal::refuse;
use super::{SpecError, TrackId, VideoSpec};
use crate::base::secret::MASK;
use crate::base::suggestion::nearest;

mod request;
mod whip;

pub use request::PushRequest;
pub(super) use request::{mask, unmask};

/// Limit of targets. Each target is a connection that carries a whole rendition and the audio.
pub(super) const MAX_PUSHES: usize = 8;
/// Query parameters of an SRT URL that are allowed. The others would change the kind of connection.
const SRT_KEYS: [&str; 4] = ["streamid", "passphrase", "pbkeylen", "latency"];
const RTMP_PORT: u16 = 1935;
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;
const SCHEMES: [&str; 6] = ["rtmp", "rtmps", "srt", "udp", "whip", "whips"];

/// One push target. No field changes the published bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// URL of the target.
    pub url: PushUrl,
    /// Id of the rendition to push. `None` is the first.
    pub video: Option<TrackId>,
}

/// URL of a push target. `Display` and `Debug` mask its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct PushUrl {
    text: String,
    /// Where the secrets are, in order: the user information of a WHIP URL, and the end of the URL. They may be empty.
    secrets: [Range<usize>; 2],
    protocol: Protocol,
}

/// Transport and container of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// FLV in RTMP.
    Rtmp,
    /// FLV in RTMP over TLS.
    Rtmps,
    /// MPEG-TS in SRT, as the caller.
    Srt,
    /// MPEG-TS in datagrams.
    Udp,
    /// WebRTC, negotiated over HTTP.
    Whip,
    /// WebRTC, negotiated over HTTPS.
    Whips,
}

impl Push {
    pub(super) fn check_all(requests: &[PushRequest], video: &[VideoSpec]) -> Result<Vec<Self>, SpecError> {
        if requests.len() > MAX_PUSHES {
            return refuse("push", format!("must have at most {MAX_PUSHES} targets, not {}", requests.len()));
        }
        let mut targets: Vec<Self> = Vec::new();
        for (index, PushRequest { url, video: id }) in requests.iter().enumerate() {
            let url = PushUrl::check(url).or_else(|problem| refuse(format!("push[{index}].url"), problem))?;
            if targets.iter().any(|other| other.url == url) {
                return refuse(format!("push[{index}].url"), "must differ from every other target of the stream");
            }
            let known = |id: &String| match video.iter().find(|video| video.id.as_str() == id) {
                Some(video) => Ok(video.id.clone()),
                None => refuse(
                    format!("push[{index}].video"),
                    format!("must be the id of a rendition in video; not {id:?}"),
                ),
            };
            targets.push(Self { url, video: id.as_ref().map(known).transpose()? });
        }
        Ok(targets)
    }
}

impl PushUrl {
    /// URLs that are accepted, as a regular expression of ECMA-262. The length, the range of the port and the mask are
    /// not part of it.
    pub const PATTERN: &'static str = r"^(rtmps?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?|srt://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(\?(streamid|passphrase|pbkeylen|latency)=[A-Za-z0-9._~!$'()*+,;:@%/-]+(&(streamid|passphrase|pbkeylen|latency)=[A-Za-z0-9._~!$'()*+,;:@%/-]+)*)?|whips?://(([A-Za-z0-9._~!$&'()*+,;=:-]|%[2-6][0-9A-Fa-f]|%7[0-9A-Ea-e])+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?|udp://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})$";

    /// Parses a URL. Error texts do not quote the URL, because it may contain a secret.
    fn check(text: &str) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!("must be at most {MAX_URL} characters, not {}", text.len()));
        }
        let url = Self::parse(text).ok_or_else(|| not_a_target(text))?;
        let is_masked = url.secrets().any(|secret| secret.trim_start_matches('?') == MASK);
        match is_masked {
            true => Err(format!("must have the key itself, not {MASK}: this server has no stored key for that target")),
            false => Ok(url),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let target =
            |secret_at, protocol| Self { text: text.to_owned(), secrets: [0..0, secret_at..text.len()], protocol };
        if let Some(protocol) = whip::protocol(scheme) {
            let secrets = whip::secrets(text)?;
            return Some(Self { text: text.to_owned(), secrets, protocol });
        }
        let authority = rest.split(['/', '?']).next()?;
        let after = scheme.len() + "://".len() + authority.len();
        let (path, query) = text[after..].split_once('?').unwrap_or((&text[after..], ""));
        let query_at = after + path.len();
        let is_query_byte = |byte: u8| is_path_byte(byte) || byte == b'?';
        if !is_authority(authority) || !path.bytes().all(is_path_byte) || !query.bytes().all(is_query_byte) {
            return None;
        }
        let has_port = port(authority).is_some_and(|port| port > 0);
        match scheme {
            "rtmp" | "rtmps" => {
                let is_whole = path.strip_prefix('/')?.split('/').all(|part| !part.is_empty());
                let fits = is_whole && (has_port || !authority.rsplit(']').next()?.contains(':'));
                let protocol = if scheme == "rtmp" { Protocol::Rtmp } else { Protocol::Rtmps };
                fits.then(|| target(after + path.rfind('/').unwrap_or_default() + 1, protocol))
            }
            "srt" => {
                let known = |pair: &str| {
                    pair.split_once('=').is_some_and(|(key, value)| {
                        SRT_KEYS.contains(&key) && !value.is_empty() && !value.contains(['=', '?', '&'])
                    })
                };
                let fits = query.split('&').all(known) || query_at == text.len() || query == MASK;
                (has_port && path.is_empty() && fits).then(|| target(query_at, Protocol::Srt))
            }
            "udp" => (has_port && after == text.len()).then(|| target(after, Protocol::Udp)),
            _ => None,
        }
    }

    /// The whole URL with its secret, for connecting and for storing.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Transport and container, from the scheme of the URL.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, _)) => host,
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// The port. An RTMP or WHIP URL without a port has the default port of its protocol; SRT and UDP URLs always
    /// contain a port.
    pub fn port(&self) -> u16 {
        let default = match self.protocol {
            Protocol::Rtmp | Protocol::Srt | Protocol::Udp => RTMP_PORT,
            Protocol::Whip => HTTP_PORT,
            Protocol::Rtmps | Protocol::Whips => HTTPS_PORT,
        };
        port(self.authority()).unwrap_or(default)
    }

    /// Application and stream key of an RTMP URL. A path of one part is an application without a key.
    pub fn application_and_key(&self) -> (&str, &str) {
        let (before, last) = self.text.split_at(self.secrets[1].start);
        match before.trim_end_matches('/').splitn(4, '/').nth(3) {
            Some(application) => (application, last),
            None => (last, ""),
        }
    }

    /// The secrets: the last part of an RTMP path with the query, the query of an SRT URL; the user information and the query
    /// of a WHIP URL, or its path and query if it has no user information.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().filter(|range| !range.is_empty()).map(|range| &self.text[range.clone()])
    }

    /// `text` with the secrets replaced by a mask.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.secrets().map(|secret| secret.trim_start_matches('?')).filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// Host and port, without user information.
    fn authority(&self) -> &str {
        let authority = self.text.split('/').nth(2).and_then(|rest| rest.split('?').next()).unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }
}

/// The URL with its secrets replaced by masks.
impl fmt::Display for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for range in self.secrets.iter().filter(|range| !range.is_empty()) {
            f.write_str(&self.text[shown..range.start])?;
            let mark = if self.text[range.clone()].starts_with('?') { "?" } else { "" };
            write!(f, "{mark}{MASK}")?;
            shown = range.end;
        }
        f.write_str(&self.text[shown..])
    }
}

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which URLs are allowed, and which scheme was meant. The text does not quote the URL.
fn not_a_target(text: &str) -> String {
    let meant = match text.split_once("://").map(|(scheme, _)| scheme) {
        None => None,
        Some("http") => Some("whip"),
        Some("https") => Some("whips"),
        Some(scheme) if SCHEMES.contains(&scheme) => None,
        Some(scheme) => nearest(scheme, SCHEMES.into_iter()),
    };
    let hint = meant.map_or_else(String::new, |scheme| format!("; did you mean {scheme}://?"));
    format!(
        "must be rtmp://HOST[:PORT]/APP[/KEY], rtmps://HOST[:PORT]/APP[/KEY], \
         srt://HOST:PORT[?streamid=…&passphrase=…&pbkeylen=…&latency=…], udp://HOST:PORT, \
         whip://[TOKEN@]HOST[:PORT]/PATH or whips://[TOKEN@]HOST[:PORT]/PATH; only WHIP has a user or a token{hint}"
    )
}

fn port(authority: &str) -> Option<u16> {
    authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'))?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::{StreamRequest, StreamSpec};

    fn request(urls: &[&str]) -> StreamRequest {
        let push = urls.iter().map(|url| PushRequest { url: (*url).into(), video: None });
        StreamRequest { push: push.collect(), ..StreamRequest::named("a") }
    }

    #[test]
    fn a_target_is_a_url_of_rtmp_srt_udp_or_whip() {
        for (url, shown, (host, port)) in [
            ("rtmp://a/live/k", "rtmp://a/live/***", ("a", 1935)),
            ("rtmp://a.example:19350/x/y/k?t=1/2", "rtmp://a.example:19350/x/y/***", ("a.example", 19350)),
            ("rtmp://[::1]/live/k", "rtmp://[::1]/live/***", ("::1", 1935)),
            ("rtmp://a/k", "rtmp://a/***", ("a", 1935)),
            ("rtmps://a/live/k", "rtmps://a/live/***", ("a", 443)),
            ("rtmps://a:8443/k?t=1", "rtmps://a:8443/***", ("a", 8443)),
            ("srt://a:9000", "srt://a:9000", ("a", 9000)),
            ("srt://[::1]:9000?streamid=publish:a&passphrase=0123456789", "srt://[::1]:9000?***", ("::1", 9000)),
            ("udp://239.0.0.1:5004", "udp://239.0.0.1:5004", ("239.0.0.1", 5004)),
            ("whip://a/live/b/whip", "whip://a/***", ("a", 80)),
            ("whip://a:8889/b?c=d", "whip://a:8889/***", ("a", 8889)),
            ("whips://t.o-k_e~n%2F=@a/live/b/whip", "whips://***@a/live/b/whip", ("a", 443)),
            ("whips://u:p@[::1]:8443/b?c=d", "whips://***@[::1]:8443/b?***", ("::1", 8443)),
        ] {
            let spec = StreamSpec::try_from(request(&[url])).unwrap();
            let found = &spec.push[0].url;
            assert_eq!((found.reveal(), &*found.to_string(), (found.host(), found.port())), (url, shown, (host, port)));
            assert_eq!(format!("{found:?}"), shown);
            assert_eq!(StreamRequest::from(&spec).push[0].url, url);
            assert_eq!(StreamRequest::from(&spec).masked().push[0].url, shown);
        }
        let url = PushUrl::parse("rtmp://a/x/y/k?t=1").unwrap();
        assert_eq!(url.application_and_key(), ("x/y", "k?t=1"));
        assert_eq!(PushUrl::parse("rtmp://a/x?t=1").unwrap().application_and_key(), ("x?t=1", ""));
        assert_eq!(url.redact("no k?t=1 here"), "no *** here");
    }

    #[test]
    fn a_refused_url_is_not_quoted() {
        let long = format!("rtmp://a/live/{}", "secret".repeat(MAX_URL));
        for url in [
            "",
            "a",
            "http://a/live/secret",
            "rtmp://a",
            "rtmp://a/",
            "rtmp://a?secret",
            "rtmpt://a/live/secret",
            "rtmp://a//secret",
            "rtmp://a/live/",
            "rtmp://a:/live/secret",
            "rtmp://a:0/live/secret",
            "rtmp://u:secret@a/live/k",
            "rtmp://a/live/se cret",
            "rtmp://a/live/secret#x",
            "srt://a?streamid=secret",
            "srt://a:1/secret",
            "srt://a:1?mode=listener",
            "srt://a:1?streamid=",
            "srt://a:0",
            "udp://a",
            "udp://a:1/secret",
            "udp://a:1?secret",
            "whip://a",
            "whip://a/",
            "whip://a?secret",
            "whip://@a/secret",
            "whip://secret@/whip",
            "whip://sec@ret@a/whip",
            "whip://sec%0Aret@a/whip",
            "whip://sec%ret@a/whip",
            "whip://secret@a:0/whip",
            "whip://secret@a/wh ip",
            "whip://a/secret#x",
            "rtmp://a/live/***",
            "rtmps://a/***",
            "whip://***@a/whip",
            "whips://a/***",
            "whips://token@a/whip?***",
            "srt://a:1?***",
            &long,
        ] {
            let error = StreamSpec::try_from(request(&[url])).unwrap_err();
            assert_eq!(error.field, "push[0].url", "{url}");
            assert!(!error.problem.contains("secret"), "{url}: {}", error.problem);
        }
    }

    #[test]
    fn a_refusal_says_which_scheme_was_meant() {
        for (url, meant) in [
            ("http://a/whip", Some("whip")),
            ("https://a/whip", Some("whips")),
            ("wihps://a/whip", Some("whips")),
            ("rtpm://a/live/key", Some("rtmp")),
            ("srt://a", None),
            ("moqt://a", None),
            ("a", None),
        ] {
            let problem = StreamSpec::try_from(request(&[url])).unwrap_err().problem;
            let hint = problem.split_once("; did you mean ").map(|(_, hint)| hint.trim_end_matches("://?"));
            assert_eq!(hint, meant, "{url}: {problem}");
        }
    }

    #[test]
    fn targets_are_limited_and_differ() {
        let urls: Vec<_> = (1..=9).map(|port| format!("udp://a:{port}")).collect();
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        assert_eq!(StreamSpec::try_from(request(&urls)).unwrap_err().field, "push");
        assert_eq!(StreamSpec::try_from(request(&["udp://a:1", "udp://a:1"])).unwrap_err().field, "push[1].url");
    }

    #[test]
    fn the_rendition_of_a_target_must_exist() {
        let mut one = request(&["udp://a:1"]);
        one.push[0].video = Some("v720".into());
        assert!(StreamSpec::try_from(one.clone()).is_ok());
        one.push[0].video = Some("a".into());
        assert_eq!(StreamSpec::try_from(one).unwrap_err().field, "push[0].video");
    }

    #[test]
    fn a_masked_target_may_be_sent_back() {
        let urls =
            ["rtmp://a/live/one", "udp://a:1", "rtmp://a/live/two", "srt://a:1?streamid=three", "whip://t@a/b?c"];
        let spec = StreamSpec::try_from(request(&urls)).unwrap();
        let mut shown = StreamRequest::from(&spec).masked();
        shown.unmask(&spec);
        assert_eq!(StreamSpec::try_from(shown), Ok(spec.clone()));
        let mut elsewhere = request(&["rtmp://b/live/***"]);
        elsewhere.unmask(&spec);
        assert_eq!(StreamSpec::try_from(elsewhere).unwrap_err().field, "push[0].url");
    }

    #[test]
    fn a_target_does_not_change_the_published_bytes() {
        let with = StreamSpec::try_from(request(&["udp://a:1"])).unwrap();
        let without = StreamSpec::try_from(request(&[])).unwrap();
        assert!(with.publishes_as(&without) && with.revision("") == without.revision(""));
    }
}
