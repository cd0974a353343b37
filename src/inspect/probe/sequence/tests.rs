use super::*;

const FIRST: u64 = 44_900_330_688;
const MS: i64 = 1_000_000;

/// Judges pictures of a source with 25 frames a second: milliseconds on the timeline, and the frame, counted from the first.
fn judged(pictures: impl IntoIterator<Item = (i64, Option<u64>)>) -> (Counts, Vec<(i64, FreezeKind)>) {
    let rate = Rate::new(25, 1).unwrap();
    let mut sequence = Sequence::default();
    for (ms, frame) in pictures {
        let strip = frame.map(|frame| Timecode::of_frame(rate, FIRST + frame));
        sequence.add(Point { pts: ms * MS, strip });
    }
    sequence.finish();
    let freezes = sequence.freezes().iter().map(|freeze| (freeze.length / MS, freeze.kind)).collect();
    (sequence.counts(), freezes)
}

/// Checks pictures that are 40 ms apart.
#[track_caller]
fn check(frames: impl IntoIterator<Item = Option<u64>>, expected: Counts, freezes: &[(i64, FreezeKind)]) {
    let found = judged(frames.into_iter().enumerate().map(|(index, frame)| (index as i64 * 40, frame)));
    assert_eq!(found, (expected, freezes.to_vec()));
}

#[test]
fn a_whole_sequence_has_only_seen_frames() {
    check((0..100).map(Some), Counts { seen: 100, ..Counts::default() }, &[]);
}

#[test]
fn each_change_of_a_sequence_is_counted_as_what_it_is() {
    let dropped = (0..100).filter(|n| n % 10 != 9);
    let expected = Counts { seen: 90, dropped: 9, ..Counts::default() };
    let found = judged(dropped.map(|n| (n as i64 * 40, Some(n))));
    assert_eq!(found, (expected, vec![]));
    // The time in the strips goes on as time does, but frames are shown instead of others.
    let instead = (0..100).map(|n| Some(if n % 10 == 9 { n - 1 } else { n }));
    check(instead, Counts { seen: 90, dropped: 9, repeated: 10, ..Counts::default() }, &[]);
    let swapped = (0..100).map(|n| {
        Some(if n % 10 == 5 {
            n + 1
        } else if n % 10 == 6 {
            n - 1
        } else {
            n
        })
    });
    check(swapped, Counts { seen: 100, out_of_order: 10, ..Counts::default() }, &[]);
    let unreadable = (0..100).map(|n| (n % 10 != 5).then_some(n));
    check(unreadable, Counts { seen: 90, unreadable: 10, ..Counts::default() }, &[]);
}

#[test]
fn freezes_are_not_drops_and_repeats() {
    let frozen = (0..150).map(|n| Some(if (50..100).contains(&n) { 49 } else { n }));
    let expected = Counts { seen: 100, frozen: 50, freezes: 1, ..Counts::default() };
    check(frozen, expected, &[(2000, FreezeKind::Repeated)]);
    let late = (0..150).map(|n| Some(if n < 50 { n } else { 49.max(n - 50) }));
    let expected = Counts { seen: 100, freezes: 1, ..Counts::default() };
    check(late, expected, &[(2000, FreezeKind::Repeated)]);
    let at_the_end = (0..150).map(|n| Some(n.min(99)));
    check(at_the_end, Counts { seen: 100, freezes: 1, ..Counts::default() }, &[(2000, FreezeKind::Repeated)]);
    let lost = (0..150).filter(|n| !(50..98).contains(n)).map(|n| (n as i64 * 40, Some(n)));
    let expected = Counts { seen: 102, dropped: 48, freezes: 1, ..Counts::default() };
    assert_eq!(judged(lost), (expected, vec![(1920, FreezeKind::Gap)]));
}

#[test]
fn jumps_of_the_source_are_found() {
    let lost = (0..100).map(|n| Some(if n < 50 { n } else { n + 50 }));
    check(lost, Counts { seen: 100, dropped: 50, jumps: 1, ..Counts::default() }, &[]);
    let elsewhere = (0..100).map(|n| Some(if n < 50 { n } else { n + 50_000 }));
    check(elsewhere, Counts { seen: 100, jumps: 1, ..Counts::default() }, &[]);
    let looped = (0..100).map(|n| Some(if n < 50 { n + 500 } else { n }));
    check(looped, Counts { seen: 100, jumps: 1, ..Counts::default() }, &[]);
}

/// Pictures of another frame rate, each with the frame that is nearest to its time.
fn converted(pictures: u64, rate: f64, delete: impl Fn(u64) -> bool) -> Vec<(i64, Option<u64>)> {
    let picture = |n: u64| {
        let seconds = n as f64 / rate;
        ((seconds * 1000.0) as i64, Some((seconds * 25.0 + 0.001).round() as u64))
    };
    (0..pictures).filter(|n| !delete(*n)).map(picture).collect()
}

#[test]
fn conversions_of_the_frame_rate_neither_drop_nor_repeat() {
    for (rate, seen) in [(30.0, 100), (50.0, 60), (29.97, 101), (60.0, 50), (12.5, 120), (20.0, 120), (10.0, 120)] {
        let (counts, freezes) = judged(converted(120, rate, |_| false));
        assert_eq!(counts, Counts { seen: counts.seen, ..Counts::default() }, "{rate}");
        assert!(counts.seen.abs_diff(seen) <= 1 && freezes.is_empty(), "{rate}: {counts:?}");
    }
}

#[test]
fn drops_are_found_in_a_converted_sequence() {
    // Of 30 pictures a second, these are the only ones of their frames.
    let (counts, _) = judged(converted(120, 30.0, |n| n % 30 == 1 && n > 30));
    assert_eq!((counts.dropped, counts.repeated), (3, 0));
    let (counts, _) = judged(converted(120, 12.5, |n| n % 30 == 3));
    assert_eq!((counts.dropped, counts.repeated), (4, 0));
}

#[test]
fn the_frame_rate_is_that_of_the_strip() {
    for (num, den) in [(25, 1), (50, 1), (30_000, 1001), (24_000, 1001), (25, 2), (17, 3)] {
        let rate = Rate::new(num, den).unwrap();
        let frame = rate.frame_at(UnixTime::from_millis(1_796_013_227_520));
        for frame in frame..frame + 50 {
            assert_eq!(rate_of(Timecode::of_frame(rate, frame), None), Some(rate));
        }
    }
    assert_eq!(rate_of(Timecode { time_ms: 0, frame: 0 }, None), None);
}
