use mp4_atom::{Any, DecodeMaybe, Moov, ReadFrom};
use proptest::prelude::*;

use super::*;
use crate::base::timeline::{Kind, Timeline};

const SEGMENT: u64 = 935_016_890;

fn format(kind: Kind, rate: &str, bitrate: u32) -> Format {
    let frames = if rate == "25" { 48 } else { 50 };
    Format { kind, timeline: Timeline::new(rate.parse().unwrap(), frames, 8), bitrate }
}

fn nal(kind: u8, length: usize) -> Vec<u8> {
    let mut nal = (length as u32).to_be_bytes().to_vec();
    nal.push(kind);
    nal.extend(std::iter::repeat_n(0x5a, length - 1));
    nal
}

fn picture(format: &Format, frame: u64, length: usize) -> Vec<u8> {
    let idr = frame.is_multiple_of(u64::from(format.timeline.segment_frames()));
    [nal(9, 2), nal(6, 30), nal(if idr { 0x65 } else { 0x41 }, length)].concat()
}

fn segment(format: &Format, number: u64, length: impl Fn(u64) -> usize) -> Vec<Chunk> {
    let mut packager = Packager::new(format.clone(), number);
    let frames = format.timeline.segment(format.kind, number);
    frames
        .filter_map(|frame| match format.kind {
            Kind::Video => packager.push(frame, &picture(format, frame, length(frame))).unwrap(),
            Kind::Audio => packager.push(frame, &vec![7; length(frame)]).unwrap(),
        })
        .collect()
}

fn bytes(chunks: &[Chunk]) -> Vec<u8> {
    chunks.iter().flat_map(|chunk| chunk.media.pieces()).flat_map(|piece| piece.to_vec()).collect()
}

fn boxes(bytes: &[u8]) -> Vec<Any> {
    let mut rest = bytes;
    std::iter::from_fn(|| Any::decode_maybe(&mut rest).unwrap()).collect()
}

#[test]
fn a_segment_has_the_size_of_its_bitrate() {
    let chunks = segment(&format(Kind::Video, "25", 2_000_000), SEGMENT, |frame| 1000 + (frame % 7) as usize);
    assert_eq!(chunks.len(), 6);
    assert_eq!(bytes(&chunks).len(), 480_000);
    assert!(chunks.iter().all(|chunk| chunk.excess == 0 && chunk.media.len() == 80_000));
}

#[test]
fn excess_is_reported_and_compensated_by_later_chunks() {
    let idr = |frame: u64| if frame.is_multiple_of(48) { 100_000 } else { 1000 };
    let chunks = segment(&format(Kind::Video, "25", 2_000_000), SEGMENT, idr);
    assert!(chunks[0].excess > 20_000);
    assert_eq!(chunks[1].excess, 0);
    assert_eq!(bytes(&chunks).len(), 480_000);
    let chunks = segment(&format(Kind::Video, "25", 100_000), SEGMENT, |_| 1000);
    assert!(chunks.last().unwrap().excess > 0);
}

#[test]
fn boxes_contain_the_time_of_every_sample() {
    let format = format(Kind::Video, "25", 2_000_000);
    let bytes = bytes(&segment(&format, SEGMENT, |_| 900));
    let mut due = SEGMENT * 48 * 3600;
    let mut sequence = None;
    let mut at = 0;
    for any in boxes(&bytes) {
        let Any::Moof(moof) = any else { continue };
        let traf = &moof.traf[0];
        assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, due);
        assert_eq!(traf.tfhd.default_sample_duration, Some(3600));
        assert!(traf.tfhd.default_base_is_moof);
        due += 8 * 3600;
        let next = moof.mfhd.sequence_number;
        assert!(sequence.is_none_or(|before: u32| next == before + 1));
        sequence = Some(next);
        // The data offset points to the first byte of the mdat.
        let moof_at = at + bytes[at..].windows(4).position(|four| four == b"moof").unwrap() - 4;
        let offset = traf.trun[0].data_offset.unwrap() as usize;
        assert_eq!(&bytes[moof_at + offset - 4..moof_at + offset], b"mdat");
        let sizes: u32 = traf.trun[0].samples.iter().map(|sample| sample.size.unwrap()).sum();
        at = moof_at + offset + sizes as usize;
    }
    assert_eq!(at, bytes.len());
    assert_eq!(due, (SEGMENT + 1) * 48 * 3600);
}

#[test]
fn prft_has_the_presentation_time_of_the_picture() {
    let bytes = bytes(&segment(&format(Kind::Video, "25", 2_000_000), SEGMENT, |_| 900));
    let Some(Any::Prft(prft)) = boxes(&bytes).into_iter().nth(1) else { panic!("no prft after the styp") };
    assert_eq!(prft.media_time, SEGMENT * 48 * 3600);
    let millis = SEGMENT * 1920;
    assert_eq!(prft.ntp_timestamp >> 32, millis / 1000 + 2_208_988_800);
    assert_eq!(((prft.ntp_timestamp & 0xffff_ffff) * 1000) >> 32, millis % 1000);
}

