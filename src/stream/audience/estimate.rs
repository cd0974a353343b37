//! Estimate of the number of viewers from counts of requests. Pure functions.
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
pub(super) const LOOKBACK: usize = 5;
/// Durations of [`LOOKBACK`] in which a playing client may have made no request.
const MISSABLE: usize = 1;
/// Time beyond one segment duration until all players have requested a segment: for the rounding of the target
/// duration, the network, and a loaded machine.
const SLACK: Duration = Duration::from_secs(2);

/// Requests for tracks of one kind, counted in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recent {
    /// Requests for the newest settled segment, made before it was settled.
    pub(super) newest_settled: ByFormat,
    /// Requests for the segment [`BACKLOG`] before that one, until now.
    pub(super) older: ByFormat,
    /// Requests for older segments, in each of the last segment durations.
    pub(super) far: [ByFormat; LOOKBACK],
    /// Requests for all segments, in each of the last segment durations.
    pub(super) all: [ByFormat; LOOKBACK],
}

/// Time from the end of a segment until it is settled.
pub(super) fn settling_time(segment: Duration) -> Duration {
    segment + SLACK
}

/// The newest segment that is settled.
pub(super) fn newest_settled(timeline: &Timeline, now: UnixTime) -> u64 {
    timeline.segment_at(now.saturating_sub(settling_time(timeline.segment_duration()))).saturating_sub(1)
}

/// Viewers of a stream with `chunks` chunks in a segment. A player of video and audio requests both, so the larger
/// count is used.
pub(super) fn viewers([video, audio]: [&Recent; 2], chunks: u32) -> ByFormat {
    let [video, audio] = [video, audio].map(|recent| of_kind(recent, chunks.into()));
    let all = |viewers: &ByFormat| viewers.iter().sum::<u64>();
    if all(&audio) > all(&video) { audio } else { video }
}

fn of_kind(recent: &Recent, chunks: u64) -> ByFormat {
    std::array::from_fn(|format| {
        let ranked = |lengths: &[ByFormat; LOOKBACK], rank: usize| {
            let mut lengths = lengths.map(|length| length[format]);
            lengths.sort_unstable();
            lengths[rank]
        };
        let near = recent.newest_settled[format].max(recent.older[format].min(ranked(&recent.all, MISSABLE)));
        // Both counts include a player that stalled and caught up.
        let chunks_requested = (near + ranked(&recent.far, MISSABLE)).min(ranked(&recent.all, LOOKBACK / 2).max(near));
        (chunks_requested + chunks / 2) / chunks
    })
}
