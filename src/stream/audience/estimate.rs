//! The number of viewers, from counts of requests. Pure.
//!
//! A segment is *settled* once all players at the live edge have requested it. Requests for the newest settled
//! segment are viewers, each counted once. Players that stay a few segments behind request it later, so an older
//! segment may have more requests; its count is used as long as the total rate of requests confirms it. Requests for
//! still older segments come from players far behind the live edge. Such a player makes one request per segment
//! duration, so only counts that appear in nearly all of the last durations are taken; players that start or seek
//! make several requests within one duration and are left out.

use std::time::Duration;

use super::ByFormat;
use crate::base::timeline::{Timeline, UnixTime};

/// Segments before the newest settled one that a starting player may still request: DASH holds back four.
pub(super) const BACKLOG: u64 = 4;
/// Segment durations that the estimate looks back.
pub(super) const SPELL: usize = 5;
/// Durations of [`SPELL`] in which a playing client may have made no request.
const SPARE: usize = 1;
/// Time beyond one segment duration until all players have requested a segment: for the rounding of the target
/// duration, the network, and a loaded machine.
const SLACK: Duration = Duration::from_secs(2);

/// Requests for tracks of one kind, in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recent {
    /// For the newest settled segment, while it was unsettled.
    pub(super) settled: ByFormat,
    /// For the segment [`BACKLOG`] before it, until now.
    pub(super) older: ByFormat,
    /// For still older segments, in each of the last segment durations.
    pub(super) far: [ByFormat; SPELL],
    /// For all segments, in each of the last segment durations.
    pub(super) all: [ByFormat; SPELL],
}

/// How long after its end a segment is settled.
pub(super) fn settling(segment: Duration) -> Duration {
    segment + SLACK
}

/// The newest segment that is settled.
pub(super) fn settled(timeline: &Timeline, now: UnixTime) -> u64 {
    timeline.segment_at(now.saturating_sub(settling(timeline.segment_duration()))).saturating_sub(1)
}

/// Viewers of a stream with `chunks` chunks in a segment. A player of video and audio requests both, so the larger of
/// the two counts is taken.
pub(super) fn viewers([video, audio]: [&Recent; 2], chunks: u32) -> ByFormat {
    let [video, audio] = [video, audio].map(|recent| of_kind(recent, chunks.into()));
    let all = |viewers: &ByFormat| viewers.iter().sum::<u64>();
    if all(&audio) > all(&video) { audio } else { video }
}

fn of_kind(recent: &Recent, chunks: u64) -> ByFormat {
    std::array::from_fn(|format| {
        let ranked = |lengths: &[ByFormat; SPELL], rank: usize| {
            let mut lengths = lengths.map(|length| length[format]);
            lengths.sort_unstable();
            lengths[rank]
        };
        let near = recent.settled[format].max(recent.older[format].min(ranked(&recent.all, SPARE)));
        // A player that stalled and caught up is in both counts.
        let asked = (near + ranked(&recent.far, SPARE)).min(ranked(&recent.all, SPELL / 2).max(near));
        (asked + chunks / 2) / chunks
    })
}
