//! An immutable view of a window: what is listed, what exists, and the state of each segment.

mod then;

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::init::Init;
use super::listing::Listing;
use super::segment::Segment;
use crate::definition::spec::Revision;
use crate::media::cmaf::{Chunk, Media};

/// The newest chunk of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Number of its segment.
    pub segment: u64,
    /// Index in the segment, from 0.
    pub chunk: u32,
}

/// Granularity of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// Complete segments.
    Segment,
    /// Chunks.
    Chunk,
}

/// State of a segment number in a window.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// The segment is complete.
    Ready(Media),
    /// The segment has at least one chunk and is not complete.
    Growing(Arc<Segment>),
    /// The segment is within the window and will be rendered.
    Missing,
    /// The segment has left the window.
    Expired,
    /// The segment has not begun.
    Future,
}

/// Size of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Number of segments that manifests list.
    pub listed: u64,
    /// Number of segments that are in memory.
    pub kept: u64,
    /// Whether listed segments that have left the memory are encoded again when they are requested. Otherwise `kept` is at least
    /// `listed`.
    pub has_archive: bool,
    /// Number of chunks in a segment.
    pub chunks: u32,
}

/// An immutable view of a window.
#[derive(Debug, Clone)]
pub struct Snapshot {
    depth: Depth,
    /// Init segments by revision.
    inits: Vec<(Revision, Arc<Init>)>,
    first: u64,
    slots: VecDeque<Option<Arc<Segment>>>,
    last_complete: Option<u64>,
    edge: Option<Edge>,
    expected: Range<u64>,
    /// Last segment of the presentation, if its end is known.
    last: Option<u64>,
    ended: bool,
    version: u64,
    chunk_version: u64,
}

impl Snapshot {
    pub(super) const fn empty(depth: Depth) -> Self {
        Self {
            depth,
            inits: Vec::new(),
            first: 0,
            slots: VecDeque::new(),
            last_complete: None,
            edge: None,
            expected: 0..0,
            last: None,
            ended: false,
            version: 0,
            chunk_version: 0,
        }
    }

    /// As [`super::Window::version`].
    pub fn version(&self, granularity: Granularity) -> u64 {
        match granularity {
            Granularity::Segment => self.version,
            Granularity::Chunk => self.version + self.chunk_version,
        }
    }

    /// Init segment of a revision, if its encoder is configured.
    pub fn init(&self, revision: &Revision) -> Option<&Arc<Init>> {
        self.inits.iter().find(|(of, _)| of == revision).map(|(_, init)| init)
    }

    /// The window with the part of its list that is in memory, of at most `segments` segments.
    #[must_use]
    pub fn in_memory(&self, segments: u64) -> Self {
        Self { depth: Depth { listed: segments, has_archive: false, ..self.depth }, ..self.clone() }
    }

    /// The window of the same track with `listing` in place of its list. Segments that are not in memory come from the archive.
    #[must_use]
    pub fn listing(&self, Listing { first, chunks, ended }: Listing) -> Self {
        let per_segment = u64::from(self.depth.chunks);
        let edge = |newest: u64| Edge { segment: newest / per_segment, chunk: (newest % per_segment) as u32 };
        let last_complete = (chunks / per_segment).checked_sub(1).filter(|last| *last >= first);
        let listed = last_complete.map_or(0, |last| last + 1 - first);
        let mut slots = self.slots.clone();
        slots.truncate(chunks.div_ceil(per_segment).saturating_sub(self.first) as usize);
        Self {
            depth: Depth { listed, kept: u64::MAX, has_archive: true, ..self.depth },
            inits: self.inits.clone(),
            first: self.first,
            slots,
            last_complete,
            edge: chunks.checked_sub(1).map(edge).filter(|edge| edge.segment >= first),
            expected: first..u64::MAX,
            last: None,
            ended,
            version: self.version,
            chunk_version: self.chunk_version,
        }
    }

    /// The window with these segments, of which it may not have all. The first of them is the oldest that the result has.
    #[must_use]
    pub fn with_past(&self, past: &[Arc<Segment>]) -> Self {
        let Some(first) = past.iter().map(|segment| segment.number).min() else { return self.clone() };
        let find = |number| {
            let of_past = past.iter().find(|segment| segment.number == number);
            of_past.or_else(|| self.segment(number)).cloned()
        };
        // The segment after the newest chunk may be hinted.
        let end = self.edge.map_or(first, |edge| edge.segment + 2);
        Self { first, slots: (first..end).map(find).collect(), ..self.clone() }
    }

    /// The newest complete segment.
    pub fn last_complete(&self) -> Option<u64> {
        self.last_complete
    }

    /// The newest chunk: of the segment that is being made, or else of the newest complete segment.
    pub fn edge(&self) -> Option<Edge> {
        self.edge
    }

    /// Whether the presentation is over.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The segments that manifests list, oldest first, up to the newest complete one.
    pub fn listed(&self) -> Option<RangeInclusive<u64>> {
        let last = self.last_complete?;
        let first = (last + 1).saturating_sub(self.depth.listed);
        Some(if self.depth.has_archive { first..=last } else { self.first.max(first)..=last })
    }

