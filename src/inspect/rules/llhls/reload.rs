//! Blocking reloads (RFC 8216bis 6.2.5.2). The right answer follows from the playlist before the request.

use std::time::Duration;

use crate::inspect::playlist::Playlist;
use crate::inspect::rules::{Report, Violation};

/// Tolerated delay on a loaded machine.
const SLACK: Duration = Duration::from_secs(1);

/// A request with `_HLS_msn` or `_HLS_part`, and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// `_HLS_msn`.
    pub segment: Option<u64>,
    /// `_HLS_part`.
    pub part: Option<u64>,
    /// The whole playlist just before the request.
    pub before: &'a str,
    /// Status code.
    pub status: u16,
    /// The answer; an update is expanded to a whole playlist.
    pub text: &'a str,
    /// Time until the answer.
    pub took: Duration,
}

/// Checks status, playlist and time of the answer.
pub fn check_answer(exchange: &Exchange<'_>) -> Vec<Violation> {
    let mut report = Report::default();
    let before = Playlist::parse(exchange.before);
    let &Exchange { status, took, .. } = exchange;
    let Some(wanted) = wanted(exchange, &before) else {
        report.demand("L11", status == 400, || format!("status {status} for _HLS_part without _HLS_msn"));
        return report.0;
    };
    let patience = Duration::from_secs(3 * before.target);
    if before.ended || listed(&before) >= Some(wanted) {
        check_satisfied(&mut report, exchange, &before);
    } else if too_far(exchange, &before) {
        report.demand("L12", status == 400, || format!("status {status} for a request that is too far ahead"));
        report.demand("L12", took <= SLACK, || format!("the server refused the request after {}", seconds(took)));
    } else if status == 503 {
        report.demand("L13", took + SLACK >= patience, || format!("the server answered 503 after {}", seconds(took)));
    } else {
        let after = Playlist::parse(exchange.text);
        let rule = if exchange.part >= before.parts_per_segment() && exchange.part.is_some() { "L10" } else { "L9" };
        // The number of parts in a segment may vary, so that the index was not past the end after all.
        let asked = exchange.segment.zip(exchange.part);
        let reached = listed(&after) >= Some(wanted) || (asked.is_some() && listed(&after) >= asked);
        let there = status == 200 && (after.ended || reached);
        report.demand(rule, there, || {
            format!(
                "status {status}, and the playlist ends with {}, not {}",
                place(listed(&after)),
                place(Some(wanted))
            )
        });
        report.demand("L13", took <= patience + SLACK, || format!("the server held the request for {}", seconds(took)));
    }
    report.0
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// A segment and its part in words.
fn place(place: Option<(u64, u64)>) -> String {
    place.map_or_else(|| "no segment".into(), |(segment, part)| format!("part {part} of segment {segment}"))
}

/// Segment and part that the answer must list. The part after the last one is the first of the next segment. A segment
/// is available with its last part.
fn wanted(exchange: &Exchange<'_>, before: &Playlist) -> Option<(u64, u64)> {
    let segment = exchange.segment?;
    let Some(count) = before.parts_per_segment() else { return Some((segment, 0)) };
    Some(match exchange.part {
        Some(part) if part >= count => (segment + 1, 0),
        Some(part) => (segment, part),
        None => (segment, count - 1),
    })
}

/// The newest segment and part; without parts, the newest segment.
fn listed(playlist: &Playlist) -> Option<(u64, u64)> {
    playlist.edge().or_else(|| playlist.segments.last().map(|segment| (segment.number, 0)))
}

fn too_far(exchange: &Exchange<'_>, before: &Playlist) -> bool {
    let last = before.next().saturating_sub(1);
    if exchange.segment.is_some_and(|segment| segment > last + 2) {
        return true;
    }
    let (Some(count), Some(target), Some(part)) = (before.parts_per_segment(), before.part_target, exchange.part)
    else {
        return false;
    };
    let place = |(segment, part): (u64, u64)| segment * count + part;
    let ahead = place((exchange.segment.unwrap_or_default(), part)).saturating_sub(listed(before).map_or(0, place));
    let limit = if target < 1_000_000 { 3_000_000 / target } else { 3 };
    ahead > limit
}

/// A request for something that is listed, or that never will be, gets the whole current playlist.
fn check_satisfied(report: &mut Report, exchange: &Exchange<'_>, before: &Playlist) {
    let &Exchange { status, took, text, .. } = exchange;
    let after = Playlist::parse(text);
    report.demand("L14", status == 200, || {
        format!("status {status} for a segment or part that is listed or has left the window")
    });
    report.demand("L14", took <= SLACK, || format!("the server answered after {}", seconds(took)));
    report
        .demand("L14", !before.ended || text == exchange.before, || "the playlist changes after EXT-X-ENDLIST".into());
    let whole = after.skipped.is_none() && after.sequence >= before.sequence && listed(&after) >= listed(before);
    report.demand("L14", whole, || "the answer is not the whole current playlist".into());
}

/// Checks a request with unknown or reordered parameters against the plain one. Both have status and text.
pub fn check_parameters(plain: (u16, &str), odd: (u16, &str)) -> Vec<Violation> {
    let mut report = Report::default();
    // Reports of other renditions may change while this one does not. Comments do not count (RFC 8216bis 4.1).
    let is_own = |line: &&str| {
        !line.starts_with("#EXT-X-RENDITION-REPORT") && (line.starts_with("#EXT") || !line.starts_with('#'))
    };
    let own = |text: &str| text.lines().filter(is_own).map(str::to_owned).collect::<Vec<_>>();
    let same = plain.0 == odd.0 && own(plain.1) == own(odd.1);
    report.demand("L24", same, || {
        format!("status {} without and {} with other parameters, or another playlist", plain.0, odd.0)
    });
    report.0
}
