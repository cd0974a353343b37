use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::media::manifest::hls::Skip;

/// A view under conditions.
fn under<'a>(output: &'a Output, conditions: &'a Conditions) -> View<'a> {
    View::of(output).under(conditions, UnixTime::default())
}

fn parsed(output: &Output, conditions: &str, latency: Latency) -> dash_mpd_core::MPD {
    let conditions = Conditions::parse(conditions).unwrap();
    dash_mpd_core::parse(&dash::mpd(&under(output, &conditions), Place::Stream, latency).unwrap()).unwrap()
}

/// Start of a segment of the default length, in milliseconds.
fn start(segment: u64) -> u64 {
    segment * 1920
}

/// Id, first number and the id that it continues, of each Period.
fn described(mpd: &dash_mpd_core::MPD) -> Vec<(String, u64, Option<String>)> {
    let period = |period: &dash_mpd_core::Period| {
        let ids: Vec<_> = period.adaptations.iter().map(|set| set.id.as_deref()).collect();
        assert_eq!(ids, [Some("0"), Some("1")]);
        let continued = |set: &dash_mpd_core::AdaptationSet| {
            set.supplemental_property.first().and_then(|property| property.value.clone())
        };
        let [video, audio] = &period.adaptations[..] else { panic!("there are two sets") };
        assert_eq!(continued(video), continued(audio));
        let template = video.SegmentTemplate.as_ref().unwrap();
        let offset = template.presentationTimeOffset.unwrap_or_default();
        let first = template.startNumber.unwrap_or(offset / 172_800);
        if let (Some(since_1970), true) = (period.start, template.SegmentTimeline.is_none()) {
            assert_eq!((since_1970.as_millis() as u64, offset), (start(first), first * 172_800));
        }
        (period.id.clone().unwrap(), first, continued(video))
    };
    mpd.periods.iter().map(period).collect()
}

#[track_caller]
fn check(mpd: &dash_mpd_core::MPD, expected: &[(&str, u64, Option<&str>)], published: u64) {
    let expected: Vec<_> = expected.iter().map(|(id, first, on)| ((*id).into(), *first, on.map(Into::into))).collect();
    assert_eq!(described(mpd), expected);
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, published);
}

/// Multiples of 10 s are before segments -4, 1, 6 and 12, counted from `SEGMENT`.
const CUTS: [u64; 4] = [SEGMENT - 4, SEGMENT + 1, SEGMENT + 6, SEGMENT + 12];

#[test]
fn an_mpd_begins_a_period_at_each_multiple() {
    let output = output(json!({"name": "test", "window_seconds": 10}));
    publish(&output, SEGMENT..SEGMENT + 4);
    let early = |id| (id, 0, None);
    for latency in [Latency::Normal, Latency::Low] {
        let expected = [
            ("p179523242", CUTS[0], None),
            ("p179523243", CUTS[1], Some("p179523242")),
            ("p179523244", CUTS[2], Some("p179523243")),
            early("early-p179523244"),
        ];
        // When the Period before the first one left the window, which would be full by then.
        check(&parsed(&output, "periods=10s", latency), &expected, start(SEGMENT + 2));
    }
    publish(&output, SEGMENT + 4..SEGMENT + 6);
    let expected = [
        ("p179523242", CUTS[0], None),
        ("p179523243", CUTS[1], Some("p179523242")),
        ("p179523244", CUTS[2], Some("p179523243")),
        ("p179523245", CUTS[3], Some("p179523244")),
        early("early-p179523245"),
    ];
    check(&parsed(&output, "periods=10s", Latency::Normal), &expected, start(CUTS[2]));
    // The first Period leaves the window of six segments.
    publish(&output, SEGMENT + 6..SEGMENT + 7);
    let expected = [
        ("p179523243", CUTS[1], None),
        ("p179523244", CUTS[2], Some("p179523243")),
        ("p179523245", CUTS[3], Some("p179523244")),
        early("early-p179523245"),
    ];
    check(&parsed(&output, "periods=10s", Latency::Normal), &expected, start(SEGMENT + 7));
}

#[test]
fn a_list_of_segments_is_cut_with_the_periods() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 7);
    let mpd = parsed(&output, "addressing=time-timeline,periods=10s", Latency::Normal);
    let expected = [
        ("p179523242", CUTS[0], None),
        ("p179523243", CUTS[1], Some("p179523242")),
        ("p179523244", CUTS[2], Some("p179523243")),
    ];
    check(&mpd, &expected, start(SEGMENT + 7));
    let lists = mpd.periods.iter().flat_map(|period| period.adaptations.iter()).map(|set| {
        let list = &set.SegmentTemplate.as_ref().unwrap().SegmentTimeline.as_ref().unwrap().segments;
        (list.len(), list[0].t.unwrap() / list[0].d, list[0].r.unwrap_or_default() + 1)
    });
    let one_after_another =
        [(1, SEGMENT, 1), (1, SEGMENT, 1), (1, CUTS[1], 5), (1, CUTS[1], 5), (1, CUTS[2], 1), (1, CUTS[2], 1)];
    assert_eq!(lists.collect::<Vec<_>>(), one_after_another);
}

