//! What manifests list of a stream that is not listed as its windows are.

/// Segments that manifests list in place of those of a window. All of them are available, although not in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listing {
    /// Number of the oldest segment.
    pub first: u64,
    /// End of the newest chunk, as a number of chunks since 1970.
    pub chunks: u64,
    /// Whether the presentation is over.
    pub ended: bool,
}

impl Listing {
    /// The listing of a stream that ends with segment `last`, if it ends.
    #[must_use]
    pub fn up_to(self, last: Option<u64>, chunks_per_segment: u32) -> Self {
        let end = last.map_or(u64::MAX, |last| (last + 1) * u64::from(chunks_per_segment));
        Self { chunks: self.chunks.min(end), ended: self.ended || self.chunks >= end, ..self }
    }
}
