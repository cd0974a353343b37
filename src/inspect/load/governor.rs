//! A limit for all requests and bytes of a load together, for servers that are not on this machine. Each request and each byte
//! costs a fixed time. A request waits until the time of all requests and bytes before it has passed.

use std::cell::Cell;
use std::time::{Duration, Instant};

use reqwest::Url;
use tokio::time::sleep_until;

use crate::inspect::fetch::is_loopback;

/// Most requests and bits per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Requests per second.
    pub requests: f64,
    /// Bits of bodies per second.
    pub bits: f64,
}

/// Delays requests so that a limit holds.
#[derive(Debug)]
pub(super) struct Governor {
    limit: Option<Limit>,
    /// When the next request may be sent.
    next: Cell<Instant>,
}

impl Governor {
    /// A governor that keeps a limit, or admits all requests immediately if there is none.
    pub(super) fn new(limit: Option<Limit>) -> Self {
        Self { limit, next: Cell::new(Instant::now()) }
    }

    /// Resolves when a request may be sent.
    pub(super) async fn admit(&self, url: &Url) {
        let Some(limit) = self.limit else { return };
        let turn = self.next.get().max(Instant::now());
        if !is_loopback(url) {
            self.next.set(turn + Duration::from_secs_f64(1.0 / limit.requests));
        }
        // A server on this machine may redirect to another, so requests for it wait too.
        sleep_until(turn.into()).await;
    }

    /// Counts the redirects and the body of an answer from `url`.
    pub(super) fn received(&self, url: &Url, (redirects, bytes): (usize, u64)) {
        if let Some(limit) = self.limit.filter(|_| !is_loopback(url)) {
            let seconds = redirects as f64 / limit.requests + bytes as f64 * 8.0 / limit.bits;
            self.next.set(self.next.get().max(Instant::now()) + Duration::from_secs_f64(seconds));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_wait_for_bytes_and_for_each_other() {
        let began = Instant::now();
        let [cdn, here] = ["http://cdn.example/", "http://localhost/"].map(|url| Url::parse(url).unwrap());
        let governor = Governor::new(Some(Limit { requests: 20.0, bits: 8000.0 }));
        governor.admit(&cdn).await;
        governor.admit(&cdn).await;
        assert!(began.elapsed() >= Duration::from_millis(50));
        governor.received(&cdn, (1, 100));
        governor.admit(&here).await;
        assert!(began.elapsed() >= Duration::from_millis(250));
    }

    #[tokio::test]
    async fn nothing_waits_without_a_limit_or_for_this_machine() {
        let [cdn, here] = ["http://cdn.example/", "http://[::1]:80/"].map(|url| Url::parse(url).unwrap());
        let limit = Limit { requests: 1e-6, bits: 1.0 };
        for (limit, url) in [(None, cdn), (Some(limit), here)] {
            let governor = Governor::new(limit);
            for _ in 0..3 {
                governor.admit(&url).await;
                governor.received(&url, (9, 1_000_000));
            }
        }
    }
}
