//! The rules of CMAF find each single error in an init segment or a segment.

use barstone::media::cmaf::Configuration;
use mp4_atom::{
    Codec, Edts, Encode, FourCC, Mdat, Mfhd, Moof, Stts, SttsEntry, Styp, Tfdt, Tfhd, Traf, Trun, TrunEntry,
    TrunSamples,
};

use super::{check_finds, check_none};
use barstone::inspect::boxes::{Init, Segment};
use barstone::inspect::rules::{Level, cmaf};

const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;
/// Samples of an IDR picture and of another picture: a length of four bytes, and a NAL unit.
const PICTURES: [[u8; 6]; 2] = [[0, 0, 0, 2, 0x65, 1], [0, 0, 0, 2, 0x41, 1]];

/// AAC-LC, or AVC of which only the profile matters here.
pub(super) fn init(video: bool) -> Init {
    let configuration = match video {
        true => Configuration::Avc { record: vec![1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0], width: 320, height: 180 },
        false => Configuration::Aac { specific: vec![0x11, 0x90], bitrate: 128_000 },
    };
    let file = configuration.init_segment(90_000).expect("an init segment");
    Init::parse(&file.pieces().concat()).expect("it parses")
}

pub(super) fn moof(start: u64, ticks: u32) -> Moof {
    let sample = |flags| TrunEntry { size: Some(6), flags: Some(flags), ..TrunEntry::default() };
    Moof {
        mfhd: Mfhd { sequence_number: (start / 1000) as u32 },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: 1,
                default_sample_duration: Some(ticks),
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt { base_media_decode_time: start }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: TrunSamples::Explicit(vec![sample(SYNC), sample(NON_SYNC)]),
            }],
            ..Traf::default()
        }],
    }
}

fn brands(brands: &[&[u8; 4]]) -> Styp {
    Styp {
        major_brand: FourCC::new(brands[0]),
        minor_version: 0,
        compatible_brands: brands.iter().map(|brand| FourCC::new(brand)).collect(),
    }
}

/// A segment of two pictures in one chunk, with a data offset that is wrong by `off`.
fn file(styp: &Styp, moof: &Moof, off: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    styp.encode(&mut bytes).expect("a styp");
    bytes.extend(chunk(moof, off));
    bytes
}

/// The chunk of such a segment alone.
pub(super) fn chunk(moof: &Moof, off: i32) -> Vec<u8> {
    let mut moof = moof.clone();
    let mut bytes = Vec::new();
    let mut length = Vec::new();
    moof.encode(&mut length).expect("a moof");
    moof.traf[0].trun[0].data_offset = Some(length.len() as i32 + 8 + off);
    moof.encode(&mut bytes).expect("a moof");
    Mdat { data: PICTURES.concat() }.encode(&mut bytes).expect("an mdat");
    bytes
}

pub(super) fn good(start: u64, ticks: u32) -> Vec<u8> {
    file(&brands(&[b"cmfs", b"cmff"]), &moof(start, ticks), 0)
}

/// A segment of two frames of `ticks` each, starting at `start`.
pub(super) fn segment(start: u64, ticks: u32) -> Segment {
    Segment::parse(&good(start, ticks)).expect("a segment")
}

#[test]
fn good_files_break_no_rule() {
    check_none(&cmaf::check_init(&init(true)));
    check_none(&cmaf::check_init(&init(false)));
    check_none(&cmaf::check_segment(&init(true), &good(9000, 3600)));
    check_none(&cmaf::check_continuity(&init(true), &[segment(9000, 3600), segment(16_200, 3600)]));
    check_none(&cmaf::check_alignment(&[(90_000, 90_000), (48_000, 48_000)]));
}

