//! Rules H1 to H25 for HLS playlists: the contents of a playlist, and the changes between two reloads.

mod delivery;

pub use delivery::{Download, Span, Watch, check_download, check_headers, check_media, check_removed, check_speed};

use super::{Level, Report, Violation};
use crate::inspect::playlist::{Playlist, Segment, attribute, tags, without_query};

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
    check_start(&mut report, text);
    check_version(&mut report, text, &playlist);
    let targets = count("#EXT-X-TARGETDURATION");
    report.demand("H3", targets == 1 && playlist.target > 0, || format!("{targets} tags EXT-X-TARGETDURATION"));
    for segment in &playlist.segments {
        let rounded = (segment.micros + 500_000) / 1_000_000;
        let uri = &segment.uri;
        report.demand("H3", rounded <= playlist.target, || {
            format!("{uri} lasts {} µs, with a target duration of {} s", segment.micros, playlist.target)
        });
        let limit = playlist.target * 1_000_000 + 500_000;
        report.demand("H21", segment.micros <= limit, || {
            format!("{uri} is more than 0.5 s longer than the target duration")
        });
    }
    let first = at("#EXTINF").unwrap_or(usize::MAX);
    let sequence = at("#EXT-X-MEDIA-SEQUENCE");
    let in_order = sequence.is_none_or(|sequence| sequence < first);
    report.demand("H4", in_order, || "EXT-X-MEDIA-SEQUENCE after the first segment".into());
    let kind = playlist_type(text);
    let slides = !playlist.ended && kind.is_none();
    report.advise(("H4", Level::Recommended), sequence.is_some() || !slides, || "no EXT-X-MEDIA-SEQUENCE".into());
    let length = playlist.micros();
    let enough = !slides || playlist.sequence == 0 || length >= 3 * playlist.target * 1_000_000;
    report
        .demand("H7", enough, || format!("the playlist lasts {length} µs, which is less than three target durations"));
    let event = || "a playlist of type EVENT has ended".into();
    match kind {
        None => {}
        Some("EVENT") => report.advise(("H12", Level::Recommended), !playlist.ended, event),
        Some("VOD") => {
            report.advise(("H12", Level::Should), playlist.ended, || "a VOD playlist without EXT-X-ENDLIST".into())
        }
        Some(other) => report.demand("H8", false, || format!("EXT-X-PLAYLIST-TYPE:{other}")),
    }
    let there = playlist.discontinuity_sequence.is_some();
    let breaks = slides && playlist.segments.iter().any(|segment| segment.discontinuity);
    report.demand("H25", there || !breaks, || "discontinuities without EXT-X-DISCONTINUITY-SEQUENCE".into());
    report.advise(("H25", Level::Recommended), there || breaks, || "no EXT-X-DISCONTINUITY-SEQUENCE".into());
    let mapped = playlist.segments.iter().any(|segment| segment.map.is_some());
    for segment in &playlist.segments {
        let needs = mapped || is_fragmented(&segment.uri);
        report.demand("H14", segment.map.is_some() || !needs, || format!("{} without EXT-X-MAP", segment.uri));
    }
    for pair in playlist.segments.windows(2) {
        let changed = pair[0].map != pair[1].map && !pair[1].discontinuity;
        report.advise(("H13", Level::Should), !changed, || {
            format!("{} has another EXT-X-MAP, without EXT-X-DISCONTINUITY", pair[1].uri)
        });
    }
    check_dates(&mut report, &playlist);
    report.0
}

fn check_start(report: &mut Report, text: &str) {
    let first = text.lines().next().unwrap_or_default();
    report.demand("H1", first == "#EXTM3U", || format!("the first line is {first:?}"));
}

