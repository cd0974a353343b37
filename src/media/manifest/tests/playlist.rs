use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::media::window::fixture::publish;

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
fn a_media_playlist_dates_every_segment() {
    let output = output(json!({"name": "test"}));
    publish(&output, SEGMENT..SEGMENT + 2);
    assert_snapshot!(hls::media(&View::of(&output), &track(&output, "v720"), hls::Skip::No).unwrap(), @r#"
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
    let playlist = hls::media(&View::of(&output), &track(&output, "a"), hls::Skip::No).unwrap();
    assert_snapshot!(playlist.lines().filter(|line| line.starts_with("#EXTINF")).collect::<Vec<_>>().join("\n"), @r#"
    #EXTINF:2.005333,
    #EXTINF:2.005333,
    "#);
}

#[test]
fn what_was_never_made_is_a_gap() {
    let output = output(json!({"name": "test"}));
    publish(&output, [SEGMENT, SEGMENT + 2]);
    let playlist = hls::media(&View::of(&output), &track(&output, "a"), hls::Skip::No).unwrap();
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

proptest! {
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
            let now = entries(&hls::media(&View::of(&output), &id, hls::Skip::No).unwrap());
            prop_assert!(now.len() as u64 <= output.spec.window_segments());
            prop_assert_eq!(now.last().unwrap(), &format!("58fe8eec/{}.m4s", next - 1));
            let kept = now.iter().filter(|entry| before.contains(entry)).count();
            prop_assert_eq!(&now[..kept], &before[before.len() - kept..]);
            prop_assert!(kept == before.len() || now.len() as u64 == output.spec.window_segments());
            before = now;
        }
    }
}
