//! Delivery of playlists and segments: headers, pace and availability.

use std::time::Duration;

use super::{check, check_reload};
use crate::inspect::playlist::{Playlist, Segment};
use crate::inspect::reply::Reply;
use crate::inspect::rules::{Report, Violation};

/// Delay of the test client itself, which polls a few times a second on a busy machine.
const SLACK: Duration = Duration::from_millis(900);

/// A media playlist over several reloads.
#[derive(Debug, Default)]
pub struct Watch {
    previous: Option<String>,
    /// When each segment was first listed.
    listed: Vec<(u64, Duration)>,
    target: Duration,
}

/// The response with a segment.
#[derive(Debug)]
pub struct Download<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Length`.
    pub length: &'a str,
    /// Time until the last byte.
    pub took: Duration,
}

impl Watch {
    /// Adds the text received `at`. Times count from an arbitrary moment.
    pub fn see(&mut self, text: &str, at: Duration) -> Vec<Violation> {
        let playlist = Playlist::parse(text);
        let mut found = check(text);
        found.extend(self.previous.iter().flat_map(|previous| check_reload(previous, text)));
        let newest = playlist.segments.last().map_or(0, |segment| segment.number);
        if self.listed.last().is_none_or(|(number, _)| *number < newest) {
            self.listed.push((newest, at));
        }
        self.target = Duration::from_secs(playlist.target);
        self.previous = Some(text.to_owned());
        found
    }

    /// The text that was added last.
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// Checks that new segments were listed in time until `now`.
    pub fn check_pace(&self, now: Duration) -> Vec<Violation> {
        let mut report = Report::default();
        let limit = self.target * 3 / 2 + SLACK;
        let times = self.listed.iter().map(|(_, at)| *at).chain([now]);
        for ((number, at), next) in self.listed.iter().zip(times.skip(1)) {
            let waited = next.saturating_sub(*at);
            report.demand("H10", waited <= limit, || format!("{waited:?} after {number} nothing newer is listed"));
        }
        report.0
    }
}

/// Checks the response to a request that accepts gzip.
pub fn check_headers(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let header = |name| reply.header(name);
    let kind = header("content-type");
    report.demand("H1", !kind.is_empty(), || "a Content-Type".into());
    report.demand("H27", kind == "application/vnd.apple.mpegurl", || format!("Content-Type {kind:?}"));
    report.demand("H20", header("content-encoding") == "gzip", || "gzip where it is accepted".into());
    report.demand("H26", reply.status == 200, || format!("status {}, redirects included", reply.status));
    let target = Playlist::parse(&reply.text()).target;
    let seconds = |name| httpdate::parse_http_date(header(name)).ok();
    let age = seconds("date")
        .zip(seconds("last-modified"))
        .and_then(|(date, modified)| date.duration_since(modified).or_else(|_| modified.duration_since(date)).ok());
    // A multivariant playlist has no target duration.
    let fresh = age.is_some_and(|age| target == 0 || age.as_secs() <= 3 * target);
    report.demand("H26", fresh, || format!("Last-Modified is {age:?} from Date"));
    report.0
}

/// Checks the response with a listed segment. Its body has `len` bytes.
pub fn check_download(segment: &Segment, answer: &Download<'_>, len: usize) -> Vec<Violation> {
    let mut report = Report::default();
    let there = segment.gap || answer.status == 200;
    report.demand("H11", there, || format!("{}: status {}", segment.uri, answer.status));
    let whole = segment.gap || answer.length == len.to_string();
    report.demand("H11", whole, || format!("{}: Content-Length {:?} of {len} bytes", segment.uri, answer.length));
    // A segment that is sent while it is made takes as long as it lasts.
    let fast = answer.took < Duration::from_micros(segment.micros);
    report.demand("H11", fast, || format!("{} took {:?}", segment.uri, answer.took));
    report.0
}

/// Checks the status of a segment that has just left the playlist.
pub fn check_removed(uri: &str, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("H9", status == 200, || format!("{uri} is gone too early: {status}"));
    report.0
}
