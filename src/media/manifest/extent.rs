//! The segments that a presentation lists, and the origin of their numbers, under the conditions `from`, `until`, `origin`, `shift`
//! and `window`.

use std::time::Duration;

use super::hls;
use crate::base::timeline::{Timeline, UnixTime};
use crate::definition::condition::{ConditionError, Conditions, LONGEST, Span};
use crate::definition::spec::StreamSpec;
use crate::media::window::{Listing, Snapshot};

/// Least number of target durations in a sliding window (RFC 8216bis 6.2.2).
const WINDOW_TARGETS: u32 = 3;
/// Segments before the end of an event at which its MPD announces the end. Players load the MPD once a segment, and caches may
/// store it for one segment. A further segment is for players that load the MPD late.
const ANNOUNCED_SEGMENTS: u64 = 4;

/// The part of a stream that a presentation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Age of the media that are live under the condition.
    pub shift: Duration,
    /// Length of the past that is listed, if the presentation has no bounds.
    pub window: Duration,
    /// First and last segment, if the presentation has a beginning and an end of its own.
    pub bounds: Option<Bounds>,
    /// The segment from which numbers and timestamps count; 0 is 1970. No earlier segment is listed.
    pub origin: u64,
}

/// First and last segment of a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Number of the first segment.
    pub first: u64,
    /// Number of the last segment.
    pub last: u64,
}

impl Extent {
    /// The whole stream, live.
    pub const fn of_stream(spec: &StreamSpec) -> Self {
        Self { shift: Duration::ZERO, window: spec.window, bounds: None, origin: 0 }
    }

    /// The extent under conditions whose moments are absolute, or seen at `now`.
    pub fn of(conditions: &Conditions, spec: &StreamSpec, now: UnixTime) -> Self {
        let timeline = &spec.timeline;
        let window = conditions.window().map_or(spec.window, Span::duration);
        let from = conditions.from().map(|moment| moment.at(now));
        let end = conditions.until().map(|moment| moment.at(now)).or(from.map(|from| from + LONGEST.duration()));
        let origin = conditions.origin().map_or(0, |moment| timeline.segment_at(moment.at(now)));
        let bounds = end.map(|end| {
            let first = timeline.segment_at(from.unwrap_or(end.saturating_sub(window))).max(origin);
            let last = timeline.segment_at(end.saturating_sub(Duration::from_nanos(1)));
            Bounds { first, last: last.max(first) }
        });
        Self { shift: conditions.shift().map_or(Duration::ZERO, Span::duration), window, bounds, origin }
    }

    /// Longest duration that manifests list.
    pub(super) fn length(&self, timeline: &Timeline) -> Duration {
        let of_bounds = |bounds: Bounds| {
            timeline.segment_start(bounds.last + 1).saturating_since(timeline.segment_start(bounds.first))
        };
        self.bounds.map_or(self.window, of_bounds)
    }

    /// Largest number of segments that manifests list.
    pub fn segments(&self, timeline: &Timeline) -> u64 {
        self.bounds.map_or_else(|| timeline.segments_in(self.window), |bounds| bounds.last + 1 - bounds.first)
    }

    /// When the first segment is complete, if the presentation has a beginning.
    pub fn begins(&self, timeline: &Timeline) -> Option<UnixTime> {
        let origin = Some(self.origin).filter(|origin| *origin > 0);
        let first = self.bounds.map(|bounds| bounds.first).or(origin);
        first.map(|first| timeline.segment_start(first + 1) + self.shift)
    }

    /// Whether the presentation lists media that are not in the window of the stream.
    pub fn leaves_window(&self) -> bool {
        self.bounds.is_some() || !self.shift.is_zero()
    }

    /// Segments that a track lists at `now`. Without `shift`, the window of the track determines them. With `shift`, the clock
    /// determines them, and the media are encoded again when they are requested.
    pub fn listing(&self, snapshot: &Snapshot, timeline: &Timeline, now: UnixTime) -> Listing {
        let per_segment = u64::from(timeline.chunks_per_segment());
        let due = match self.shift.is_zero() {
            true => snapshot.edge().map_or(0, |edge| edge.segment * per_segment + u64::from(edge.chunk) + 1),
            false => timeline.chunks_until(now.saturating_sub(self.shift)),
        };
        let end = self.bounds.map(|bounds| (bounds.last + 1) * per_segment);
        let chunks = end.map_or(due, |end| due.min(end));
        let sliding = || (chunks / per_segment).saturating_sub(timeline.segments_in(self.window));
        let first = self.bounds.map_or_else(sliding, |bounds| bounds.first).max(self.origin);
        Listing { first, chunks, ended: Some(chunks) == end }
    }

    /// The segment from which on the end of the presentation with segment `last` is announced.
    pub(super) fn announced(&self, last: u64) -> u64 {
        let first = self.bounds.map_or(0, |bounds| bounds.first);
        (last + 1).saturating_sub(ANNOUNCED_SEGMENTS).max(first)
    }
}

/// Checks that the stream allows the window of the conditions, if they have one.
///
/// # Errors
/// [`ConditionError::Impossible`].
pub fn check(conditions: &Conditions, spec: &StreamSpec) -> Result<(), ConditionError> {
    let Some(window) = conditions.window() else { return Ok(()) };
    let least = Span::from_millis((hls::target_duration(spec) * WINDOW_TARGETS).as_millis() as u64);
    match window >= least {
        true => Ok(()),
        false => Err(ConditionError::Impossible {
            name: "window",
            value: window.to_string(),
            allowed: format!("a duration from {least} to {LONGEST}"),
        }),
    }
}
