//! Media playlists with parts (RFC 8216bis appendix B): a part is a chunk with a URL of its own.

use std::fmt::Write;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::delta::{self, Skip};
use super::{
    Links, begins, date, end, extent, find, hints, is_vod, least_hold_back, opening, sequence, target_duration,
};
use crate::base::timeline::{Kind, Timeline};
use crate::definition::condition::{Condition, FaultKind, Identity, ManifestFault, Resource, Track};
use crate::definition::spec::{StreamSpec, TrackId};
use crate::media::manifest::{View, latency, path, seconds};
use crate::media::window::{Edge, Granularity, Snapshot};

/// Version that EXT-X-SKIP needs (RFC 8216bis 8). Playlists without the tag have it too, so that a delta update has the
/// version of the playlist that it updates.
pub(super) const VERSION: u32 = 9;
/// Target durations from the end within which the listed parts begin (RFC 8216bis 6.2.2).
const PART_TARGETS: u64 = 3;
/// Segments by which wrong reports lag. A client that uses such a report requests a playlist that exists already, and is late.
const WRONG_REPORT_SEGMENTS: u64 = 2;

/// The media playlist of a track with its parts, of which a VOD has none; `None` before the first complete segment, or if the track is unknown.
pub fn media<'a>(view: &'a View<'a>, track: &'a TrackId, skip: Skip) -> Option<String> {
    let (kind, snapshot) = find(view, track)?;
    if is_vod(view, snapshot) {
        return super::media(view, track, Skip::No);
    }
    let (spec, timeline) = (view.spec, &view.spec.timeline);
    let edge = snapshot.edge()?;
    let last_part = timeline.chunks_per_segment() - 1;
    let last = if edge.chunk == last_part { edge.segment } else { edge.segment - 1 };
    let first = *snapshot.listed()?.start();

    let mut playlist = opening(view, snapshot, VERSION);
    control(&mut playlist, view);
    playlist.push_str(&sequence(view, first));
    let skipped = delta::skipped(view, skip, (kind, first, last));
    let links = Links::of(view, (track, kind), snapshot);
    let mut mapped = None;
    let shown = first + skipped;
    // A change that begins with a shown segment is written after EXT-X-SKIP.
    if !begins(view, shown) {
        links.map(&mut playlist, shown, &mut mapped);
    }
    delta::write_skip(&mut playlist, skip, skipped);
    let recent = oldest_with_parts(spec, kind, edge);
    for number in shown..=last {
        links.map(&mut playlist, number, &mut mapped);
        date(&mut playlist, view, (kind, number));
        if number >= recent && snapshot.is_available(number) {
            parts(&mut playlist, &links, (kind, number, snapshot), last_part);
        }
        extent(&mut playlist, &links, (kind, number));
        links.segment(&mut playlist, number, snapshot);
    }
    if last < edge.segment {
        links.map(&mut playlist, edge.segment, &mut mapped);
        date(&mut playlist, view, (kind, edge.segment));
        parts(&mut playlist, &links, (kind, edge.segment, snapshot), edge.chunk);
    }
    hints::write(&mut playlist, &links, (track, kind), next(edge, last_part));
    if !view.conditions.has(&Condition::NoReports) {
        reports(&mut playlist, view, (track, kind));
    }
    end(&mut playlist, snapshot);
    Some(playlist)
}

/// The segments of a track whose parts its playlist lists, up to that of the hinted part; `None` before the first complete segment.
pub fn segments_with_parts(spec: &StreamSpec, kind: Kind, snapshot: &Snapshot) -> Option<RangeInclusive<u64>> {
    let (edge, listed) = (snapshot.edge()?, snapshot.listed()?);
    let hint = next(edge, spec.timeline.chunks_per_segment() - 1);
    Some(oldest_with_parts(spec, kind, edge).max(*listed.start())..=hint.segment)
}

/// The oldest segment that is listed with its parts when `edge` is the newest part.
fn oldest_with_parts(spec: &StreamSpec, kind: Kind, edge: Edge) -> u64 {
    let timeline = &spec.timeline;
    let is_complete = edge.chunk + 1 == timeline.chunks_per_segment();
    let (last, open) = if is_complete { (edge.segment, 0) } else { (edge.segment - 1, edge.chunk + 1) };
    let open: Duration = (0..open).map(|chunk| timeline.chunk_duration(kind, edge.segment, chunk)).sum();
    let distance = (target_duration(spec) * PART_TARGETS as u32).saturating_sub(open);
    (last + 1).saturating_sub(begun_within(timeline, (kind, last), distance))
}

/// Parts by which a blocking request may be ahead of the playlist (RFC 8216bis 6.2.5.2).
pub fn advance_part_limit(spec: &StreamSpec) -> u64 {
    let target = latency::part_target(spec);
    match target < Duration::from_secs(1) {
        true => (3.0 / target.as_secs_f64()) as u64,
        false => 3,
    }
}

/// Number of segments up to `last` that begin at most `distance` before its end. A segment lists all its parts or none,
/// because clients add up the durations of its parts from its start.
fn begun_within(timeline: &Timeline, (kind, last): (Kind, u64), distance: Duration) -> u64 {
    let mut from_end = Duration::ZERO;
    let near = (0..=last).rev().take_while(|number| {
        from_end += timeline.duration(kind, *number);
        from_end <= distance
    });
    near.count() as u64
}

