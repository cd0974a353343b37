//! Another origin of the numbers and times of a chunk: sequence number (`mfhd`), decoding time (`tfdt`) and the media time of
//! `prft` count from a later segment. Lengths and all other bytes stay, and samples are not copied.

use super::Media;

/// What numbers and times of a track count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Sequence numbers before it.
    pub sequence: u64,
    /// Ticks before it, in the timescale of the track.
    pub ticks: u64,
}

impl Origin {
    /// A chunk or a segment, counted from this origin. `None` if the bytes are not as [`super::Packager`] makes them, or if they
    /// are before the origin.
    ///
    /// `tfdt` stays a box of version 1, with 64 bits: a box with 32 bits has no value for what comes after 2^32 (ISO/IEC
    /// 14496-12 8.8.12 defines no wrap), so a file that wraps there would be wrong, and not a test of what players do.
    pub fn apply(&self, media: &Media) -> Option<Media> {
        let mut pieces = Vec::with_capacity(2 * media.pieces().len());
        let mut rest = media.pieces().iter();
        while let Some(first) = rest.next() {
            let boxes = boxes_end(first)?;
            let mut head = first[..boxes].to_vec();
            self.apply_to_boxes(&mut head)?;
            pieces.extend([head.into(), first.slice(boxes..)]);
            // A chunk begins with a piece of its own.
            let mut left = (boxes + size(first, boxes)?).checked_sub(first.len())?;
            while left > 0 {
                let piece = rest.next()?;
                left = left.checked_sub(piece.len())?;
                pieces.push(piece.clone());
            }
        }
        Some(Media::new(pieces))
    }

    fn apply_to_boxes(&self, head: &mut [u8]) -> Option<()> {
        let mut start = 0;
        while start < head.len() {
            match name(head, start)? {
                b"prft" => self.subtract_ticks(head, start + 24)?,
                b"moof" => self.apply_to_moof(head, start)?,
                _ => {}
            }
            start += size(head, start)?;
        }
        Some(())
    }

    fn apply_to_moof(&self, bytes: &mut [u8], moof: usize) -> Option<()> {
        let mfhd = child(bytes, moof, b"mfhd")?;
        let sequence = u32::from_be_bytes(*bytes.get(mfhd + 12..)?.first_chunk()?);
        // The box has 32 bits, which wrap in both.
        let sequence = sequence.wrapping_sub(self.sequence as u32);
        bytes.get_mut(mfhd + 12..mfhd + 16)?.copy_from_slice(&sequence.to_be_bytes());
        let traf = child(bytes, moof, b"traf")?;
        let tfdt = child(bytes, traf, b"tfdt")?;
        self.subtract_ticks(bytes, tfdt + 12)
    }

    /// Subtracts the ticks from 64 bits at `place`.
    fn subtract_ticks(&self, bytes: &mut [u8], place: usize) -> Option<()> {
        let time = u64::from_be_bytes(*bytes.get(place..)?.first_chunk()?).checked_sub(self.ticks)?;
        bytes.get_mut(place..place + 8)?.copy_from_slice(&time.to_be_bytes());
        Some(())
    }
}

/// Length of the boxes before `mdat`.
fn boxes_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while name(bytes, start)? != b"mdat" {
        start += size(bytes, start)?;
    }
    Some(start)
}

/// Place of the first box `wanted` in the box at `parent`.
fn child(bytes: &[u8], parent: usize, wanted: &[u8; 4]) -> Option<usize> {
    let end = parent + size(bytes, parent)?;
    let mut start = parent + 8;
    while start < end {
        if name(bytes, start)? == wanted {
            return Some(start);
        }
        start += size(bytes, start)?;
    }
    None
}

/// Size of the box at `start`, at least that of its header.
fn size(bytes: &[u8], start: usize) -> Option<usize> {
    let size = u32::from_be_bytes(*bytes.get(start..)?.first_chunk()?) as usize;
    Some(size).filter(|size| *size >= 8)
}

