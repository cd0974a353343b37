//! Media bytes in pieces. Padding is a slice of one constant, so it is in memory once for all streams. A segment shares
//! its pieces with its chunks.

use std::fmt;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3Default;

use super::padding;

/// Immutable bytes with their length and a strong entity tag. Cloning copies no bytes.
#[derive(Clone)]
pub struct Media {
    pieces: Arc<[Bytes]>,
    len: u64,
    etag: Arc<str>,
}

impl Media {
    /// The concatenation of `pieces`.
    pub fn new(pieces: Vec<Bytes>) -> Self {
        let mut hash = Xxh3Default::new();
        pieces.iter().for_each(|piece| hash.update(piece));
        let len = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self { pieces: pieces.into(), len, etag: format!("\"{:032x}\"", hash.digest128()).into() }
    }

    /// The same media after a change of some bytes, which are in `pieces` now. The entity tag follows from that of these media and
    /// from the `change`, because a hash of all bytes would take longer than the change.
    pub(super) fn altered(&self, pieces: Vec<Bytes>, change: &impl Hash) -> Self {
        let mut hash = Xxh3Default::new();
        (&*self.etag, change).hash(&mut hash);
        Self { pieces: pieces.into(), len: self.len, etag: format!("\"{:032x}\"", hash.digest128()).into() }
    }

    /// The concatenation of `parts`.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::new(parts.into_iter().flat_map(|part| part.pieces.iter().cloned()).collect())
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The bytes as one piece, copied if there are several.
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

    /// Whether the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory that only these media and their clones take. Padding is in memory once for all.
    pub fn memory(&self) -> u64 {
        self.pieces.iter().filter(|piece| !padding::is_filling(piece)).map(|piece| piece.len() as u64).sum()
    }

    /// Strong entity tag (RFC 9110 8.8.3): a hash of the bytes, in quotes.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Pieces of the bytes in `range`, cut at the end of the bytes.
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
