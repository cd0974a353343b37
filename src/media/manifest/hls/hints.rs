//! Preload hints (RFC 8216bis 4.4.5.3): the URL of the part that comes next, or under `lost-hint` one that never comes.

use std::fmt::Write;

use super::Links;
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::condition::{Condition, FaultKind, Identity, Resource, Track};
use crate::definition::spec::TrackId;
use crate::media::manifest::path;
use crate::media::window::Edge;

/// Hints at the part `hint` of a track, unless the presentation ends before it.
pub(super) fn write(playlist: &mut String, links: &Links<'_>, (track, kind): (&TrackId, Kind), hint: Edge) {
    let (view, snapshot) = (links.view, links.snapshot);
    let is_hinted = !snapshot.ended() && view.last().is_none_or(|last| hint.segment <= last);
    if !is_hinted || view.conditions.has(&Condition::NoHints) {
        return;
    }
    let (file, start) = match view.conditions.has(&Condition::ByteRanges) {
        true => {
            let segment = snapshot.segment(hint.segment);
            let start = segment.and_then(|segment| segment.chunk_start(hint.chunk as usize)).unwrap_or_default();
            (path::MediaFile::Segment(hint.segment), format!(",BYTERANGE-START={start}"))
        }
        false => (path::MediaFile::Chunk { segment: hint.segment, chunk: hint.chunk }, String::new()),
    };
    // A part that is never there is listed as a gap, and not hinted at.
    if links.is_gap(file, hint.segment) {
        return;
    }
    let of_track = Track { id: track.as_str(), kind };
    let path = format!("/{}/{}", path::track_directory(&view.spec.name, track), links.file(file, hint.segment));
    let numbers = (hint.segment, view.extent.origin);
    let part = Identity::of_segment((Resource::Hint, of_track, &path), &view.spec.timeline, numbers);
    let mut lost = view.conditions.faults().filter(|fault| fault.kind == FaultKind::LostHint);
    let uri = match lost.any(|fault| fault.applies(&part, UnixTime::default())) {
        true => format!("{}{}", links.lost_base, links.file(file, hint.segment)),
        false => links.uri(file, hint.segment),
    };
    let _ = writeln!(playlist, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{uri}\"{start}");
}
