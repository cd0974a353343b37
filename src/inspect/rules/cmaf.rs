//! Rules C1 to C9 for CMAF tracks, and rules of HLS for fragmented MP4 (H14, H23). C5 does not apply, because it is
//! about several codecs of the same content.

use mp4_atom::{Codec, FourCC};

use super::{Level, Report, Violation};
use crate::inspect::boxes::{Chunk, Init, Segment, nal_types};

/// A frame of video at 25 fps and rounding to milliseconds, in microseconds.
const IN_STEP: u128 = 45_000;
/// Difference in microseconds at which sound and picture are visibly out of step.
const OUT_OF_STEP: u128 = 100_000;
const NAL_IDR: u8 = 5;

/// Checks an init segment. Rules of CMAF hold for files with a brand of CMAF.
pub fn check_init(init: &Init) -> Vec<Violation> {
    let mut report = Report::default();
    let moov = &init.moov;
    let has = |brand: &[u8; 4]| init.has_brand(brand);
    report.advise(("C9", Level::Recommended), has(b"cmfc") && has(b"cmf2"), || {
        "not both of the brands cmfc and cmf2".into()
    });
    if init.is_cmaf() {
        report.demand("C9", moov.trak.len() == 1, || format!("{} tracks in one file", moov.trak.len()));
    }
    let brand = [b"iso6", b"iso7", b"iso8", b"iso9", b"cmfc", b"cmf2"].into_iter().any(has);
    report.demand("H14", brand, || {
        let brands: Vec<_> = init.ftyp.compatible_brands.iter().map(ToString::to_string).collect();
        format!("brands {}, none of them iso6 or higher", brands.join(", "))
    });
    report.advise(("H14", Level::Recommended), has(b"iso6"), || "no brand iso6".into());
    report.demand("H14", moov.mvex.is_some(), || "no mvex".into());
    report.demand("H14", moov.mvhd.duration == 0, || format!("mvhd has duration {}", moov.mvhd.duration));
    for trak in &moov.trak {
        let table = &trak.mdia.minf.stbl;
        let empty = table.stts.entries.is_empty() && table.stsc.entries.is_empty();
        report.demand("H14", empty && trak.mdia.mdhd.duration == 0, || "the sample tables are not empty".into());
        let edits = trak.edts.is_none() || !has(b"cmf2");
        report.demand("C7", edits, || "a cmf2 file with an edit list".into());
        for codec in &table.stsd.codecs {
            check_codec(&mut report, init, codec);
        }
    }
    report.0
}

/// Demands of the core profile, which are recommendations for other files.
struct OfCore<'a> {
    report: &'a mut Report,
    level: Level,
}

impl OfCore<'_> {
    fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        self.report.advise((rule, self.level), holds, what);
    }
}

fn check_codec(report: &mut Report, init: &Init, codec: &Codec) {
    let Codec::Mp4a(mp4a) = codec else { return };
    let core = init.has_brand(b"caac");
    report.advise(("C8", Level::Recommended), core || !init.is_cmaf(), || "AAC without the brand caac".into());
    // The other profiles of AAC have other limits.
    let report = &mut OfCore { report, level: if core { Level::Must } else { Level::Recommended } };
    let channels = mp4a.audio.channel_count;
    report.demand("C8", channels <= 2, || format!("{channels} channels"));
    let rate = mp4a.audio.sample_rate.integer();
    report.demand("C8", rate <= 48_000, || format!("{rate} Hz"));
    let profile = mp4a.esds.es_desc.dec_config.dec_specific.as_ref().map_or(0, |specific| specific.profile);
    report.demand("C8", matches!(profile, 2 | 5), || {
        format!("audio object type {profile}, which is neither AAC-LC nor HE-AAC")
    });
}

/// Reports a file whose boxes cannot be read.
pub fn unreadable(rule: &'static str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand(rule, false, || problem.to_owned());
    report.0
}

/// Checks a whole segment.
pub fn check_segment(init: &Init, file: &[u8]) -> Vec<Violation> {
    let mut report = Report::default();
    let segment = match Segment::parse(file) {
        Ok(segment) => segment,
        Err(error) => {
            report.demand("C2", false, || error);
            return report.0;
        }
    };
    let brand = |brand| segment.styp.as_ref().is_some_and(|styp| styp.compatible_brands.contains(&FourCC::new(brand)));
    let both = brand(b"cmfs") && brand(b"cmff");
    report.advise(("C9", Level::Recommended), both, || "no styp with cmfs and cmff".into());
    let level = if init.is_cmaf() { Level::Must } else { Level::Recommended };
    let starts = segment.chunks[0].starts_with_sync();
    report.advise(("C2", level), starts, || "the first chunk does not start with a sync sample".into());
    for (index, chunk) in segment.chunks.iter().enumerate() {
        check_chunk(&mut report, (index, level), chunk);
    }
    if init.is_video() && init.is_avc() {
        let first = segment.chunks[0].samples.first().and_then(|sample| file.get(sample.clone()));
        let units = nal_types(first.unwrap_or_default()).unwrap_or_default();
        let picture = units.iter().find(|kind| (1..=5).contains(*kind));
        report.advise(("C3", level), picture == Some(&NAL_IDR), || {
            let units: Vec<_> = units.iter().map(ToString::to_string).collect();
            format!("the segment starts with NAL units of types {}", units.join(", "))
        });
        report.demand("H23", picture == Some(&NAL_IDR), || "the first picture is not an IDR picture".into());
    }
    report.0
}

