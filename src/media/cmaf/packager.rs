//! Packages the access units of one track into chunks. Numbers and times follow from the frame index. Video segments
//! are padded to their bitrate.

use std::ops::Range;

use bytes::Bytes;
use mp4_atom::{Encode, FourCC, Mfhd, Moof, Styp, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples};

use super::padding::{self, Padding};
use super::{Media, PackageError, TRACK_ID, avc};
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, Kind, SAMPLE_RATE, Timeline, UnixTime};

/// Sample flags (ISO/IEC 14496-12 8.8.3.1) of an independent picture.
const SYNC: u32 = 0x0200_0000;
/// Sample flags of a dependent picture.
const NON_SYNC: u32 = 0x0101_0000;
const MDAT_HEADER: usize = 8;
/// Length of a `styp` with four brands.
const STYP_LEN: usize = 32;
/// Lengths of `moof` (8), `mfhd` (16), `traf` (8), `tfhd` (24) and `tfdt` (20).
const MOOF_LEN: usize = 8 + 16 + 8 + 24 + 20;
/// Length of a `trun` without samples and first sample flags, and of a sample in it.
const TRUN_LEN: usize = 20;
const SAMPLE_LEN: usize = 4;
/// Seconds from the epoch of NTP (1900) to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// Settings of a packager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Video or audio.
    pub kind: Kind,
    /// Grid of segments and chunks.
    pub timeline: Timeline,
    /// Bits per second to which video segments are padded. Audio has a constant bitrate already.
    pub bitrate: u32,
}

impl Format {
    /// Length in bytes that no segment exceeds, unless the encoder exceeds the bitrate.
    pub fn longest_segment(&self) -> u64 {
        let bits = |nanos: u128| (nanos * u128::from(self.bitrate)).div_ceil(8_000_000_000) as u64;
        match self.kind {
            // Both ends are rounded.
            Kind::Video => bits(self.timeline.longest_segment(Kind::Video).as_nanos()) + 1,
            Kind::Audio => {
                let rate = u128::from(SAMPLE_RATE);
                let frame = (u128::from(AUDIO_FRAME_SAMPLES) * 1_000_000_000).div_ceil(rate);
                let frames = (self.timeline.longest_segment(Kind::Audio).as_nanos() / frame + 1) as u64;
                let chunks = u64::from(self.timeline.chunks_per_segment());
                let boxes = (MOOF_LEN + TRUN_LEN + MDAT_HEADER) as u64;
                STYP_LEN as u64 + chunks * boxes + frames * (bits(frame) + SAMPLE_LEN as u64)
            }
        }
    }
}

/// A CMAF chunk: `moof` and `mdat`, preceded by `styp` at the start of a segment and by `prft` for video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Number of its segment.
    pub segment: u64,
    /// Index in the segment, from 0.
    pub index: u32,
    /// The bytes.
    pub media: Media,
    /// Bytes from the start of the chunk to the end of its first sample.
    pub first_sample_end: u64,
    /// Bytes by which the segment exceeds its bitrate so far. Zero unless the encoder output more than the bitrate
    /// allows.
    pub excess: u64,
}

/// Packages one track of a run.
#[derive(Debug)]
pub struct Packager {
    format: Format,
    segment: u64,
    index: u32,
    frames: Range<u64>,
    due: Option<u64>,
    segment_bytes: u64,
    data: Vec<u8>,
    sizes: Vec<u32>,
}

impl Packager {
    /// A packager that starts with chunk 0 of the segment `from`.
    pub fn new(format: Format, from: u64) -> Self {
        let frames = format.timeline.chunk(format.kind, from, 0);
        Self {
            format,
            segment: from,
            index: 0,
            frames,
            due: None,
            segment_bytes: 0,
            data: Vec::new(),
            sizes: Vec::new(),
        }
    }

