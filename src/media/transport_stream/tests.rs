use std::collections::BTreeMap;

use super::*;
use crate::media::cmaf::{Format, Packager};

const SEGMENT: u64 = 935_016_890;
const RECORD: [u8; 17] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 2, 0x68, 0xce];
const VIDEO_BITRATE: u32 = 800_000;
const AUDIO_BITRATE: u32 = 128_000;

fn timeline(rate: &str) -> Timeline {
    Timeline::new(rate.parse().unwrap(), 48, 6)
}

fn configurations() -> [Configuration; 2] {
    [
        Configuration::Avc { record: RECORD.to_vec(), width: 1280, height: 720 },
        Configuration::Aac { specific: vec![0x11, 0x90], bitrate: AUDIO_BITRATE },
    ]
}

fn multiplex(rate: &str) -> Multiplex {
    let configurations = configurations();
    let tracks: Vec<_> = configurations.iter().zip([VIDEO_BITRATE, AUDIO_BITRATE]).collect();
    let tracks = tracks.into_iter().map(|(configuration, bitrate)| Track { configuration, bitrate });
    Multiplex::new(timeline(rate), &tracks.collect::<Vec<_>>()).unwrap()
}

/// An access unit of a frame: its slice or its AAC frame says which frame it is.
fn unit(kind: Kind, frame: u64, length: usize) -> Vec<u8> {
    let mut unit = match kind {
        Kind::Video => {
            let header = if frame.is_multiple_of(48) { 0x65 } else { 0x41 };
            [&(length as u32).to_be_bytes()[..], &[header]].concat()
        }
        Kind::Audio => vec![0x21],
    };
    unit.extend_from_slice(&frame.to_be_bytes());
    unit.resize(length + if kind == Kind::Video { 4 } else { 0 }, 0x5a);
    unit
}

fn chunks(rate: &str, kind: Kind, segment: u64, length: impl Fn(u64) -> usize) -> Vec<Chunk> {
    let format = Format { kind, timeline: timeline(rate), bitrate: VIDEO_BITRATE };
    let mut packager = Packager::new(format, segment);
    let frames = timeline(rate).segment(kind, segment);
    frames.filter_map(|frame| packager.push(frame, &unit(kind, frame, length(frame))).unwrap()).collect()
}

fn picture_length(frame: u64) -> usize {
    if frame.is_multiple_of(48) { 40_000 } else { 20 + (frame * 37 % 900) as usize }
}

/// The chunks of a segment as bytes.
fn written(rate: &str, mut place: Place) -> Vec<Vec<u8>> {
    let (multiplex, segment) = (multiplex(rate), place.segment());
    let video = chunks(rate, Kind::Video, segment, picture_length);
    let audio = chunks(rate, Kind::Audio, segment, |frame| 330 + (frame % 20) as usize);
    let both = video.iter().zip(&audio);
    both.map(|(picture, sound)| {
        multiplex.write(&mut place, &[(Kind::Video, picture), (Kind::Audio, sound)]).unwrap().concat()
    })
    .collect()
}

/// A packet, read by other code than that which writes it.
#[derive(Debug)]
struct Packet<'a> {
    pid: u16,
    starts: bool,
    counter: u8,
    flags: u8,
    clock: Option<u64>,
    payload: Option<&'a [u8]>,
}

fn parse(bytes: &[u8]) -> Vec<Packet<'_>> {
    assert!(bytes.len().is_multiple_of(188));
    bytes.chunks(188).map(packet).collect()
}

fn packet(packet: &[u8]) -> Packet<'_> {
    assert_eq!(packet[0], 0x47);
    let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
    assert_eq!(packet[1] & 0xa0, 0, "no error, no priority");
    let (has_field, has_payload) = (packet[3] & 0x20 > 0, packet[3] & 0x10 > 0);
    let field = if has_field { &packet[5..5 + usize::from(packet[4])] } else { &[] };
    let flags = field.first().copied().unwrap_or_default();
    let clock = (flags & 0x10 > 0).then(|| {
        let base = u64::from_be_bytes([0, 0, 0, 0, field[1], field[2], field[3], field[4]]) << 1;
        let base = base | u64::from(field[5] >> 7);
        base * 300 + (u64::from(field[5] & 1) << 8 | u64::from(field[6]))
    });
    let start = if has_field { 5 + usize::from(packet[4]) } else { 4 };
    let payload = has_payload.then_some(&packet[start..]);
    assert!(payload.is_none_or(|payload| !payload.is_empty()) && (has_payload || packet[4] == 183));
    Packet { pid, starts: packet[1] & 0x40 > 0, counter: packet[3] & 0xf, flags, clock, payload }
}