fn check_chunk(report: &mut Report, (index, level): (usize, Level), chunk: &Chunk) {
    let traf = &chunk.moof.traf[0];
    let relative = traf.tfhd.default_base_is_moof && traf.tfhd.base_data_offset.is_none();
    report.advise(("C2", level), relative, || format!("offsets of chunk {index} do not count from its moof"));
    let right = chunk.offset_is_right || (!relative && level < Level::Must);
    report.demand("C2", right, || format!("the data offset of chunk {index} does not lead to its mdat"));
    report.demand("H14", traf.tfdt.is_some(), || format!("chunk {index} without tfdt"));
    let offsets = traf.trun.first().and_then(|run| run.samples.iter().filter_map(|sample| sample.cts).min());
    report.advise(("C7", Level::Recommended), offsets.unwrap_or_default() <= 0, || {
        format!("chunk {index} has a positive composition offset")
    });
}

/// Checks consecutive segments. In files without a brand of CMAF, the last sample before a gap lasts until the next segment (ISO/IEC
/// 14496-12 8.8.12).
pub fn check_continuity(init: &Init, segments: &[Segment]) -> Vec<Violation> {
    let mut report = Report::default();
    let chunks: Vec<_> = segments.iter().flat_map(|segment| &segment.chunks).collect();
    for pair in chunks.windows(2) {
        let (start, end) = (pair[1].start(), pair[0].start() + pair[0].duration());
        let level = if init.is_cmaf() || start < end { Level::Must } else { Level::Recommended };
        report.advise(("C1", level), start == end, || format!("tfdt is {start}, and the chunk before ends at {end}"));
        let rises = pair[1].sequence() > pair[0].sequence();
        report.advise(("C1", Level::Recommended), rises, || {
            format!("sequence number {} does not rise", pair[1].sequence())
        });
    }
    report.0
}

/// Checks the same segments of all tracks of a switching set. The rules hold for files with a brand of CMAF.
pub fn check_switching(tracks: &[(Init, Vec<Segment>)]) -> Vec<Violation> {
    let mut report = Report::default();
    for pair in tracks.windows(2) {
        let [(init, segments), (other_init, others)] = pair else { continue };
        let level = if init.is_cmaf() && other_init.is_cmaf() { Level::Must } else { Level::Recommended };
        report.advise(("C4", level), init.timescale() == other_init.timescale(), || "timescales differ".into());
        let same = segments.len() == others.len();
        report.advise(("C4", level), same, || "one track has more segments than another".into());
        for (segment, other) in segments.iter().zip(others) {
            report.advise(("C1", level), segment.start() == other.start(), || {
                format!("tfdt {} differs from that of another track", segment.start())
            });
            let same = segment.duration() == other.duration() && segment.chunks.len() == other.chunks.len();
            report.advise(("C4", level), same, || format!("durations or chunks at {} differ", segment.start()));
        }
    }
    report.0
}

/// Checks that two tracks have the same distance, in microseconds, between media time and a common clock.
pub fn check_offsets(one: i128, two: i128) -> Vec<Violation> {
    let mut report = Report::default();
    let apart = one.abs_diff(two);
    let what = || format!("media times are {apart} µs apart from those of the same moment in another track");
    report.demand("C6", apart < OUT_OF_STEP, what);
    report.advise(("C6", Level::Should), apart <= IN_STEP || apart >= OUT_OF_STEP, what);
    report.0
}

/// Checks that the tracks start together, within an audio frame. `tracks` has the timescale and the first `tfdt` of
/// each.
pub fn check_alignment(tracks: &[(u64, u64)]) -> Vec<Violation> {
    let mut report = Report::default();
    for pair in tracks.windows(2) {
        let micros = |(timescale, start): (u64, u64)| u128::from(start) * 1_000_000 / u128::from(timescale);
        let apart = micros(pair[0]).abs_diff(micros(pair[1]));
        report.demand("C6", apart <= 21_334, || format!("tracks start {apart} µs apart"));
    }
    report.0
}