#[test]
fn init_segments_with_one_error_break_the_rule() {
    let finds = |rule, change: fn(&mut Init)| {
        let mut init = init(false);
        change(&mut init);
        check_finds(rule, &cmaf::check_init(&init));
    };
    finds("C7", |init| init.moov.trak[0].edts = Some(Edts::default()));
    finds("C8", |init| init.ftyp.compatible_brands.retain(|brand| *brand != FourCC::new(b"caac")));
    finds("C8", |init| with_mp4a(init, |mp4a| mp4a.audio.channel_count = 6));
    finds("C8", |init| with_mp4a(init, |mp4a| mp4a.audio.sample_rate = 64_000_u16.into()));
    finds("C8", |init| {
        with_mp4a(init, |mp4a| {
            let specific = mp4a.esds.es_desc.dec_config.dec_specific.as_mut();
            specific.expect("an AudioSpecificConfig").profile = 1;
        });
    });
    finds("C9", |init| init.moov.trak.push(init.moov.trak[0].clone()));
    finds("C9", |init| init.ftyp.compatible_brands.retain(|brand| *brand != FourCC::new(b"cmfc")));
    finds("H14", |init| init.ftyp.compatible_brands.retain(|brand| *brand != FourCC::new(b"iso6")));
    finds("H14", |init| init.moov.mvex = None);
    finds("H14", |init| init.moov.mvhd.duration = 7);
    finds("H14", |init| {
        let entries = vec![SttsEntry { sample_count: 1, sample_delta: 1 }];
        init.moov.trak[0].mdia.minf.stbl.stts = Stts { entries };
    });
}

fn with_mp4a(init: &mut Init, change: impl FnOnce(&mut mp4_atom::Mp4a)) {
    match &mut init.moov.trak[0].mdia.minf.stbl.stsd.codecs[0] {
        Codec::Mp4a(mp4a) => change(mp4a),
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments_with_one_error_break_the_rule() {
    let whole = good(9000, 3600);
    let finds = |rule, file: &[u8]| check_finds(rule, &cmaf::check_segment(&init(true), file));
    finds("C2", &whole[..whole.len() - 1]);
    finds("C2", &file(&brands(&[b"cmfs", b"cmff"]), &moof(9000, 3600), 1));
    let changed = |change: fn(&mut Traf)| {
        let mut moof = moof(9000, 3600);
        change(&mut moof.traf[0]);
        file(&brands(&[b"cmfs", b"cmff"]), &moof, 0)
    };
    finds("C2", &changed(|traf| traf.tfhd.default_base_is_moof = false));
    finds("C2", &changed(|traf| with_first(traf, |first| first.flags = Some(NON_SYNC))));
    finds("C7", &changed(|traf| with_first(traf, |first| first.cts = Some(3600))));
    finds("H14", &changed(|traf| traf.tfdt = None));
    finds("C9", &file(&brands(&[b"msdh"]), &moof(9000, 3600), 0));
    let mut picture = whole.clone();
    let nal = whole.len() - 8;
    assert_eq!(picture[nal], PICTURES[0][4]);
    picture[nal] = PICTURES[1][4];
    finds("C3", &picture);
}

fn with_first(traf: &mut Traf, change: impl Fn(&mut TrunEntry)) {
    match &mut traf.trun[0].samples {
        TrunSamples::Explicit(samples) => samples.iter_mut().for_each(change),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tracks_that_do_not_match_break_the_rule() {
    check_finds("C1", &cmaf::check_continuity(&init(true), &[segment(9000, 3600), segment(16_201, 3600)]));
    check_finds("C1", &cmaf::check_continuity(&init(true), &[segment(9000, 3600), segment(9000, 3600)]));
    // Without a brand of CMAF, the last sample lasts longer.
    let mut other = init(true);
    other.ftyp.compatible_brands.clear();
    let level = |start| cmaf::check_continuity(&other, &[segment(9000, 3600), segment(start, 3600)])[0].level;
    assert_eq!((level(16_201), level(16_199)), (Level::Recommended, Level::Must));
    let track = |timescale: u32, start: u64, ticks: u32, count: u64| {
        let mut init = init(true);
        init.moov.trak[0].mdia.mdhd.timescale = timescale;
        let segments = (0..count).map(|index| segment(start + index * 2 * u64::from(ticks), ticks)).collect();
        (init, segments)
    };
    let switching = |other| cmaf::check_switching(&[track(90_000, 9000, 3600, 2), other]);
    check_none(&switching(track(90_000, 9000, 3600, 2)));
    check_finds("C1", &switching(track(90_000, 9001, 3600, 2)));
    check_finds("C4", &switching(track(90_000, 9000, 3000, 2)));
    check_finds("C4", &switching(track(48_000, 9000, 3600, 2)));
    check_finds("C4", &switching(track(90_000, 9000, 3600, 3)));
    check_none(&cmaf::check_offsets(1_000_000, 1_021_334));
    check_finds("C6", &cmaf::check_offsets(1_000_000, 1_046_000));
    check_finds("C6", &cmaf::check_offsets(1_120_000, 1_000_000));
    check_finds("C6", &cmaf::check_alignment(&[(90_000, 90_000), (48_000, 50_000)]));
}