/// Checks that the version is at least what the tags need. A higher one keeps older clients away.
fn check_version(report: &mut Report, text: &str, playlist: &Playlist) {
    let has = |tag: &str| text.lines().any(|line| line.starts_with(tag));
    let decimal = tags(text, "#EXTINF").iter().any(|(value, _)| value.contains('.'));
    let images = has("#EXT-X-I-FRAMES-ONLY");
    let needs = [
        (12, text.contains("REQ-VIDEO-LAYOUT")),
        (11, text.contains("QUERYPARAM=")),
        (10, text.contains("RECENTLY-REMOVED-DATERANGES")),
        (9, has("#EXT-X-SKIP:")),
        (8, has("#EXT-X-DEFINE:")),
        (6, has("#EXT-X-MAP:") && !images),
        (5, has("#EXT-X-MAP:")),
        (4, has("#EXT-X-BYTERANGE:") || images),
        (3, decimal),
    ];
    let least = needs.iter().find(|(_, needed)| *needed).map_or(1, |(version, _)| *version);
    let most = if playlist.control("CAN-SKIP-UNTIL").is_some() { least.max(9) } else { least };
    let version = playlist.version.max(1);
    report.demand("H2", version >= least, || {
        format!("EXT-X-VERSION is {version}, and the playlist has tags of version {least}")
    });
    let higher = || format!("EXT-X-VERSION is {version}, and the tags need only version {most}");
    report.advise(("H2", Level::Recommended), version == most.max(3) || version == most, higher);
}

/// Whether the URI is that of a segment which needs an init segment.
fn is_fragmented(uri: &str) -> bool {
    [".m4s", ".mp4", ".cmfv", ".cmfa", ".m4v", ".m4a"].iter().any(|end| without_query(uri).ends_with(end))
}

/// Value of EXT-X-PLAYLIST-TYPE.
fn playlist_type(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("#EXT-X-PLAYLIST-TYPE:"))
}

fn check_dates(report: &mut Report, playlist: &Playlist) {
    let dated = playlist.segments.iter().any(|segment| !segment.date.is_empty());
    report.demand("H25", dated || playlist.ended, || "a live playlist without EXT-X-PROGRAM-DATE-TIME".into());
    let mut due: Option<i64> = None;
    for segment in &playlist.segments {
        let uri = &segment.uri;
        report.advise(("H25", Level::Recommended), !segment.date.is_empty(), || {
            format!("{uri} without EXT-X-PROGRAM-DATE-TIME")
        });
        let date = millis(&segment.date);
        if !segment.date.is_empty() {
            let form = date.is_some() && segment.date.contains('.');
            report.advise(("H15", Level::Should), form, || {
                format!("{uri}: {:?} is not a date with a time zone and milliseconds", segment.date)
            });
        }
        if let (Some(date), Some(due)) = (date, due) {
            let off: i64 = date - due;
            // Media may be missing before a discontinuity.
            let ambiguous = off.abs() >= 1000 && !(segment.discontinuity && off > 0);
            let what = || format!("{uri}: the date differs by {off} ms from the end of the segment before");
            report.demand("H15", !ambiguous, what);
            let near = off.abs() <= FRAME_MILLIS || ambiguous || segment.discontinuity;
            report.advise(("H15", Level::Should), near, what);
        }
        due = date.or(due).map(|date| date + segment.micros as i64 / 1000);
    }
}

