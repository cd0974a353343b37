//! Wrong bytes in samples. Which bytes are wrong follows from a seed, so that a chunk has the same bytes alone, as a part and in
//! its segment, on every server.
//!
//! Video is corrupted inside slices only. Lengths and headers of NAL units are as they were, so that the file can be parsed and
//! the fault is one of the picture. Padding is as it was too, because nobody would see a difference.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::timeline::Kind;

const MDAT_HEADER: usize = 8;
/// Length of a NAL unit's length, and with the header of the NAL unit.
const NAL_LENGTH: usize = 4;
const NAL_HEAD: usize = NAL_LENGTH + 1;
/// Types of NAL units that are slices (H.264 table 7-1).
const SLICES: std::ops::RangeInclusive<u8> = 1..=5;

/// Wrong bytes of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Corruption {
    /// What the places and values of the bytes follow from: another for each segment of each track.
    pub seed: u64,
    /// Number of wrong bytes in the segment, which are spread over its chunks. Fewer if the samples are shorter.
    pub bytes: u32,
    /// Chunks in the segment.
    pub chunks: u32,
    /// Kind of the track.
    pub kind: Kind,
}

/// A wrong byte.
#[derive(Clone, Copy)]
struct Draw(u64);

impl Draw {
    fn chunk(self, chunks: u32) -> u32 {
        (self.0 % u64::from(chunks)) as u32
    }

    /// A place before `end`.
    fn place(self, end: usize) -> usize {
        ((self.0 >> 16) % end as u64) as usize
    }

    /// What is wrong in the byte; never nothing.
    fn mask(self) -> u8 {
        (self.0 >> 56) as u8 | 1
    }
}

impl Corruption {
    /// Makes bytes in the `mdat` box of chunk `chunk` wrong. Pieces without a wrong byte are not copied. `None` if the box is not as
    /// [`super::super::Packager`] makes it.
    pub(super) fn apply(&self, chunk: u32, mdat: &mut [Bytes]) -> Option<()> {
        let draws = (0..self.bytes).map(|number| Draw(xxh3_64_with_seed(&number.to_le_bytes(), self.seed)));
        let here: Vec<_> = draws.filter(|draw| draw.chunk(self.chunks) == chunk).collect();
        if here.is_empty() {
            return Some(());
        }
        let samples = self.samples(mdat)?;
        let length: usize = samples.iter().map(ExactSizeIterator::len).sum();
        let mut wrong = BTreeMap::new();
        for draw in here.into_iter().take(length) {
            let mut place = draw.place(length);
            while wrong.contains_key(&place) {
                place = (place + 1) % length;
            }
            wrong.insert(place, draw.mask());
        }
        let mut wrong = places(&samples, &wrong).into_iter().peekable();
        let mut start = 0;
        for piece in mdat {
            let end = start + piece.len();
            if wrong.peek().is_some_and(|(place, _)| *place < end) {
                let mut bytes = piece.to_vec();
                while let Some((place, mask)) = wrong.next_if(|(place, _)| *place < end) {
                    bytes[place - start] ^= mask;
                }
                *piece = bytes.into();
            }
            start = end;
        }
        Some(())
    }

    /// The places in the `mdat` box that may be wrong.
    fn samples(&self, mdat: &[Bytes]) -> Option<Vec<Range<usize>>> {
        let end = mdat.iter().map(Bytes::len).sum();
        let (mut slices, mut start) = (Vec::new(), MDAT_HEADER);
        if self.kind == Kind::Audio {
            slices.push(start..end);
            return Some(slices);
        }
        while start < end {
            let head = array::<NAL_HEAD>(mdat, start)?;
            let next = start + NAL_LENGTH + u32::from_be_bytes(*head.first_chunk()?) as usize;
            if SLICES.contains(&(head[NAL_LENGTH] & 0x1f)) {
                slices.push(start + NAL_HEAD..next);
            }
            start = next;
        }
        (start == end).then_some(slices)
    }
}

/// The places in the `mdat` box of places that are counted in the samples.
fn places(samples: &[Range<usize>], wrong: &BTreeMap<usize, u8>) -> Vec<(usize, u8)> {
    let mut before = 0;
    let mut found = Vec::with_capacity(wrong.len());
    for sample in samples {
        let end = before + sample.len();
        found.extend(wrong.range(before..end).map(|(place, mask)| (sample.start + place - before, *mask)));
        before = end;
    }
    found
}

/// The bytes at `start`.
fn array<const N: usize>(pieces: &[Bytes], start: usize) -> Option<[u8; N]> {
    let mut found = [0; N];
    for (offset, byte) in found.iter_mut().enumerate() {
        let mut place = start + offset;
        let piece = pieces.iter().find(|piece| {
            let is_here = place < piece.len();
            if !is_here {
                place -= piece.len();
            }
            is_here
        })?;
        *byte = piece[place];
    }
    Some(found)
}