/// PES packets of a track: presentation time and contents.
fn units(packets: &[Packet<'_>], pid: u16) -> Vec<(u64, Vec<u8>)> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for packet in packets.iter().filter(|packet| packet.pid == pid) {
        let Some(payload) = packet.payload else { continue };
        match packet.starts {
            true => found.push(payload.to_vec()),
            false => found.last_mut().unwrap().extend_from_slice(payload),
        }
    }
    found.into_iter().map(|pes| unit_of(&pes)).collect()
}

fn unit_of(pes: &[u8]) -> (u64, Vec<u8>) {
    assert_eq!((&pes[..3], pes[7], pes[8]), (&[0, 0, 1][..], 0x80, 5));
    let length = usize::from(u16::from_be_bytes([pes[4], pes[5]]));
    assert!(length == pes.len() - 6 || length == 0 && pes[3] == 0xe0);
    let bits = |byte: u8, shift: u32| u64::from(byte) << shift;
    let time = bits(pes[9] & 0x0e, 29)
        | bits(pes[10], 22)
        | bits(pes[11] & 0xfe, 14)
        | bits(pes[12], 7)
        | bits(pes[13] >> 1, 0);
    assert!([9, 11, 13].iter().all(|at| pes[*at] & 1 == 1), "marker bits");
    (time, pes[14..].to_vec())
}

#[test]
fn every_segment_has_the_same_length() {
    for rate in ["25", "24", "30000/1001", "60"] {
        for segment in SEGMENT..SEGMENT + 3 {
            let bytes: Vec<_> = written(rate, Place::new(segment));
            let length: usize = bytes.iter().map(Vec::len).sum();
            assert_eq!(length as u64, multiplex(rate).segment_len(), "{rate} {segment}");
        }
    }
    let rate = multiplex("25").segment_len() * 8 * 100 / 192;
    assert!((980_000..1_200_000).contains(&rate), "{rate} bit/s");
}

#[test]
fn counters_go_on_from_segment_to_segment() {
    let bytes: Vec<u8> =
        (SEGMENT..SEGMENT + 5).flat_map(|segment| written("30000/1001", Place::new(segment)).concat()).collect();
    let mut last = BTreeMap::new();
    for packet in parse(&bytes).iter().filter(|packet| packet.pid != 0x1fff) {
        let step = u8::from(packet.payload.is_some());
        if let Some(before) = last.insert(packet.pid, packet.counter) {
            assert_eq!(packet.counter, (before + step) & 15, "PID {:#x}", packet.pid);
        }
        assert_eq!(packet.flags & 0x80, 0);
    }
    assert_eq!(last.into_keys().collect::<Vec<_>>(), [0, 0x100, 0x101, 0x1000]);
}

#[test]
fn clock_and_tables_come_often_enough_and_frames_before_their_time() {
    let bytes: Vec<u8> =
        (SEGMENT..SEGMENT + 4).flat_map(|segment| written("25", Place::new(segment)).concat()).collect();
    let packets = parse(&bytes);
    let duration = 4.0 * 1.92;
    let seconds = |packets: usize| packets as f64 * duration / (bytes.len() / 188) as f64;
    let gaps = |pid: u16, has_clock: bool| {
        let there =
            packets.iter().enumerate().filter(|(_, packet)| packet.pid == pid && packet.clock.is_some() == has_clock);
        let places: Vec<_> = there.map(|(place, _)| place).chain([packets.len()]).collect();
        places.windows(2).map(|pair| seconds(pair[1] - pair[0])).fold(0.0, f64::max)
    };
    assert!(gaps(0x100, true) <= 0.040, "{}", gaps(0x100, true));
    assert!(gaps(0, false) <= 0.100 && gaps(0x1000, false) <= 0.100);
    assert_eq!(
        (packets[0].pid, packets[1].pid, packets[2].clock.is_some()),
        (0, 0x1000, true),
        "a segment begins with both"
    );
    // The clock advances with the bytes.
    let start = SEGMENT * 1920 * 27_000 - 500 * 27_000;
    for (place, packet) in packets.iter().enumerate() {
        let Some(clock) = packet.clock else { continue };
        let expected = start as f64 + (place * 188 + 11) as f64 * duration * 27e6 / bytes.len() as f64;
        let wrapped = expected % (300.0 * 2_f64.powi(33));
        assert!((clock as f64 - wrapped).abs() < 30.0, "packet {place}: {clock}, not {wrapped}");
    }
    for pid in [0x100, 0x101] {
        let starts =
            packets.iter().enumerate().filter(|(_, packet)| packet.pid == pid && packet.starts).map(|(place, _)| place);
        let ends = starts.skip(1).chain([packets.len()]);
        for ((time, _), end) in units(&packets, pid).into_iter().zip(ends) {
            let arrives = (start / 300 + (seconds(end) * 90_000.0) as u64) % (1 << 33);
            assert!(arrives <= time && time < arrives + 90_000, "{} ms early", (time as i64 - arrives as i64) / 90);
        }
    }
}

