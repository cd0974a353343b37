//! Rules C1 to C9 for CMAF tracks, and rules of HLS for fragmented MP4 (H14, H23). C5 does not apply, because it is
//! about several codecs of the same content.

use mp4_atom::{Codec, FourCC};

use super::{Report, Violation};
use crate::inspect::boxes::{Chunk, Init, Segment, nal_types};

const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;

/// Checks an init segment.
pub fn check_init(init: &Init) -> Vec<Violation> {
    let mut report = Report::default();
    let moov = &init.moov;
    report.demand("C9", moov.trak.len() == 1, || format!("{} tracks in one file", moov.trak.len()));
    for brand in [b"cmfc", b"cmf2"] {
        report.demand("C9", init.has_brand(brand), || format!("brand {:?}", FourCC::new(brand)));
    }
    report.demand("H14", init.has_brand(b"iso6"), || "brand iso6 or higher".into());
    report.demand("H14", moov.mvex.is_some(), || "mvex".into());
    report.demand("H14", moov.mvhd.duration == 0, || "the movie has a duration".into());
    for trak in &moov.trak {
        let table = &trak.mdia.minf.stbl;
        let empty = table.stts.entries.is_empty() && table.stsc.entries.is_empty();
        report.demand("H14", empty && trak.mdia.mdhd.duration == 0, || "sample tables are empty".into());
        report.demand("C7", trak.edts.is_none(), || "cmf2 has no edit list".into());
        for codec in &table.stsd.codecs {
            check_codec(&mut report, init, codec);
        }
    }
    report.0
}

fn check_codec(report: &mut Report, init: &Init, codec: &Codec) {
    let Codec::Mp4a(mp4a) = codec else { return };
    report.demand("C8", init.has_brand(b"caac"), || "brand caac".into());
    let channels = mp4a.audio.channel_count;
    report.demand("C8", channels <= 2, || format!("{channels} channels"));
    let rate = mp4a.audio.sample_rate.integer();
    report.demand("C8", rate <= 48_000, || format!("{rate} Hz"));
    let profile = mp4a.esds.es_desc.dec_config.dec_specific.as_ref().map_or(0, |specific| specific.profile);
    report.demand("C8", matches!(profile, 2 | 5), || format!("audio object type {profile} is LC or HE"));
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
    report.demand("C9", brand(b"cmfs") && brand(b"cmff"), || "styp with cmfs and cmff".into());
    let starts = segment.chunks[0].starts_with_sync();
    report.demand("C2", starts, || "the first chunk starts with a sync sample".into());
    for (index, chunk) in segment.chunks.iter().enumerate() {
        check_chunk(&mut report, index, chunk);
    }
    if init.is_video() {
        let first = nal_types(&file[segment.chunks[0].samples[0].clone()]).unwrap_or_default();
        let slice = first.iter().find(|kind| **kind != NAL_SEI);
        report.demand("C3", slice == Some(&NAL_IDR), || format!("NAL units {first:?} at the start"));
    }
    report.0
}

fn check_chunk(report: &mut Report, index: usize, chunk: &Chunk) {
    let traf = &chunk.moof.traf[0];
    let relative = traf.tfhd.default_base_is_moof && traf.tfhd.base_data_offset.is_none();
    report.demand("C2", relative && chunk.offset_is_right, || format!("chunk {index}: offsets count from its moof"));
    report.demand("H14", traf.tfdt.is_some(), || format!("chunk {index} has a tfdt"));
    let offsets = traf.trun[0].samples.iter().filter_map(|sample| sample.cts);
    report
        .demand("C7", offsets.min().unwrap_or_default() <= 0, || format!("chunk {index} begins after its decode time"));
}

/// Checks consecutive segments.
pub fn check_continuity(segments: &[Segment]) -> Vec<Violation> {
    let mut report = Report::default();
    let chunks: Vec<_> = segments.iter().flat_map(|segment| &segment.chunks).collect();
    for pair in chunks.windows(2) {
        let end = pair[0].start() + pair[0].duration();
        report.demand("C1", pair[1].start() == end, || format!("tfdt {} where {end} is due", pair[1].start()));
        let rises = pair[1].sequence() > pair[0].sequence();
        report.demand("C1", rises, || format!("sequence number {} does not rise", pair[1].sequence()));
    }
    report.0
}

/// Checks the same segments of all tracks of a switching set.
pub fn check_switching(tracks: &[(Init, Vec<Segment>)]) -> Vec<Violation> {
    let mut report = Report::default();
    for pair in tracks.windows(2) {
        let [(init, segments), (other_init, others)] = pair else { continue };
        report.demand("C4", init.timescale() == other_init.timescale(), || "timescales differ".into());
        report.demand("C4", segments.len() == others.len(), || "one has more segments".into());
        for (segment, other) in segments.iter().zip(others) {
            report.demand("C1", segment.start() == other.start(), || format!("tfdt {} differs", segment.start()));
            let same = segment.duration() == other.duration() && segment.chunks.len() == other.chunks.len();
            report.demand("C4", same, || format!("durations or chunks at {} differ", segment.start()));
        }
    }
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
