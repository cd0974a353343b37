//! Counts of media requests, in tables of fixed size without locks.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ByFormat;
use super::estimate::{self, BACKLOG, LOOKBACK, Recent};
use crate::base::format::Format;
use crate::base::timeline::{Kind, Timeline, UnixTime};

/// Number of segments counted simultaneously: unsettled segments, at most seven if segments are short, and the segments
/// that players start with.
const SEGMENTS: usize = 16;
/// Bits of the count in a cell. The segment number needs fewer than the remaining bits.
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

/// Requests for tracks of one kind, counted in chunks.
#[derive(Debug, Default)]
struct Requests {
    /// Requests by requested segment, while that segment was unsettled.
    fresh: Table,
    /// Requests by requested segment, while a player might start with that segment.
    near: Table,
    /// Requests for older segments, by the live segment at the time of the request.
    far: Table,
    /// All requests, by the live segment at the time of the request.
    all: Table,
}

#[derive(Debug, Default)]
struct Table([[Cell; 4]; SEGMENTS]);

/// A segment number and a count in one word, so that the change to another segment is atomic and loses no request.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl RequestCounts {
    pub(super) fn add(&self, request: &MediaRequest, timeline: &Timeline, now: UnixTime) {
        let Requests { fresh, near, far, all } = &self.0[request.kind as usize];
        let (settled, current) = (estimate::newest_settled(timeline, now), timeline.segment_at(now));
        all.add(current, request);
        if request.segment > settled {
            fresh.add(request.segment, request);
        }
        match request.segment + BACKLOG >= settled {
            true => near.add(request.segment, request),
            false => far.add(current, request),
        }
    }

    pub(super) fn viewers(&self, timeline: &Timeline, now: UnixTime) -> ByFormat {
        let (settled, current) = (estimate::newest_settled(timeline, now), timeline.segment_at(now));
        let [video, audio] = &self.0;
        let recent = [video, audio].map(|requests| Recent {
            newest_settled: requests.fresh.counts(settled),
            older: requests.near.counts(settled.saturating_sub(BACKLOG)),
            far: requests.far.before(current),
            all: requests.all.before(current),
        });
        estimate::viewers(recent.each_ref(), timeline.chunks_per_segment())
    }
}

impl Table {
    fn add(&self, number: u64, request: &MediaRequest) {
        self.cells(number)[request.format as usize].add(number, request.chunks.into());
    }

    fn counts(&self, number: u64) -> ByFormat {
        self.cells(number).each_ref().map(|cell| cell.get(number))
    }

    /// Counts of the last [`LOOKBACK`] segment durations, the newest first.
    fn before(&self, current: u64) -> [ByFormat; LOOKBACK] {
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

/// The count of segment `number`. If the cell holds the count of another segment, that is out of date and the result is
/// 0.
fn count(cell: u64, number: u64) -> u64 {
    if cell >> COUNT_BITS == number { cell & MOST } else { 0 }
}