#[test]
fn first_sample_end_is_the_end_of_the_idr_picture() {
    let chunks = segment(&format(Kind::Video, "25", 2_000_000), SEGMENT, |_| 900);
    let bytes = bytes(&chunks[..1]);
    let end = chunks[0].first_sample_end as usize;
    assert_eq!(&bytes[end - 4..end], [0x5a; 4]);
    assert_eq!(bytes[end + 4], 0x41);
}

#[test]
fn audio_is_neither_padded_nor_cut() {
    let format = format(Kind::Audio, "30", 128_000);
    let chunks = segment(&format, SEGMENT, |_| 320);
    let frames = format.timeline.segment(Kind::Audio, SEGMENT);
    let samples: usize = boxes(&bytes(&chunks))
        .iter()
        .filter_map(|any| if let Any::Moof(moof) = any { Some(moof.traf[0].trun[0].samples.len()) } else { None })
        .sum();
    assert_eq!(samples as u64, frames.end - frames.start);
    assert!(!boxes(&bytes(&chunks)).iter().any(|any| matches!(any, Any::Prft(_))));
}

#[test]
fn frames_before_the_first_segment_are_dropped() {
    let format = format(Kind::Video, "25", 2_000_000);
    let mut packager = Packager::new(format.clone(), SEGMENT);
    for frame in (SEGMENT - 2) * 48..SEGMENT * 48 {
        assert_eq!(packager.push(frame, &picture(&format, frame, 900)), Ok(None));
    }
    let frame = SEGMENT * 48;
    assert_eq!(packager.push(frame, &picture(&format, frame, 900)), Ok(None));
}

#[test]
fn frames_that_are_not_consecutive_are_refused() {
    let format = format(Kind::Video, "25", 2_000_000);
    let mut packager = Packager::new(format.clone(), SEGMENT);
    let frame = SEGMENT * 48;
    packager.push(frame, &picture(&format, frame, 900)).unwrap();
    let error = packager.push(frame + 2, &picture(&format, frame + 2, 900)).unwrap_err();
    assert_eq!(error, PackageError::OutOfOrder { expected: frame + 1, found: frame + 2 });
    let mut late = Packager::new(format.clone(), SEGMENT);
    assert!(late.push(frame + 1, &picture(&format, frame + 1, 900)).is_err());
}

#[test]
fn idr_pictures_are_required_at_segment_starts_and_refused_elsewhere() {
    let format = format(Kind::Video, "25", 2_000_000);
    let frame = SEGMENT * 48;
    let mut packager = Packager::new(format.clone(), SEGMENT);
    assert_eq!(packager.push(frame, &nal(0x41, 9)), Err(PackageError::MisplacedIdr { frame }));
    let mut packager = Packager::new(format, SEGMENT);
    packager.push(frame, &nal(0x65, 9)).unwrap();
    assert_eq!(packager.push(frame + 1, &nal(0x65, 9)), Err(PackageError::MisplacedIdr { frame: frame + 1 }));
}

#[test]
fn an_init_segment_contains_one_empty_track() {
    let record = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 2, 0x68, 0xce];
    let avc = Configuration::Avc { record: record.to_vec(), width: 1280, height: 720 };
    assert_eq!(avc.codec().unwrap(), "avc1.42c01f");
    let aac = Configuration::Aac { specific: vec![0x11, 0x90], bitrate: 128_000 };
    assert_eq!(aac.codec().unwrap(), "mp4a.40.2");
    for (configuration, timescale) in [(avc, 90_000), (aac, 48_000)] {
        let media = configuration.init_segment(timescale).unwrap();
        let mut rest = &media.pieces()[0][..];
        let ftyp = mp4_atom::Ftyp::read_from(&mut rest).unwrap();
        for brand in [b"iso6", b"cmf2", b"cmfc"] {
            assert!(ftyp.compatible_brands.contains(&mp4_atom::FourCC::new(brand)));
        }
        let moov = Moov::read_from(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!((moov.mvhd.duration, moov.trak.len(), moov.mvex.unwrap().trex.len()), (0, 1, 1));
        assert_eq!(moov.trak[0].mdia.mdhd.timescale, timescale);
        assert!(moov.trak[0].edts.is_none());
        assert_eq!(moov.trak[0].udta.as_ref().unwrap().kind[0].value, "main");
    }
}

#[test]
fn a_truncated_record_is_refused() {
    let avc = |record: &[u8]| Configuration::Avc { record: record.to_vec(), width: 16, height: 16 };
    assert_eq!(avc(&[1, 2]).codec(), None);
    assert!(avc(&[1, 0x42, 0xc0, 0x1f]).init_segment(90_000).is_none());
    assert!(Configuration::Aac { specific: vec![], bitrate: 1 }.init_segment(48_000).is_none());
}

