//! Delivery of playlists and segments: headers, pace and availability.

use std::time::Duration;

use super::{check, check_reload};
use crate::inspect::playlist::{Playlist, Segment};
use crate::inspect::reply::Reply;
use crate::inspect::rules::{Level, Report, Violation};

/// Tolerated delay on a loaded machine.
const SLACK: Duration = Duration::from_millis(900);

/// Types of segments: fragmented MP4, transport streams, packed audio and subtitles.
const MEDIA_TYPES: [&str; 12] = [
    "video/mp4",
    "audio/mp4",
    "application/mp4",
    "video/iso.segment",
    "audio/iso.segment",
    "video/mp2t",
    "audio/aac",
    "audio/mpeg",
    "audio/ac3",
    "audio/eac3",
    "text/vtt",
    "application/ttml+xml",
];

/// A media playlist over several reloads.
#[derive(Debug, Default)]
pub struct Watch {
    previous: Option<String>,
    /// Number of each segment with the latest time at which it became the newest one, and the earliest time at which the next one was
    /// listed.
    listed: Vec<(u64, Duration, Duration)>,
    target: Duration,
}

/// The interval in which a server sent an answer. Times count from an arbitrary moment.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The request; for an answer of a cache, so long before as the cache may have stored the answer.
    pub sent: Duration,
    /// The arrival of the answer.
    pub received: Duration,
}

impl From<Duration> for Span {
    fn from(at: Duration) -> Self {
        Self { sent: at, received: at }
    }
}

/// The response with a segment.
#[derive(Debug)]
pub struct Download<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Length`.
    pub length: &'a str,
}

impl Watch {
    /// Adds the text that was sent `at` a moment.
    pub fn see(&mut self, text: &str, at: impl Into<Span>) -> Vec<Violation> {
        let at = at.into();
        let playlist = Playlist::parse(text);
        let mut found = check(text);
        found.extend(self.previous.iter().flat_map(|previous| check_reload(previous, text)));
        let newest = playlist.segments.last().map_or(0, |segment| segment.number);
        match self.listed.last_mut() {
            Some((number, _, last)) if *number >= newest => *last = at.sent,
            _ => self.listed.push((newest, at.received, at.sent)),
        }
        self.target = Duration::from_secs(playlist.target);
        self.previous = Some(text.to_owned());
        found
    }

    /// The text that was added last.
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// Target duration of the text that was added last.
    pub const fn target(&self) -> Duration {
        self.target
    }

    /// Checks that new segments were listed in time until `now`, when the last playlist was still the current one.
    pub fn check_pace(&self, now: Duration) -> Vec<Violation> {
        let mut report = Report::default();
        let limit = self.target * 3 / 2 + SLACK;
        for (index, (number, first, last)) in self.listed.iter().enumerate() {
            // The next segment may have been listed right after the last playlist without it was sent.
            let last = if index + 1 == self.listed.len() { now } else { *last };
            let waited = last.saturating_sub(*first);
            report.demand("H10", waited <= limit, || {
                format!("no new segment was listed within {:.2} s after segment {number}", waited.as_secs_f64())
            });
        }
        report.0
    }
}

/// Checks the response to a request that accepts gzip.
pub fn check_headers(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let header = |name| reply.header(name);
    let kind = header("content-type");
    report.advise(("H1", Level::Should), !kind.is_empty(), || "no Content-Type".into());
    let right = ["application/vnd.apple.mpegurl", "audio/mpegurl"].contains(&kind.to_ascii_lowercase().as_str());
    report.demand("H27", right, || format!("Content-Type {kind:?} of a playlist"));
    let coding = Some(header("content-encoding")).filter(|coding| !coding.is_empty());
    report.demand("H20", coding == Some("gzip"), || {
        format!("{} Content-Encoding, although the request accepts gzip", coding.unwrap_or("no"))
    });
    report.demand("H26", reply.status == 200, || format!("status {} of a playlist, after redirects", reply.status));
    let playlist = Playlist::parse(&reply.text());
    let target = if playlist.ended { 0 } else { playlist.target };
    let seconds = |name| httpdate::parse_http_date(header(name)).ok();
    let age = seconds("date")
        .zip(seconds("last-modified"))
        .and_then(|(date, modified)| date.duration_since(modified).or_else(|_| modified.duration_since(date)).ok());
    // A multivariant playlist has no target duration.
    let fresh = age.is_none_or(|age| target == 0 || age.as_secs() <= 3 * target);
    report.demand("H26", fresh, || format!("Last-Modified and Date are {} s apart", age.unwrap_or_default().as_secs()));
    report.advise(("H26", Level::Recommended), age.is_some(), || "no Last-Modified, or no Date".into());
    report.0
}

/// Checks the response with a listed segment. Its body has `len` bytes.
pub fn check_download(segment: &Segment, answer: &Download<'_>, len: usize) -> Vec<Violation> {
    let mut report = Report::default();
    let there = segment.gap || answer.status == 200;
    report.demand("H11", there, || format!("{}: status {}", segment.uri, answer.status));
    let length = answer.length;
    let what = || format!("{}: Content-Length {length:?}, and the body has {len} bytes", segment.uri);
    report.demand("H11", segment.gap || length.is_empty() || length == len.to_string(), what);
    report.advise(("H11", Level::Recommended), segment.gap || !length.is_empty(), what);
    report.0
}

/// Checks the time until the last byte of a listed segment. The download of a segment that is still being encoded takes as long as
/// the segment lasts.
pub fn check_speed(segment: &Segment, took: Duration) -> Vec<Violation> {
    let mut report = Report::default();
    let fast = segment.gap || took < Duration::from_micros(segment.micros);
    report.demand("H11", fast, || format!("the download of {} took {:.2} s", segment.uri, took.as_secs_f64()));
    report.0
}

/// Checks the type of a segment, and that it was not redirected.
pub fn check_media(reply: &Reply, redirects: usize) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("H26", redirects == 0, || format!("a request for a segment was redirected {redirects} times"));
    let kind = reply.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = MEDIA_TYPES.contains(&kind.as_str());
    report.demand("H27", known, || format!("Content-Type {kind:?} of a segment"));
    report.0
}

/// Checks the status of a segment that has just left the playlist.
pub fn check_removed(uri: &str, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("H9", status == 200, || format!("{uri} is no longer available: status {status}"));
    report.0
}
