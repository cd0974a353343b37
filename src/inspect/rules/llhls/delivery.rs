//! Delivery of playlists and parts: pace, availability, headers and protocol.

use std::time::Duration;

use super::{check, check_reload};
use crate::inspect::playlist::Playlist;
use crate::inspect::reply::Reply;
use crate::inspect::rules::{Level, Punctuality, Report, Violation, hls};

/// Tolerated delay on a loaded machine.
const SLACK: Duration = Duration::from_secs(1);
/// Time in which a part arrives over a slow connection.
const LINE_SPEED: Duration = Duration::from_millis(100);
/// Tolerated time from the playlist that lists a part to the first byte of the part.
const LATE: Duration = Duration::from_millis(1500);
/// Time in which the first round trips of a connection are made.
const SLOW_START: Duration = Duration::from_millis(500);

/// A media playlist over several blocking reloads.
#[derive(Debug, Default)]
pub struct Watch {
    segments: hls::Watch,
    /// Number of each part, and the time at which a playlist listed the part first.
    listed: Vec<((u64, u64), Duration)>,
    part_target: Duration,
}

impl Watch {
    /// Adds the whole text that was sent `at` a moment.
    pub fn see(&mut self, text: &str, at: impl Into<hls::Span>) -> Vec<Violation> {
        let at = at.into();
        let playlist = Playlist::parse(text);
        let mut found = check(text);
        found.extend(self.segments.previous().iter().flat_map(|previous| check_reload(previous, text)));
        found.extend(self.segments.see(text, at));
        if let Some(edge) = playlist.edge().filter(|edge| self.listed.last().is_none_or(|(last, _)| last < edge)) {
            self.listed.push((edge, at.received));
        }
        self.part_target = Duration::from_micros(playlist.part_target.unwrap_or_default());
        found
    }

    /// Checks that new parts and segments were listed in time until `now`.
    pub fn check_pace(&self, now: Duration) -> Vec<Violation> {
        let mut report = Report(self.segments.check_pace(now));
        let times = self.listed.iter().map(|(_, at)| *at).chain([now]);
        let waits = self.listed.iter().zip(times.skip(1)).map(|((edge, at), next)| (edge, next.saturating_sub(*at)));
        let is_late = |waited: Duration| waited > self.part_target + SLACK;
        let mut punctuality = Punctuality::default();
        waits.clone().for_each(|(_, waited)| punctuality.add(is_late(waited)));
        for ((segment, part), waited) in waits {
            let level = if waited > 3 * self.segments.target() { Level::Must } else { punctuality.level(Level::Must) };
            report.advise(("L7", level), !is_late(waited), || {
                let seconds = waited.as_secs_f64();
                format!("no new part was listed within {seconds:.2} s after part {part} of segment {segment}")
            });
        }
        report.0
    }
}

/// Checks the status of a part that left the playlist less than three target durations ago.
pub fn check_removed_part(uri: &str, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("L8", status == 200, || format!("{uri} is no longer available: status {status}"));
    report.0
}

/// Checks the response with a part that was requested while it was a preload hint. It is available (L16). Its head,
/// which is sent first, contains the whole length, so no byte was sent early (L17).
pub fn check_hinted(uri: &str, answer: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let status = answer.status;
    report.demand("L16", status == 200, || format!("status {status} for the hinted part {uri}"));
    let length = answer.header("content-length");
    let whole = status != 200 || length == answer.body.len().to_string();
    report.advise(("L17", Level::Recommended), whole, || {
        format!("Content-Length of {uri} is {length:?}, so the part may be sent before it is complete")
    });
    report.0
}

/// Checks the status of a part that is listed.
pub fn check_listed_part(uri: &str, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("L16", status == 200, || format!("status {status} for the listed part {uri}"));
    report.0
}

/// Times of the answer with a part. Moments count from the request.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// First byte.
    pub first: Duration,
    /// From the first byte to the last byte.
    pub spread: Duration,
    /// Arrival of the playlist that lists the part; zero if the part was listed before the request.
    pub listed_after: Duration,
    /// Duration of the part.
    pub duration: Duration,
    /// Time that the link needs for so many bytes, by the download of whole segments.
    pub transfer: Duration,
}

impl Times {
    /// Time between the first and the last byte from which on the link alone does not explain it. The first round trips of a
    /// connection are slower than its later ones.
    fn slow_from(&self) -> Duration {
        self.duration.max(SLOW_START) + 2 * self.transfer
    }
}

