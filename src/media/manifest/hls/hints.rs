//! Preload hints (RFC 8216bis 4.4.5.3): the URL of the next part, or under `lost-hint` the URL of a part that is never published.

use std::fmt::Write;

use super::Links;
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::condition::{Condition, FaultKind, Identity, InPlace, Resource, Track};
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
    let (file, range) = match view.conditions.has(&Condition::ByteRanges) {
        true => {
            let (segment, place) = (snapshot.segment(hint.segment), hint.chunk as usize);
            let start = segment.and_then(|segment| segment.chunk_start(place)).unwrap_or_default();
            // Of a shifted stream the part exists already, and so do those that follow.
            let part = segment.and_then(|segment| segment.chunks.get(place));
            let length = part.map_or_else(String::new, |part| format!(",BYTERANGE-LENGTH={}", part.media.len()));
            (path::MediaFile::Segment(hint.segment), format!(",BYTERANGE-START={start}{length}"))
        }
        false => (path::MediaFile::Chunk { segment: hint.segment, chunk: hint.chunk }, String::new()),
    };
    // A part that is a gap is listed as a gap and not hinted.
    if links.is_gap(file, hint.segment) {
        return;
    }
    let of_track = Track { id: track.as_str(), kind };
    let path = format!("/{}/{}", path::track_directory(&view.spec.name, track), links.file(file, hint.segment));
    let numbers = (hint.segment, view.extent.origin);
    let part = Identity::of_segment((Resource::Hint, of_track, &path), &view.spec.timeline, numbers);
    let mut lost = view.conditions.faults().filter(|fault| fault.kind == FaultKind::InPlace(InPlace::LostHint));
    let uri = match lost.any(|fault| fault.applies(&part, UnixTime::default())) {
        true => format!("{}{}", links.lost_base, links.file(file, hint.segment)),
        false => links.uri(file, hint.segment),
    };
    let _ = writeln!(playlist, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{uri}\"{range}");
}
