//! Rules L1 to L26 for low-latency HLS: the contents of a playlist, changes between two reloads, and parts.
//!
//! L19 is part of H25. L25 is about the network between server and player. Priorities, a part of L20, are not visible
//! to a client. Distances "from the end of the playlist" count from the end of the last whole segment.

mod delivery;
mod reload;
mod update;

pub use delivery::{
    Asked, Times, Watch, check_caching, check_gzip, check_hint_pace, check_hinted, check_listed_part, check_part_speed,
    check_part_start, check_protocol, check_removed_part, check_unhinted,
};
pub use reload::{Exchange, check_answer, check_parameters};
pub use update::{check_delta, check_update, ends_alike, reconstruct};

use super::{Level, Report, Violation};
use crate::inspect::boxes::{Init, Segment, nal_types};
use crate::inspect::playlist::{Part, Playlist, attribute};

/// Rounding of durations to six decimals.
const MICRO: u64 = 1;
/// NAL unit type of an IDR picture.
const IDR: u8 = 5;
/// Window duration in microseconds from which delta updates are required.
const LONG_WINDOW: u64 = 120_000_000;
/// Tags that apply to a segment and all its parts.
const OF_THE_PARENT: [&str; 4] = ["#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-MAP:", "#EXT-X-KEY:", "#EXT-X-DISCONTINUITY"];

/// Checks a whole media playlist with parts.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let playlist = Playlist::parse(text);
    let there = playlist.parts.is_empty() || playlist.part_target.is_some();
    report.demand("L1", there, || "EXT-X-PART without EXT-X-PART-INF:PART-TARGET".into());
    check_lengths(&mut report, &playlist);
    check_control(&mut report, &playlist);
    check_order(&mut report, text);
    check_age(&mut report, &playlist);
    check_hints(&mut report, &playlist);
    let length: u64 = playlist.segments.iter().map(|segment| segment.micros).sum();
    let skips = playlist.control("CAN-SKIP-UNTIL").is_some();
    report.demand("L26", length <= LONG_WINDOW || skips, || {
        "a playlist of more than two minutes without CAN-SKIP-UNTIL".into()
    });
    let dates = playlist.control.as_deref().is_some_and(|control| control.contains("CAN-SKIP-DATERANGES=YES"));
    let ranges = text.contains("#EXT-X-DATERANGE:");
    report.demand("L26", !ranges || dates, || "EXT-X-DATERANGE without CAN-SKIP-DATERANGES".into());
    report.0
}

fn check_lengths(report: &mut Report, playlist: &Playlist) {
    let Some(target) = playlist.part_target else { return };
    for (index, part) in playlist.parts.iter().enumerate() {
        let next = playlist.parts.get(index + 1);
        report.demand("L2", part.micros <= target, || format!("{} is longer than the part target", part.uri));
        let is_last = match next {
            Some(next) => next.segment != part.segment,
            None => part.segment < playlist.next(),
        };
        let exempt = part.independent || part.gap || is_last || next.is_some_and(|next| next.gap);
        let enough = part.micros * 100 >= target * 85;
        report.demand("L2", exempt || enough, || format!("{} is shorter than 85 % of the part target", part.uri));
    }
}

fn check_control(report: &mut Report, playlist: &Playlist) {
    let target = playlist.target * 1_000_000;
    let at_least = |name: &str, least: u64| playlist.control(name).is_none_or(|value| value >= least);
    report.demand("L3", at_least("CAN-SKIP-UNTIL", 6 * target), || {
        "CAN-SKIP-UNTIL is less than six target durations".into()
    });
    report.demand("L3", at_least("HOLD-BACK", 3 * target), || "HOLD-BACK is less than three target durations".into());
    let Some(part_target) = playlist.part_target else { return };
    let held_back = playlist.control("PART-HOLD-BACK").unwrap_or_default();
    let what = || format!("PART-HOLD-BACK is {held_back} µs, and PART-TARGET is {part_target} µs");
    report.demand("L3", held_back >= 2 * part_target, what);
    let (least, most) = (2 * part_target, 3 * part_target);
    report.advise(("L3", Level::Should), held_back < least || held_back >= most, what);
}