/// Checks that a hinted part was not sent while it was made: slowly, and long before it was listed.
pub fn check_hint_pace(uri: &str, times: &Times) -> Vec<Violation> {
    let mut report = Report::default();
    let half = times.duration / 2;
    let early = times.first + half <= times.listed_after && times.spread >= half.max(LINE_SPEED);
    report.demand("L17", !early, || {
        format!(
            "{uri} took {:.2} s to arrive, and its first byte arrived {:.2} s before the part was listed",
            times.spread.as_secs_f64(),
            times.listed_after.saturating_sub(times.first).as_secs_f64()
        )
    });
    report.0
}

/// Checks that a part arrived at the speed of the link once its first byte was sent. A part that was sent early breaks the same rule
/// by [`check_hint_pace`].
pub fn check_part_speed(uri: &str, times: &Times) -> Vec<Violation> {
    let mut report = Report::default();
    let is_slow = times.spread >= times.slow_from() && check_hint_pace(uri, times).is_empty();
    report.demand("L17", !is_slow, || {
        format!("the last byte of {uri} arrived {:.2} s after its first byte", times.spread.as_secs_f64())
    });
    report.0
}

/// Checks that the first byte of a part arrived soon after the playlist that lists the part.
pub fn check_part_start(uri: &str, times: &Times) -> Vec<Violation> {
    let mut report = Report::default();
    let late = times.first.saturating_sub(times.listed_after);
    report.demand("L16", late <= LATE, || {
        format!("the first byte of {uri} arrived {:.2} s after the part was listed", late.as_secs_f64())
    });
    report.0
}

/// Checks the status of a part that was never hinted: 425 (RFC 8470) if it `comes` later, 404 otherwise.
pub fn check_unhinted(status: u16, comes: bool) -> Vec<Violation> {
    let mut report = Report::default();
    let expected = if comes { 425 } else { 404 };
    report.advise(("L17", Level::Should), status == expected, || {
        format!("status {status} for a part that was not hinted")
    });
    report.0
}

/// Checks the negotiated HTTP version, such as `HTTP/2.0`. Browsers negotiate HTTP/2 only over TLS, so without TLS the rule is a
/// recommendation.
pub fn check_protocol(version: &str, is_secure: bool) -> Vec<Violation> {
    let mut report = Report::default();
    let level = if is_secure { Level::Must } else { Level::Recommended };
    let is_multiplexed = ["HTTP/2", "HTTP/3"].iter().any(|known| version.starts_with(known));
    report.advise(("L20", level), is_multiplexed, || format!("the server answers with {version}"));
    report.0
}

/// Checks the response to a request that accepts gzip.
pub fn check_gzip(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let coding = reply.header("content-encoding");
    report.demand("L21", coding == "gzip", || format!("Content-Encoding {coding:?}"));
    report.0
}

/// Kind of the requested resource, which determines its cache lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A media playlist without directives.
    Playlist,
    /// A media playlist with `_HLS_msn`.
    Blocking,
    /// A segment or a part.
    Media,
}

/// Checks `Cache-Control` of a response. `target` is the target duration in seconds.
pub fn check_caching(asked: Asked, target: u64, answer: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let policy = answer.header("cache-control");
    let age = policy.split(',').find_map(|word| word.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    let exact = match (asked, answer.status) {
        (_, 400 | 503) => policy == "no-store",
        (Asked::Playlist, 200) => age == Some((target / 2).max(1)),
        (Asked::Blocking, 200) => age == Some(6 * target),
        (Asked::Media, 200) => age.is_some_and(|age| age >= 6 * target),
        (Asked::Blocking, _) => age == Some(4 * target),
        (Asked::Playlist | Asked::Media, _) => age.is_some_and(|age| age <= target),
    };
    let useful = match (asked, answer.status) {
        (Asked::Playlist, 200) => age.is_none_or(|age| age <= (target / 2).max(1)),
        (Asked::Blocking | Asked::Media, 200) => age.is_some_and(|age| age >= target),
        (_, _) => age.is_none_or(|age| age <= 4 * target),
    };
    let what = || {
        let kind = match asked {
            Asked::Playlist => "a playlist",
            Asked::Blocking => "a blocking reload",
            Asked::Media => "media",
        };
        format!("Cache-Control is {policy:?} for {kind} with status {}", answer.status)
    };
    report.demand("L23", useful, what);
    report.advise(("L23", Level::Recommended), exact || !useful, what);
    report.0
}