/// Checks that a reload changes only what it may change.
pub fn check_reload(previous: &str, next: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (old, new) = (Playlist::parse(previous), Playlist::parse(next));
    if old.ended {
        report.demand("H12", previous == next, || "the playlist changes after EXT-X-ENDLIST".into());
        return report.0;
    }
    report.demand("H3", old.target == new.target, || format!("EXT-X-TARGETDURATION changes to {}", new.target));
    report.demand("H4", new.sequence >= old.sequence, || format!("EXT-X-MEDIA-SEQUENCE decreases to {}", new.sequence));
    let removed = removed(previous, next);
    let (was, is) = (playlist_type(previous), playlist_type(next));
    let becomes = is == was || (was, is) == (Some("EVENT"), Some("VOD"));
    report.demand("H5", becomes, || {
        let [was, is] = [was, is].map(|kind| kind.unwrap_or("none"));
        format!("EXT-X-PLAYLIST-TYPE changes from {was} to {is}")
    });
    let gone = || removed.join(", ");
    report.demand("H8", was.is_none() || removed.is_empty(), || format!("removed from an event: {}", gone()));
    let oldest_first = old.segments.iter().zip(&removed).all(|(segment, uri)| segment.uri == *uri);
    report.demand("H5", oldest_first, || format!("removed, and not the oldest segments: {}", gone()));
    let risen = new.sequence.saturating_sub(old.sequence);
    // If the client reloads later than the playlist lasts, it does not know how many segments it missed.
    let away = removed.len() == old.segments.len();
    let counted = risen == removed.len() as u64 || (away && risen > removed.len() as u64);
    report.demand("H4", counted, || {
        format!("{} segments were removed, and EXT-X-MEDIA-SEQUENCE rises by {risen}", removed.len())
    });
    for segment in &old.segments[removed.len().min(old.segments.len())..] {
        let same = new.segments.iter().find(|other| other.identity() == segment.identity());
        let number = same.is_none_or(|same| same.number == segment.number);
        report.demand("H4", number, || format!("{} has another number", segment.uri));
        let tags = same.is_none_or(|same| is_unchanged(segment, same));
        report.demand("H5", tags, || format!("the tags of {} changed", segment.uri));
    }
    let known = |segment: &Segment| old.segments.iter().any(|other| other.identity() == segment.identity());
    let appended = new.segments.iter().position(|segment| !known(segment));
    let kept = old.segments.len() - removed.len().min(old.segments.len());
    let at_end = appended.is_none_or(|index| index >= kept);
    report.demand("H5", at_end, || "a segment was inserted before the end".into());
    let dropped = old.segments.iter().take(removed.len()).filter(|segment| segment.discontinuity).count() as u64;
    let discontinuities = |playlist: &Playlist| playlist.discontinuity_sequence.unwrap_or_default();
    let expected = discontinuities(&old) + dropped;
    let counted = discontinuities(&new) == expected || (away && discontinuities(&new) > expected);
    report
        .demand("H6", counted, || format!("EXT-X-DISCONTINUITY-SEQUENCE is {}, not {expected}", discontinuities(&new)));
    report.0
}

/// URIs that the next playlist no longer lists.
pub fn removed(previous: &str, next: &str) -> Vec<String> {
    let next = Playlist::parse(next);
    let listed = |segment: &Segment| next.segments.iter().any(|other| other.identity() == segment.identity());
    let gone = Playlist::parse(previous).segments.into_iter().filter(|segment| !listed(segment));
    gone.map(|segment| segment.uri).collect()
}

/// Checks the media playlists of one presentation against each other.
pub fn check_renditions(texts: &[String]) -> Vec<Violation> {
    let mut report = Report::default();
    let all: Vec<_> = texts.iter().map(|text| Playlist::parse(text)).collect();
    for pair in all.windows(2) {
        report.demand("H16", pair[0].target == pair[1].target, || "target durations differ".into());
        // Playlists that are requested one after another may differ by what was removed in between.
        let same = pair[0].discontinuity_sequence == pair[1].discontinuity_sequence;
        let discontinuities = same || pair[0].sequence != pair[1].sequence;
        report.demand("H16", discontinuities, || "discontinuity sequences differ".into());
        let dated = |playlist: &Playlist| playlist.segments.iter().any(|segment| !segment.date.is_empty());
        report.demand("H16", dated(&pair[0]) == dated(&pair[1]), || {
            "only one rendition has EXT-X-PROGRAM-DATE-TIME".into()
        });
        for segment in &pair[0].segments {
            let Some(other) = pair[1].segments.iter().find(|other| other.number == segment.number) else { continue };
            let Some((one, two)) = millis(&segment.date).zip(millis(&other.date)) else { continue };
            let apart = one - two;
            // Numbers of renditions need not match; then they are apart by whole segments.
            let level = if apart.unsigned_abs() < pair[0].target * 500 { Level::Must } else { Level::Recommended };
            report.advise(("H16", level), apart.abs() <= FRAME_MILLIS, || {
                format!("segments with number {} are {apart} ms apart", segment.number)
            });
        }
    }
    report.0
}

