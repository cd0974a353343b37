use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::hls::Skip;
use super::*;
use crate::spec::{Revision, StreamRequest};
use crate::window::fixture::{initialise, publish, publish_chunks};

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

fn output(json: Value) -> Output {
    let spec = StreamSpec::try_from(serde_json::from_value::<StreamRequest>(json).unwrap()).unwrap();
    let revision = Revision::parse("58fe8eec").unwrap();
    let output = Output::new(spec, revision);
    initialise(&output);
    output
}

fn track(output: &Output, id: &str) -> TrackId {
    output.tracks.iter().find(|track| track.id.as_str() == id).unwrap().id.clone()
}

#[test]
fn a_multivariant_playlist_names_renditions_and_sound() {
    let output =
        output(json!({"name": "test", "video": [{}, {"id": "v360", "width": 640, "height": 360, "bitrate": 500000}]}));
    assert_snapshot!(hls::multivariant(&View::of(&output), Place::Stream, Latency::Normal), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="tone",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a/hls.m3u8"
    #EXT-X-STREAM-INF:BANDWIDTH=2128000,AVERAGE-BANDWIDTH=2128000,CODECS="avc1.42c01f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000,VIDEO-RANGE=SDR,AUDIO="audio",CLOSED-CAPTIONS=NONE
    v720/hls.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=628000,AVERAGE-BANDWIDTH=628000,CODECS="avc1.42c01f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,VIDEO-RANGE=SDR,AUDIO="audio",CLOSED-CAPTIONS=NONE
    v360/hls.m3u8
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=2000000,CODECS="avc1.42c01f",RESOLUTION=1280x720,URI="v720/iframes.m3u8"
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=500000,AVERAGE-BANDWIDTH=500000,CODECS="avc1.42c01f",RESOLUTION=640x360,URI="v360/iframes.m3u8"
    "#);
}

#[test]
fn a_short_form_leads_to_the_same_tracks() {
    let output = output(json!({"name": "test"}));
    let playlist = hls::multivariant(&View::of(&output), Place::Short, Latency::Normal);
    assert!(
        playlist.contains("\n../live/test/v720/hls.m3u8\n") && playlist.contains("URI=\"../live/test/a/hls.m3u8\"")
    );
    let mpd = dash::mpd(&View::of(&output), Place::Short, Latency::Normal).unwrap();
    assert!(mpd.contains("\"../live/test/$RepresentationID$/58fe8eec/$Number$.m4s\"") && mpd.contains("\"../time\""));
}

#[test]
fn one_kind_of_track_is_enough() {
    let audio = output(json!({"name": "radio", "video": []}));
    assert_snapshot!(hls::multivariant(&View::of(&audio), Place::Stream, Latency::Normal), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"
    a/hls.m3u8
    "#);
    let video = output(json!({"name": "mute", "audio": null}));
    assert!(!hls::multivariant(&View::of(&video), Place::Stream, Latency::Normal).contains("AUDIO"));
    assert!(!dash::mpd(&View::of(&video), Place::Stream, Latency::Normal).unwrap().contains("audio"));
}

/// `segments` and the first `chunks` of the one after.
fn publish_up_to(output: &Output, segments: std::ops::Range<u64>, chunks: u32) {
    publish(output, segments.clone());
    publish_chunks(output, segments.end, 0..chunks);
}

#[test]
fn a_low_latency_playlist_lists_parts_near_its_end() {
    let output = output(json!({"name": "test", "chunk_frames": 24}));
    publish_up_to(&output, SEGMENT..SEGMENT + 5, 1);
    let v720 = track(&output, "v720");
    assert_snapshot!(hls::low_latency(&View::of(&output), &v720, Skip::No).unwrap(), @r##"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=3.12
    #EXT-X-PART-INF:PART-TARGET=0.96
    #EXT-X-MEDIA-SEQUENCE:935016890
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:28.800Z
    #EXTINF:1.92,
    58fe8eec/935016890.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:30.720Z
    #EXTINF:1.92,
    58fe8eec/935016891.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:32.640Z
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016892.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016892.1.m4s"
    #EXTINF:1.92,
    58fe8eec/935016892.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:34.560Z
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016893.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016893.1.m4s"
    #EXTINF:1.92,
    58fe8eec/935016893.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:36.480Z
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016894.0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016894.1.m4s"
    #EXTINF:1.92,
    58fe8eec/935016894.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:38.400Z
    #EXT-X-PART:DURATION=0.96,URI="58fe8eec/935016895.0.m4s",INDEPENDENT=YES
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="58fe8eec/935016895.1.m4s"
    #EXT-X-RENDITION-REPORT:URI="../a/llhls.m3u8",LAST-MSN=935016895,LAST-PART=0
    "##);
    let multivariant = hls::multivariant(&View::of(&output), Place::Stream, Latency::Low);
    assert!(multivariant.contains("\nv720/llhls.m3u8\n") && multivariant.contains("URI=\"a/llhls.m3u8\""));
    output.end();
    let ended = hls::low_latency(&View::of(&output), &v720, Skip::Segments).unwrap();
    assert!(ended.ends_with("#EXT-X-ENDLIST\n") && !ended.contains("PRELOAD") && !ended.contains("SKIP:"), "{ended}");
}

#[test]
fn what_could_not_be_made_is_a_gap_without_parts() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 2);
    publish_up_to(&output, SEGMENT + 3..SEGMENT + 4, 2);
    let playlist = hls::low_latency(&View::of(&output), &track(&output, "a"), Skip::No).unwrap();
    let gap = format!("#EXT-X-GAP\n#EXTINF:1.92,\n58fe8eec/{}.m4s\n", SEGMENT + 2);
    assert!(playlist.contains(&gap), "{playlist}");
    assert!(!playlist.contains(&format!("{}.0.m4s", SEGMENT + 2)));
}

#[test]
fn a_low_latency_mpd_offers_chunks_as_they_are_made() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 2);
    let mpd = dash::mpd(&View::of(&output), Place::Stream, Latency::Low).unwrap();
    for part in [
        "availabilityTimeOffset=\"1.6\" availabilityTimeComplete=\"false\"",
        "<ServiceDescription id=\"0\"><Latency min=\"640\" max=\"3120\" target=\"1040\"/>",
        "<ProducerReferenceTime id=\"video\" inband=\"true\" presentationTime=\"0\" type=\"captured\"",
        "<Resync type=\"0\" dT=\"28800\" marker=\"true\"/>",
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

/// What a client makes of an update and the playlist that it has (RFC 8216bis 6.3.7).
fn patched(previous: &str, update: &str) -> String {
    let segments = |text: &str| -> (String, Vec<String>) {
        let (head, body) = text.split_once("#EXT-X-PROGRAM").unwrap();
        let body = format!("#EXT-X-PROGRAM{body}");
        let mut all: Vec<String> = Vec::new();
        let mut open = String::new();
        for line in body.lines() {
            open.push_str(line);
            open.push('\n');
            if !line.starts_with('#') {
                all.push(std::mem::take(&mut open));
            }
        }
        all.push(open);
        (head.to_owned(), all)
    };
    let sequence = |text: &str| -> usize {
        let (_, rest) = text.split_once("#EXT-X-MEDIA-SEQUENCE:").unwrap();
        rest.lines().next().unwrap().parse().unwrap()
    };
    let Some((_, rest)) = update.split_once("#EXT-X-SKIP:SKIPPED-SEGMENTS=") else { return update.to_owned() };
    let line = rest.lines().next().unwrap();
    let skipped: usize = line.split(',').next().unwrap().parse().unwrap();
    let update = update.replace(&format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={line}\n"), "");
    let (head, newer) = segments(&update);
    let (_, older) = segments(previous);
    let from = sequence(&update) - sequence(previous);
    // Parts that were beside a skipped segment are gone from the playlist by then.
    let whole = |segment: &String| {
        segment
            .lines()
            .filter(|line| !line.starts_with("#EXT-X-PART:"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let kept: String = older[from..from + skipped].iter().map(whole).collect();
    format!("{head}{kept}{}", newer.concat())
}

#[test]
fn an_update_keeps_what_is_within_the_boundary_though_audio_is_uneven() {
    let output = output(json!({"name": "test", "segment_frames": 50, "chunk_frames": 10}));
    publish(&output, SEGMENT..SEGMENT + 20);
    for next in SEGMENT + 20..SEGMENT + 28 {
        publish(&output, [next]);
        let update = hls::low_latency(&View::of(&output), &track(&output, "a"), Skip::Segments).unwrap();
        let lengths = update.lines().filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','));
        let kept: Vec<f64> = lengths.map(|length| length.parse().unwrap()).collect();
        let all: f64 = kept.iter().sum();
        assert!(all >= 12.0 && all - kept[0] < 12.0, "{kept:?}");
    }
}

#[test]
fn a_media_playlist_dates_every_segment() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 2);
    assert_snapshot!(hls::media(&View::of(&output), &track(&output, "v720")).unwrap(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-MEDIA-SEQUENCE:935016890
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:28.800Z
    #EXTINF:1.92,
    58fe8eec/935016890.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:30.720Z
    #EXTINF:1.92,
    58fe8eec/935016891.m4s
    "#);
}

#[test]
fn lengths_that_are_not_exact_are_rounded_to_a_microsecond() {
    let output = output(json!({"name": "test", "fps": "30000/1001", "segment_frames": 60}));
    publish(&output, SEGMENT..SEGMENT + 2);
    let playlist = hls::media(&View::of(&output), &track(&output, "a")).unwrap();
    assert_snapshot!(playlist.lines().filter(|line| line.starts_with("#EXTINF")).collect::<Vec<_>>().join("\n"), @r#"
    #EXTINF:2.005333,
    #EXTINF:2.005333,
    "#);
}

#[test]
fn what_was_never_made_is_a_gap() {
    let output = output(json!({"name": "test"}));
    publish(&output, [SEGMENT, SEGMENT + 2]);
    let playlist = hls::media(&View::of(&output), &track(&output, "a")).unwrap();
    assert_eq!(playlist.matches("#EXT-X-GAP\n#EXTINF:1.92,\n58fe8eec/935016891.m4s").count(), 1);
    assert_eq!(playlist.matches("EXT-X-GAP").count(), 1);
}

#[test]
fn an_iframe_playlist_lists_idr_pictures_after_the_last_hole() {
    let output = output(json!({"name": "test"}));
    publish(&output, [SEGMENT, SEGMENT + 2, SEGMENT + 3]);
    let view = View::of(&output);
    assert_snapshot!(hls::iframes(&view, &track(&output, "v720")).unwrap(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-MEDIA-SEQUENCE:935016892
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-I-FRAMES-ONLY
    #EXT-X-MAP:URI="58fe8eec/init.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:32.640Z
    #EXTINF:1.92,
    #EXT-X-BYTERANGE:7@0
    58fe8eec/935016892.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:34.560Z
    #EXTINF:1.92,
    #EXT-X-BYTERANGE:7@0
    58fe8eec/935016893.m4s
    "#);
    assert_eq!(hls::iframes(&view, &track(&output, "a")), None);
}

#[test]
fn an_mpd_says_everything_once() {
    let output = output(json!({"name": "test"}));
    publish(&output, [SEGMENT]);
    let mpd = dash::mpd(&View::of(&output), Place::Stream, Latency::Normal).unwrap();
    assert_snapshot!(mpd.replace("><", ">\n<"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="test" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="1970-01-01T00:00:00Z" minimumUpdatePeriod="PT1.92S" minBufferTime="PT1.92S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT7.68S" maxSegmentDuration="PT1.92S" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cenc="urn:mpeg:cenc:2013" xmlns:mspr="urn:microsoft:playready" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:scte35="http://www.scte.org/schemas/35/2016" xmlns:dvb="urn:dvb:dash-extensions:2014-1">
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
    assert!(hls::media(&view, &track(&output, "a")).unwrap().ends_with("935016892.m4s\n#EXT-X-ENDLIST\n"));
    let mpd = dash::mpd(&view, Place::Stream, Latency::Normal).unwrap();
    assert!(!mpd.contains("minimumUpdatePeriod"));
    // (935016892 + 1) x 1.92 s.
    assert!(mpd.contains("mediaPresentationDuration=\"PT498675H40M34.56S\""), "{mpd}");
    assert!(mpd.contains("publishTime=\"2026-11-21T03:40:34.560Z\""), "{mpd}");
}

/// A stream that goes over to another revision with segment `from`.
fn changed(from: u64) -> Output {
    let output = output(json!({"name": "test", "window_seconds": 10}));
    let spec = StreamSpec { title: "other".into(), ..output.spec.clone() };
    let revision = Revision::parse("0123abcd").unwrap();
    assert!(output.change(Epoch::new((1, from), spec, revision, UnixTime::from_millis((from - 2) * 1920))));
    initialise(&output);
    output
}

/// The lines of a playlist that say which definition segments are of, without what says more.
fn definitions(playlist: &str) -> Vec<String> {
    let told = |line: &&str| {
        !line.starts_with('#')
            || ["#EXT-X-DISC", "#EXT-X-MAP", "#EXT-X-PART:", "#EXT-X-PRELOAD", "#EXT-X-SKIP"]
                .iter()
                .any(|tag| line.starts_with(tag))
    };
    let short = |line: &str| line.replace("#EXT-X-", "").replace(",INDEPENDENT=YES", "").replace("DURATION=0.32,", "");
    playlist.lines().filter(told).map(short).collect()
}

#[test]
fn a_playlist_goes_over_to_another_definition_at_a_discontinuity() {
    let output = changed(SEGMENT + 2);
    let media =
        |output: &Output| definitions(&hls::media(&View::of(output), &track(output, "v720")).unwrap()).join("\n");
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
    PART:URI="58fe8eec/935016891.4.m4s"
    PART:URI="58fe8eec/935016891.5.m4s"
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
        let [first, second] = &mpd.periods[..] else { panic!("{:?}", mpd.periods) };
        assert_eq!((first.id.as_deref(), first.start), (Some("0"), Some(Duration::ZERO)));
        let start = Duration::from_millis((SEGMENT + 2) * 1920);
        assert_eq!((second.id.as_deref(), second.start, second.duration), (Some("1"), Some(start), None));
        let template = second.adaptations[0].SegmentTemplate.as_ref().unwrap();
        assert_eq!(template.startNumber, Some(SEGMENT + 2));
        let seconds = template.presentationTimeOffset.unwrap() as f64 / template.timescale.unwrap() as f64;
        assert!((seconds - start.as_secs_f64()).abs() < 1e-6);
        assert!(template.media.as_ref().unwrap().contains("0123abcd"));
        assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, SEGMENT * 1920);
    }
    publish(&output, SEGMENT + 6..SEGMENT + 8);
    let mpd = mpd(&output);
    assert_eq!(mpd.periods.iter().map(|period| period.id.as_deref()).collect::<Vec<_>>(), [Some("1")]);
    assert_eq!(mpd.publishTime.unwrap().timestamp_millis() as u64, (SEGMENT + 8) * 1920);
}

#[test]
fn times_and_lengths_are_written_plainly() {
    assert_eq!(date_time(UnixTime::from_millis(1_795_232_428_800)), "2026-11-21T03:40:28.800Z");
    assert_eq!(date_time(UnixTime::default()), "1970-01-01T00:00:00.000Z");
    let shown = |nanos| seconds(Duration::from_nanos(nanos));
    assert_eq!(
        (shown(1_920_000_000), shown(2_000_000_000), shown(2_666_666_667)),
        ("1.92".into(), "2".into(), "2.666667".into())
    );
    assert_eq!(shown(1_999_999_600), "2");
}

proptest! {
    #[test]
    fn an_update_and_the_playlist_before_make_the_whole(
        had in 12_u64..40, chunks in 0_u32..6, steps in proptest::collection::vec((0_u64..5, 0_u32..6), 1..6)
    ) {
        let output = output(json!({"name": "test"}));
        let id = track(&output, "v720");
        let (mut next, mut done) = (SEGMENT + had, SEGMENT);
        publish_up_to(&output, done..next, chunks);
        let mut client = hls::low_latency(&View::of(&output), &id, Skip::No).unwrap();
        for (segments, chunks) in steps {
            done = next;
            next += segments;
            publish_up_to(&output, done..next, chunks);
            let full = hls::low_latency(&View::of(&output), &id, Skip::No).unwrap();
            for skip in [Skip::Segments, Skip::SegmentsAndDates] {
                let update = hls::low_latency(&View::of(&output), &id, skip).unwrap();
                prop_assert!(update.contains("#EXT-X-SKIP:"));
                prop_assert_eq!(patched(&client, &update), full.clone());
            }
            client = full;
        }
    }

    #[test]
    fn a_reload_only_appends_and_removes_the_oldest(steps in prop::collection::vec(1_u64..4, 1..20), seconds in 10_u64..40) {
        let output = output(json!({"name": "test", "window_seconds": seconds}));
        let id = track(&output, "v720");
        let entries = |text: &str| text.lines().filter(|line| line.ends_with(".m4s")).map(str::to_owned).collect::<Vec<_>>();
        let mut next = SEGMENT;
        let mut before: Vec<String> = Vec::new();
        for step in steps {
            publish(&output, next..next + step);
            next += step;
            let now = entries(&hls::media(&View::of(&output), &id).unwrap());
            prop_assert!(now.len() as u64 <= output.spec.window_segments());
            prop_assert_eq!(now.last().unwrap(), &format!("58fe8eec/{}.m4s", next - 1));
            let kept = now.iter().filter(|entry| before.contains(entry)).count();
            prop_assert_eq!(&now[..kept], &before[before.len() - kept..]);
            prop_assert!(kept == before.len() || now.len() as u64 == output.spec.window_segments());
            before = now;
        }
    }
}
