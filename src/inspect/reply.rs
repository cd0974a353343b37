//! An answer of a server, as the rules see it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;

/// Headers of proxies and caches.
const BY_CACHES: [&str; 5] = ["via", "x-cache", "x-cache-status", "cf-cache-status", "x-varnish"];

/// Status, headers and decoded body of an answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body without its content coding.
    pub body: Bytes,
}

impl Reply {
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Value of a header; empty if the header is missing or not ASCII.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Longest time before the request at which a cache may have received the answer. A cache that sends no Age may have stored the
    /// answer for the whole of `max-age`.
    pub fn oldest(&self) -> Duration {
        let seconds = |text: &str| text.trim().parse::<u32>().ok();
        let stated = seconds(self.header("age")).map(|age| age + 1);
        let is_cached = BY_CACHES.iter().any(|name| !self.header(name).is_empty());
        let allowed =
            self.header("cache-control").split(',').find_map(|word| seconds(word.trim().strip_prefix("max-age=")?));
        Duration::from_secs(stated.or(allowed.filter(|_| is_cached)).unwrap_or_default().into())
    }
}
