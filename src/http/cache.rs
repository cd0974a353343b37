//! Cache policies. This is the only file that writes `Cache-Control`.

use std::time::Duration;

use axum::http::HeaderValue;

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