#[test]
fn audio_that_begins_late_in_a_period_says_by_how_much() {
    let output = output(json!({"name": "test", "segment_frames": 50, "chunk_frames": 10}));
    publish(&output, SEGMENT..SEGMENT + 1);
    let mpd = parsed(&output, "addressing=time-timeline,periods=10s", Latency::Normal);
    let [video, audio] = [0, 1].map(|set| mpd.periods[0].adaptations[set].SegmentTemplate.clone().unwrap());
    assert_eq!((video.presentationTimeOffset, video.eptDelta), (Some(SEGMENT * 180_000), None));
    assert_eq!((audio.presentationTimeOffset, audio.eptDelta), (Some(SEGMENT * 96_000), Some(512)));
    assert_eq!(audio.SegmentTimeline.unwrap().segments[0].t, Some(SEGMENT * 96_000 + 512));
}

#[test]
fn a_change_begins_a_period_of_its_own_between_cuts() {
    let output = change::changed(SEGMENT + 3);
    publish(&output, SEGMENT..SEGMENT + 6);
    let mpd = parsed(&output, "periods=10s", Latency::Normal);
    let found: Vec<_> = described(&mpd).into_iter().map(|(id, _, on)| (id, on)).collect();
    let on = |id: &str| Some(id.to_owned());
    let expected = [
        ("p179523242".into(), None),
        ("p179523243".into(), on("p179523242")),
        ("1".into(), None),
        ("p179523244".into(), on("1")),
        ("p179523245".into(), on("p179523244")),
        ("early-p179523245".into(), None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_last_period_of_a_presentation_has_a_duration() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 4);
    output.end_after(SEGMENT + 7, UnixTime::default());
    let mpd = parsed(&output, "periods=10s", Latency::Normal);
    let lengths: Vec<_> = mpd.periods.iter().map(|period| period.duration.map(|length| length.as_millis())).collect();
    assert_eq!(lengths, [None, None, Some(2 * 1920)]);
}

/// Lines of a playlist that say where it is cut.
fn cuts(playlist: &str) -> String {
    let is_told =
        |line: &&str| line.starts_with("#EXT-X-DISC") || line.starts_with("#EXT-X-MAP") || !line.starts_with('#');
    playlist
        .lines()
        .filter(is_told)
        .map(|line| line.replace("../../../../../live/test/v720/", ""))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_playlist_has_a_discontinuity_at_each_multiple_and_counts_those_that_left() {
    let output = output(json!({"name": "test", "window_seconds": 10}));
    let conditions = Conditions::parse("periods=10s").unwrap();
    let media = || cuts(&hls::media(&under(&output, &conditions), &track(&output, "v720"), hls::Skip::No).unwrap());
    publish(&output, SEGMENT..SEGMENT + 7);
    assert_snapshot!(media(), @r#"
    #EXT-X-DISCONTINUITY-SEQUENCE:174122
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    58fe8eec/935016891.m4s
    58fe8eec/935016892.m4s
    58fe8eec/935016893.m4s
    58fe8eec/935016894.m4s
    58fe8eec/935016895.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    58fe8eec/935016896.m4s
    "#);
    publish(&output, SEGMENT + 7..SEGMENT + 8);
    assert!(media().starts_with("#EXT-X-DISCONTINUITY-SEQUENCE:174123\n#EXT-X-MAP"), "{}", media());
    let low = cuts(&hls::low_latency(&under(&output, &conditions), &track(&output, "v720"), Skip::No).unwrap());
    assert!(
        low.contains("95.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"58fe8eec/init.mp4\"\n58fe8eec/935016896.m4s\n"),
        "{low}"
    );
}

#[test]
fn a_cut_at_a_change_of_the_definition_comes_one_segment_later() {
    let output = change::changed(CUTS[1]);
    let conditions = Conditions::parse("periods=10s").unwrap();
    publish(&output, SEGMENT..SEGMENT + 4);
    let media = || cuts(&hls::media(&under(&output, &conditions), &track(&output, "v720"), hls::Skip::No).unwrap());
    assert_snapshot!(media(), @r#"
    #EXT-X-DISCONTINUITY-SEQUENCE:174122
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    58fe8eec/935016890.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="0123abcd/init.mp4"
    0123abcd/935016891.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="0123abcd/init.mp4"
    0123abcd/935016892.m4s
    0123abcd/935016893.m4s
    "#);
    let sequence = |text: String| text.lines().next().unwrap().to_owned();
    publish(&output, SEGMENT + 4..SEGMENT + 8);
    assert_eq!(sequence(media()), "#EXT-X-DISCONTINUITY-SEQUENCE:174123", "two less one in the list");
    publish(&output, SEGMENT + 8..SEGMENT + 9);
    assert_eq!(sequence(media()), "#EXT-X-DISCONTINUITY-SEQUENCE:174124");
}
