//! All tracks in one fragmented file (ISO/IEC 14496-12 8.8): one `moov`, then the chunks of the tracks in turn. Only the
//! boxes before the media of a chunk are copied.

use std::ops::Range;

use bytes::Bytes;
use mp4_atom::{Encode, FourCC, Ftyp, SegmentReference, Sidx};

use super::init::header;
use super::{Chunk, Configuration, Media, TRACK_ID};

const FREE_HEADER: u64 = 8;
static ZEROS: [u8; 4096] = [0; 4096];
/// Place of `sequence_number` in a `moof`.
const SEQUENCE_NUMBER: Range<usize> = 20..24;
/// Place of `track_ID` of the `tfhd` in a `moof`.
const TFHD_TRACK_ID: Range<usize> = 44..48;
/// Place of `reference_track_ID` in a `prft`.
const PRFT_TRACK_ID: Range<usize> = 12..16;

/// A file with one or more tracks, whose ids count from 1.
#[derive(Debug, Clone)]
pub struct Movie {
    header: Media,
    tracks: u32,
}

/// The segments of a file of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Presentation time of the first, in the timescale of the first track.
    pub start: u64,
    /// Duration of each, in the same timescale.
    pub ticks: u64,
    /// Number of segments.
    pub count: u64,
    /// Length of each in bytes.
    pub length: u64,
}

impl Movie {
    /// A file with tracks of these decoder configurations and timescales. `None` without a track, or if a configuration
    /// cannot be parsed.
    pub fn new(tracks: &[(&Configuration, u32)]) -> Option<Self> {
        Some(Self { header: header(&ftyp(), tracks, None)?, tracks: tracks.len() as u32 })
    }

    /// A file of whole segments of equal length, which begins with an index of them.
    pub fn of_segments(tracks: &[(&Configuration, u32)], segments: &Segments) -> Option<Self> {
        let header = header(&ftyp(), tracks, Some(segments.count * segments.ticks))?;
        let index = segments.index(tracks.first()?.1);
        let header = index.map_or(header.clone(), |index| Media::concat([&header, &index.into()]));
        Some(Self { header, tracks: tracks.len() as u32 })
    }

    /// `ftyp` and `moov`.
    pub fn header(&self) -> &Media {
        &self.header
    }

    /// The bytes of a chunk as a fragment of track `track`, counted from 0. `None` if the chunk cannot be parsed.
    pub fn fragment(&self, track: u32, chunk: &Chunk) -> Option<Vec<Bytes>> {
        let (first, rest) = chunk.media.pieces().split_first()?;
        let mut boxes = Vec::with_capacity(512);
        let mut media = first.clone();
        while media.get(4..8)? != b"mdat" {
            let length = u32::from_be_bytes(*media.first_chunk()?) as usize;
            if length < 8 || length > media.len() {
                return None;
            }
            self.append(track, &media.split_to(length), &mut boxes)?;
        }
        Some([boxes.into(), media].into_iter().chain(rest.iter().cloned()).collect())
    }

    /// A segment, of which `tracks` has the chunks of each track. It is padded to `length` bytes. `None` if it is longer, or
    /// a chunk cannot be parsed.
    pub fn segment(&self, tracks: &[&[Chunk]], length: u64) -> Option<Vec<Bytes>> {
        let mut pieces = Vec::new();
        for index in 0..tracks.first()?.len() {
            for (track, chunks) in (0..).zip(tracks) {
                pieces.extend(self.fragment(track, chunks.get(index)?)?);
            }
        }
        let media: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let free = length.checked_sub(media)?;
        if free > 0 {
            pieces.extend(free_space(free)?);
        }
        Some(pieces)
    }

    fn append(&self, track: u32, found: &[u8], boxes: &mut Vec<u8>) -> Option<()> {
        let start = boxes.len();
        match found.get(4..8)? {
            b"moof" => {
                boxes.extend_from_slice(found);
                let moof = &mut boxes[start..];
                is_moof_of_packager(moof).then_some(())?;
                // Chunks of all tracks with the same number follow each other.
                let before = u32::from_be_bytes(*moof[SEQUENCE_NUMBER].first_chunk()?).wrapping_sub(1);
                let number = before.wrapping_mul(self.tracks).wrapping_add(track + 1);
                moof[SEQUENCE_NUMBER].copy_from_slice(&number.to_be_bytes());
                moof[TFHD_TRACK_ID].copy_from_slice(&(TRACK_ID + track).to_be_bytes());
            }
            b"prft" => {
                boxes.extend_from_slice(found);
                boxes.get_mut(start..)?.get_mut(PRFT_TRACK_ID)?.copy_from_slice(&(TRACK_ID + track).to_be_bytes());
            }
            // A file begins with ftyp and has no styp.
            _ => {}
        }
        Some(())
    }
}