fn control(playlist: &mut String, view: &View<'_>) {
    let (spec, conditions) = (view.spec, view.conditions);
    let part_target = seconds(latency::part_target(spec));
    let (part_hold_back, hold_back) = hold_backs(view);
    playlist.push_str("#EXT-X-SERVER-CONTROL:");
    if !conditions.has(&Condition::NoBlocking) {
        playlist.push_str("CAN-BLOCK-RELOAD=YES,");
    }
    if !conditions.has(&Condition::NoDeltas) {
        let _ = write!(playlist, "CAN-SKIP-UNTIL={},", seconds(delta::skip_until(view)));
    }
    let _ = writeln!(playlist, "HOLD-BACK={},PART-HOLD-BACK={}", seconds(hold_back), seconds(part_hold_back));
    let _ = writeln!(playlist, "#EXT-X-PART-INF:PART-TARGET={part_target}");
}

/// `PART-HOLD-BACK` and `HOLD-BACK`. A delay that is too short for players without low latency does not concern them.
fn hold_backs(view: &View<'_>) -> (Duration, Duration) {
    let least = least_hold_back(view.spec);
    match view.conditions.delay() {
        Some(delay) => (delay.duration(), delay.duration().max(least)),
        None => (latency::target(view.spec), least),
    }
}

fn next(edge: Edge, last_part: u32) -> Edge {
    match edge.chunk == last_part {
        true => Edge { segment: edge.segment + 1, chunk: 0 },
        false => Edge { chunk: edge.chunk + 1, ..edge },
    }
}

/// Reports the newest parts of the other renditions (RFC 8216bis 4.4.5.4), or older ones under `wrong-report`.
fn reports(playlist: &mut String, view: &View<'_>, (track, kind): (&TrackId, Kind)) {
    let lag = if are_reports_wrong(view, (track, kind)) { WRONG_REPORT_SEGMENTS } else { 0 };
    let kept =
        |id: &TrackId, kind| view.conditions.of_resource(Resource::Playlist, Some(Track { id: id.as_str(), kind }));
    let own = kept(track, kind);
    for (id, kind, snapshot) in view.tracks().filter(|(id, ..)| *id != track) {
        let Some(edge) = snapshot.edge() else { continue };
        let edge = Edge { segment: edge.segment.saturating_sub(lag), ..edge };
        let other = kept(id, kind);
        let uri = match other == own {
            true => path::other_playlist(id, view.presentation, path::LLHLS),
            // A fault is on one of the tracks.
            false => {
                let to_track = path::from_playlist((&view.spec.name, id), view.presentation, (view.conditions, &other));
                format!("{to_track}{}", path::media_playlist(view.presentation, path::LLHLS))
            }
        };
        let (number, part) = (view.number(edge.segment), edge.chunk);
        let _ = writeln!(playlist, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={number},LAST-PART={part}");
    }
}

/// Whether a fault is on the reports of a playlist, at the end of the newest part in it.
fn are_reports_wrong(view: &View<'_>, (track, kind): (&TrackId, Kind)) -> bool {
    let mut faults = view
        .conditions
        .faults()
        .filter(|fault| fault.kind == FaultKind::Manifest(ManifestFault::WrongReport))
        .peekable();
    if faults.peek().is_none() {
        return false;
    }
    let playlist = path::media_playlist(view.presentation, path::LLHLS);
    let playlist = Identity {
        resource: Resource::Playlist,
        track: Some(Track { id: track.as_str(), kind }),
        number: None,
        begins: None,
        path: &format!("/{}/{playlist}", path::track_directory(&view.spec.name, track)),
    };
    let newest = view.ends(Granularity::Chunk).unwrap_or_default();
    faults.any(|fault| fault.applies(&playlist, newest))
}

/// The parts of a segment up to part `newest`. A part whose length is not known is no byte range.
fn parts(playlist: &mut String, links: &Links<'_>, (kind, number, snapshot): (Kind, u64, &Snapshot), newest: u32) {
    let published = snapshot.segment(number).filter(|_| links.view.conditions.has(&Condition::ByteRanges));
    for chunk in 0..=newest {
        let range = published.and_then(|segment| {
            let length = segment.chunks.get(chunk as usize)?.media.len();
            Some(format!(",BYTERANGE=\"{length}@{}\"", segment.chunk_start(chunk as usize)?))
        });
        let file = match range {
            Some(_) => path::MediaFile::Segment(number),
            None => path::MediaFile::Chunk { segment: number, chunk },
        };
        let (uri, range) = (links.uri(file, number), range.unwrap_or_default());
        let duration = seconds(links.view.spec.timeline.chunk_duration(kind, number, chunk));
        let gap = if links.is_gap(file, number) { ",GAP=YES" } else { "" };
        let independent = if kind == Kind::Audio || chunk == 0 { ",INDEPENDENT=YES" } else { "" };
        let _ = writeln!(playlist, "#EXT-X-PART:DURATION={duration},URI=\"{uri}\"{range}{independent}{gap}");
    }
}
