//! Rules H1 to H25 for HLS playlists: the contents of a playlist, and the changes between two reloads.

mod delivery;

pub use delivery::{Download, Watch, check_download, check_headers, check_removed};

use super::{Report, Violation};
use crate::inspect::playlist::{Playlist, Segment, attribute, tags};

/// Tolerance of a date against a duration: one frame at 24 fps.
const FRAME_MILLIS: i64 = 42;
/// Rounding of EXTINF to six decimals.
const MICRO: u64 = 1;

/// Checks a media playlist: live, an event or a VOD.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let playlist = Playlist::parse(text);
    let count = |tag: &str| text.lines().filter(|line| line.split(':').next() == Some(tag)).count();
    let at = |tag: &str| text.lines().position(|line| line.split(':').next() == Some(tag));
    report.demand("H1", text.starts_with("#EXTM3U\n"), || "the first line is #EXTM3U, without BOM".into());
    let skips = playlist.skipped.is_some() || playlist.control("CAN-SKIP-UNTIL").is_some();
    let needed = match count("#EXT-X-MAP") {
        _ if skips => 9,
        0 => 3,
        _ => 6,
    };
    report
        .demand("H2", playlist.version == needed, || format!("version {}, where {needed} is needed", playlist.version));
    report.demand("H3", count("#EXT-X-TARGETDURATION") == 1 && playlist.target > 0, || "one target duration".into());
    for segment in &playlist.segments {
        let rounded = (segment.micros + 500_000) / 1_000_000;
        report.demand("H3", rounded <= playlist.target, || format!("{} is longer than the target", segment.uri));
        let limit = playlist.target * 1_000_000 + 500_000;
        report.demand("H21", segment.micros <= limit, || format!("{} is longer than the target by 0.5 s", segment.uri));
    }
    let first = at("#EXTINF").unwrap_or(usize::MAX);
    let sequence = at("#EXT-X-MEDIA-SEQUENCE").is_some_and(|sequence| sequence < first);
    report.demand("H4", sequence, || "EXT-X-MEDIA-SEQUENCE before the first segment".into());
    let length: u64 = playlist.segments.iter().map(|segment| segment.micros).sum();
    let enough = playlist.ended || length >= 3 * playlist.target * 1_000_000;
    report.demand("H7", enough, || format!("{length} µs are less than three target durations"));
    match playlist_type(text) {
        None => {}
        Some("EVENT") => report.demand("H12", !playlist.ended, || "an event that is over is a VOD".into()),
        Some("VOD") => report.demand("H12", playlist.ended, || "a VOD without its end".into()),
        Some(other) => report.demand("H8", false, || format!("there is no type {other}")),
    }
    let discontinuity = playlist.discontinuity_sequence.is_some();
    report.demand("H25", discontinuity, || "EXT-X-DISCONTINUITY-SEQUENCE is there".into());
    for segment in &playlist.segments {
        report.demand("H14", segment.map.is_some(), || format!("{} has an EXT-X-MAP", segment.uri));
    }
    for pair in playlist.segments.windows(2) {
        let changed = pair[0].map != pair[1].map && !pair[1].discontinuity;
        report.demand("H13", !changed, || format!("{} changes its map without a discontinuity", pair[1].uri));
    }
    check_dates(&mut report, &playlist);
    report.0
}

/// Value of EXT-X-PLAYLIST-TYPE.
fn playlist_type(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("#EXT-X-PLAYLIST-TYPE:"))
}

fn check_dates(report: &mut Report, playlist: &Playlist) {
    let mut due = None;
    for segment in &playlist.segments {
        let date = millis(&segment.date);
        let form =
            date.is_some() && segment.date.ends_with('Z') && segment.date.len() == "2026-01-01T00:00:00.000Z".len();
        report.demand("H15", form, || format!("{}: {:?} has milliseconds and a zone", segment.uri, segment.date));
        report.demand("H25", !segment.date.is_empty(), || format!("{} has a date", segment.uri));
        if let (Some(date), Some(due)) = (date, due) {
            let off: i64 = date - due;
            report.demand("H15", off.abs() <= FRAME_MILLIS, || format!("{}: date is off by {off} ms", segment.uri));
        }
        due = date.map(|date| date + segment.micros as i64 / 1000);
    }
}

/// Checks that a reload changes only what it may change.
pub fn check_reload(previous: &str, next: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (old, new) = (Playlist::parse(previous), Playlist::parse(next));
    if old.ended {
        report.demand("H12", previous == next, || "it changes after its end".into());
        return report.0;
    }
    report.demand("H3", old.target == new.target, || format!("the target changes to {}", new.target));
    report.demand("H4", new.sequence >= old.sequence, || format!("the sequence falls to {}", new.sequence));
    let removed = removed(previous, next);
    let (was, is) = (playlist_type(previous), playlist_type(next));
    let becomes = is == was || (was, is) == (Some("EVENT"), Some("VOD"));
    report.demand("H5", becomes, || format!("the type changes from {was:?} to {is:?}"));
    report.demand("H8", was.is_none() || removed.is_empty(), || format!("{removed:?} are removed from an event"));
    let oldest_first = old.segments.iter().zip(&removed).all(|(segment, uri)| segment.uri == *uri);
    report.demand("H5", oldest_first, || format!("{removed:?} are removed, which are not the oldest"));
    let risen = new.sequence.saturating_sub(old.sequence);
    report.demand("H4", risen == removed.len() as u64, || {
        format!("{} are removed, and it rises by {risen}", removed.len())
    });
    for segment in &old.segments[removed.len().min(old.segments.len())..] {
        let same = new.segments.iter().find(|other| other.uri == segment.uri);
        let number = same.is_none_or(|same| same.number == segment.number);
        report.demand("H4", number, || format!("{} has another number", segment.uri));
        let tags = same.is_none_or(|same| unnumbered(same) == unnumbered(segment));
        report.demand("H5", tags, || format!("the tags of {} change", segment.uri));
    }
    let appended = new.segments.iter().position(|segment| !old.segments.iter().any(|other| other.uri == segment.uri));
    let kept = old.segments.len() - removed.len().min(old.segments.len());
    let at_end = appended.is_none_or(|index| index >= kept);
    report.demand("H5", at_end, || "something is put in before the end".into());
    let dropped = old.segments.iter().take(removed.len()).filter(|segment| segment.discontinuity).count() as u64;
    let discontinuities = |playlist: &Playlist| playlist.discontinuity_sequence.unwrap_or_default();
    let expected = discontinuities(&old) + dropped;
    report.demand("H6", discontinuities(&new) == expected, || format!("EXT-X-DISCONTINUITY-SEQUENCE is {expected}"));
    report.0
}