fn name(bytes: &[u8], start: usize) -> Option<&[u8; 4]> {
    bytes.get(start + 4..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Decode, Moof};

    use super::*;
    use crate::base::timeline::{Kind, Rate, Timeline};
    use crate::media::cmaf::{Chunk, Format, Packager};

    /// 2026-11-21T03:40:28.800Z
    const SEGMENT: u64 = 935_016_890;
    const TIMELINE: Timeline = Timeline::new(Rate::new(25, 1).unwrap(), 48, 8);

    /// The chunks of a segment.
    fn chunks(kind: Kind, segment: u64) -> Vec<Chunk> {
        let mut packager = Packager::new(Format { kind, timeline: TIMELINE, bitrate: 100_000 }, segment);
        let frames = TIMELINE.segment(kind, segment);
        let unit = |frame| [0, 0, 0, 2, if frame == frames.start { 0x65 } else { 0x41 }, 7];
        frames.clone().filter_map(|frame| packager.push(frame, &unit(frame)).unwrap()).collect()
    }

    /// Sequence number and decoding time.
    fn moof(bytes: &[u8]) -> (u32, u64) {
        let start = bytes.windows(4).position(|name| name == b"moof").unwrap() - 4;
        let moof = Moof::decode(&mut &bytes[start..]).unwrap();
        (moof.mfhd.sequence_number, moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time)
    }

    #[test]
    fn a_chunk_counts_from_the_origin_and_nothing_else_changes() {
        // Segments before the origin, whose timestamps are those of a stream that begins there.
        let before = SEGMENT - 100;
        for kind in [Kind::Video, Kind::Audio] {
            let ticks = TIMELINE.segment(kind, before).start * u64::from(TIMELINE.frame_ticks(kind));
            let origin = Origin { sequence: before * 6, ticks };
            for (chunk, fresh) in chunks(kind, SEGMENT).into_iter().zip(chunks(kind, 100)) {
                let (old, new) = (chunk.media.joined(), origin.apply(&chunk.media).unwrap());
                assert_eq!((new.len(), moof(&new.joined())), (chunk.media.len(), moof(&fresh.media.joined())));
                let fields = old.iter().zip(new.joined().iter()).filter(|(old, new)| old != new).count();
                assert!((1..=8 + 8 + 4).contains(&fields), "{fields} bytes differ");
                if kind == Kind::Video {
                    let media_time = |bytes: &[u8]| {
                        let prft = bytes.windows(4).position(|name| name == b"prft").unwrap() - 4;
                        bytes[prft + 24..prft + 32].to_vec()
                    };
                    assert_eq!(media_time(&new.joined()), media_time(&fresh.media.joined()));
                }
                assert_ne!(new.etag(), chunk.media.etag());
            }
        }
    }

    #[test]
    fn times_pass_33_bits_without_a_break() {
        let ticks = TIMELINE.segment_ticks();
        let origin = Origin { sequence: 0, ticks: SEGMENT * ticks + ticks / 2 - (1 << 33) };
        let times = [SEGMENT, SEGMENT + 1].map(|segment| {
            let segment = Media::concat(chunks(Kind::Video, segment).iter().map(|chunk| &chunk.media));
            let media = origin.apply(&segment).unwrap();
            assert_eq!(media.len(), segment.len());
            moof(&media.joined()).1
        });
        assert_eq!(times, [(1 << 33) - ticks / 2, (1 << 33) + ticks / 2]);
    }

    #[test]
    fn what_is_before_the_origin_or_no_chunk_is_refused() {
        let chunk = &chunks(Kind::Video, SEGMENT)[0].media;
        assert_eq!(Origin { sequence: 0, ticks: u64::MAX }.apply(chunk), None);
        let origin = Origin { sequence: 0, ticks: 1 };
        for wrong in [&b"mdat"[..], &[0, 0, 0, 8, b'm', b'o', b'o', b'f'], &[0, 0, 0, 0, b'f', b'r', b'e', b'e']] {
            assert_eq!(origin.apply(&Media::from(wrong.to_vec())), None, "{wrong:?}");
        }
    }
}
