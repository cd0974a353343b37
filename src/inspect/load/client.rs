//! A client: its connections, its requests, and what they add to the figures.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::RANGE;

use super::figures::Figures;
use super::governor::Governor;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::inspect::fetch::{Access, Exchange, FetchError, Fetcher, Request};
use crate::inspect::reply::Reply;

/// The kind of an error, if barstone refuses a connection because its limits of connections are reached.
pub const TOO_MANY_CONNECTIONS: &str = "status 503, too many connections";
/// Wait after an error.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// A client.
pub(super) struct Client<'a> {
    fetcher: Fetcher,
    governor: &'a Governor,
    pub(super) figures: &'a RefCell<Figures>,
    clock: Clock,
    began: Instant,
    began_at: UnixTime,
}

impl<'a> Client<'a> {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// [`FetchError::Client`].
    pub(super) fn new(
        url: &Url,
        access: Access,
        governor: &'a Governor,
        figures: &'a RefCell<Figures>,
    ) -> Result<Self, FetchError> {
        let clock = Clock::system();
        let fetcher = Fetcher::new(url, access, clock.clone())?;
        Ok(Self { fetcher, governor, figures, began: Instant::now(), began_at: clock.now(), clock })
    }

    /// A manifest; `None` after an error, which is counted.
    pub(super) async fn manifest(&self, url: &Url, within: Duration) -> Option<Exchange> {
        self.fetch(&Request::manifest(url.clone(), within)).await
    }

    /// Media, or a range of it. Its bytes are counted and dropped.
    pub(super) async fn media(&self, url: Url, range: Option<&str>, within: Duration) -> Option<Exchange> {
        let request = Request::media(url, within).without_body();
        let request = match range.and_then(range_header) {
            Some(range) => request.with(RANGE, range),
            None => request,
        };
        self.figures.borrow_mut().media_requests += 1;
        self.fetch(&request).await
    }

    /// Counts an error that the client finds in an answer.
    pub(super) fn fail(&self, kind: &str) {
        self.figures.borrow_mut().fail(kind);
    }

    /// UTC in microseconds.
    pub(super) fn micros(&self) -> i128 {
        micros(self.clock.now())
    }

    /// Time since the client began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Time from the beginning of the client until a moment.
    pub(super) fn since_began(&self, moment: UnixTime) -> Duration {
        moment.saturating_since(self.began_at)
    }

    async fn fetch(&self, request: &Request) -> Option<Exchange> {
        self.governor.admit(&request.url).await;
        self.figures.borrow_mut().requests += 1;
        let answer = self.fetcher.fetch(request).await;
        let mut figures = self.figures.borrow_mut();
        match answer {
            Ok(answer) => {
                let bytes = answer.arrivals.last().map_or(0, |(bytes, _)| *bytes as u64);
                figures.bytes += bytes;
                *figures.versions.entry(answer.version.clone()).or_default() += 1;
                self.governor.received(&answer.url, (answer.redirects, bytes));
                let is_good = matches!(answer.reply.status, 200 | 206);
                if !is_good {
                    figures.fail(&refusal(&answer.reply));
                }
                Some(answer).filter(|_| is_good)
            }
            Err(error) => {
                figures.fail(failure(&error));
                None
            }
        }
    }
}

/// Microseconds since 1970.
pub(super) fn micros(time: UnixTime) -> i128 {
    i128::from(time.as_nanos()) / 1000
}

/// The kind of an error without an answer, as it is counted.
pub(super) const fn failure(error: &FetchError) -> &'static str {
    match error {
        FetchError::Client(_) => "client",
        FetchError::Connect(_) => "connect",
        FetchError::Broken(_) => "broken",
        FetchError::Scheme(_) | FetchError::Location(_) | FetchError::Redirects => "redirect",
        FetchError::TooLong(_) | FetchError::Inflated(_) => "too long",
        FetchError::Coding(_) => "coding",
        FetchError::Timeout(_) => "timeout",
    }
}

/// The kind of an answer with an error, as it is counted.
fn refusal(reply: &Reply) -> String {
    match reply.status == 503 && reply.text().contains("too_many_connections") {
        true => TOO_MANY_CONNECTIONS.to_owned(),
        false => format!("status {}", reply.status),
    }
}

/// `LENGTH@OFFSET` of HLS as a header of HTTP.
fn range_header(range: &str) -> Option<String> {
    let (length, offset) = range.split_once('@')?;
    let (length, offset): (u64, u64) = (length.parse().ok()?, offset.parse().ok()?);
    Some(format!("bytes={offset}-{}", offset.checked_add(length)?.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    #[test]
    fn refusals_are_counted_by_status_and_limit() {
        let of = |status, body: &'static str| {
            refusal(&Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) })
        };
        assert_eq!(of(404, ""), "status 404");
        assert_eq!(of(503, "{\"code\":\"busy\"}"), "status 503");
        assert_eq!(of(503, "{\"code\":\"too_many_connections\"}"), TOO_MANY_CONNECTIONS);
    }

    #[test]
    fn byte_ranges_of_hls_are_ranges_of_http() {
        assert_eq!(range_header("12@30").as_deref(), Some("bytes=30-41"));
        for wrong in ["12", "0@0", "a@1", "18446744073709551615@9"] {
            assert_eq!(range_header(wrong), None, "{wrong}");
        }
    }
}
