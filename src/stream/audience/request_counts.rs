//! Counts of media requests, in tables of fixed size without locks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::estimate::{self, BACKLOG, Recent, SPELL};
use super::{ByFormat, Format};
use crate::base::timeline::{Kind, Timeline, UnixTime};

/// Segments counted simultaneously: the unsettled ones, at most seven with the shortest segments, and those that
/// players start with.
const SEGMENTS: usize = 16;
/// Bits of a cell for the count. The other bits hold the segment number, which fits: numbers in URLs are shorter.
const COUNT_BITS: u32 = 24;
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// A media response whose first byte was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaRequest {
    /// Video or audio.
    pub kind: Kind,
    /// Segment number.
    pub segment: u64,
    /// Number of chunks of the segment in the response.
    pub chunks: u32,
    /// Format of the manifest that the viewer plays.
    pub format: Format,
}

/// Recent requests, for video and for audio.
#[derive(Debug, Default)]
pub(super) struct RequestCounts([Requests; 2]);

/// Requests for tracks of one kind.
#[derive(Debug, Default)]
struct Requests {
    /// By requested segment, while the segment was unsettled.
    fresh: Table,
    /// By requested segment, while a player might start with it.
    near: Table,
    /// Requests for older segments, by the live segment at the time of the request.
    far: Table,
    /// All requests, by the live segment at the time of the request.
    all: Table,
}

#[derive(Debug, Default)]
struct Table([[Cell; 4]; SEGMENTS]);

/// A segment number and a count in one word, so that a cell that moves on to another segment loses no request.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl RequestCounts {
    pub(super) fn add(&self, asked: &MediaRequest, timeline: &Timeline, now: UnixTime) {
        let Requests { fresh, near, far, all } = &self.0[asked.kind as usize];
        let (settled, current) = (estimate::settled(timeline, now), timeline.segment_at(now));
        all.add(current, asked);
        if asked.segment > settled {
            fresh.add(asked.segment, asked);
        }
        match asked.segment + BACKLOG >= settled {
            true => near.add(asked.segment, asked),
            false => far.add(current, asked),
        }
    }

    pub(super) fn viewers(&self, timeline: &Timeline, now: UnixTime) -> ByFormat {
        let (settled, current) = (estimate::settled(timeline, now), timeline.segment_at(now));
        let [video, audio] = &self.0;
        let recent = [video, audio].map(|requests| Recent {
            settled: requests.fresh.counts(settled),
            older: requests.near.counts(settled.saturating_sub(BACKLOG)),
            far: requests.far.before(current),
            all: requests.all.before(current),
        });
        estimate::viewers(recent.each_ref(), timeline.chunks_per_segment())
    }
}

impl Table {
    fn add(&self, number: u64, asked: &MediaRequest) {
        self.cells(number)[asked.format as usize].add(number, asked.chunks.into());
    }

    fn counts(&self, number: u64) -> ByFormat {
        self.cells(number).each_ref().map(|cell| cell.get(number))
    }

    /// Counts of the last [`SPELL`] segment durations, the newest first.
    fn before(&self, current: u64) -> [ByFormat; SPELL] {
        std::array::from_fn(|ago| self.counts(current.saturating_sub(ago as u64 + 1)))
    }

    fn cells(&self, number: u64) -> &[Cell; 4] {
        &self.0[(number % SEGMENTS as u64) as usize]
    }
}

impl Cell {
    fn add(&self, number: u64, chunks: u64) {
        let add = |cell| Some(number << COUNT_BITS | (count(cell, number) + chunks).min(MOST));
        // The closure never returns `None`.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn get(&self, number: u64) -> u64 {
        count(self.0.load(Ordering::Relaxed), number)
    }
}

/// The count of a segment in its cell; a count of another segment in the same cell is long out of date.
fn count(cell: u64, number: u64) -> u64 {
    if cell >> COUNT_BITS == number { cell & MOST } else { 0 }
}
