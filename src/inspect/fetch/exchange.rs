//! Requests, and their answers with the times of arrival.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, HeaderName, ORIGIN};
use reqwest::{Method, Url};

use crate::base::timeline::UnixTime;
use crate::inspect::reply::Reply;
use crate::inspect::stalls::Stalls;

/// Largest playlist or MPD, before and after its content coding is removed.
pub const MOST_MANIFEST_BYTES: usize = 8 << 20;
/// Largest segment: 8 s of 64 Mbit/s.
const MOST_MEDIA_BYTES: usize = 64 << 20;
/// Value of the header Origin: the page of a player.
const PAGE: &str = "http://localhost";

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// URL of the request.
    pub url: Url,
    /// GET or HEAD.
    pub method: Method,
    /// Largest body.
    pub most_bytes: usize,
    /// Time until the last byte.
    pub within: Duration,
    /// Headers of this request alone.
    pub headers: Vec<(HeaderName, String)>,
    /// Whether the bytes of a body are counted and dropped, unless the server refuses.
    pub is_dropped: bool,
}

/// An answer, with its times.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// URL that was requested.
    pub asked: Url,
    /// URL that answered, after redirects.
    pub url: Url,
    /// Number of redirects.
    pub redirects: usize,
    /// UTC when the request was sent.
    pub moment: UnixTime,
    /// When the request was sent.
    pub began: Instant,
    /// When the last byte arrived.
    pub ended: Instant,
    /// From the request to the headers.
    pub headers_after: Duration,
    /// From the request to the last byte.
    pub took: Duration,
    /// From the first byte of the body to the last byte.
    pub body_took: Duration,
    /// Version of HTTP, such as `HTTP/2.0`.
    pub version: String,
    /// The answer with its body decompressed.
    pub reply: Reply,
    /// Number of body bytes received up to each moment after the request.
    pub arrivals: Vec<(usize, Duration)>,
}

impl Exchange {
    /// Takes the stalls of this process off the times after the request. What is left is the least time that the server took.
    #[must_use]
    pub fn without_stalls(mut self, stalls: &Stalls) -> Self {
        let bytes_from = self.began + self.first_byte_after();
        self.body_took -= stalls.between(bytes_from, bytes_from + self.body_took).min(self.body_took);
        let own = |after: &mut Duration| *after -= stalls.between(self.began, self.began + *after).min(*after);
        own(&mut self.headers_after);
        own(&mut self.took);
        self.arrivals.iter_mut().for_each(|(_, after)| own(after));
        self
    }

    /// From the request to the first byte of the body; to the last byte if the body is empty.
    pub fn first_byte_after(&self) -> Duration {
        self.arrivals.first().map_or(self.took, |(_, after)| *after)
    }

    /// The moments on the clock of this machine between which the server answered, in microseconds since 1970.
    pub fn span(&self) -> (i128, i128) {
        let sent = i128::from(self.moment.as_nanos()) / 1000;
        (sent, sent + self.ended.duration_since(self.began).as_micros() as i128)
    }
}

impl Request {
    /// A playlist or an MPD.
    pub fn manifest(url: Url, within: Duration) -> Self {
        let headers = vec![(ACCEPT_ENCODING, "gzip".to_owned()), (ORIGIN, PAGE.to_owned())];
        Self { url, method: Method::GET, most_bytes: MOST_MANIFEST_BYTES, within, headers, is_dropped: false }
    }

    /// A segment, a part or an init segment.
    pub fn media(url: Url, within: Duration) -> Self {
        let headers = vec![(ORIGIN, PAGE.to_owned())];
        Self { url, method: Method::GET, most_bytes: MOST_MEDIA_BYTES, within, headers, is_dropped: false }
    }

    /// The same without its body in the answer, for clients that need no bytes.
    #[must_use]
    pub fn without_body(self) -> Self {
        Self { is_dropped: true, ..self }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
