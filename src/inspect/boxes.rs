//! Reads CMAF files with `mp4-atom`, and H.264 samples NAL unit by NAL unit.

use std::ops::Range;

use mp4_atom::{Any, Codec, Decode, Emsg, FourCC, Ftyp, Header, Moof, Moov, Prft, Styp};

/// Boxes that may occur between chunks and contain no information about samples.
const OF_NO_SAMPLES: [FourCC; 8] = [
    FourCC::new(b"emsg"),
    FourCC::new(b"sidx"),
    FourCC::new(b"ssix"),
    FourCC::new(b"free"),
    FourCC::new(b"skip"),
    FourCC::new(b"uuid"),
    FourCC::new(b"mfra"),
    FourCC::new(b"pdin"),
];

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// An init segment.
#[derive(Debug, Clone)]
pub struct Init {
    /// Brands.
    pub ftyp: Ftyp,
    /// The track and its codec.
    pub moov: Moov,
}

/// A segment, or one of its chunks.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Brands.
    pub styp: Option<Styp>,
    /// Events before or between the chunks.
    pub events: Vec<Emsg>,
    /// The chunks in the order of the file.
    pub chunks: Vec<Chunk>,
}

/// A `moof` and its `mdat`.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// UTC of a media time.
    pub prft: Option<Prft>,
    /// Times, sizes and flags of the samples.
    pub moof: Moof,
    /// Byte range of each sample in the file.
    pub samples: Vec<Range<usize>>,
    /// Byte range of the payload of the `mdat` in the file.
    pub mdat: Range<usize>,
    /// Whether the data offset points to the payload of the `mdat`.
    pub offset_is_right: bool,
}

impl Init {
    /// Parses `ftyp` and `moov`.
    ///
    /// # Errors
    /// A text with the box that is missing, misplaced or unreadable.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let mut boxes = boxes(file)?;
        boxes.retain(|(_, atom)| !OF_NO_SAMPLES.contains(&atom.kind()));
        match boxes.as_slice() {
            [(_, Any::Ftyp(ftyp)), (_, Any::Moov(moov)), ..] => Ok(Self { ftyp: ftyp.clone(), moov: moov.clone() }),
            others => Err(format!("an init segment is ftyp and moov, not {}", kinds(others))),
        }
    }

    /// Ticks per second of the track.
    pub fn timescale(&self) -> u64 {
        self.moov.trak.first().map_or(0, |trak| trak.mdia.mdhd.timescale.into())
    }

    /// Ticks per second of the track with this id.
    pub fn timescale_of(&self, track: u32) -> u64 {
        let found = self.moov.trak.iter().find(|trak| trak.tkhd.track_id == track);
        found.map_or_else(|| self.timescale(), |trak| trak.mdia.mdhd.timescale.into())
    }

    /// Whether the track is H.264 with a sample entry avc1.
    pub fn is_avc(&self) -> bool {
        let codecs = self.moov.trak.first().map(|trak| &trak.mdia.minf.stbl.stsd.codecs);
        codecs.is_some_and(|codecs| codecs.iter().any(|codec| matches!(codec, Codec::Avc1(_))))
    }

    /// Whether an edit list moves the presentation of a track.
    pub fn is_edited(&self) -> bool {
        self.moov.trak.iter().any(|trak| trak.edts.is_some())
    }

    /// Whether the file has a brand of CMAF.
    pub fn is_cmaf(&self) -> bool {
        self.has_brand(b"cmfc") || self.has_brand(b"cmf2")
    }

    /// Whether the brand is among the compatible ones.
    pub fn has_brand(&self, brand: &[u8; 4]) -> bool {
        self.ftyp.compatible_brands.contains(&FourCC::new(brand))
    }

    /// Whether the track is video.
    pub fn is_video(&self) -> bool {
        self.moov.trak.first().is_some_and(|trak| trak.mdia.hdlr.handler == FourCC::new(b"vide"))
    }
}

impl Segment {
    /// Parses a whole segment, or one of its chunks.
    ///
    /// # Errors
    /// A text with the box that is missing, misplaced or unreadable.
    pub fn parse(file: &[u8]) -> Result<Self, String> {
        let mut segment = Self { styp: None, events: Vec::new(), chunks: Vec::new() };
        let mut prft = None;
        let mut moof = None;
        for (range, atom) in boxes(file)? {
            match (atom, moof.take()) {
                (Any::Styp(styp), None) => segment.styp = Some(styp),
                (Any::Emsg(event), None) => segment.events.push(event),
                (Any::Prft(found), None) => prft = Some(found),
                (Any::Moof(found), None) => moof = Some((range.start, found)),
                (Any::Mdat(_), Some((start, moof))) => {
                    let mdat = range.start + 8..range.end;
                    segment.chunks.push(Chunk::new(prft.take(), (start, moof), mdat)?);
                }
                (other, None) if OF_NO_SAMPLES.contains(&other.kind()) => {}
                (other, _) => return Err(format!("{} at byte {} is not expected there", other.kind(), range.start)),
            }
        }
        match moof.is_none() && prft.is_none() && !segment.chunks.is_empty() {
            true => Ok(segment),
            false => Err("the segment does not end with an mdat".into()),
        }
    }

    /// Longest time from one sample that a decoder can start at to the next, or to the end.
    pub fn longest_between_sync(&self) -> u64 {
        let (mut longest, mut since) = (0, 0);
        for chunk in &self.chunks {
            let traf = &chunk.moof.traf[0];
            let (ticks, flags) = (traf.tfhd.default_sample_duration, traf.tfhd.default_sample_flags);
            for sample in traf.trun.iter().flat_map(|run| run.samples.iter()) {
                if sample.flags.or(flags).unwrap_or_default() & NON_SYNC == 0 {
                    since = 0;
                }
                since += u64::from(sample.duration.or(ticks).unwrap_or_default());
                longest = longest.max(since);
            }
        }
        longest
    }