/// Checks that tags of a segment precede its first part.
fn check_order(report: &mut Report, text: &str) {
    let every = text.lines().filter(|line| line.starts_with("#EXTINF:")).count()
        <= text.lines().filter(|line| line.starts_with("#EXT-X-PROGRAM-DATE-TIME:")).count();
    let (mut dated, mut has_parts) = (false, false);
    for line in text.lines() {
        let late = has_parts && OF_THE_PARENT.iter().any(|tag| line.starts_with(tag));
        report.demand("L5", !late, || format!("{line} comes after a part of the segment"));
        dated |= line.starts_with("#EXT-X-PROGRAM-DATE-TIME:");
        if line.starts_with("#EXT-X-PART:") {
            has_parts = true;
            // If every segment has a date, the date of this segment is missing or late.
            report.demand("L5", dated || !every, || {
                format!("{line} comes before the EXT-X-PROGRAM-DATE-TIME of its segment")
            });
        } else if !line.starts_with('#') {
            (dated, has_parts) = (false, false);
        }
    }
}

/// Checks that listed parts begin at most three target durations before the end, and that the first listed part of a
/// segment is at its start.
fn check_age(report: &mut Report, playlist: &Playlist) {
    let open = playlist.parts.iter().filter(|part| part.segment == playlist.next());
    let mut from_end: u64 = open.map(|part| part.micros).sum();
    for segment in playlist.segments.iter().rev() {
        from_end += segment.micros;
        let shown = playlist.parts.iter().any(|part| part.segment == segment.number);
        let near = from_end <= 3 * playlist.target * 1_000_000;
        report.advise(("L8", Level::Should), near || !shown, || {
            format!("parts of {} begin {from_end} µs before the end of the playlist", segment.uri)
        });
    }
}

fn check_hints(report: &mut Report, playlist: &Playlist) {
    report.demand("L16", !playlist.ended || playlist.hints.is_empty(), || {
        "EXT-X-PRELOAD-HINT in a playlist with EXT-X-ENDLIST".into()
    });
    for kind in ["PART", "MAP"] {
        let of_kind = playlist.hints.iter().filter(|list| attribute(list, "TYPE").as_deref() == Some(kind));
        report.advise(("L16", Level::Should), of_kind.count() <= 1, || {
            format!("more than one EXT-X-PRELOAD-HINT of type {kind}")
        });
    }
    for list in &playlist.hints {
        let open = attribute(list, "BYTERANGE-LENGTH").is_none();
        report.advise(("L16", Level::Should), open, || {
            format!("{list}: BYTERANGE-LENGTH of a resource that does not exist yet")
        });
    }
}

/// Checks that a reload changes only what it may change in low-latency playlists.
pub fn check_reload(previous: &str, next: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (old, new) = (Playlist::parse(previous), Playlist::parse(next));
    // A playlist that ends is not reloaded, and may become that of a VOD without parts.
    let same_control = old.control == new.control || (new.ended && new.control.is_none());
    report.demand("L3", same_control, || "EXT-X-SERVER-CONTROL changed".into());
    let same_target = old.part_target == new.part_target || (new.ended && new.part_target.is_none());
    report.demand("L1", same_target, || "PART-TARGET changed".into());
    for part in &new.parts {
        let was = old.parts.iter().find(|other| (other.segment, other.index) == (part.segment, part.index));
        report.demand("H5", was.is_none_or(|was| was == part), || format!("the tag of {} changed", part.uri));
        let put_in = was.is_none() && Some((part.segment, part.index)) < old.edge();
        report.demand("H5", !put_in, || format!("{} was inserted before the end", part.uri));
    }
    // A late client finds only parts that were published long after the hinted part.
    let in_time = new.parts.iter().any(|part| Some((part.segment, part.index)) == old.edge());
    let follows = |part: &&Part| in_time && Some((part.segment, part.index)) > old.edge();
    let is_part = |list: &&String| attribute(list, "TYPE").as_deref() == Some("PART");
    if let (Some(hint), Some(part)) = (old.hints.iter().find(is_part), new.parts.iter().find(follows)) {
        let uri = attribute(hint, "URI").unwrap_or_default();
        report.demand("L16", uri == part.uri, || format!("{uri} was hinted, and {} was published", part.uri));
    }
    report.0
}

