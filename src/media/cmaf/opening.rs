//! The first bytes of a chunk before its samples exist: the boxes up to the sizes of the samples are a function of numbers.

use bytes::Bytes;

use super::rewriting::boxes;
use super::{Chunk, Format, Media, Packager};
use crate::base::timeline::{Kind, Timeline};

/// A chunk of the packager with the smallest samples, whose boxes are those of the real chunk up to [`opening`]. `None` if the segment
/// has no such chunk.
pub fn smallest(kind: Kind, timeline: Timeline, (segment, index): (u64, u32)) -> Option<Media> {
    let mut packager = Packager::new(Format { kind, timeline, bitrate: 0 }, segment);
    let frames = timeline.segment(kind, segment);
    let unit = |frame| [0, 0, 0, 1, if frame == frames.start { 0x65 } else { 0x41 }];
    let mut chunks = frames.clone().filter_map(|frame| packager.push(frame, &unit(frame)).ok().flatten());
    chunks.find(|chunk: &Chunk| chunk.index == index).map(|chunk| chunk.media)
}

/// The boxes of a chunk up to the sizes of its samples.
pub fn opening(chunk: &Media) -> Option<Bytes> {
    let bytes = chunk.joined();
    let moof = boxes::find(&bytes, b"moof")?;
    let trun = boxes::child(&bytes, boxes::child(&bytes, moof, b"traf")?, b"trun")?;
    Some(bytes.slice(..trun))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timeline::Rate;

    #[test]
    fn a_chunk_begins_with_its_opening() {
        let timeline = Timeline::new(Rate::new(30_000, 1001).unwrap(), 60, 9);
        for kind in [Kind::Video, Kind::Audio] {
            for bitrate in [100_000, 0] {
                let mut packager = Packager::new(Format { kind, timeline, bitrate }, 1_000_000);
                for frame in timeline.segment(kind, 1_000_000) {
                    let first = frame == timeline.segment(kind, 1_000_000).start;
                    let unit = [0, 0, 0, 3, if first { 0x65 } else { 0x41 }, 7, 8];
                    let Some(chunk) = packager.push(frame, &unit).unwrap() else { continue };
                    let early = smallest(kind, timeline, (1_000_000, chunk.index)).unwrap();
                    let early = opening(&early).unwrap();
                    assert!(early.len() >= 60 && chunk.media.joined().starts_with(&early), "{kind} {}", chunk.index);
                }
            }
            assert_eq!(smallest(kind, timeline, (1_000_000, 7)), None);
        }
    }
}
