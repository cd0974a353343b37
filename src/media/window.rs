//! The sliding window of a track. A run pushes chunks; readers get immutable snapshots and can wait for the next one.
//! Segments may be pushed in any order, so that the past can be rendered after the live edge.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::watch;

use crate::definition::spec::Revision;
use crate::media::cmaf::{Chunk, Configuration, Media};

mod epoch;
#[cfg(test)]
pub(crate) mod fixture;
mod listing;
mod output;
mod reader;

pub use epoch::{Epoch, Epochs, Period, epoch_at};
pub use listing::Listing;
pub use output::{Earlier, Ending, Output, Track};
pub use reader::{Chunks, Frame, Read, Reader, Start};

/// Init segment of a track, and what manifests contain of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Decoder configuration.
    pub configuration: Configuration,
    /// The init segment.
    pub media: Media,
    /// The `codecs` string (RFC 6381).
    pub codec: String,
}

/// The published chunks of one segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Number of the segment, counted from 1970.
    pub number: u64,
    /// Chunks in order, starting with chunk 0.
    pub chunks: Vec<Chunk>,
    /// The whole segment, once its last chunk is published.
    pub whole: Option<Media>,
    /// Each chunk as one piece, for responses that send the segment while it is made.
    joined: Vec<Arc<OnceLock<Bytes>>>,
}

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

/// The window of one track. Clones share it. Readers never delay a writer.
#[derive(Debug, Clone)]
pub struct Window {
    state: Arc<watch::Sender<Arc<Snapshot>>>,
}

impl Window {
    /// An empty window.
    pub fn new(depth: Depth) -> Self {
        let snapshot = Snapshot {
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
        };
        Self { state: Arc::new(watch::Sender::new(Arc::new(snapshot))) }
    }

    /// The current state of the window.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state.borrow().clone()
    }

    /// A number that rises whenever manifests of this granularity may have changed.
    pub fn version(&self, granularity: Granularity) -> u64 {
        self.state.borrow().version(granularity)
    }

    /// A receiver of all changes from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.state.subscribe()
    }

    /// Sets the init segment of a revision, once.
    pub fn set_init(&self, revision: &Revision, init: Init) {
        self.modify(|snapshot| {
            snapshot.version += 1;
            if snapshot.init(revision).is_none() {
                snapshot.inits.push((revision.clone(), Arc::new(init)));
            }
        });
    }

    /// Marks manifests as changed although no media has changed.
    pub(crate) fn touch(&self) {
        self.modify(|snapshot| snapshot.version += 1);
    }

    /// Makes room for these segments and announces that they will be rendered.
    pub fn expect(&self, past: Range<u64>) {
        self.modify(|snapshot| {
            if snapshot.slots.is_empty() {
                snapshot.first = past.start;
            }
            snapshot.version += 1;
            snapshot.expected = past;
        });
    }

    /// Announces that missing segments will not be rendered any more.
    pub fn filled(&self) {
        self.modify(|snapshot| {
            snapshot.version += 1;
            snapshot.expected = 0..0;
        });
    }

    /// Adds a chunk. A chunk that exists already, has left the window or does not follow the previous one is ignored,
    /// so nothing is published twice.
    pub fn push(&self, chunk: Chunk) {
        self.modify(|snapshot| snapshot.push(chunk));
    }

    /// Ends the presentation with segment `last`, or without a segment. Later segments are removed, and ignored from
    /// now on.
    pub fn end(&self, last: Option<u64>) {
        self.modify(|snapshot| snapshot.end(last));
    }

    /// Ends the presentation when segment `last` is complete. Later segments are ignored.
    pub fn end_after(&self, last: u64) {
        self.modify(|snapshot| {
            snapshot.version += 1;
            snapshot.last = Some(last);
            snapshot.end_if_complete();
        });
    }

    fn modify(&self, change: impl FnOnce(&mut Snapshot)) {
        self.state.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}

impl Snapshot {
    /// As [`Window::version`].
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

    /// The window of the same track with `listing` in place of its segments.
    #[must_use]
    pub fn listing(&self, Listing { first, chunks, ended }: Listing) -> Self {
        let per_segment = u64::from(self.depth.chunks);
        let edge = |newest: u64| Edge { segment: newest / per_segment, chunk: (newest % per_segment) as u32 };
        Self {
            depth: Depth { listed: u64::MAX, kept: u64::MAX, has_archive: false, ..self.depth },
            inits: self.inits.clone(),
            first,
            slots: VecDeque::new(),
            last_complete: (chunks / per_segment).checked_sub(1).filter(|last| *last >= first),
            edge: chunks.checked_sub(1).map(edge).filter(|edge| edge.segment >= first),
            expected: first..u64::MAX,
            last: None,
            ended,
            version: self.version,
            chunk_version: self.chunk_version,
        }
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

    fn push(&mut self, chunk: Chunk) {
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

    fn end(&mut self, last: Option<u64>) {
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

impl Segment {
    fn new(number: u64) -> Self {
        Self { number, chunks: Vec::new(), whole: None, joined: Vec::new() }
    }

    /// Number of bytes up to the end of each published chunk.
    pub fn chunk_ends(&self) -> impl Iterator<Item = u64> {
        self.chunks.iter().scan(0, |end, chunk| {
            *end += chunk.media.len();
            Some(*end)
        })
    }

    /// Number of bytes before chunk `index`, if all chunks before it are published.
    pub fn chunk_start(&self, index: usize) -> Option<u64> {
        [0].into_iter().chain(self.chunk_ends()).nth(index)
    }

    /// Pieces of the published bytes in `range`.
    pub fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut start = 0;
        let mut pieces = Vec::new();
        for chunk in &self.chunks {
            let local = range.start.saturating_sub(start)..range.end.saturating_sub(start);
            pieces.extend(chunk.media.slice(local));
            start += chunk.media.len();
        }
        pieces
    }

    /// Chunk `index` as one piece. While the segment is being made, all readers share one copy.
    pub fn joined(&self, index: usize) -> Option<Bytes> {
        let media = &self.chunks.get(index)?.media;
        Some(match self.joined.get(index) {
            Some(shared) => shared.get_or_init(|| media.joined()).clone(),
            None => media.joined(),
        })
    }

    fn push(&mut self, chunk: Chunk, chunks_per_segment: u32) {
        if chunk.index as usize != self.chunks.len() {
            return;
        }
        self.chunks.push(chunk);
        self.joined.push(Arc::default());
        if self.chunks.len() as u32 == chunks_per_segment {
            self.whole = Some(Media::concat(self.chunks.iter().map(|chunk| &chunk.media)));
            self.joined.clear();
        }
    }
}

#[cfg(test)]
mod tests;
