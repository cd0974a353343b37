//! Limits on viewers and bandwidth, and the URL that refused viewers are redirected to. They apply to one stream or to
//! the whole server.

use std::fmt;
use std::ops::RangeInclusive;

use super::SpecError;
use super::refusal::{in_range, refuse};

/// Values of `max_viewers`. The maximum is more than one process has connections for.
pub(super) const VIEWERS: RangeInclusive<u32> = 1..=1_000_000;
/// Values of `max_bandwidth` in bits per second: from the lowest bitrate of a rendition to 1 Tbit/s.
pub(super) const BANDWIDTHS: RangeInclusive<u64> = 100_000..=1_000_000_000_000;
/// Maximum length of a URL in characters. With a path appended it stays below the 2 kB that every player accepts.
pub(super) const MAX_URL: usize = 1024;

/// Limits on viewers and bandwidth. No field changes the published bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Maximum number of viewers.
    pub viewers: Option<u32>,
    /// Bandwidth in bits per second from which new viewers are refused.
    pub bandwidth: Option<u64>,
    /// URL that refused viewers are redirected to.
    pub overflow: Option<BaseUrl>,
}

/// An absolute http or https URL to which paths are appended: host, optional port, optional path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl Limits {
    /// Validates `max_viewers`, `max_bandwidth` and `overflow_url`.
    ///
    /// # Errors
    /// [`SpecError`] of the first invalid field.
    pub fn check(viewers: Option<u32>, bandwidth: Option<u64>, overflow_url: Option<&str>) -> Result<Self, SpecError> {
        if let Some(viewers) = viewers {
            in_range("max_viewers", viewers, &VIEWERS)?;
        }
        if let Some(bandwidth) = bandwidth {
            in_range("max_bandwidth", bandwidth, &BANDWIDTHS)?;
        }
        let overflow = overflow_url.map(|text| BaseUrl::check("overflow_url", text)).transpose()?;
        Ok(Self { viewers, bandwidth, overflow })
    }
}

impl BaseUrl {
    /// URLs that [`Self::parse`] accepts, as a regular expression of ECMA-262. The length and the range of the port are
    /// not part of it.
    pub const PATTERN: &'static str =
        r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$";

    /// Parses a URL without user, query and fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let fits = text.len() <= MAX_URL && is_authority(authority) && path.bytes().all(is_path_byte);
        fits.then(|| Self(text.to_owned()))
    }

    /// Parses the value of `field`.
    ///
    /// # Errors
    /// [`SpecError`] that says which URLs are allowed.
    pub fn check(field: &str, text: &str) -> Result<Self, SpecError> {
        let allowed = || {
            let allowed = "must be a URL such as https://other.example or http://other.example:8080/path";
            format!("{allowed}, without query, of at most {MAX_URL} characters; not {text:?}")
        };
        Self::parse(text).map_or_else(|| refuse(field, allowed()), Ok)
    }

    /// This URL with `path_and_query` appended.
    pub fn with(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0.trim_end_matches('/'))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn is_authority(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let in_host = |byte: u8| match bracketed {
        Some(_) => byte.is_ascii_hexdigit() || b":.".contains(&byte),
        None => byte.is_ascii_alphanumeric() || b".-".contains(&byte),
    };
    !host.is_empty() && host.bytes().all(in_host) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether `byte` may be part of a path (RFC 3986 3.3).
pub(super) fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~!$&'()*+,;=:@%/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_base_url_is_scheme_host_port_and_path() {
        for good in
            ["http://a", "https://other.example/", "https://h:65535/p/%20-~", "http://[::1]:80", "http://1.2.3.4"]
        {
            assert_eq!(BaseUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "other.example",
            "//a",
            "ftp://a",
            "http://",
            "http:///p",
            "http://a:",
            "http://a:65536",
            "http://a:+1",
            "http://u@a",
            "http://a?q",
            "http://a/#f",
            "http://a b",
            "http://[::1",
            "http://ä",
            "http://a/\r\nb: c",
        ] {
            assert_eq!(BaseUrl::parse(bad), None, "{bad:?}");
        }
        assert_eq!(BaseUrl::parse(&format!("http://a/{}", "a".repeat(MAX_URL))), None);
    }

    #[test]
    fn path_and_query_are_appended() {
        let with = |url: &str| BaseUrl::parse(url).unwrap().with("/live/test/hls.m3u8?a=b");
        assert_eq!(with("https://other.example"), "https://other.example/live/test/hls.m3u8?a=b");
        assert_eq!(with("https://other.example/"), "https://other.example/live/test/hls.m3u8?a=b");
        assert_eq!(with("https://other.example/x/"), "https://other.example/x/live/test/hls.m3u8?a=b");
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic_and_no_url_breaks_a_header(text in "(https?://)?[ -~\\r\\n\u{e4}]{0,40}") {
            if let Some(url) = BaseUrl::parse(&text) {
                prop_assert!(url.with("/p").bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn urls_that_the_schema_allows_are_accepted(
            url in r"https?://([A-Za-z0-9.-]{1,9}|\[[0-9A-Fa-f:.]{1,9}\])(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,9})?"
        ) {
            prop_assert!(BaseUrl::parse(&url).is_some());
        }
    }
}
