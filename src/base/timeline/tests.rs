use proptest::prelude::*;

use super::*;

const NOW: UnixTime = UnixTime::from_millis(1_795_230_000_000);

fn grid(rate: &str, segment_frames: u32, chunk_frames: u32) -> Timeline {
    Timeline::new(rate.parse().unwrap(), segment_frames, chunk_frames)
}

fn timelines() -> impl Strategy<Value = Timeline> {
    const RATES: &[&str] = &["24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001", "15", "120"];
    (prop::sample::select(RATES), 1_u32..600, 1_u32..600).prop_map(|(rate, a, b)| grid(rate, a.max(b), a.min(b)))
}

#[test]
fn a_rate_survives_a_round_trip() {
    let shown = |text: &str| text.parse::<Rate>().map(|rate| rate.to_string());
    assert_eq!(shown("25"), Ok("25".into()));
    assert_eq!(shown("30000/1001"), Ok("30000/1001".into()));
    assert_eq!(shown("50/2"), Ok("25".into()));
    for bad in ["", "0", "25/0", "-25", "+25", "25.0", "25/1/1", " 25", "99999999999"] {
        assert_eq!(shown(bad), Err(()), "{bad:?}");
    }
}

#[test]
fn the_default_grid_lines_up_audio_and_video() {
    let timeline = grid("25", 48, 8);
    assert_eq!(timeline.chunks_per_segment(), 6);
    assert_eq!(timeline.segment_duration(), Duration::from_millis(1920));
    for segment in [0, 1, 935_000_000] {
        for chunk in 0..6 {
            let audio = timeline.chunk(Kind::Audio, segment, chunk);
            assert_eq!(audio.end - audio.start, 15);
            assert_eq!(
                timeline.frame_start(Kind::Audio, audio.start),
                timeline.frame_start(Kind::Video, timeline.chunk(Kind::Video, segment, chunk).start)
            );
        }
    }
}

#[test]
fn two_second_audio_segments_vary_by_one_frame() {
    let timeline = grid("25", 50, 8);
    let lengths: Vec<_> = (0..4).map(|k| timeline.segment(Kind::Audio, k)).map(|r| r.end - r.start).collect();
    assert_eq!(lengths, [94, 94, 94, 93]);
    assert_eq!(timeline.longest_segment(Kind::Audio), Duration::from_nanos(2_005_333_334));
}

proptest! {
    #[test]
    fn a_segment_is_found_by_the_time_of_its_first_frame(timeline in timelines(), segment in 0_u64..500_000_000, later in 1_u64..5000) {
        for kind in [Kind::Video, Kind::Audio] {
            let ticks = timeline.segment(kind, segment).start * u64::from(timeline.frame_ticks(kind));
            prop_assert_eq!(timeline.segment_from(kind, ticks), Some(segment));
            let next = timeline.segment(kind, segment + 1).start * u64::from(timeline.frame_ticks(kind));
            if ticks + later < next {
                prop_assert_eq!(timeline.segment_from(kind, ticks + later), None);
            }
        }
    }
}

#[test]
fn a_video_frame_lasts_whole_ticks() {
    let ticks = |rate| (grid(rate, 48, 8).timescale(Kind::Video), grid(rate, 48, 8).frame_ticks(Kind::Video));
    assert_eq!(ticks("25"), (90_000, 3600));
    assert_eq!(ticks("60"), (90_000, 1500));
    assert_eq!(ticks("30000/1001"), (90_000, 3003));
    assert_eq!(ticks("60000/1001"), (60_000, 1001));
}

#[test]
fn segment_numbers_count_from_1970() {
    let timeline = grid("25", 48, 8);
    let segment = timeline.segment_at(NOW);
    assert_eq!(segment, 935_015_625);
    assert_eq!(timeline.segment_start(segment), NOW);
    assert_eq!(timeline.segment_at(NOW.saturating_sub(Duration::from_nanos(1))), segment - 1);
}

#[test]
fn a_window_is_counted_in_whole_segments() {
    assert_eq!(grid("25", 48, 8).segments_in(Duration::from_secs(60)), 32);
    assert_eq!(grid("25", 50, 8).segments_in(Duration::from_secs(60)), 30);
}

proptest! {
    #[test]
    fn frame_at_the_start_of_a_frame_is_that_frame(timeline in timelines(), frame in 0_u64..200_000_000_000) {
        let start = timeline.rate().frame_start(frame);
        prop_assert_eq!(timeline.rate().frame_at(start), frame);
        prop_assert_eq!(timeline.rate().frame_at(start.saturating_sub(Duration::from_nanos(1))), frame.saturating_sub(1));
    }

    #[test]
    fn chunks_tile_segments_and_segments_tile_time(timeline in timelines(), segment in 0_u64..1_000_000_000) {
        for kind in [Kind::Video, Kind::Audio] {
            let whole = timeline.segment(kind, segment);
            let mut next = whole.start;
            for chunk in 0..timeline.chunks_per_segment() {
                let frames = timeline.chunk(kind, segment, chunk);
                prop_assert_eq!(frames.start, next);
                prop_assert!(frames.end >= frames.start);
                next = frames.end;
            }
            prop_assert_eq!(next, whole.end);
            prop_assert_eq!(timeline.segment(kind, segment + 1).start, whole.end);
            prop_assert!(timeline.duration(kind, segment) <= timeline.longest_segment(kind));
        }
    }

    /// Up to 2477, because times end in 2554: the longest segments of `timelines` last 40 s.
    #[test]
    fn a_chunk_is_counted_from_its_end(timeline in timelines(), segment in 0_u64..400_000_000) {
        let chunks = timeline.chunks_per_segment();
        for chunk in 0..chunks {
            let end = timeline.chunk_span(segment, chunk).end;
            let counted = segment * u64::from(chunks) + u64::from(chunk) + 1;
            prop_assert_eq!(timeline.chunks_until(end), counted);
            prop_assert_eq!(timeline.chunks_until(end.saturating_sub(Duration::from_nanos(1))), counted - 1);
        }
    }

    #[test]
    fn chunk_of_finds_the_chunk_of_every_frame(timeline in timelines(), segment in 0_u64..500_000_000) {
        for (kind, chunk) in [Kind::Video, Kind::Audio].into_iter().flat_map(|kind| (0..timeline.chunks_per_segment()).map(move |chunk| (kind, chunk))) {
            let frames = timeline.chunk(kind, segment, chunk);
            for frame in frames.clone() {
                prop_assert_eq!(timeline.chunk_of(kind, frame), frames.clone());
            }
        }
    }

    #[test]
    fn an_audio_segment_starts_less_than_a_frame_after_the_video(timeline in timelines(), segment in 0_u64..1_000_000_000) {
        let video = timeline.segment_start(segment);
        let audio = timeline.frame_start(Kind::Audio, timeline.segment(Kind::Audio, segment).start);
        prop_assert!(audio >= video.saturating_sub(Duration::from_nanos(1)));
        prop_assert!(audio.saturating_since(video) < Duration::from_nanos(21_333_334));
    }

    #[test]
    fn media_time_is_exact(timeline in timelines(), frame in 0_u64..300_000_000_000) {
        let ticks = u128::from(frame) * u128::from(timeline.frame_ticks(Kind::Video));
        let exact = u128::from(frame) * u128::from(timeline.rate().den()) * u128::from(timeline.timescale(Kind::Video));
        prop_assert_eq!(ticks * u128::from(timeline.rate().num()), exact);
    }
}
