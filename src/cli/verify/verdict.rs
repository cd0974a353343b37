//! Verdict on a segment: a pure comparison of its bytes with the bytes of all segments that it may be.

use std::collections::BTreeMap;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::inspect::boxes::Segment;

/// Verdict on a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The bytes of the definition.
    Same,
    /// No answer, or an answer with an error status.
    Missing(String),
    /// The URL contains another revision than the definition has here.
    OtherRevision,
    /// The bytes of an earlier segment of the same track.
    Stale(u64),
    /// The bytes of another segment.
    MixedUp(String, u64),
    /// Only the beginning of the segment.
    Truncated {
        /// Number of received bytes.
        received: usize,
        /// Number of bytes of the segment.
        expected: usize,
    },
    /// Other boxes around the same samples.
    Remuxed,
    /// Bytes that differ.
    Damaged {
        /// Place of the first of them.
        first: usize,
        /// Their number.
        count: usize,
    },
    /// The bytes of no known segment.
    Unknown {
        /// SHA-256 in hex digits.
        sha256: String,
    },
}

impl Verdict {
    /// Name of the verdict.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Missing(_) => "missing",
            Self::OtherRevision => "other revision",
            Self::Stale(_) => "stale",
            Self::MixedUp(..) => "mixed up",
            Self::Truncated { .. } => "truncated",
            Self::Remuxed => "re-muxed",
            Self::Damaged { .. } => "damaged",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What was found.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::Same => "the bytes are those of the definition".to_owned(),
            Self::Missing(error) => error.clone(),
            Self::OtherRevision => {
                "the URL has another revision: the definition has changed, or the encoders here have other versions"
                    .to_owned()
            }
            Self::Stale(number) => format!("the bytes are those of segment {number}, which is older"),
            Self::MixedUp(track, number) => format!("the bytes are those of segment {number} of track {track}"),
            Self::Truncated { received, expected } => format!("only the first {received} of {expected} bytes came"),
            Self::Remuxed => "the samples are right, the boxes around them are others".to_owned(),
            Self::Damaged { first, count } => format!("{count} bytes differ, the first at {first}"),
            Self::Unknown { sha256 } => format!("the bytes are of no segment near it (SHA-256 {sha256})"),
        }
    }
}

/// Compares what was received for a segment with all segments that were rendered.
pub(super) fn judge(
    received: &[u8],
    (track, number): (&str, u64),
    expected: &BTreeMap<(String, u64), Bytes>,
) -> Verdict {
    let sha256 = Sha256::digest(received);
    let of = |bytes: &[u8]| Sha256::digest(bytes) == sha256;
    let own = expected.get(&(track.to_owned(), number));
    if own.is_some_and(|own| of(own)) {
        return Verdict::Same;
    }
    let other = expected.iter().find(|(_, bytes)| bytes.len() == received.len() && of(bytes));
    if let Some(((other, found), _)) = other {
        return match other == track && *found < number {
            true => Verdict::Stale(*found),
            false => Verdict::MixedUp(other.clone(), *found),
        };
    }
    let unknown = || Verdict::Unknown { sha256: sha256.iter().map(|byte| format!("{byte:02x}")).collect() };
    let Some(own) = own else { return unknown() };
    if own.starts_with(received) {
        return Verdict::Truncated { received: received.len(), expected: own.len() };
    }
    if samples(own).is_some_and(|own| Some(own) == samples(received)) {
        return Verdict::Remuxed;
    }
    let differing: Vec<_> =
        own.iter().zip(received).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    // More than half of the bytes: another file, by chance as long.
    match differing.first() {
        Some(first) if own.len() == received.len() && differing.len() * 2 < own.len() => {
            Verdict::Damaged { first: *first, count: differing.len() }
        }
        _ => unknown(),
    }
}

/// All samples of a segment, one after another, with their lengths.
fn samples(file: &[u8]) -> Option<Vec<&[u8]>> {
    let segment = Segment::parse(file).ok()?;
    let all = segment.chunks.iter().flat_map(|chunk| &chunk.samples);
    all.map(|sample| file.get(sample.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box.
    fn of(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&size[..], kind, content].concat()
    }

    /// A segment of one chunk with two samples, of this sequence number.
    fn segment(sequence: u8, samples: [&[u8]; 2]) -> Vec<u8> {
        let full = |flags: [u8; 4], fields: &[u32]| {
            let fields: Vec<u8> = fields.iter().flat_map(|field| field.to_be_bytes()).collect();
            [&flags[..], &fields].concat()
        };
        let sizes = samples.map(|sample| u32::try_from(sample.len()).unwrap());
        let trun = of(b"trun", &full([0, 0, 2, 1], &[2, 0, sizes[0], sizes[1]]));
        let traf = of(b"traf", &[of(b"tfhd", &full([0, 2, 0, 0], &[1])), trun].concat());
        let moof = of(b"moof", &[of(b"mfhd", &full([0; 4], &[sequence.into()])), traf].concat());
        [moof, of(b"mdat", &samples.concat())].concat()
    }

    #[test]
    fn each_difference_has_its_name() {
        let one = segment(1, [b"first sample", b"second"]);
        let two = segment(2, [b"third sample", b"fourth"]);
        let sound = segment(1, [b"a sound", b"silence"]);
        let key = |track: &str, number: u64| (track.to_owned(), number);
        let expected: BTreeMap<_, _> =
            [(key("v", 1), one.clone()), (key("v", 2), two.clone()), (key("a", 2), sound.clone())]
                .into_iter()
                .map(|(key, bytes)| (key, Bytes::from(bytes)))
                .collect();
        let judged = |bytes: &[u8]| judge(bytes, ("v", 2), &expected);
        assert_eq!(judged(&two), Verdict::Same);
        assert_eq!(judged(&one), Verdict::Stale(1));
        assert_eq!(judge(&two, ("v", 1), &expected), Verdict::MixedUp("v".to_owned(), 2));
        assert_eq!(judged(&sound), Verdict::MixedUp("a".to_owned(), 2));
        assert_eq!(judged(&two[..50]), Verdict::Truncated { received: 50, expected: two.len() });
        assert_eq!(judged(b""), Verdict::Truncated { received: 0, expected: two.len() });
        assert_eq!(judged(&segment(9, [b"third sample", b"fourth"])), Verdict::Remuxed);
        let mut flipped = two.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        assert_eq!(judged(&flipped), Verdict::Damaged { first: last, count: 1 });
        assert_eq!(judged(b"<html>not found</html>").name(), "unknown");
        assert_eq!(judge(&two, ("v", 7), &expected), Verdict::Stale(2));
        assert_eq!(judge(b"x", ("v", 7), &expected).name(), "unknown");
    }
}
