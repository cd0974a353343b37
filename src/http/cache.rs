//! The cache policies of answers. This is the only file that writes `Cache-Control`.

use std::time::Duration;

use axum::http::HeaderValue;

/// For how long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    /// Never.
    NoStore,
    /// Kept, but asked for each time.
    Revalidate,
    /// For so long, rounded down to seconds and at least one.
    MaxAge(Duration),
    /// For so long, and it never changes.
    Immutable(Duration),
}

impl Cache {
    /// The `Cache-Control` header.
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