/// Checks the report of another rendition at `uri`, whose newest part was `edge` before the playlist was requested.
pub fn check_report(text: &str, uri: &str, edge: (u64, u64)) -> Vec<Violation> {
    let mut report = Report::default();
    let playlist = Playlist::parse(text);
    let of_uri = playlist.reports.iter().find(|list| attribute(list, "URI").as_deref() == Some(uri));
    let Some(list) = of_uri else {
        report.demand("L18", false, || format!("no EXT-X-RENDITION-REPORT of {uri}"));
        return report.0;
    };
    let number = |name| attribute(list, name).and_then(|text| text.parse::<u64>().ok());
    let own = playlist.edge().unwrap_or_default();
    // A missing attribute has the value of the playlist itself (RFC 8216bis 4.4.5.4).
    let reported = (number("LAST-MSN").unwrap_or(own.0), number("LAST-PART").unwrap_or(own.1));
    // A playlist from a cache is older than the other playlist, and so are its reports.
    let current = reported >= edge || reported >= own;
    let what = || {
        let place = |(segment, part): (u64, u64)| format!("part {part} of segment {segment}");
        format!("the report of {uri} states {}, and its playlist ended with {}", place(reported), place(edge))
    };
    report.demand("L18", current, what);
    report.advise(("L18", Level::Recommended), reported >= edge || !current, what);
    report.0
}

/// Checks that playlists of renditions, received directly one after another, differ by at most one part and `slack`.
pub fn check_renditions(texts: &[String], slack: u64) -> Vec<Violation> {
    let mut report = Report::default();
    let all: Vec<_> = texts.iter().map(|text| Playlist::parse(text)).collect();
    for pair in all.windows(2) {
        report.demand("H16", pair[0].control == pair[1].control, || "EXT-X-SERVER-CONTROL differs".into());
        let ends = [end(&pair[0]), end(&pair[1])];
        let limit = pair[0].part_target.unwrap_or_default() + slack;
        let apart = ends[0].abs_diff(ends[1]);
        report.demand("L22", apart <= limit, || format!("the ends of two renditions are {apart} µs apart"));
    }
    report.0
}

/// End of a playlist in microseconds since 1970.
fn end(playlist: &Playlist) -> u64 {
    let Some(last) = playlist.segments.last() else { return 0 };
    let start = last.date.parse::<jiff::Timestamp>().map_or(0, |date| date.as_microsecond() as u64);
    let open = playlist.parts.iter().filter(|part| part.segment > last.number);
    start + last.micros + open.map(|part| part.micros).sum::<u64>()
}

/// Checks a part against its media.
pub fn check_part(part: &Part, init: &Init, media: &[u8]) -> Vec<Violation> {
    let mut report = Report::default();
    let chunk = match Segment::parse(media) {
        Ok(chunk) => chunk,
        Err(error) => {
            report.demand("L6", false, || format!("{}: {error}", part.uri));
            return report.0;
        }
    };
    let mut samples = chunk.chunks.iter().flat_map(|chunk| &chunk.samples);
    let is_idr = |sample: &[u8]| nal_types(sample).is_ok_and(|types| types.contains(&IDR));
    // Every AAC frame is independent.
    let independent = !init.is_video() || samples.any(|sample| is_idr(&media[sample.clone()]));
    report.demand("L4", !part.independent || independent, || {
        format!("{} has INDEPENDENT=YES, but no independent frame", part.uri)
    });
    report.advise(("L4", Level::Should), part.independent || !independent, || {
        format!("{} has an independent frame, but not INDEPENDENT=YES", part.uri)
    });
    let real = chunk.duration() * 1_000_000 / init.timescale();
    let same = real.abs_diff(part.micros) <= MICRO;
    report.demand("L2", same, || format!("{} lasts {real} µs, and its tag states {}", part.uri, part.micros));
    report.0
}

/// Checks that the parts of a segment, in order, are the segment.
pub fn check_parts(parts: &[&Part], media: &[&[u8]], segment: &[u8]) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("L6", media.concat() == segment, || "the concatenated parts differ from the segment".into());
    let independent = parts.iter().any(|part| part.independent);
    report.demand("L22", independent, || "a segment without an independent part".into());
    report.0
}

/// Checks an I-frame playlist, requested up to segment `wanted`.
pub fn check_iframes(text: &str, wanted: u64) -> Vec<Violation> {
    let mut report = Report::default();
    let playlist = Playlist::parse(text);
    report.demand("L15b", playlist.next() > wanted || playlist.ended, || {
        format!("the playlist ends before segment {wanted}")
    });
    let parts = playlist.parts.is_empty() && playlist.hints.is_empty();
    report.demand("L15b", parts, || "parts in an I-frame playlist".into());
    report.0
}
