//! Finished media bytes in pieces. Padding is a slice of one constant, so a window holds it once for all
//! streams, and chunks and the segment that they make up share their pieces.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3Default;

/// Immutable bytes with their length and a strong validator; a clone costs two counters.
#[derive(Clone)]
pub struct Media {
    pieces: Arc<[Bytes]>,
    len: u64,
    etag: Arc<str>,
}

impl Media {
    /// The bytes of `pieces` one after another.
    pub fn new(pieces: Vec<Bytes>) -> Self {
        let mut hash = Xxh3Default::new();
        pieces.iter().for_each(|piece| hash.update(piece));
        let len = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into(), len, etag: format!("\"{:032x}\"", hash.digest128()).into() }
    }

    /// All of `parts` one after another.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::new(parts.into_iter().flat_map(|part| part.pieces.iter().cloned()).collect())
    }

    /// The bytes, in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The bytes as one piece, which is a copy unless they are one already.
    pub fn joined(&self) -> Bytes {
        match self.pieces() {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entity tag: quoted, a hash of the bytes (RFC 9110 8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The pieces of a part of the bytes; what lies past the end is left out.
    pub fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut start = 0;
        let mut pieces = Vec::new();
        for piece in self.pieces() {
            let end = start + piece.len() as u64;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                pieces.push(piece.slice((from - start) as usize..(to - start) as usize));
            }
            start = end;
        }
        pieces
    }
}

impl From<Vec<u8>> for Media {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(vec![bytes.into()])
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({} bytes in {} pieces, {})", self.len, self.pieces.len(), self.etag)
    }
}

impl PartialEq for Media {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.etag == other.etag
    }
}

impl Eq for Media {}
