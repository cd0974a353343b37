use bytes::Bytes;
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

fn counted_from(sequence: u64, ticks: u64) -> Rewriting {
    Rewriting { origin: Origin { sequence, ticks }, ..Rewriting::default() }
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
        let rewriting = counted_from(before * 6, ticks);
        for (chunk, fresh) in chunks(kind, SEGMENT).into_iter().zip(chunks(kind, 100)) {
            let (old, new) = (chunk.media.joined(), rewriting.apply(&chunk.media, chunk.index).unwrap());
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
    let rewriting = counted_from(0, SEGMENT * ticks + ticks / 2 - (1 << 33));
    let times = [SEGMENT, SEGMENT + 1].map(|segment| {
        let segment = Media::concat(chunks(Kind::Video, segment).iter().map(|chunk| &chunk.media));
        let media = rewriting.apply(&segment, 0).unwrap();
        assert_eq!(media.len(), segment.len());
        moof(&media.joined()).1
    });
    assert_eq!(times, [(1 << 33) - ticks / 2, (1 << 33) + ticks / 2]);
}

#[test]
fn what_is_before_the_origin_or_no_chunk_is_refused() {
    let chunk = &chunks(Kind::Video, SEGMENT)[0].media;
    assert_eq!(counted_from(0, u64::MAX).apply(chunk, 0), None);
    let rewriting = counted_from(0, 1);
    for wrong in [&b"mdat"[..], &[0, 0, 0, 8, b'm', b'o', b'o', b'f'], &[0, 0, 0, 0, b'f', b'r', b'e', b'e']] {
        assert_eq!(rewriting.apply(&Media::from(wrong.to_vec()), 0), None, "{wrong:?}");
    }
}

/// Places at which two chunks or segments of the same length differ.
#[track_caller]
fn differences(old: &Media, new: &Media) -> Vec<usize> {
    assert_eq!(old.len(), new.len());
    let (old, new) = (old.joined(), new.joined());
    (0..old.len()).filter(|place| old[*place] != new[*place]).collect()
}

#[test]
fn timestamps_of_a_chunk_are_wrong_by_offset_and_drift() {
    let ticks = u64::from(TIMELINE.frame_ticks(Kind::Audio));
    for chunk in chunks(Kind::Audio, SEGMENT) {
        let time = TIMELINE.chunk(Kind::Audio, SEGMENT, chunk.index).start * ticks;
        let check = |rewriting: Rewriting, expected: u64| {
            let new = rewriting.apply(&chunk.media, chunk.index).unwrap();
            assert_eq!(moof(&new.joined()), (moof(&chunk.media.joined()).0, expected), "{rewriting:?}");
            assert!(differences(&chunk.media, &new).len() <= 8 && new.etag() != chunk.media.etag());
        };
        // 120 ms, and 100 s before at 50 ppm.
        check(Rewriting { offset: 5760, ..Rewriting::default() }, time + 5760);
        check(Rewriting { offset: -5760, ..Rewriting::default() }, time - 5760);
        let drift = |ppm: i64, since: u64| Rewriting {
            drift: Drift { ppm, at_zero: -i128::from(ppm) * i128::from(since) },
            ..Rewriting::default()
        };
        check(drift(50, time - 4_800_000), time + 240);
        check(drift(-50, time - 4_800_000), time - 240);
        check(drift(50, time + 4_800_000), time - 240);
        let origin = Origin { sequence: 0, ticks: time - 1000 };
        let all = Rewriting { origin, offset: 100, ..drift(50, time - 4_800_000) };
        check(all, 1000 + 100 + 240);
        check(Rewriting { origin, offset: -1001, ..Rewriting::default() }, 0);
    }
}

#[test]
fn corrupt_chunks_are_those_of_their_segment_and_parse() {
    for (kind, bytes, expected) in
        [(Kind::Video, 5, 5), (Kind::Audio, 20, 20), (Kind::Video, 1000, 48), (Kind::Audio, 1, 1)]
    {
        let corruption = Corruption { seed: 7, bytes, chunks: 6, kind };
        let rewriting = Rewriting { corruption: Some(corruption), ..Rewriting::default() };
        let plain = chunks(kind, SEGMENT);
        let segment = Media::concat(plain.iter().map(|chunk| &chunk.media));
        let parts: Vec<_> = plain.iter().map(|chunk| rewriting.apply(&chunk.media, chunk.index).unwrap()).collect();
        let whole = rewriting.apply(&segment, 0).unwrap();
        assert_eq!(whole.joined(), Media::concat(&parts).joined());
        assert_eq!(differences(&segment, &whole).len(), expected, "{kind} {bytes}");
        for (old, new) in plain.iter().map(|chunk| &chunk.media).zip(&parts) {
            let samples = |media: &Media| crate::media::cmaf::unpadded(&Media::from(media.joined().to_vec())).unwrap();
            // A picture is one slice of two bytes, the header of the NAL unit and one that may be wrong.
            let is_intact = |(old, new): (&Bytes, &Bytes)| kind == Kind::Audio || old[..5] == new[..5];
            assert!(samples(old).iter().zip(&samples(new)).all(is_intact));
            assert_eq!(moof(&old.joined()), moof(&new.joined()));
        }
        let other = Rewriting { corruption: Some(Corruption { seed: 8, ..corruption }), ..Rewriting::default() };
        assert_ne!(other.apply(&segment, 0).unwrap().etag(), whole.etag());
        assert!(bytes > 5 || other.apply(&segment, 0).unwrap().joined() != whole.joined());
    }
}
