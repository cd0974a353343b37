//! How long does it take to package a frame?

use std::hint::black_box;

use barstone::base::timeline::{Kind, Rate, Timeline};
use barstone::media::cmaf::{Format, Packager};
use criterion::{Criterion, criterion_group, criterion_main};

/// Number of a segment in 2026.
const SEGMENT: u64 = 935_000_000;
const SEGMENT_FRAMES: u32 = 48;
const CHUNK_FRAMES: u32 = 8;

/// An access unit as the encoder outputs it: a length and a slice of `len` bytes.
fn access_unit(nal_header: u8, len: usize) -> Vec<u8> {
    let mut unit = (len as u32).to_be_bytes().to_vec();
    unit.push(nal_header);
    unit.extend((1..len).map(|i| (i * 31 % 251) as u8 | 1));
    unit
}

fn packager(kind: Kind, timeline: Timeline) -> (Packager, u64) {
    let format = Format { kind, timeline, bitrate: 2_000_000 };
    (Packager::new(format, SEGMENT), timeline.segment(kind, SEGMENT).start)
}

/// Packages a segment of the default 720p stream: an IDR picture of 40 KB and pictures of 1.5 KB, in chunks of 8 padded
/// to 2 Mbit/s, and AAC frames of 128 kbit/s.
fn package(criterion: &mut Criterion) {
    let timeline = Timeline::new(Rate::new(25, 1).expect("25 is a rate"), SEGMENT_FRAMES, CHUNK_FRAMES);
    let mut group = criterion.benchmark_group("package");

    let (idr, other) = (access_unit(0x65, 40_000), access_unit(0x41, 1500));
    let (mut pictures, mut frame) = packager(Kind::Video, timeline);
    group.bench_function("picture", |bencher| {
        bencher.iter(|| {
            let unit = if frame.is_multiple_of(u64::from(SEGMENT_FRAMES)) { &idr } else { &other };
            let chunk = pictures.push(frame, black_box(unit)).expect("pictures follow each other");
            frame += 1;
            black_box(chunk)
        });
    });

    let aac = access_unit(0x21, 330);
    let (mut sound, mut frame) = packager(Kind::Audio, timeline);
    group.bench_function("sound", |bencher| {
        bencher.iter(|| {
            let chunk = sound.push(frame, black_box(&aac)).expect("frames follow each other");
            frame += 1;
            black_box(chunk)
        });
    });
    group.finish();
}

criterion_group!(benches, package);
criterion_main!(benches);
