//! Delta updates (RFC 8216bis 6.2.5.1).

use crate::rules::{Report, Violation};
use crate::support::playlist::{Playlist, tags};

/// The whole playlist that `update` stands for, for a client that has `previous`; `None` if that does not reach.
pub(crate) fn reconstruct(previous: &str, update: &str) -> Option<String> {
    let Some(skipped) = Playlist::parse(update).skipped else { return Some(update.to_owned()) };
    let first = Playlist::parse(update).sequence.checked_sub(Playlist::parse(previous).sequence)? as usize;
    let old = segments(previous);
    let kept = old.get(first..first + skipped as usize)?.concat();
    let line = update.lines().find(|line| line.starts_with("#EXT-X-SKIP:"))?;
    Some(update.replacen(&format!("{line}\n"), &kept, 1))
}

/// The lines of every whole segment without those of its parts, which are gone by the time that it is skipped.
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

/// An update against the playlist before it and the whole one that it stands for.
pub(crate) fn check_update(update: &str, previous: &str, whole: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (short, long) = (Playlist::parse(update), Playlist::parse(whole));
    let skips = tags(update, "#EXT-X-SKIP").len();
    let boundary = long.control("CAN-SKIP-UNTIL").filter(|_| !long.ended);
    let skipped = boundary.map_or(0, |boundary| beyond(&long, boundary));
    report.demand("L15", skips <= 1, || "more than one EXT-X-SKIP".into());
    report.demand("L15", short.skipped.unwrap_or_default() == skipped, || {
        format!("{:?} segments are skipped, and {skipped} are past the boundary", short.skipped)
    });
    let counters = |playlist: &Playlist| (playlist.sequence, playlist.discontinuity_sequence);
    report.demand("L15", counters(&short) == counters(&long), || "the counters are not those of the whole".into());
    let made = reconstruct(previous, update);
    report.demand("L15", made.as_deref() == Some(whole), || format!("{update}\ndoes not make\n{whole}"));
    report.0
}

/// How many segments are further than `boundary` from the end of the last one.
fn beyond(playlist: &Playlist, boundary: u64) -> u64 {
    let mut from_end = 0;
    let near = playlist.segments.iter().rev().take_while(|segment| {
        let near = from_end < boundary;
        from_end += segment.micros;
        near
    });
    (playlist.segments.len() - near.count()) as u64
}