    /// Decode time of the first sample.
    pub fn start(&self) -> u64 {
        self.chunks[0].start()
    }

    /// Earliest presentation time of the first chunk, without an edit list.
    pub fn presented(&self) -> i128 {
        let Some(chunk) = self.chunks.first() else { return 0 };
        let traf = &chunk.moof.traf[0];
        let ticks = traf.tfhd.default_sample_duration.unwrap_or_default();
        let mut at = i128::from(chunk.start());
        let mut earliest = i128::MAX;
        for sample in traf.trun.iter().flat_map(|run| run.samples.iter()) {
            earliest = earliest.min(at + i128::from(sample.cts.unwrap_or_default()));
            at += i128::from(sample.duration.unwrap_or(ticks));
        }
        if earliest == i128::MAX { at } else { earliest }
    }

    /// Sum of all sample durations.
    pub fn duration(&self) -> u64 {
        self.chunks.iter().map(Chunk::duration).sum()
    }
}

impl Chunk {
    fn new(prft: Option<Prft>, (start, moof): (usize, Moof), mdat: Range<usize>) -> Result<Self, String> {
        let Some(traf) = moof.traf.first() else { return Err("a moof without a traf".into()) };
        let runs: Vec<_> = traf.trun.iter().collect();
        let Some(run) = runs.first() else { return Err("a traf without a trun".into()) };
        let data_offset = run.data_offset;
        let mut at = mdat.start;
        let default = traf.tfhd.default_sample_size.unwrap_or_default();
        // A run without sizes may state any number of samples.
        let count: usize = runs.iter().map(|run| run.samples.len()).sum();
        if count > mdat.len().max(1) {
            return Err(format!("{count} samples in {} bytes", mdat.len()));
        }
        let mut samples = Vec::new();
        for sample in runs.iter().flat_map(|run| run.samples.iter()) {
            let from = at;
            at = at.saturating_add(sample.size.unwrap_or(default) as usize);
            samples.push(from..at);
        }
        let (traf_count, bytes) = (moof.traf.len(), mdat.len());
        let whole = if traf_count == 1 { at == mdat.end } else { at <= mdat.end };
        if !whole {
            return Err(format!("samples are {} bytes long, the mdat {bytes}", at - mdat.start));
        }
        let offset_is_right =
            data_offset.and_then(|offset| start.checked_add_signed(offset as isize)) == Some(mdat.start);
        Ok(Self { prft, moof, samples, mdat, offset_is_right })
    }

    /// Decode time of the first sample.
    pub fn start(&self) -> u64 {
        self.moof.traf[0].tfdt.as_ref().map_or(0, |tfdt| tfdt.base_media_decode_time)
    }

    /// Sum of all sample durations.
    pub fn duration(&self) -> u64 {
        let traf = &self.moof.traf[0];
        let default = traf.tfhd.default_sample_duration.unwrap_or_default();
        let samples = traf.trun.iter().flat_map(|trun| trun.samples.iter());
        samples.map(|sample| u64::from(sample.duration.unwrap_or(default))).sum()
    }

    /// Id of the first track in the chunk.
    pub fn track(&self) -> u32 {
        self.moof.traf[0].tfhd.track_id
    }

    /// Sequence number of the fragment.
    pub fn sequence(&self) -> u32 {
        self.moof.mfhd.sequence_number
    }

    /// Whether the first sample depends on no other (ISO/IEC 14496-12 8.8.3.1).
    pub fn starts_with_sync(&self) -> bool {
        let traf = &self.moof.traf[0];
        let first = traf.trun.first().and_then(|run| run.samples.get(0)).and_then(|sample| sample.flags);
        let flags = first.or(traf.tfhd.default_sample_flags).unwrap_or_default();
        flags & NON_SYNC == 0
    }
}

/// NAL unit types of an H.264 sample with lengths of four bytes.
pub fn nal_types(sample: &[u8]) -> Result<Vec<u8>, String> {
    let mut types = Vec::new();
    let mut rest = sample;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("a length is cut short")?;
        let length = u32::from_be_bytes(*length) as usize;
        let nal = after.get(..length).filter(|nal| !nal.is_empty()).ok_or("a NAL unit is cut short")?;
        types.push(nal[0] & 0x1f);
        rest = &after[length..];
    }
    Ok(types)
}

/// Top-level boxes of a file with their positions. All must be complete.
fn boxes(file: &[u8]) -> Result<Vec<(Range<usize>, Any)>, String> {
    let mut found = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let start = file.len() - rest.len();
        let header = Header::decode(&mut &*rest).map_err(|error| format!("box at byte {start}: {error}"))?;
        let size = header.size.ok_or("a box without an end")?.saturating_add(8);
        let bytes = rest.get(..size).ok_or_else(|| format!("{} at byte {start} is cut short", header.kind))?;
        let atom = Any::decode(&mut &*bytes).map_err(|error| format!("{} at byte {start}: {error}", header.kind))?;
        found.push((start..start + size, atom));
        rest = &rest[size..];
    }
    Ok(found)
}

fn kinds(boxes: &[(Range<usize>, Any)]) -> String {
    let kinds: Vec<_> = boxes.iter().map(|(_, atom)| atom.kind().to_string()).collect();
    if kinds.is_empty() { "empty".into() } else { kinds.join(", ") }
}