#[test]
fn every_frame_is_there_at_its_time() {
    for rate in ["25", "30000/1001"] {
        let timeline = timeline(rate);
        let chunks = written(rate, Place::new(SEGMENT));
        let mut next = [Kind::Video, Kind::Audio].map(|kind| timeline.segment(kind, SEGMENT).start);
        for (index, bytes) in (0..).zip(&chunks) {
            let packets = parse(bytes);
            for (time, picture) in units(&packets, 0x100) {
                let frame = next[0];
                assert_eq!(time, frame * if rate == "25" { 3600 } else { 3003 } % (1 << 33));
                assert!(timeline.chunk(Kind::Video, SEGMENT, index).contains(&frame));
                let (delimiter, rest) = picture.split_at(6);
                assert_eq!(delimiter, [0, 0, 0, 1, 9, 0xf0]);
                let sets: &[u8] = &[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 1, 0x68, 0xce];
                let slice = if frame.is_multiple_of(48) { rest.strip_prefix(sets).unwrap() } else { rest };
                let sample = unit(Kind::Video, frame, picture_length(frame));
                assert_eq!((&slice[..4], &slice[4..]), (&[0, 0, 0, 1][..], &sample[4..]), "no padding");
                next[0] += 1;
            }
            for (time, sound) in units(&packets, 0x101) {
                assert_eq!(time, next[1] * 1920 % (1 << 33));
                let mut rest = sound.as_slice();
                while !rest.is_empty() {
                    let length = usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5] >> 5);
                    // AAC-LC, 48 kHz, two channels, without CRC.
                    assert_eq!((rest[0], rest[1], rest[2], rest[3] & 0xfc), (0xff, 0xf1, 0x4c, 0x80));
                    assert_eq!(rest[7..length], unit(Kind::Audio, next[1], 330 + (next[1] % 20) as usize));
                    rest = &rest[length..];
                    next[1] += 1;
                }
            }
        }
        assert_eq!(next, [Kind::Video, Kind::Audio].map(|kind| timeline.segment(kind, SEGMENT).end));
    }
}

#[test]
fn after_a_gap_the_first_packets_say_so() {
    let bytes = written("25", Place::after_gap(SEGMENT)).concat();
    let packets = parse(&bytes);
    for pid in [0x100, 0x101] {
        let mut of_track = packets.iter().filter(|packet| packet.pid == pid && packet.payload.is_some());
        assert_eq!(of_track.next().unwrap().flags & 0xc0, 0xc0, "discontinuity and random access");
        assert!(of_track.all(|packet| packet.flags & 0xc0 == 0));
    }
    let clocks: Vec<_> =
        packets.iter().filter(|packet| packet.clock.is_some()).map(|packet| packet.flags & 0x80).collect();
    assert!(clocks[0] == 0x80 && clocks[1..].iter().all(|flag| *flag == 0));
}

#[test]
fn a_segment_that_exceeds_its_bitrate_is_longer_and_complete() {
    let multiplex = multiplex("25");
    let video = chunks("25", Kind::Video, SEGMENT, |_| 9000);
    let mut place = Place::new(SEGMENT);
    let bytes: Vec<u8> =
        video.iter().flat_map(|chunk| multiplex.write(&mut place, &[(Kind::Video, chunk)]).unwrap().concat()).collect();
    assert!(bytes.len() as u64 > multiplex.segment_len());
    let packets = parse(&bytes);
    assert_eq!(units(&packets, 0x100).len(), 48);
    let clocks: Vec<_> = packets.iter().filter_map(|packet| packet.clock).collect();
    assert!(clocks.is_sorted());
}

#[test]
fn streams_of_one_track_and_low_bitrates_are_possible() {
    let [_, audio] = configurations();
    for bitrate in [32_000, 320_000] {
        let multiplex = Multiplex::new(timeline("25"), &[Track { configuration: &audio, bitrate }]).unwrap();
        let mut place = Place::new(SEGMENT);
        let length = |_| (bitrate / 8 * 1024 / 48_000) as usize;
        let bytes: Vec<u8> = chunks("25", Kind::Audio, SEGMENT, length)
            .iter()
            .flat_map(|chunk| multiplex.write(&mut place, &[(Kind::Audio, chunk)]).unwrap().concat())
            .collect();
        assert_eq!(bytes.len() as u64, multiplex.segment_len(), "{bitrate}");
        let packets = parse(&bytes);
        assert!(packets.iter().filter(|packet| packet.clock.is_some()).all(|packet| packet.pid == 0x101));
    }
    assert!(Multiplex::new(timeline("25"), &[]).is_none());
    let malformed = Configuration::Avc { record: RECORD[..9].to_vec(), width: 16, height: 16 };
    assert!(Multiplex::new(timeline("25"), &[Track { configuration: &malformed, bitrate: 1 }]).is_none());
}