    /// The window as it was when segment `last` was the newest complete one; `None` if it listed segments that have left it since.
    /// Segments before the first of a run are taken as available.
    pub fn as_of(&self, last: u64) -> Option<Self> {
        let mut then = self.clone();
        let first = (last + 1).saturating_sub(self.depth.listed);
        if first < self.first {
            if self.ended || self.slots.len() as u64 > self.depth.kept {
                return None;
            }
            then.expected.start = first;
            then.expected.end = then.expected.end.max(self.first);
            (first..self.first).for_each(|_| then.slots.push_front(None));
            then.first = first;
        }
        then.slots.truncate((last + 1).saturating_sub(then.first) as usize);
        then.last_complete = then.last_complete.min(Some(last));
        then.edge = newest_chunk(&then.slots);
        then.ended = false;
        Some(then)
    }

    /// Whether a listed segment exists or will exist; otherwise it is a gap.
    pub fn is_available(&self, number: u64) -> bool {
        let is_archived = self.depth.has_archive && number < self.first;
        is_archived || self.expected.contains(&number) || matches!(self.lookup(number), Lookup::Ready(_))
    }

    /// A segment with at least one chunk.
    pub fn segment(&self, number: u64) -> Option<&Arc<Segment>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get(index)?.as_ref()
    }

    /// Complete segments that are available, oldest first.
    pub fn complete(&self) -> impl Iterator<Item = (u64, &Media)> {
        self.slots.iter().flatten().filter_map(|segment| Some((segment.number, segment.whole.as_ref()?)))
    }

    /// Whether there are segments, or any are announced.
    pub fn has_begun(&self) -> bool {
        !self.slots.is_empty() || !self.expected.is_empty()
    }

    /// State of segment `number`.
    pub fn lookup(&self, number: u64) -> Lookup {
        if self.slots.is_empty() {
            // Segments after the expected past are rendered by the live run.
            let is_live = !self.expected.is_empty() && number >= self.expected.end;
            return if is_live { Lookup::Future } else { Lookup::Missing };
        }
        if number < self.first {
            return Lookup::Expired;
        }
        match self.segment(number) {
            Some(segment) => match &segment.whole {
                Some(media) => Lookup::Ready(media.clone()),
                None => Lookup::Growing(Arc::clone(segment)),
            },
            None if number < self.first + self.slots.len() as u64 => Lookup::Missing,
            None => Lookup::Future,
        }
    }

    /// Whether a segment in the window was skipped: later media are published, and no run renders the segment any more.
    pub fn is_skipped(&self, number: u64) -> bool {
        let is_passed = self.edge.is_some_and(|edge| number < edge.segment);
        is_passed && !self.has_left(number) && !self.is_available(number)
    }

    /// Whether a segment has left the window.
    pub fn has_left(&self, number: u64) -> bool {
        number < self.first
    }

    /// Number after the newest segment that is complete or being made.
    pub fn next(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// The oldest available segment.
    pub fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn set_init(&mut self, revision: &Revision, init: Init) {
        self.version += 1;
        if self.init(revision).is_none() {
            self.inits.push((revision.clone(), Arc::new(init)));
        }
    }

    pub(super) const fn touch(&mut self) {
        self.version += 1;
    }

    pub(super) fn expect(&mut self, past: Range<u64>) {
        if self.slots.is_empty() {
            self.first = past.start;
        }
        self.version += 1;
        self.expected = past;
    }

    pub(super) const fn filled(&mut self) {
        self.version += 1;
        self.expected = 0..0;
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        let number = chunk.segment;
        if self.ended || self.last.is_some_and(|last| number > last) {
            return;
        }
        if chunk.index != 0 && self.segment(number).is_none() {
            return;
        }
        if self.slots.is_empty() && self.expected.is_empty() {
            self.first = number;
        }
        if number < self.first {
            return;
        }
        while self.next() <= number {
            self.slots.push_back(None);
            if self.slots.len() as u64 > self.depth.kept + 1 {
                self.slots.pop_front();
                self.first += 1;
            }
        }
        let slot = &mut self.slots[(number - self.first) as usize];
        let mut segment = slot.take().map_or_else(|| Segment::new(number), Arc::unwrap_or_clone);
        let before = segment.whole.is_some();
        segment.push(chunk, self.depth.chunks);
        self.chunk_version += 1;
        if segment.whole.is_some() != before {
            self.version += 1;
            self.last_complete = self.last_complete.max(Some(number));
        }
        *slot = Some(Arc::new(segment));
        self.edge = newest_chunk(&self.slots);
        self.end_if_complete();
    }

    fn end_if_complete(&mut self) {
        if self.last.is_some() && self.last_complete >= self.last {
            self.end(self.last);
        }
    }

    pub(super) fn end_after(&mut self, last: u64) {
        self.version += 1;
        self.last = Some(last);
        self.end_if_complete();
    }

    pub(super) fn end(&mut self, last: Option<u64>) {
        let next = last.map_or(0, |last| last + 1);
        self.slots.truncate(next.saturating_sub(self.first) as usize);
        self.last_complete = self.last_complete.min(last);
        // A listed segment may leave the list, and must not become a gap in it.
        let hole = self.slots.iter().rposition(|slot| slot.as_ref().is_none_or(|segment| segment.whole.is_none()));
        let before = hole.map_or(0, |hole| hole + 1);
        self.slots.drain(..before);
        self.first += before as u64;
        self.edge = newest_chunk(&self.slots);
        self.version += 1;
        self.expected = 0..0;
        self.ended = true;
    }
}

fn newest_chunk(slots: &VecDeque<Option<Arc<Segment>>>) -> Option<Edge> {
    let newest = slots.back()?.as_ref()?;
    Some(Edge { segment: newest.number, chunk: (newest.chunks.len() as u32).checked_sub(1)? })
}
