use serde_json::json;

use super::*;
use crate::definition::condition::Addressing;

/// An MPD under conditions, read again.
fn described(output: &Output, conditions: &str, latency: Latency) -> (String, dash_mpd_core::MPD) {
    let conditions = Conditions::parse(conditions).unwrap();
    let view = View::of(output).under(&conditions, UnixTime::default());
    let text = dash::mpd(&view, Place::Stream, latency).unwrap();
    let read = dash_mpd_core::parse(&text).unwrap();
    (text.replace("><", ">\n<"), read)
}

#[track_caller]
fn check(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// Segments of 2 s, of which every fourth has one audio frame less.
fn unequal() -> Output {
    output(json!({"name": "test", "segment_frames": 50, "chunk_frames": 10}))
}

#[test]
fn a_timeline_lists_the_exact_durations_of_each_track() {
    let output = unequal();
    publish(&output, SEGMENT..SEGMENT + 6);
    let (text, mpd) = described(&output, "addressing=time-timeline", Latency::Normal);
    check(
        &text,
        &[
            "<SegmentTemplate media=\"../../../../live/test/$RepresentationID$/58fe8eec/t$Time$.m4s\" \
             initialization=\"../../../../live/test/$RepresentationID$/58fe8eec/init.mp4\" timescale=\"90000\">\n\
             <SegmentTimeline>\n<S t=\"168303040200000\" d=\"180000\" r=\"5\"/>\n</SegmentTimeline>\n",
            " timescale=\"48000\">\n<SegmentTimeline>\n<S t=\"89761621440512\" d=\"96256\"/>\n<S d=\"95232\"/>\n\
             <S d=\"96256\" r=\"2\"/>\n<S d=\"95232\"/>\n</SegmentTimeline>\n",
        ],
    );
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, (SEGMENT + 6) * 2000);
    assert_eq!(mpd.periods.len(), 1, "ffmpeg needs no further Period");
    publish(&output, SEGMENT + 6..SEGMENT + 7);
    let (text, mpd) = described(&output, "addressing=number-timeline", Latency::Normal);
    check(
        &text,
        &[
            "/$Number$.m4s\"",
            " startNumber=\"935016890\" timescale=\"90000\">\n<SegmentTimeline>\n<S t=\"168303040200000\" d=\"180000\" r=\"6\"/>\n",
        ],
    );
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, (SEGMENT + 7) * 2000);
}

#[test]
fn a_timeline_with_low_latency_lists_the_segment_that_is_being_made() {
    let output = unequal();
    publish_up_to(&output, SEGMENT..SEGMENT + 2, 1);
    let (text, mpd) = described(&output, "addressing=time-timeline", Latency::Low);
    check(&text, &["d=\"180000\" r=\"2\"/>", "availabilityTimeComplete=\"false\""]);
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, (SEGMENT + 2) * 2000);
    output.end_after(SEGMENT + 2, UnixTime::default());
    publish_chunks(&output, SEGMENT + 2, 1..5);
    check(&described(&output, "addressing=time-timeline", Latency::Low).0, &["d=\"180000\" r=\"2\"/>"]);
}

#[test]
fn skipped_segments_are_a_hole_where_segments_have_times() {
    let output = unequal();
    publish(&output, SEGMENT..SEGMENT + 2);
    publish(&output, SEGMENT + 4..SEGMENT + 6);
    check(
        &described(&output, "addressing=time-timeline", Latency::Normal).0,
        &["<S t=\"168303040200000\" d=\"180000\" r=\"1\"/>\n<S t=\"168303040920000\" d=\"180000\" r=\"1\"/>"],
    );
    // Players count the segments that are listed.
    check(&described(&output, "addressing=number-timeline", Latency::Normal).0, &["d=\"180000\" r=\"5\"/>"]);
}

#[test]
fn a_timeline_begins_anew_where_init_segments_change() {
    let output = change::changed(SEGMENT + 2);
    publish(&output, SEGMENT..SEGMENT + 2);
    let timeline = |addressing: Addressing| {
        let (_, mpd) = described(&output, &format!("addressing={}", addressing.word()), Latency::Normal);
        let template = |period: &dash_mpd_core::Period| period.adaptations[1].SegmentTemplate.clone().unwrap();
        mpd.periods.iter().map(template).collect::<Vec<_>>()
    };
    assert_eq!(timeline(Addressing::TimeTimeline).len(), 1, "a Period without segments is not listed");
    publish(&output, SEGMENT + 2..SEGMENT + 4);
    for addressing in [Addressing::TimeTimeline, Addressing::NumberTimeline] {
        let [before, after] = &timeline(addressing)[..] else { panic!("two Periods are listed") };
        let starts = |of: &dash_mpd_core::SegmentTemplate| {
            let list = &of.SegmentTimeline.as_ref().unwrap().segments;
            (list.len(), list[0].t.unwrap(), list[0].r)
        };
        // In audio, 1.92 s are 92160 samples.
        assert_eq!(starts(before), (1, SEGMENT * 92_160, Some(1)));
        assert_eq!(starts(after), (1, (SEGMENT + 2) * 92_160, Some(1)));
        assert_eq!(after.presentationTimeOffset, Some((SEGMENT + 2) * 92_160));
        assert!(after.media.as_ref().unwrap().contains("0123abcd"));
    }
}
