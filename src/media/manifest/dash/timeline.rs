//! SegmentTimeline (ISO/IEC 23009-1 5.3.9.6): the exact durations of segments, which differ by a frame in audio.

use std::ops::Range;

use dash_mpd_core::{S, SegmentTimeline};

use crate::base::timeline::{Kind, Timeline};

/// Lists `segments` of a track; segments of the same duration are one `S`. A segment that `is_there` does not accept is a hole.
pub(super) fn segment_timeline(
    (timeline, kind): (&Timeline, Kind),
    segments: Range<u64>,
    is_there: impl Fn(u64) -> bool,
) -> SegmentTimeline {
    let ticks = u64::from(timeline.frame_ticks(kind));
    let mut list: Vec<S> = Vec::new();
    let mut end = None;
    for number in segments.filter(|number| is_there(*number)) {
        let frames = timeline.segment(kind, number);
        let (start, d) = (frames.start * ticks, (frames.end - frames.start) * ticks);
        let follows = end == Some(start);
        match list.last_mut().filter(|last| follows && last.d == d) {
            Some(last) => last.r = Some(last.r.unwrap_or_default() + 1),
            None => list.push(S { t: Some(start).filter(|_| !follows), d, ..S::default() }),
        }
        end = Some(start + d);
    }
    SegmentTimeline { segments: list }
}

/// The time at which segment `number` nominally starts, in ticks of the track.
pub(super) fn nominal_start((timeline, kind): (&Timeline, Kind), number: u64) -> u64 {
    let video = u128::from(number) * u128::from(timeline.segment_ticks());
    let (ticks, per_second) = (u128::from(timeline.timescale(kind)), u128::from(timeline.timescale(Kind::Video)));
    ((video * ticks + per_second / 2) / per_second) as u64
}
