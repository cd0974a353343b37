//! SegmentTimeline (ISO/IEC 23009-1 5.3.9.6): the exact durations of segments, which differ by a frame in audio.

use std::ops::Range;

use dash_mpd_core::{S, SegmentTimeline};

use crate::base::timeline::{Kind, Timeline};

/// Lists `segments` of a track, with times that count from segment `origin` and are later by `jump`; segments of the same duration are
/// one `S`. A segment that `is_there` does not accept is a hole.
pub(super) fn segment_timeline(
    (timeline, kind): (&Timeline, Kind),
    (segments, origin, jump): (Range<u64>, u64, u64),
    is_there: impl Fn(u64) -> bool,
) -> SegmentTimeline {
    let ticks = u64::from(timeline.frame_ticks(kind));
    let before = timeline.ticks_until(kind, origin);
    let mut list: Vec<S> = Vec::new();
    let mut end = None;
    for number in segments.filter(|number| is_there(*number)) {
        let frames = timeline.segment(kind, number);
        let (start, d) = (frames.start * ticks - before + jump, (frames.end - frames.start) * ticks);
        let follows = end == Some(start);
        match list.last_mut().filter(|last| follows && last.d == d) {
            Some(last) => last.r = Some(last.r.unwrap_or_default() + 1),
            None => list.push(S { t: Some(start).filter(|_| !follows), d, ..S::default() }),
        }
        end = Some(start + d);
    }
    SegmentTimeline { segments: list }
}
