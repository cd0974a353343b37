//! Delta updates (RFC 8216bis 6.2.5.1).

use crate::inspect::playlist::{Playlist, Segment, tags};
use crate::inspect::rules::{Level, Report, Violation};

/// Expands `update` for a client that has `previous`. `None` if `previous` does not contain all skipped segments.
pub fn reconstruct(previous: &str, update: &str) -> Option<String> {
    let Some(skipped) = Playlist::parse(update).skipped else { return Some(update.to_owned()) };
    let first = Playlist::parse(update).sequence.checked_sub(Playlist::parse(previous).sequence)? as usize;
    let old = segments(previous);
    let unchanged = old.get(first..first + skipped as usize)?.concat();
    let line = update.lines().find(|line| line.starts_with("#EXT-X-SKIP:"))?;
    Some(update.replacen(&format!("{line}\n"), &unchanged, 1))
}

/// The lines of each whole segment, without parts, which are no longer listed when a segment is skipped.
fn segments(text: &str) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), String::new());
    for line in text.lines() {
        let tag = line.split(':').next().unwrap_or_default();
        if matches!(tag, "#EXT-X-PROGRAM-DATE-TIME" | "#EXT-X-GAP" | "#EXT-X-DISCONTINUITY" | "#EXTINF") {
            open += &format!("{line}\n");
        } else if !line.starts_with('#') {
            all.push(format!("{}{line}\n", std::mem::take(&mut open)));
        }
    }
    all
}

/// Checks an update against the previous playlist and the whole current one.
pub fn check_update(update: &str, previous: &str, whole: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (short, long) = (Playlist::parse(update), Playlist::parse(whole));
    let skips = tags(update, "#EXT-X-SKIP").len();
    let boundary = long.control("CAN-SKIP-UNTIL").filter(|_| !long.ended);
    let skipped = boundary.map_or(0, |boundary| beyond(&long, boundary));
    report.demand("L15", skips <= 1, || "more than one EXT-X-SKIP".into());
    report.demand("L15", short.skipped.unwrap_or_default() == skipped, || {
        let found = short.skipped.unwrap_or_default();
        format!("{found} segments are skipped, and {skipped} segments are past the skip boundary")
    });
    let counters = |playlist: &Playlist| (playlist.sequence, playlist.discontinuity_sequence);
    report.demand("L15", counters(&short) == counters(&long), || {
        "EXT-X-MEDIA-SEQUENCE or EXT-X-DISCONTINUITY-SEQUENCE differs from the whole playlist".into()
    });
    let made = reconstruct(previous, update);
    report.demand("L15", made.as_deref() == Some(whole), || format!("{update}\ndoes not result in\n{whole}"));
    report.0
}

/// Whether an update and a whole playlist end with the same part. Parts that are byte ranges of one file have the same URI.
pub fn ends_alike(update: &str, whole: &str) -> bool {
    let last = |text: &str| Playlist::parse(text).parts.last().map(|part| (part.uri.clone(), part.range.clone()));
    last(update) == last(whole)
}

/// Checks an update against the whole playlist of the same moment, segment by segment.
pub fn check_delta(update: &str, whole: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (short, long) = (Playlist::parse(update), Playlist::parse(whole));
    let boundary = long.control("CAN-SKIP-UNTIL").filter(|_| !long.ended).unwrap_or(u64::MAX);
    let (skipped, allowed) = (short.skipped.unwrap_or_default(), beyond(&long, boundary));
    report.demand("L15", skipped <= allowed, || {
        format!("{skipped} segments are skipped, and at most {allowed} may be skipped")
    });
    report.advise(("L15", Level::Should), skipped >= allowed, || {
        format!("{skipped} segments are skipped, and {allowed} may be skipped")
    });
    let counters = |playlist: &Playlist| (playlist.sequence, playlist.discontinuity_sequence);
    let same = counters(&short) == counters(&long);
    report.demand("L15", same, || {
        "EXT-X-MEDIA-SEQUENCE or EXT-X-DISCONTINUITY-SEQUENCE differs from the whole playlist".into()
    });
    let of = |playlist: &Playlist| {
        let of = |segment: &Segment| (segment.number, segment.uri.clone(), segment.micros, segment.gap);
        playlist.segments.iter().rev().map(of).collect::<Vec<_>>()
    };
    let (tail, all) = (of(&short), of(&long));
    report.demand("L15", all.starts_with(&tail), || "segments differ from the whole playlist".into());
    report.demand("L15", short.parts == long.parts, || "parts differ from the whole playlist".into());
    report.0
}

/// Number of segments that are further than `boundary` from the end of the last segment.
fn beyond(playlist: &Playlist, boundary: u64) -> u64 {
    let mut from_end = 0;
    let near = playlist.segments.iter().rev().take_while(|segment| {
        let near = from_end < boundary;
        from_end += segment.micros;
        near
    });
    (playlist.segments.len() - near.count()) as u64
}
