//! The sliding window of a track: chunks are pushed by whoever makes them, readers get immutable snapshots and
//! can wait for the next. Segments may come in any order, so the past can be filled in behind the live edge.

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
mod output;
mod reader;

pub use epoch::{Epoch, Epochs, Period, epoch_at};
pub use output::{Earlier, Ending, Output, Track};
pub use reader::{Frame, Read, Reader};

/// What a player needs before the first segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// What a decoder has to know.
    pub configuration: Configuration,
    /// The init segment.
    pub media: Media,
    /// The `codecs` string of RFC 6381.
    pub codec: String,
}

/// The chunks of one segment that there are so far.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Segments since 1970.
    pub number: u64,
    /// In order, from chunk 0.
    pub chunks: Vec<Chunk>,
    /// All chunks as one, when the last is there.
    pub whole: Option<Media>,
    /// While there are more to come, each chunk as one piece for those who get it as it is made.
    joined: Vec<Arc<OnceLock<Bytes>>>,
}

/// The newest chunk of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Its segment.
    pub segment: u64,
    /// Its place in the segment, from 0.
    pub chunk: u32,
}

/// How fine the changes are that something follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// Complete segments.
    Segment,
    /// Chunks.
    Chunk,
}

/// Where a segment number stands in a window.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Complete.
    Ready(Media),
    /// Its first chunks are there.
    Growing(Arc<Segment>),
    /// Within the window, and yet to be filled in.
    Missing,
    /// It has left the window.
    Expired,
    /// Not begun.
    Future,
}

/// How many segments a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Listed in manifests.
    pub listed: u64,
    /// Available; at least `listed`.
    pub kept: u64,
    /// Chunks that make up a segment.
    pub chunks: u32,
}

/// An immutable view of a window.
#[derive(Debug, Clone)]
pub struct Snapshot {
    depth: Depth,
    /// By the revisions that they are of.
    inits: Vec<(Revision, Arc<Init>)>,
    first: u64,
    slots: VecDeque<Option<Arc<Segment>>>,
    last_complete: Option<u64>,
    expected: Range<u64>,
    /// The segment that the presentation ends with, once that is known.
    last: Option<u64>,
    ended: bool,
    version: u64,
    chunk_version: u64,
}

/// The window of one track. Writers and readers share it, as clones; no reader ever holds up a writer.
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
            expected: 0..0,
            last: None,
            ended: false,
            version: 0,
            chunk_version: 0,
        };
        Self { state: Arc::new(watch::Sender::new(Arc::new(snapshot))) }
    }

    /// The window as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state.borrow().clone()
    }

    /// Rises whenever what manifests of this granularity say may have changed.
    pub fn version(&self, granularity: Granularity) -> u64 {
        self.state.borrow().version(granularity)
    }

    /// A receiver that sees every change from now on.
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

    /// Says that manifests may have changed although no media has.
    pub(crate) fn touch(&self) {
        self.modify(|snapshot| snapshot.version += 1);
    }

    /// Makes room from the first of these segments on and says that they will be filled in.
    pub fn expect(&self, past: Range<u64>) {
        self.modify(|snapshot| {
            if snapshot.slots.is_empty() {
                snapshot.first = past.start;
            }
            snapshot.version += 1;
            snapshot.expected = past;
        });
    }

    /// Says that what is missing now will stay so.
    pub fn filled(&self) {
        self.modify(|snapshot| {
            snapshot.version += 1;
            snapshot.expected = 0..0;
        });
    }

    /// Adds a chunk. One that is there already, that has left the window or that does not follow the chunk before
    /// it is ignored: nothing is published twice.
    pub fn push(&self, chunk: Chunk) {
        self.modify(|snapshot| snapshot.push(chunk));
    }

    /// Ends the presentation with segment `last`, or with none; what comes after it is withdrawn, and ignored from now on.
    pub fn end(&self, last: Option<u64>) {
        self.modify(|snapshot| snapshot.end(last));
    }

    /// Ends the presentation with segment `last` when that is complete; what comes after it is ignored.
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

    /// The init segment of a revision, once the encoder has said what it makes.
    pub fn init(&self, revision: &Revision) -> Option<&Arc<Init>> {
        self.inits.iter().find(|(of, _)| of == revision).map(|(_, init)| init)
    }

    /// The newest complete segment.
    pub fn last_complete(&self) -> Option<u64> {
        self.last_complete
    }

    /// The newest chunk: of the segment that is being made, or the last one of the newest complete segment.
    pub fn edge(&self) -> Option<Edge> {
        let newest = self.slots.back()?.as_ref()?;
        Some(Edge { segment: newest.number, chunk: (newest.chunks.len() as u32).checked_sub(1)? })
    }

    /// Whether the presentation is over.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The segments that manifests list, oldest first: those up to the newest complete one.
    pub fn listed(&self) -> Option<RangeInclusive<u64>> {
        let last = self.last_complete?;
        let first = self.first.max((last + 1).saturating_sub(self.depth.listed));
        Some(first..=last)
    }

    /// Whether a listed segment is there or on its way; the opposite is a gap.
    pub fn is_available(&self, number: u64) -> bool {
        self.expected.contains(&number) || matches!(self.lookup(number), Lookup::Ready(_))
    }

    /// A segment of which there is at least one chunk.
    pub fn segment(&self, number: u64) -> Option<&Arc<Segment>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get(index)?.as_ref()
    }

    /// Complete segments that are available, oldest first.
    pub fn complete(&self) -> impl Iterator<Item = (u64, &Media)> {
        self.slots.iter().flatten().filter_map(|segment| Some((segment.number, segment.whole.as_ref()?)))
    }

    /// Where segment `number` stands.
    pub fn lookup(&self, number: u64) -> Lookup {
        if self.slots.is_empty() {
            // What comes after the segments that are filled in is made by the live run.
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

    /// The number after the newest segment that is complete or being made.
    pub fn next(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// The oldest segment that is available.
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
        // What is listed already may leave the list, and may not become a gap in it.
        let hole = self.slots.iter().rposition(|slot| slot.as_ref().is_none_or(|segment| segment.whole.is_none()));
        let before = hole.map_or(0, |hole| hole + 1);
        self.slots.drain(..before);
        self.first += before as u64;
        self.version += 1;
        self.expected = 0..0;
        self.ended = true;
    }
}

impl Segment {
    fn new(number: u64) -> Self {
        Self { number, chunks: Vec::new(), whole: None, joined: Vec::new() }
    }

    /// Chunk `index` as one piece. While the segment is being made, all who ask share one copy.
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