    /// Adds access unit `frame`, counted from 1970, and returns the chunk that it completes. Frames before the first
    /// segment are dropped. Later frames must be consecutive.
    ///
    /// # Errors
    /// [`PackageError`]. The packager cannot be used afterwards.
    pub fn push(&mut self, frame: u64, access_unit: &[u8]) -> Result<Option<Chunk>, PackageError> {
        let expected = self.due.unwrap_or(frame.min(self.frames.start));
        if frame != expected {
            return Err(PackageError::OutOfOrder { expected, found: frame });
        }
        self.due = Some(frame + 1);
        if frame < self.frames.start {
            return Ok(None);
        }
        let start = self.data.len();
        match self.format.kind {
            Kind::Audio => self.data.extend_from_slice(access_unit),
            Kind::Video => self.append_picture(frame, access_unit)?,
        }
        self.sizes.push((self.data.len() - start) as u32);
        Ok((frame + 1 == self.frames.end).then(|| self.finish(start)))
    }

    fn append_picture(&mut self, frame: u64, access_unit: &[u8]) -> Result<(), PackageError> {
        let idr = avc::append_slices(access_unit, &mut self.data)
            .ok_or(PackageError::Malformed { what: "access unit", frame })?;
        let starts_segment = self.index == 0 && frame == self.frames.start;
        match idr == starts_segment {
            true => Ok(()),
            false => Err(PackageError::MisplacedIdr { frame }),
        }
    }

    /// Completes the chunk. Its last sample starts at byte `last_sample` of the data.
    fn finish(&mut self, last_sample: usize) -> Chunk {
        let mut head = Vec::with_capacity(512 + self.data.len());
        self.encode_preamble(&mut head);
        let moof_at = head.len();
        self.moof().encode(&mut head).expect("a moof holds nothing that cannot be encoded");
        let boxes = head.len() + MDAT_HEADER;

        let padding = self.padding((boxes + self.data.len()) as u64);
        let padding_len = padding.as_ref().map_or(0, |padding| padding.head.len() + padding.fill + 1);
        if let Some(last) = self.sizes.last_mut() {
            *last += padding_len as u32;
        }
        head.truncate(moof_at);
        self.moof().encode(&mut head).expect("a moof holds nothing that cannot be encoded");
        head.extend_from_slice(&((MDAT_HEADER + self.data.len() + padding_len) as u32).to_be_bytes());
        head.extend_from_slice(b"mdat");

        let first_sample_end = (head.len() + self.sizes.first().map_or(0, |size| *size as usize)) as u64;
        let media = Media::new(self.pieces(head, padding, last_sample));
        self.segment_bytes += media.len();
        let excess = match self.format.kind {
            Kind::Video => self.segment_bytes.saturating_sub(self.budget()),
            Kind::Audio => 0,
        };
        let chunk = Chunk { segment: self.segment, index: self.index, media, first_sample_end, excess };
        self.data.clear();
        self.sizes.clear();
        self.advance();
        chunk
    }

    fn pieces(&self, mut head: Vec<u8>, padding: Option<Padding>, last_sample: usize) -> Vec<Bytes> {
        let Some(padding) = padding else {
            head.extend_from_slice(&self.data);
            return vec![head.into()];
        };
        head.extend_from_slice(&self.data[..last_sample]);
        head.extend_from_slice(&padding.head);
        let mut tail = Vec::with_capacity(1 + self.data.len() - last_sample);
        tail.push(padding.tail);
        tail.extend_from_slice(&self.data[last_sample..]);
        let mut pieces = vec![head.into()];
        pieces.extend(padding.filling());
        pieces.push(tail.into());
        pieces
    }

    /// Writes `styp` at the start of a segment and `prft` for video.
    fn encode_preamble(&self, head: &mut Vec<u8>) {
        if self.index == 0 {
            let brands = [b"cmfs", b"cmff", b"cmfl", b"msdh"].map(FourCC::new);
            let styp = Styp { major_brand: brands[0], minor_version: 0, compatible_brands: brands.to_vec() };
            styp.encode(head).expect("a styp holds nothing that cannot be encoded");
        }
        if self.format.kind == Kind::Video {
            let captured = ntp(self.format.timeline.frame_start(Kind::Video, self.frames.start));
            head.extend_from_slice(&prft(captured, self.media_time()));
        }
    }

