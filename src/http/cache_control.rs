//! `Cache-Control`: policies, of which each handler names one, their text, and how long caches may store media.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::definition::spec::StreamSpec;
use crate::media::manifest::hls;

const MAX_AGE: &str = "max-age=";
const DAY: Duration = Duration::from_hours(24);

/// How long caches may store an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    /// Not at all.
    NoStore,
    /// Stored, and revalidated at each use.
    Revalidate,
    /// For a duration, rounded down to seconds and at least one second.
    MaxAge(Duration),
    /// For a duration, during which it never changes.
    Immutable(Duration),
}

impl Cache {
    /// Value of the `Cache-Control` header.
    pub(super) fn value(self) -> HeaderValue {
        let text = match self {
            Self::NoStore => "no-store".to_owned(),
            Self::Revalidate => "no-cache".to_owned(),
            Self::MaxAge(age) => format!("public, max-age={}", age.as_secs().max(1)),
            Self::Immutable(age) => format!("public, max-age={}, immutable", age.as_secs().max(1)),
        };
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("no-store"))
    }
}

/// How long caches may store a segment: six target durations or the window, whichever is longer, up to a day.
pub(super) fn lifetime(spec: &StreamSpec) -> Duration {
    (hls::target_duration(spec) * 6).max(spec.window).min(DAY)
}

/// Shortens the policy of an answer, so that no cache stores it for longer than `left`.
pub(super) fn shorten(headers: &mut HeaderMap, left: Duration) {
    let policy = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((before, after)) = policy.split_once(MAX_AGE) else { return };
    let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
    let (age, rest) = after.split_at(end);
    let age = age.parse().map_or(0, |age: u64| age.min(left.as_secs()));
    let shorter = match age {
        0 => Cache::NoStore.value(),
        age => HeaderValue::try_from(format!("{before}{MAX_AGE}{age}{rest}")).unwrap_or(Cache::NoStore.value()),
    };
    headers.insert(header::CACHE_CONTROL, shorter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_shortened(policy: &'static str, left: u64, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
        shorten(&mut headers, Duration::from_secs(left));
        assert_eq!(headers[header::CACHE_CONTROL], expected, "{policy} {left}");
    }

    #[test]
    fn no_cache_lifetime_exceeds_that_of_the_token() {
        check_shortened("public, max-age=60, immutable", 3600, "public, max-age=60, immutable");
        check_shortened("public, max-age=31536000, immutable", 3600, "public, max-age=3600, immutable");
        check_shortened("public, max-age=2", 1, "public, max-age=1");
        check_shortened("public, max-age=2", 0, "no-store");
        check_shortened("no-store", 60, "no-store");
    }
}
