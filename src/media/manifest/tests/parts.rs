use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::media::manifest::hls::Skip;
use crate::media::window::fixture::publish;

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
fn no_part_begins_more_than_three_target_durations_before_the_end() {
    for (frames, chunk_frames) in [(48, 8), (50, 10), (60, 7), (250, 125)] {
        let output = output(json!({"name": "test", "segment_frames": frames, "chunk_frames": chunk_frames}));
        let timeline = &output.spec.timeline;
        let limit = hls::target_duration(&output.spec) * 3;
        publish(&output, SEGMENT..SEGMENT + 8);
        for chunk in 0..timeline.chunks_per_segment() {
            publish_chunks(&output, SEGMENT + 8, chunk..chunk + 1);
            for id in ["v720", "a"] {
                let text = hls::low_latency(&View::of(&output), &track(&output, id), Skip::No).unwrap();
                let first = &text[text.find("#EXT-X-PART:").unwrap()..];
                let values = |text: &str, tag: &str| -> f64 {
                    text.split(tag).skip(1).map(|rest| rest.split(',').next().unwrap().parse::<f64>().unwrap()).sum()
                };
                let length = values(first, "#EXT-X-PART:DURATION=");
                assert!(length <= limit.as_secs_f64() + 1e-4, "{length} s of parts of {id}: {text}");
                let more = timeline.longest_segment(crate::base::timeline::Kind::Audio).as_secs_f64();
                assert!(length + more > limit.as_secs_f64(), "only {length} s of parts of {id}: {text}");
            }
        }
    }
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

/// The playlist that a client makes of an update and the previous playlist (RFC 8216bis 6.3.7).
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
    // Parts of a skipped segment have left the playlist.
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
}

#[test]
fn parts_may_be_byte_ranges_of_their_segment() {
    let output = output(json!({"name": "test"}));
    let conditions = Conditions::parse("byte-ranges").unwrap();
    let low = || {
        let view = View::of(&output).under(&conditions, UnixTime::default());
        hls::low_latency(&view, &track(&output, "v720"), Skip::No).unwrap()
    };
    // Chunks of twelve bytes.
    publish_up_to(&output, SEGMENT..SEGMENT + 2, 2);
    let text = low().replace("../../../../../live/test/v720/58fe8eec/", "");
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("DATE") && !line.contains("REPORT")).collect();
    assert_snapshot!(lines[lines.len() - 7..].join("\n"), @r#"
    #EXT-X-PART:DURATION=0.24,URI="935016891.m4s",BYTERANGE="12@84"
    #EXTINF:1.92,
    #EXT-X-BYTERANGE:96@0
    935016891.m4s
    #EXT-X-PART:DURATION=0.24,URI="935016892.m4s",BYTERANGE="12@0",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.24,URI="935016892.m4s",BYTERANGE="12@12"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="935016892.m4s",BYTERANGE-START=24
    "#);
    assert!(text.contains("#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"4@0\"\n"), "{text}");
    publish_chunks(&output, SEGMENT + 2, 2..8);
    assert!(low().contains("/935016893.m4s\",BYTERANGE-START=0\n"), "{}", low());
}