    fn moof(&self) -> Moof {
        let kind = self.format.kind;
        let (flags, first_flags) = match (kind, self.index) {
            (Kind::Audio, _) => (SYNC, None),
            (Kind::Video, 0) => (NON_SYNC, Some(SYNC)),
            (Kind::Video, _) => (NON_SYNC, None),
        };
        let mut samples: Vec<_> =
            self.sizes.iter().map(|size| TrunEntry { size: Some(*size), ..TrunEntry::default() }).collect();
        if let Some(first) = samples.first_mut() {
            first.flags = first_flags;
        }
        let chunks = u64::from(self.format.timeline.chunks_per_segment());
        let trun = TRUN_LEN + if first_flags.is_some() { 4 } else { 0 } + SAMPLE_LEN * samples.len();
        let moof_len = MOOF_LEN + trun;
        Moof {
            // The box has 32 bits, which wrap after about a century of segments.
            mfhd: Mfhd { sequence_number: (self.segment * chunks + u64::from(self.index) + 1) as u32 },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: TRACK_ID,
                    default_sample_duration: Some(self.format.timeline.frame_ticks(kind)),
                    default_sample_flags: Some(flags),
                    default_base_is_moof: true,
                    ..Tfhd::default()
                },
                tfdt: Some(Tfdt { base_media_decode_time: self.media_time() }),
                trun: vec![Trun {
                    data_offset: Some((moof_len + MDAT_HEADER) as i32),
                    samples: TrunSamples::Explicit(samples),
                }],
                ..Traf::default()
            }],
        }
    }

    /// Padding of a chunk of `natural` bytes, so that the segment so far has the size of its bitrate.
    fn padding(&self, natural: u64) -> Option<Padding> {
        if self.format.kind == Kind::Audio {
            return None;
        }
        let missing = self.budget().saturating_sub(self.segment_bytes + natural) as usize;
        (missing >= padding::SHORTEST).then(|| Padding::new(missing))
    }

    /// Bytes that the segment may have at the end of this chunk. Both ends are rounded from 1970, so the rate is exact
    /// over any number of segments.
    fn budget(&self) -> u64 {
        let rate = self.format.timeline.rate();
        let bytes = |frame: u64| {
            let bits = u128::from(frame) * u128::from(rate.den()) * u128::from(self.format.bitrate);
            (bits / (8 * u128::from(rate.num()))) as u64
        };
        let start = self.format.timeline.segment(Kind::Video, self.segment).start;
        bytes(self.frames.end) - bytes(start)
    }

    fn media_time(&self) -> u64 {
        self.frames.start * u64::from(self.format.timeline.frame_ticks(self.format.kind))
    }

    fn advance(&mut self) {
        self.index += 1;
        if self.index == self.format.timeline.chunks_per_segment() {
            self.index = 0;
            self.segment += 1;
            self.segment_bytes = 0;
        }
        self.frames = self.format.timeline.chunk(self.format.kind, self.segment, self.index);
    }
}

/// A `prft` box with the capture time of the picture with presentation time `media_time` (ISO/IEC 14496-12 8.16.5,
/// version 1, flags 24).
fn prft(ntp_timestamp: u64, media_time: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&32_u32.to_be_bytes());
    bytes[4..8].copy_from_slice(b"prft");
    bytes[8..12].copy_from_slice(&0x0100_0018_u32.to_be_bytes());
    bytes[12..16].copy_from_slice(&TRACK_ID.to_be_bytes());
    bytes[16..24].copy_from_slice(&ntp_timestamp.to_be_bytes());
    bytes[24..].copy_from_slice(&media_time.to_be_bytes());
    bytes
}

/// NTP timestamp, 32 bits of seconds since 1900 and 32 of fraction (RFC 5905 6).
fn ntp(time: UnixTime) -> u64 {
    let seconds = (time.as_secs() + NTP_TO_UNIX) & 0xffff_ffff;
    let fraction = (u128::from(time.as_nanos() % 1_000_000_000) << 32) + 500_000_000;
    (seconds << 32) | (fraction / 1_000_000_000) as u64
}
