//! How many viewers requests stand for. Pure.
//!
//! A segment is *settled* once everybody who plays at the edge has asked for it: requests for the newest settled one are
//! viewers, each once, whoever has come or gone before or since. Players that stay a little behind ask for it later, so an
//! older segment may have more of them, and counts for as long as about as much is asked for at all. Requests for what is
//! older still come from those who play far behind, one in the length of a segment; only they are in nearly all of some such
//! lengths, and those who begin or seek, and get several at once, are not.

use std::time::Duration;

use super::ByFormat;
use crate::base::timeline::{Timeline, UnixTime};

/// Segments before the newest settled one that a player which begins may still want: four are held back by DASH.
pub(super) const BACKLOG: u64 = 4;
/// Lengths of a segment that are looked at.
pub(super) const SPELL: usize = 5;
/// Of them, in so many a player that is there may have asked for nothing.
const SPARE: usize = 1;
/// A playlist is read once in a target duration, which is a segment's length but for rounding; this is for the rounding,
/// the way and a machine that is loaded.
const SLACK: Duration = Duration::from_secs(2);

/// What was asked for of tracks of one kind, in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Recent {
    /// Of the newest settled segment, while it was not settled.
    pub(super) settled: ByFormat,
    /// Of the one that is [`BACKLOG`] before it, until now.
    pub(super) older: ByFormat,
    /// Of segments that were older than that, in each of the last lengths of a segment.
    pub(super) far: [ByFormat; SPELL],
    /// Of any segment, in each of them.
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

/// How many watch a stream whose segments have so many chunks. Whoever plays both sound and picture asks for both;
/// those who play one of them only are counted where they are the more.
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
        // Players that were held up and have caught up are among both.
        let asked = (near + ranked(&recent.far, SPARE)).min(ranked(&recent.all, SPELL / 2).max(near));
        (asked + chunks / 2) / chunks
    })
}
