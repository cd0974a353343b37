use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::media::window::fixture::publish;

#[test]
fn a_low_latency_mpd_offers_chunks_as_they_are_made() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 2);
    let mpd = dash::mpd(&View::of(&output), Place::Stream, Latency::Low).unwrap();
    for part in [
        "availabilityTimeOffset=\"1.664\" availabilityTimeComplete=\"false\"",
        "<ServiceDescription id=\"0\"><Latency min=\"512\" max=\"2340\" target=\"780\"/>",
        "<ProducerReferenceTime id=\"0\" inband=\"true\" presentationTime=\"0\" type=\"captured\"",
        "<Resync type=\"0\" dT=\"21600\" marker=\"true\"/>",
        "low-latency-live-v5",
    ] {
        assert!(mpd.contains(part), "{part} in {mpd}");
    }
}

#[test]
fn a_segment_of_one_chunk_is_offered_when_it_is_complete() {
    let output = output(json!({"name": "test", "chunk_frames": 48}));
    publish(&output, SEGMENT..SEGMENT + 2);
    let [low, normal] =
        [Latency::Low, Latency::Normal].map(|latency| dash::mpd(&View::of(&output), Place::Stream, latency).unwrap());
    assert_eq!(low, normal);
}

#[test]
fn an_mpd_says_everything_once() {
    let output = output(json!({"name": "test"}));
    publish(&output, [SEGMENT]);
    let mpd = dash::mpd(&View::of(&output), Place::Stream, Latency::Normal).unwrap();
    assert_snapshot!(mpd.replace("><", ">\n<"), @r#"
    <?xml version="1.0"?>
    <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="test" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="1970-01-01T00:00:00Z" minimumUpdatePeriod="PT1.92S" minBufferTime="PT1.92S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT7.68S" maxSegmentDuration="PT1.92S">
    <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" segmentAlignment="true" mimeType="video/mp4" frameRate="25" startWithSAP="1">
    <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
    <SegmentTemplate media="$RepresentationID$/58fe8eec/$Number$.m4s" initialization="$RepresentationID$/58fe8eec/init.mp4" startNumber="0" duration="172800" timescale="90000"/>
    <Representation id="v720" bandwidth="2000000" width="1280" height="720" sar="1:1" codecs="avc1.42c01f"/>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" lang="und" segmentAlignment="true" mimeType="audio/mp4" startWithSAP="1">
    <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
    <SegmentTemplate media="$RepresentationID$/58fe8eec/$Number$.m4s" initialization="$RepresentationID$/58fe8eec/init.mp4" startNumber="0" duration="172800" timescale="90000"/>
    <Representation id="a" bandwidth="128000" audioSamplingRate="48000" codecs="mp4a.40.2">
    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
    </Representation>
    </AdaptationSet>
    </Period>
    <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/>
    </MPD>
    "#);
    publish(&output, [SEGMENT + 1]);
    assert_eq!(dash::mpd(&View::of(&output), Place::Stream, Latency::Normal).unwrap(), mpd);
}

#[test]
fn a_presentation_that_is_over_says_so() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 3);
    output.end();
    let view = View::of(&output);
    assert!(
        hls::media(&view, &track(&output, "a"), hls::Skip::No).unwrap().ends_with("935016892.m4s\n#EXT-X-ENDLIST\n")
    );
    let mpd = dash::mpd(&view, Place::Stream, Latency::Normal).unwrap();
    assert!(!mpd.contains("minimumUpdatePeriod"));
    // (935016892 + 1) x 1.92 s.
    assert!(mpd.contains("mediaPresentationDuration=\"PT498675H40M34.56S\""), "{mpd}");
    assert!(mpd.contains("publishTime=\"2026-11-21T03:40:34.560Z\""), "{mpd}");
}

#[test]
fn the_start_tag_of_an_mpd_ends_where_gstreamer_can_see_it() {
    let output = output(json!({"name": "x".repeat(63), "fps": "30000/1001", "segment_frames": 299, "chunk_frames": 7}));
    publish(&output, SEGMENT..SEGMENT + 3);
    for ended in [false, true] {
        for (place, latency) in
            [(Place::Stream, Latency::Normal), (Place::Stream, Latency::Low), (Place::Short, Latency::Low)]
        {
            let mpd = dash::mpd(&View::of(&output), place, latency).unwrap();
            let (_, root) = mpd.split_once("<MPD").unwrap();
            let end = mpd.len() - root.len() + root.find('>').unwrap() + 1;
            assert!(end <= 512, "{end}, {latency:?}, ended: {ended}: {mpd}");
        }
        output.end();
    }
}

#[test]
fn an_end_is_announced_before_it_comes() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 3);
    let begun = UnixTime::from_millis(SEGMENT * 1920 - 10_000);
    output.began(begun);
    let mpd = || dash_mpd_core::parse(&dash::mpd(&View::of(&output), Place::Stream, Latency::Normal).unwrap()).unwrap();
    let published = |mpd: &dash_mpd_core::MPD| mpd.publishTime.unwrap().timestamp_millis() as u64;
    let media = |name: &str| hls::media(&View::of(&output), &track(&output, name), hls::Skip::No).unwrap();
    let low = || hls::low_latency(&View::of(&output), &track(&output, "v720"), hls::Skip::No).unwrap();
    assert_eq!((published(&mpd()), mpd().periods.len()), (begun.as_millis(), 2), "with a Period for ffmpeg");

    let announced = UnixTime::from_millis((SEGMENT + 3) * 1920 + 7);
    assert_eq!(output.end_after(SEGMENT + 4, announced), SEGMENT + 4);
    let end = Duration::from_millis((SEGMENT + 5) * 1920);
    for segments in [SEGMENT..SEGMENT, SEGMENT + 3..SEGMENT + 5] {
        publish(&output, segments);
        let mpd = mpd();
        assert_eq!((mpd.mediaPresentationDuration, mpd.minimumUpdatePeriod), (Some(end), None));
        assert_eq!((mpd.periods.len(), mpd.periods[0].duration), (1, Some(end)));
        assert_eq!(published(&mpd), announced.as_millis());
    }
    assert!(media("v720").ends_with(&format!("{}.m4s\n#EXT-X-ENDLIST\n", SEGMENT + 4)));
    assert!(low().ends_with("#EXT-X-ENDLIST\n") && !low().contains("PRELOAD-HINT"));
    publish(&output, SEGMENT + 5..SEGMENT + 6);
    assert!(!media("a").contains(&(SEGMENT + 5).to_string()));
}

#[test]
fn nothing_is_hinted_at_past_an_announced_end() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 3);
    output.end_after(SEGMENT + 3, UnixTime::default());
    let low = || hls::low_latency(&View::of(&output), &track(&output, "v720"), hls::Skip::No).unwrap();
    publish_chunks(&output, SEGMENT + 3, 0..7);
    assert!(low().contains(&format!("PRELOAD-HINT:TYPE=PART,URI=\"58fe8eec/{}.7.m4s", SEGMENT + 3)), "{}", low());
    publish_chunks(&output, SEGMENT + 3, 7..8);
    assert!(!low().contains("PRELOAD-HINT"));
}

#[test]
fn what_has_begun_when_the_end_is_announced_is_finished() {
    let output = output(json!({"name": "test"}));
    publish_up_to(&output, SEGMENT..SEGMENT + 3, 1);
    assert_eq!(output.end_after(SEGMENT, UnixTime::default()), SEGMENT + 3);
    assert_eq!(output.end_after(SEGMENT + 9, UnixTime::default()), SEGMENT + 3, "it is said once");
}
