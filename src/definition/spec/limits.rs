//! How much may be watched, and where those are sent for whom there is no room. The same for one stream and for all.

use std::fmt;
use std::ops::RangeInclusive;

use super::SpecError;
use super::refusal::{in_range, refuse};

/// More than one process has connections for.
pub(super) const VIEWERS: RangeInclusive<u32> = 1..=1_000_000;
/// From the least rendition to a terabit.
pub(super) const BANDWIDTHS: RangeInclusive<u64> = 100_000..=1_000_000_000_000;
/// Leaves room for the path in the 2 kB that every player takes.
pub(super) const MAX_URL: usize = 1024;

/// How much may be watched. Nothing of it changes what is published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most viewers.
    pub viewers: Option<u32>,
    /// Bits per second past which nobody new is let in.
    pub bandwidth: Option<u64>,
    /// Where those are sent who are not let in.
    pub overflow: Option<BaseUrl>,
}

/// An absolute URL that paths are appended to: a scheme, a host, perhaps a port and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl Limits {
    /// Checks `max_viewers`, `max_bandwidth` and `overflow_url`.
    ///
    /// # Errors
    /// The first that is wrong.
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
    /// What [`Self::parse`] takes, as a regular expression of ECMA-262, but for the length and the port's range.
    pub const PATTERN: &'static str =
        r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$";

    /// Reads a URL without user, query and fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let fits = text.len() <= MAX_URL && is_authority(authority) && path.bytes().all(is_of_path);
        fits.then(|| Self(text.to_owned()))
    }

    /// Reads the value of `field`.
    ///
    /// # Errors
    /// What is allowed, if it is not.
    pub fn check(field: &str, text: &str) -> Result<Self, SpecError> {
        let allowed = || {
            let allowed = "must be a URL such as https://other.example or http://other.example:8080/path";
            format!("{allowed}, without query, of at most {MAX_URL} characters; not {text:?}")
        };
        Self::parse(text).map_or_else(|| refuse(field, allowed()), Ok)
    }

    /// The same path and query there.
    pub fn with(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0.trim_end_matches('/'))
    }

    /// The text itself.
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

/// RFC 3986 3.3.
pub(super) fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~!$&'()*+,;=:@%/-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_has_a_scheme_and_a_host_and_no_more_than_a_path() {
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
        fn any_text_is_judged_without_panic_and_none_breaks_a_header(text in "(https?://)?[ -~\\r\\n\u{e4}]{0,40}") {
            if let Some(url) = BaseUrl::parse(&text) {
                prop_assert!(url.with("/p").bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }

        #[test]
        fn what_the_schema_allows_is_taken(
            url in r"https?://([A-Za-z0-9.-]{1,9}|\[[0-9A-Fa-f:.]{1,9}\])(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,9})?"
        ) {
            prop_assert!(BaseUrl::parse(&url).is_some());
        }
    }
}