#[test]
fn a_slice_of_media_has_the_bytes_of_its_range() {
    let media = Media::new(vec![b"abc".as_slice().into(), b"".as_slice().into(), b"defg".as_slice().into()]);
    let text = |range| String::from_utf8(media.slice(range).concat()).unwrap();
    assert_eq!(
        (text(0..7), text(2..4), text(3..3), text(5..99)),
        ("abcdefg".into(), "cd".into(), "".into(), "fg".into())
    );
    assert_eq!(media, Media::from(b"abcdefg".to_vec()));
    assert_ne!(media, Media::from(b"abcdefh".to_vec()));
}

proptest! {
    #[test]
    fn the_rate_is_exact_for_any_lengths(lengths in prop::collection::vec(2_usize..4000, 48)) {
        let chunks = segment(&format(Kind::Video, "25", 2_000_000), SEGMENT, |frame| lengths[(frame % 48) as usize]);
        prop_assert_eq!(bytes(&chunks).len(), 480_000);
    }

    #[test]
    fn any_bytes_are_packaged_or_refused(unit in prop::collection::vec(any::<u8>(), 0..200)) {
        let format = format(Kind::Video, "25", 2_000_000);
        let _ = Packager::new(format, SEGMENT).push(SEGMENT * 48, &unit);
        let _ = Configuration::Avc { record: unit.clone(), width: 16, height: 16 }.init_segment(90_000);
        let _ = Configuration::Aac { specific: unit, bitrate: 1 }.init_segment(48_000);
    }
}

#[test]
fn samples_survive_a_round_trip() {
    let video = format(Kind::Video, "25", 2_000_000);
    for chunk in segment(&video, SEGMENT, |frame| 900 + (frame % 5) as usize) {
        let bytes = chunk.media.joined();
        let samples = samples(&bytes).unwrap();
        let frames = video.timeline.chunk(Kind::Video, SEGMENT, chunk.index);
        assert_eq!(samples.len() as u64, frames.end - frames.start);
        let pictures = frames.map(|frame| nal(if frame % 48 == 0 { 0x65 } else { 0x41 }, 900 + (frame % 5) as usize));
        for (sample, picture) in samples.iter().zip(pictures) {
            // Padding comes before the slice, in the last sample.
            assert!(sample.ends_with(&picture));
        }
        assert_eq!(samples[0].len() as u64 + (bytes.len() - sum(&samples)) as u64, chunk.first_sample_end);
        let unpadded = unpadded(&chunk.media).unwrap();
        assert!(unpadded.iter().zip(&samples).all(|(picture, sample)| sample.ends_with(picture)));
        assert_eq!(unpadded.iter().map(|picture| picture[4] & 0x1f).max(), Some(if chunk.index == 0 { 5 } else { 1 }));
    }
    let audio = format(Kind::Audio, "30000/1001", 128_000);
    for chunk in segment(&audio, SEGMENT, |frame| 300 + (frame % 3) as usize) {
        let frames = audio.timeline.chunk(Kind::Audio, SEGMENT, chunk.index);
        let expected: Vec<_> = frames.map(|frame| vec![7; 300 + (frame % 3) as usize]).collect();
        assert_eq!(samples(&chunk.media.joined()).unwrap(), expected);
        assert_eq!(unpadded(&chunk.media).unwrap(), expected);
    }
}

fn sum(samples: &[bytes::Bytes]) -> usize {
    samples.iter().map(bytes::Bytes::len).sum()
}

#[test]
fn a_truncated_chunk_has_no_samples() {
    let chunk = segment(&format(Kind::Audio, "25", 128_000), SEGMENT, |_| 300).remove(0).media.joined();
    assert!(samples(&chunk).is_some());
    for end in 0..chunk.len() {
        assert_eq!(samples(&chunk.slice(..end)), None, "{end}");
    }
}

#[test]
fn padding_is_spread_over_the_pictures_of_a_chunk() {
    let video = format(Kind::Video, "25", 40_000_000);
    for chunk in segment(&video, SEGMENT, |frame| 900 + (frame % 5) as usize) {
        let packaged = samples(&chunk.media.joined()).unwrap();
        let levelled = level(packaged.clone());
        assert_eq!((levelled.len(), sum(&levelled)), (packaged.len(), sum(&packaged)));
        let lengths: Vec<_> = levelled.iter().map(bytes::Bytes::len).collect();
        assert!(lengths.iter().all(|length| (200_000 - 1000..200_000 + 1000).contains(length)), "{lengths:?}");
        for (picture, before) in levelled.iter().zip(&packaged) {
            let mut slices = Vec::new();
            assert!(super::avc::append_slices(picture, &mut slices).is_some());
            assert!(before.ends_with(&slices));
        }
    }
    let full = format(Kind::Video, "25", 100_000);
    let packaged = samples(&segment(&full, SEGMENT, |_| 900).remove(0).media.joined()).unwrap();
    assert_eq!(level(packaged.clone()), packaged, "where there is none, none is spread");
}