/// URIs that the next playlist no longer lists.
pub fn removed(previous: &str, next: &str) -> Vec<String> {
    let next = Playlist::parse(next);
    let listed = |uri: &str| next.segments.iter().any(|segment| segment.uri == uri);
    Playlist::parse(previous).segments.into_iter().map(|segment| segment.uri).filter(|uri| !listed(uri)).collect()
}

/// Checks the media playlists of one presentation against each other.
pub fn check_renditions(texts: &[String]) -> Vec<Violation> {
    let mut report = Report::default();
    let all: Vec<_> = texts.iter().map(|text| Playlist::parse(text)).collect();
    for pair in all.windows(2) {
        report.demand("H16", pair[0].target == pair[1].target, || "target durations differ".into());
        let discontinuities = pair[0].discontinuity_sequence == pair[1].discontinuity_sequence;
        report.demand("H16", discontinuities, || "discontinuity sequences differ".into());
        let dated = |playlist: &Playlist| playlist.segments.iter().any(|segment| !segment.date.is_empty());
        report.demand("H16", dated(&pair[0]) == dated(&pair[1]), || "only one has dates".into());
        for segment in &pair[0].segments {
            let Some(other) = pair[1].segments.iter().find(|other| other.number == segment.number) else { continue };
            let apart = millis(&segment.date).unwrap_or_default() - millis(&other.date).unwrap_or_default();
            report.demand("H16", apart.abs() <= FRAME_MILLIS, || format!("{} is {apart} ms apart", segment.number));
        }
    }
    report.0
}

/// Checks a multivariant playlist.
pub fn check_multivariant(text: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("H1", text.starts_with("#EXTM3U\n"), || "the first line is #EXTM3U, without BOM".into());
    report.demand("H24", text.contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), || "EXT-X-INDEPENDENT-SEGMENTS".into());
    let variants = tags(text, "#EXT-X-STREAM-INF");
    report.demand("H24", !variants.is_empty(), || "there is a variant".into());
    for (list, _) in &variants {
        for name in ["BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE"] {
            report.demand("H24", attribute(list, name).is_some(), || format!("{name} in {list}"));
        }
    }
    let iframes = tags(text, "#EXT-X-I-FRAME-STREAM-INF");
    report.demand("H24", iframes.len() >= variants.len(), || "an I-frame playlist for each variant".into());
    report.0
}

/// Checks EXTINF against `micros`, the durations of the segments by their samples, in the order of the playlist.
pub fn check_durations(text: &str, micros: &[u64]) -> Vec<Violation> {
    let mut report = Report::default();
    for (segment, real) in Playlist::parse(text).segments.iter().zip(micros) {
        let near = segment.micros.abs_diff(*real) <= FRAME_MILLIS as u64 * 1000 / 2 + MICRO;
        report.demand("H21", near, || format!("{} lasts {real} µs, not {}", segment.uri, segment.micros));
        report
            .demand("H23", *real <= 2_000_000 + MICRO, || format!("{} has its next IDR after {real} µs", segment.uri));
    }
    report.0
}

/// Checks the bit rates of variant `index` with its audio. `segments` has bytes and microseconds of each segment.
pub fn check_rates(text: &str, index: usize, segments: &[(u64, u64)]) -> Vec<Violation> {
    let mut report = Report::default();
    let variants = tags(text, "#EXT-X-STREAM-INF");
    let declared =
        |name| variants.get(index).and_then(|(list, _)| attribute(list, name)?.parse().ok()).unwrap_or(0_u64);
    let rate = |bytes: u64, micros: u64| bytes * 8_000_000 / micros.max(1);
    let average = rate(segments.iter().map(|(bytes, _)| bytes).sum(), segments.iter().map(|(_, micros)| micros).sum());
    let peak = segments.iter().map(|(bytes, micros)| rate(*bytes, *micros)).max().unwrap_or_default();
    let limits = (declared("AVERAGE-BANDWIDTH") * 110 / 100, declared("BANDWIDTH") * 125 / 100);
    report.demand("H22", average < limits.0, || format!("on average {average} bit/s, allowed are {}", limits.0));
    report.demand("H22", peak < limits.1, || format!("at most {peak} bit/s, allowed are {}", limits.1));
    report.0
}

fn unnumbered(segment: &Segment) -> Segment {
    Segment { number: 0, ..segment.clone() }
}

fn millis(date: &str) -> Option<i64> {
    date.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}
