use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::definition::spec::Revision;
use crate::media::manifest::hls::Skip;
use crate::media::window::fixture::{initialise, publish, publish_chunks};
use crate::media::window::{Lookup, Period, Window};

/// A stream that changes to another revision at segment `from`, in its own Period or in that of the previous epoch.
fn changed_in(from: u64, period: impl FnOnce(&Epoch, &Epoch) -> (Period, UnixTime)) -> Output {
    let output = output(json!({"name": "test", "window_seconds": 10}));
    let spec = StreamSpec { title: "other".into(), ..output.spec.clone() };
    let epoch = Epoch::new((1, from), spec, Revision::parse("0123abcd").unwrap());
    let (period, described) = period(&output.epoch(0), &epoch);
    assert!(output.change(epoch.in_period(period, described)));
    initialise(&output);
    output
}

/// A stream whose change needs another decoder configuration.
pub(super) fn changed(from: u64) -> Output {
    changed_in(from, |_, epoch| (epoch.period.clone(), UnixTime::from_millis((from - 2) * 1920)))
}

/// Lines of a playlist that identify definitions, without attributes.
fn definitions(playlist: &str) -> Vec<String> {
    let told = |line: &&str| {
        !line.starts_with('#')
            || ["#EXT-X-DISC", "#EXT-X-MAP", "#EXT-X-PART:", "#EXT-X-PRELOAD", "#EXT-X-SKIP"]
                .iter()
                .any(|tag| line.starts_with(tag))
    };
    let short = |line: &str| line.replace("#EXT-X-", "").replace(",INDEPENDENT=YES", "").replace("DURATION=0.24,", "");
    playlist.lines().filter(told).map(short).collect()
}

#[test]
fn a_playlist_goes_over_to_another_definition_at_a_discontinuity() {
    let output = changed(SEGMENT + 2);
    let media = |output: &Output| {
        definitions(&hls::media(&View::of(output), &track(output, "v720"), hls::Skip::No).unwrap()).join("\n")
    };
    publish(&output, SEGMENT..SEGMENT + 3);
    assert_snapshot!(media(&output), @r#"
    DISCONTINUITY-SEQUENCE:0
    MAP:URI="58fe8eec/init.mp4"
    58fe8eec/935016890.m4s
    58fe8eec/935016891.m4s
    DISCONTINUITY
    MAP:URI="0123abcd/init.mp4"
    0123abcd/935016892.m4s
    "#);
    publish(&output, SEGMENT + 3..SEGMENT + 8);
    assert_snapshot!(media(&output).lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
    DISCONTINUITY-SEQUENCE:0
    DISCONTINUITY
    MAP:URI="0123abcd/init.mp4"
    0123abcd/935016892.m4s
    0123abcd/935016893.m4s
    "#);
    publish(&output, SEGMENT + 8..SEGMENT + 9);
    assert_snapshot!(media(&output).lines().take(3).collect::<Vec<_>>().join("\n"), @r#"
    DISCONTINUITY-SEQUENCE:1
    MAP:URI="0123abcd/init.mp4"
    0123abcd/935016893.m4s
    "#);
}

#[test]
fn parts_and_hints_are_of_the_definition_of_their_segment() {
    let output = changed(SEGMENT + 2);
    let parts = |output: &Output| {
        let text = hls::low_latency(&View::of(output), &track(output, "v720"), Skip::No).unwrap();
        let lines = definitions(&text);
        lines[lines.len() - 4..].join("\n")
    };
    publish(&output, SEGMENT..SEGMENT + 2);
    assert_snapshot!(parts(&output), @r#"
    PART:URI="58fe8eec/935016891.6.m4s"
    PART:URI="58fe8eec/935016891.7.m4s"
    58fe8eec/935016891.m4s
    PRELOAD-HINT:TYPE=PART,URI="0123abcd/935016892.0.m4s"
    "#);
    publish_chunks(&output, SEGMENT + 2, 0..1);
    assert_snapshot!(parts(&output), @r#"
    DISCONTINUITY
    MAP:URI="0123abcd/init.mp4"
    PART:URI="0123abcd/935016892.0.m4s"
    PRELOAD-HINT:TYPE=PART,URI="0123abcd/935016892.1.m4s"
    "#);
}

#[test]
fn an_mpd_tells_of_a_change_before_it_comes() {
    let output = changed(SEGMENT + 2);
    let mpd = |output: &Output| {
        dash_mpd_core::parse(&dash::mpd(&View::of(output), Place::Stream, Latency::Low).unwrap()).unwrap()
    };
    publish(&output, SEGMENT..SEGMENT + 2);
    for segments in [SEGMENT..SEGMENT, SEGMENT + 2..SEGMENT + 6] {
        publish(&output, segments);
        let mpd = mpd(&output);
        let [first, second, early] = &mpd.periods[..] else { panic!("{:?}", mpd.periods) };
        assert_eq!((first.id.as_deref(), first.start), (Some("0"), Some(Duration::ZERO)));
        let start = Duration::from_millis((SEGMENT + 2) * 1920);
        assert_eq!((second.id.as_deref(), second.start, second.duration), (Some("1"), Some(start), None));
        let template = second.adaptations[0].SegmentTemplate.as_ref().unwrap();
        assert_eq!(template.startNumber, Some(SEGMENT + 2));
        let seconds = template.presentationTimeOffset.unwrap() as f64 / template.timescale.unwrap() as f64;
        assert!((seconds - start.as_secs_f64()).abs() < 1e-6);
        assert!(template.media.as_ref().unwrap().contains("0123abcd"));
        // As ffmpeg reads it.
        let since_1970 = early.adaptations[0].SegmentTemplate.as_ref().unwrap();
        assert_eq!((early.start, early.duration, &since_1970.media), (None, None, &template.media));
        assert_eq!((since_1970.startNumber, since_1970.presentationTimeOffset), (Some(0), Some(1)));
        assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, SEGMENT * 1920);
    }
    publish(&output, SEGMENT + 6..SEGMENT + 8);
    let mpd = mpd(&output);
    assert_eq!(mpd.periods.iter().map(|period| period.id.as_deref()).collect::<Vec<_>>(), [Some("1"), Some("early-1")]);
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, (SEGMENT + 8) * 1920);
}

#[test]
fn an_mpd_says_nothing_of_a_change_that_decoders_need_not_know_of() {
    let output = changed_in(SEGMENT + 2, |before, _| (before.period.clone(), before.described));
    let mpd = || dash::mpd(&View::of(&output), Place::Stream, Latency::Normal).unwrap();
    publish(&output, SEGMENT..SEGMENT + 1);
    let before = mpd();
    publish(&output, SEGMENT + 1..SEGMENT + 9);
    assert_eq!(mpd(), before);
    assert!(before.contains("58fe8eec/$Number$.m4s") && !before.contains("0123abcd"), "{before}");
    let window = |revision: &str, number: u64| output.find(0, revision, number);
    let is_there =
        |window: Option<Window>, number| matches!(window.unwrap().snapshot().lookup(number), Lookup::Ready(_));
    for number in [SEGMENT + 1, SEGMENT + 2, SEGMENT + 8] {
        assert!(is_there(window("58fe8eec", number), number), "{number}");
    }
    assert!(is_there(window("0123abcd", SEGMENT + 2), SEGMENT + 2));
    assert!(window("0123abcd", SEGMENT + 1).is_none(), "it is of the definition before");
}