fn ftyp() -> Ftyp {
    // The brands of CMAF are of files with one track.
    let brands = [b"iso6", b"iso9", b"mp41"].map(FourCC::new);
    Ftyp { major_brand: brands[0], minor_version: 0, compatible_brands: brands.to_vec() }
}

/// A `free` box of `length` bytes. `None` if that is too short for a box.
fn free_space(length: u64) -> Option<impl Iterator<Item = Bytes>> {
    let content = length.checked_sub(FREE_HEADER)? as usize;
    let header = [&(length as u32).to_be_bytes()[..], b"free"].concat();
    let zeros = Bytes::from_static(&ZEROS);
    let rest = zeros.slice(..content % ZEROS.len());
    Some(std::iter::once(header.into()).chain(std::iter::repeat_n(zeros, content / ZEROS.len())).chain([rest]))
}

impl Segments {
    /// A `sidx` (ISO/IEC 14496-12 8.16.3). `None` if there are more segments than one box can list.
    fn index(&self, timescale: u32) -> Option<Vec<u8>> {
        let reference = SegmentReference {
            reference_type: false,
            referenced_size: u32::try_from(self.length).ok()?,
            subsegment_duration: u32::try_from(self.ticks).ok()?,
            starts_with_sap: true,
            sap_type: 1,
            sap_delta_time: 0,
        };
        let count = u16::try_from(self.count).ok()?;
        let sidx = Sidx {
            reference_id: TRACK_ID,
            timescale,
            earliest_presentation_time: self.start,
            first_offset: 0,
            references: vec![reference; count.into()],
        };
        let mut bytes = Vec::new();
        sidx.encode(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Whether the fields of a `moof` are where the packager writes them: `mfhd`, then `traf` that begins with `tfhd`.
fn is_moof_of_packager(moof: &[u8]) -> bool {
    let is_at = |place: usize, name: &[u8]| moof.get(place..place + 4) == Some(name);
    is_at(12, b"mfhd") && is_at(28, b"traf") && is_at(36, b"tfhd") && moof.len() >= TFHD_TRACK_ID.end
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, DecodeMaybe};

    use super::*;
    use crate::base::timeline::{Kind, Timeline};
    use crate::media::cmaf::{Format, Packager};

    const SEGMENT: u64 = 935_016_890;
    const RECORD: [u8; 17] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 2, 0x68, 0xce];

    fn chunks(kind: Kind) -> Vec<Chunk> {
        let timeline = Timeline::new("25".parse().unwrap(), 48, 8);
        let mut packager = Packager::new(Format { kind, timeline, bitrate: 400_000 }, SEGMENT);
        let unit = |frame: u64| [0, 0, 0, 2, if frame.is_multiple_of(48) { 0x65 } else { 0x41 }, frame as u8];
        timeline.segment(kind, SEGMENT).filter_map(|frame| packager.push(frame, &unit(frame)).unwrap()).collect()
    }

    fn boxes(bytes: &[u8]) -> Vec<Any> {
        let mut rest = bytes;
        std::iter::from_fn(|| Any::decode_maybe(&mut rest).unwrap()).collect()
    }

    fn movie() -> Movie {
        let video = Configuration::Avc { record: RECORD.to_vec(), width: 1280, height: 720 };
        let audio = Configuration::Aac { specific: vec![0x11, 0x90], bitrate: 128_000 };
        Movie::new(&[(&video, 90_000), (&audio, 48_000)]).unwrap()
    }

    #[test]
    fn a_header_has_a_track_for_each_configuration() {
        let movie = movie();
        let found = boxes(&movie.header().joined());
        let [Any::Ftyp(ftyp), Any::Moov(moov)] = found.as_slice() else { panic!("a header is ftyp and moov") };
        assert_eq!(ftyp.major_brand, FourCC::new(b"iso6"));
        assert_eq!(moov.mvhd.next_track_id, 3);
        let tracks: Vec<_> = moov.trak.iter().map(|trak| (trak.tkhd.track_id, trak.mdia.mdhd.timescale)).collect();
        assert_eq!(tracks, [(1, 90_000), (2, 48_000)]);
        let extends: Vec<_> = moov.mvex.as_ref().unwrap().trex.iter().map(|trex| trex.track_id).collect();
        assert_eq!(extends, [1, 2]);
        assert!(Movie::new(&[]).is_none());
    }

    #[test]
    fn fragments_of_all_tracks_have_rising_numbers_and_the_samples_of_their_chunks() {
        let (movie, [video, audio]) = (movie(), [Kind::Video, Kind::Audio].map(chunks));
        let mut sequence = None;
        for pair in video.iter().zip(&audio) {
            for (track, chunk) in [pair.0, pair.1].into_iter().enumerate() {
                let bytes = movie.fragment(track as u32, chunk).unwrap().concat();
                let id = track as u32 + 1;
                let mut found = boxes(&bytes);
                let Some(Any::Mdat(mdat)) = found.pop() else { panic!("a fragment ends with an mdat") };
                let Some(Any::Moof(moof)) = found.pop() else { panic!("before the mdat is a moof") };
                assert!(found.iter().all(|other| matches!(other, Any::Prft(prft) if prft.reference_track_id == id)));
                let traf = &moof.traf[0];
                assert_eq!((moof.traf.len(), traf.tfhd.track_id), (1, id));
                let expected = sequence.map_or(moof.mfhd.sequence_number, |before| before + 1);
                assert_eq!(moof.mfhd.sequence_number, expected);
                sequence = Some(expected);
                let Some(Any::Mdat(before)) = boxes(&chunk.media.joined()).pop() else { panic!("a chunk has an mdat") };
                assert_eq!(mdat.data, before.data);
                let sizes: u32 = traf.trun[0].samples.iter().filter_map(|sample| sample.size).sum();
                assert_eq!(sizes as usize, mdat.data.len());
                assert_eq!(bytes.len() - sizes as usize, data_start(&bytes, traf.trun[0].data_offset.unwrap()));
            }
        }
    }

    #[test]
    fn segments_of_known_length_are_padded_and_indexed() {
        let video = Configuration::Avc { record: RECORD.to_vec(), width: 1280, height: 720 };
        let audio = Configuration::Aac { specific: vec![0x11, 0x90], bitrate: 128_000 };
        let timeline = Timeline::new("25".parse().unwrap(), 48, 8);
        let format = |kind, bitrate| Format { kind, timeline, bitrate };
        let length =
            format(Kind::Video, 400_000).longest_segment() + format(Kind::Audio, 128_000).longest_segment() + 8;
        let segments = Segments { start: SEGMENT * 172_800, ticks: 172_800, count: 3, length };
        let movie = Movie::of_segments(&[(&video, 90_000), (&audio, 48_000)], &segments).unwrap();
        let found = boxes(&movie.header().joined());
        let [Any::Ftyp(_), Any::Moov(moov), Any::Sidx(sidx)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(moov.mvex.as_ref().unwrap().mehd.as_ref().unwrap().fragment_duration, 3 * 172_800);
        let index: Vec<_> = sidx.references.iter().map(|entry| u64::from(entry.referenced_size)).collect();
        assert_eq!((index, sidx.earliest_presentation_time), (vec![length; 3], SEGMENT * 172_800));
        let [video, audio] = [Kind::Video, Kind::Audio].map(chunks);
        let bytes = movie.segment(&[&video, &audio], length).unwrap().concat();
        assert_eq!(bytes.len() as u64, length);
        let found = boxes(&bytes);
        let fragments = found.iter().filter(|found| matches!(found, Any::Moof(_))).count();
        assert!(fragments == 12 && matches!(found.last(), Some(Any::Free(_))), "{fragments}");
        let media = bytes.len() as u64 - boxes_len(found.last().unwrap());
        assert!(movie.segment(&[&video, &audio], media).is_some(), "without free space");
        assert!(movie.segment(&[&video, &audio], media + 7).is_none(), "a box is longer");
        assert!(movie.segment(&[&video, &audio], media - 1).is_none());
    }

    fn boxes_len(free: &Any) -> u64 {
        let mut bytes = Vec::new();
        free.encode(&mut bytes).unwrap();
        bytes.len() as u64
    }

    /// Place of the first sample by the data offset of the `trun`, which counts from the `moof`.
    fn data_start(bytes: &[u8], offset: i32) -> usize {
        bytes.windows(4).position(|four| four == b"moof").unwrap() - 4 + offset as usize
    }

    #[test]
    fn bytes_that_are_not_a_chunk_have_no_fragment() {
        let whole = chunks(Kind::Audio).remove(0);
        let bytes = whole.media.joined();
        let of = |bytes: Vec<u8>| movie().fragment(1, &Chunk { media: bytes.into(), ..whole.clone() });
        let head = bytes.windows(4).position(|four| four == b"mdat").unwrap() + 3;
        assert!((0..head).all(|end| of(bytes[..end].to_vec()).is_none()));
        let name = bytes.windows(4).position(|four| four == b"tfhd").unwrap();
        let other = [&bytes[..name], b"free", &bytes[name + 4..]].concat();
        assert!(of(other).is_none());
    }
}