/// Checks a multivariant playlist.
pub fn check_multivariant(text: &str) -> Vec<Violation> {
    let mut report = Report::default();
    check_start(&mut report, text);
    let independent = text.lines().any(|line| line == "#EXT-X-INDEPENDENT-SEGMENTS");
    report.demand("H24", independent, || "no EXT-X-INDEPENDENT-SEGMENTS".into());
    let variants = tags(text, "#EXT-X-STREAM-INF");
    report.demand("H24", !variants.is_empty(), || "no EXT-X-STREAM-INF".into());
    let is_video = |list: &str| {
        let codecs = attribute(list, "CODECS").unwrap_or_default();
        let sound = |codec: &str| {
            ["mp4a", "ac-3", "ec-3", "ac-4", "opus", "Opus", "fLaC", "alac"].iter().any(|name| codec.starts_with(name))
        };
        codecs.is_empty() || !codecs.split(',').all(|codec| sound(codec.trim()))
    };
    for (list, _) in &variants {
        for name in ["BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS"] {
            report.demand("H24", attribute(list, name).is_some(), || format!("no {name} in {list}"));
        }
        for name in ["RESOLUTION", "FRAME-RATE"] {
            let needless = !is_video(list);
            report.demand("H24", needless || attribute(list, name).is_some(), || format!("no {name} in {list}"));
        }
    }
    let videos = variants.iter().filter(|(list, _)| is_video(list)).count();
    let iframes = tags(text, "#EXT-X-I-FRAME-STREAM-INF").len();
    report.demand("H24", iframes > 0 || videos == 0, || "no I-frame playlist".into());
    let all = iframes == 0 || iframes >= videos;
    report.advise(("H24", Level::Recommended), all, || format!("{iframes} I-frame playlists for {videos} variants"));
    report.0
}

/// Checks EXTINF against `micros`, the durations of the segments by their samples, in the order of the playlist.
pub fn check_durations(text: &str, micros: &[u64]) -> Vec<Violation> {
    let mut report = Report::default();
    for (segment, real) in Playlist::parse(text).segments.iter().zip(micros) {
        let near = segment.micros.abs_diff(*real) <= FRAME_MILLIS as u64 * 1000 / 2 + MICRO;
        report.demand("H21", near, || format!("{} lasts {real} µs, and EXTINF states {}", segment.uri, segment.micros));
        // The next segment starts with an IDR picture; the session looks inside longer ones.
        let often = *real <= 2_000_000 + MICRO;
        report.advise(("H23", Level::Recommended), often, || format!("{} lasts {real} µs", segment.uri));
    }
    report.0
}

/// Checks EXTINF against the duration by the samples, in microseconds. `longest` is the longest time between two
/// pictures that a decoder can start at.
pub fn check_duration(segment: &Segment, micros: u64, longest: u64) -> Vec<Violation> {
    let mut report = Report::default();
    let near = segment.micros.abs_diff(micros) <= FRAME_MILLIS as u64 * 1000 + MICRO;
    report.demand("H21", near, || format!("{} lasts {micros} µs, and EXTINF states {}", segment.uri, segment.micros));
    let often = longest <= 2_000_000 + FRAME_MILLIS as u64 * 1000;
    report.advise(("H23", Level::Should), often, || format!("two IDR pictures are {longest} µs apart"));
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
    // A short sample of a variable bit rate says little about the average.
    report.advise(("H22", Level::Recommended), average < limits.0, || {
        format!("the average is {average} bit/s, and the limit is {}", limits.0)
    });
    report.demand("H22", peak < limits.1, || format!("the peak is {peak} bit/s, and the limit is {}", limits.1));
    report.0
}

/// Whether the tags of a segment are as they were. A date or a discontinuity may move to the first segment of the
/// playlist when those before it are removed.
fn is_unchanged(was: &Segment, is: &Segment) -> bool {
    let date = was.date.is_empty() || is.date.is_empty() || was.date == is.date;
    date && was.micros == is.micros && was.map == is.map && was.gap == is.gap && was.discontinuity == is.discontinuity
}

/// A date as milliseconds since 1970. The zone may be without a colon, as ISO 8601 allows.
fn millis(date: &str) -> Option<i64> {
    date.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}
