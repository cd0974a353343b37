//! A segment in a window, complete or being made.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::media::cmaf::{Chunk, Media};

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

impl Segment {
    pub(super) const fn new(number: u64) -> Self {
        Self { number, chunks: Vec::new(), whole: None, joined: Vec::new() }
    }

    /// A segment of which `chunks` are all chunks.
    pub fn complete(number: u64, chunks: Vec<Chunk>) -> Self {
        let whole = Some(Media::concat(chunks.iter().map(|chunk| &chunk.media)));
        Self { chunks, whole, ..Self::new(number) }
    }

    /// The segment when `chunks` of its chunks were published.
    pub(super) fn up_to(&self, chunks: usize) -> Self {
        Self { chunks: self.chunks.iter().take(chunks).cloned().collect(), ..Self::new(self.number) }
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

    pub(super) fn push(&mut self, chunk: Chunk, chunks_per_segment: u32) {
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
