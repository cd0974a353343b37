//! Requests for media, counted where they are answered: tables of fixed size that no request waits for.

use std::sync::atomic::{AtomicU64, Ordering};

use super::estimate::{self, BACKLOG, Recent, SPELL};
use super::{ByFormat, Format};
use crate::base::timeline::{Kind, Timeline, UnixTime};

/// Segments that are counted at once: those that are not settled, of which there are seven at the least length of a
/// segment, and those that players begin with.
const SEGMENTS: usize = 16;
/// Of a cell, those that count; the others name the segment, which fits: numbers in URLs end before.
const COUNT_BITS: u32 = 24;
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// Media that somebody has begun to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaRequest {
    /// Of which tracks.
    pub kind: Kind,
    /// The segment's number.
    pub segment: u64,
    /// How many chunks of it.
    pub chunks: u32,
    /// By what manifest.
    pub format: Format,
}

/// All requests of the recent past, for video and for audio.
#[derive(Debug, Default)]
pub(super) struct RequestCounts([Requests; 2]);

/// Requests for tracks of one kind.
#[derive(Debug, Default)]
struct Requests {
    /// By the segment that was asked for, while it was not settled.
    fresh: Table,
    /// By the segment that was asked for, while a player might begin with it.
    near: Table,
    /// For segments before those, by the segment that was on screen then.
    far: Table,
    /// For any, likewise.
    all: Table,
}

#[derive(Debug, Default)]
struct Table([[Cell; 4]; SEGMENTS]);

/// The number of a segment and a count. One word, so that a cell that goes over to another segment loses nothing.
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

    /// In each of the last lengths of a segment.
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
        // It always adds.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn get(&self, number: u64) -> u64 {
        count(self.0.load(Ordering::Relaxed), number)
    }
}

/// What a cell has counted of a segment; another segment that shares the cell is long past.
fn count(cell: u64, number: u64) -> u64 {
    if cell >> COUNT_BITS == number { cell & MOST } else { 0 }
}
