use proptest::prelude::*;

use super::*;

const PATTERNS: [Pattern; 4] = [Pattern::Smpte, Pattern::Ebu, Pattern::Grid, Pattern::Black];
/// 2026-11-21T03:00:00Z.
const NOW: u64 = 1_795_230_000;

/// Sizes with and without a common aspect ratio.
const SIZES: [(u32, u32); 19] = [
    (90, 160),
    (126, 160),
    (128, 160),
    (158, 160),
    (160, 90),
    (160, 120),
    (160, 160),
    (160, 2160),
    (3840, 90),
    (90, 4096),
    (4096, 90),
    (256, 144),
    (426, 240),
    (640, 360),
    (720, 576),
    (854, 480),
    (1080, 1920),
    (1280, 720),
    (1366, 768),
];

fn picture(width: u32, height: u32, rate: &str) -> Picture {
    Picture {
        width,
        height,
        rate: rate.parse().unwrap(),
        pattern: Pattern::Smpte,
        title: "Test stream".into(),
        label: format!("v{height}  {width}x{height}  {rate} fps  2000 kbit/s"),
    }
}

fn painted(painter: &Painter, index: u64) -> Vec<u8> {
    let mut frame = painter.blank();
    painter.paint(&mut frame, index);
    frame
}

#[track_caller]
fn check_strip(painter: &Painter, rate: &str, index: u64) {
    let layout = painter.layout();
    let read = timecode::read(&painted(painter, index), layout.strides()[0], layout.width(), layout.height());
    assert_eq!(read, Ok(Timecode { time_ms: rate.parse::<Rate>().unwrap().frame_millis(index), frame: index }));
}

#[test]
fn every_size_pattern_and_rate_is_drawn_and_read_back() {
    for (width, height) in SIZES {
        for (pattern, rate) in PATTERNS.into_iter().zip(["25", "30000/1001", "60", "120"]) {
            let painter = Painter::new(&Picture { pattern, ..picture(width, height, rate) });
            check_strip(&painter, rate, NOW * 25);
            assert_eq!(painted(&painter, NOW * 25).len(), painter.layout().size());
        }
    }
}

#[test]
fn the_largest_pictures_are_drawn() {
    for (width, height) in [(3840, 2160), (2160, 3840), (4096, 2304)] {
        check_strip(&Painter::new(&picture(width, height, "50")), "50", NOW * 50 + 1);
    }
}

#[test]
fn an_overlay_covers_the_strip_and_the_clock_only() {
    let index = NOW * 25 + 7;
    for (width, height) in SIZES {
        let picture = picture(width, height, "25");
        let (layout, overlay) = (Layout::new(width, height), Overlay::strip_and_clock(&picture));
        let stride = layout.strides()[0];
        let over = |overlay: &Overlay, mut frame: Vec<u8>| {
            overlay.paint(&mut frame, index);
            let read = timecode::read(&frame, stride, layout.width(), layout.height());
            assert_eq!(read.map(|strip| strip.frame), Ok(index), "{width}x{height}");
            frame
        };
        let strip = over(&Overlay::strip(&picture), vec![77; layout.size()]);
        let (light, dark) = (over(&overlay, vec![77; layout.size()]), over(&overlay, vec![0; layout.size()]));
        let (columns, rows) = overlay.clock_area().unwrap();
        assert!(rows.start >= timecode::area(layout).bottom() && rows.end <= layout.height(), "{width}x{height}");
        for y in 0..layout.height() {
            let [strip, light, dark] = [&strip, &light, &dark].map(|frame| &frame[y * stride..][..layout.width()]);
            let covered = if rows.contains(&y) { columns.clone() } else { 0..0 };
            assert_eq!(light[covered.clone()], dark[covered.clone()], "{width}x{height}, row {y}");
            assert_eq!(light[..covered.start], strip[..covered.start], "{width}x{height}, row {y}");
            assert_eq!(light[covered.end..], strip[covered.end..], "{width}x{height}, row {y}");
        }
    }
}

#[test]
fn any_title_is_drawn() {
    let titles = [
        "",
        " ",
        "Größe ½ · Ελλάδα · Москва",
        "日本語 🎬 e\u{301} \u{200d}\t\u{0}",
        "…",
        &"M".repeat(64),
        &"ẞ".repeat(64),
    ];
    for title in titles {
        for (width, height) in [(90, 160), (160, 90), (426, 240), (1280, 720)] {
            let picture = Picture { title: title.into(), label: title.into(), ..picture(width, height, "25") };
            check_strip(&Painter::new(&picture), "25", NOW * 25 + 7);
        }
    }
}

#[test]
fn an_index_beyond_the_calendar_is_drawn() {
    let painter = Painter::new(&picture(160, 90, "1"));
    assert_eq!(painted(&painter, u64::MAX).len(), painter.layout().size());
}

#[test]
fn painting_leaves_chroma_and_padding_alone() {
    let painter = Painter::new(&picture(426, 240, "25"));
    let (blank, frame) = (painter.blank(), painted(&painter, NOW * 25));
    let [_, chroma, _] = painter.layout().offsets();
    assert_eq!(blank[chroma..], frame[chroma..]);
    assert!(blank[..chroma].chunks(428).zip(frame.chunks(428)).all(|(a, b)| a[426..] == b[426..]));
}

#[test]
fn neighbouring_frames_differ() {
    let painter = Painter::new(&picture(640, 360, "50"));
    let frames: Vec<_> = (0..50).map(|frame| painted(&painter, NOW * 50 + frame)).collect();
    assert!(frames.windows(2).all(|pair| pair[0] != pair[1]));
}

/// Guards the bytes. A change of them must increment [`VERSION`] and update these hashes.
#[test]
fn frames_are_the_same_on_every_machine() {
    let hash = |pattern| {
        let painter = Painter::new(&Picture { pattern, ..picture(426, 240, "25") });
        crc32fast::hash(&painted(&painter, NOW * 25 + 12_345))
    };
    assert_eq!((VERSION, PATTERNS.map(hash)), (1, [1_612_429_124, 1_625_785_320, 1_216_565_368, 3_627_488_903]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn painting_over_any_frame_is_painting_over_the_blank(
        size in prop::sample::select(vec![(90, 160), (160, 90), (426, 240), (640, 360)]),
        rate in prop::sample::select(vec!["25", "30000/1001", "60", "120"]),
        before in 0_u64..1 << 40,
        after in 0_u64..1 << 40,
    ) {
        let painter = Painter::new(&picture(size.0, size.1, rate));
        let mut frame = painted(&painter, before);
        painter.paint(&mut frame, after);
        prop_assert!(frame == painted(&painter, after));
    }
}
