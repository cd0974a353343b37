//! How long does it take to paint a frame?

use std::hint::black_box;

use barstone::base::timeline::{AUDIO_FRAME_SAMPLES, Rate};
use barstone::definition::spec::Pattern;
use barstone::media::signal::{CHANNELS, Painter, Picture, Tone};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Frame and sample numbers in 2026.
const FRAME: u64 = 44_880_750_000;
const SAMPLE: u64 = 86_171_040_000_000;

fn picture(width: u32, height: u32) -> Picture {
    Picture {
        width,
        height,
        rate: Rate::new(25, 1).expect("25 is a rate"),
        pattern: Pattern::Smpte,
        title: "Test stream".into(),
        label: format!("v{height}  {width}x{height}  25 fps  2000 kbit/s"),
    }
}

fn paint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("paint");
    for (width, height) in [(640, 360), (1280, 720), (1920, 1080), (3840, 2160)] {
        let painter = Painter::new(&picture(width, height));
        let mut frame = painter.blank();
        let mut index = FRAME;
        group.bench_function(BenchmarkId::from_parameter(height), |bencher| {
            bencher.iter(|| {
                index += 1;
                painter.paint(black_box(&mut frame), index);
            });
        });
    }
    group.finish();
}

fn prepare(criterion: &mut Criterion) {
    let picture = picture(1280, 720);
    criterion.bench_function("prepare/720", |bencher| bencher.iter(|| Painter::new(black_box(&picture))));
}

fn fill(criterion: &mut Criterion) {
    let tone = Tone::new(1000, -20.0);
    let mut out = vec![0; AUDIO_FRAME_SAMPLES as usize * CHANNELS];
    let mut sample = SAMPLE;
    criterion.bench_function("fill/1024", |bencher| {
        bencher.iter(|| {
            sample += u64::from(AUDIO_FRAME_SAMPLES);
            tone.fill(sample, black_box(&mut out));
        });
    });
}

criterion_group!(benches, paint, prepare, fill);
criterion_main!(benches);
