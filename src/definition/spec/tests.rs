use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::test_texts::mutated;

fn spec(json: Value) -> Result<StreamSpec, SpecError> {
    serde_json::from_value::<StreamRequest>(json).unwrap().try_into()
}

#[track_caller]
fn check_refused(change: &Value, field: &str) -> String {
    let mut json = json!({"name": "test"});
    json.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let error = spec(json).unwrap_err();
    assert_eq!(error.field, field);
    error.problem
}

#[test]
fn a_window_of_a_week_is_in_memory_for_an_hour() {
    let spec = spec(json!({"name": "a", "window_seconds": 604_800})).unwrap();
    assert_eq!((spec.window_segments(), spec.memory_segments(), spec.kept_segments()), (315_000, 1875, 3751));
}

#[test]
fn default_segments_have_an_exact_duration() {
    let spec = spec(json!({"name": "test"})).unwrap();
    assert_eq!(spec.timeline.segment_duration(), Duration::from_millis(1920));
    assert_eq!(spec.window_segments(), 32);
    assert_eq!(spec.kept_segments(), 65);
    assert_eq!(spec.shown_title(), "test");
    assert_eq!(StreamRequest::from(&spec), StreamRequest::named("test"));
}

#[test]
fn the_default_definition_as_json() {
    assert_snapshot!(serde_json::to_string(&StreamRequest::named("test")).unwrap(), @r#"{"name":"test","enabled":true,"schedule":null,"on_demand":false,"idle_seconds":30,"requires":[],"access":"public","allow":[],"deny":[],"max_viewers":null,"max_bandwidth":null,"overflow_url":null,"push":[],"source":"signal","publish_clock":false,"title":"","pattern":"smpte","fps":"25","segment_frames":48,"chunk_frames":6,"window_seconds":60,"video":[{"id":"v720","width":1280,"height":720,"bitrate":2000000,"codec":"h264","preset":"ultrafast"}],"audio":{"id":"a","codec":"aac","bitrate":128000,"beep_hz":1000,"beep_dbfs":-18}}"#);
}

#[test]
fn audio_can_be_disabled() {
    for none in [json!(null), json!(false)] {
        assert_eq!(spec(json!({"name": "a", "audio": none})).unwrap().audio, None);
    }
    assert!(spec(json!({"name": "a", "audio": true})).unwrap().audio.is_some());
    assert!(toml::from_str::<StreamRequest>("name = 'a'\naudio = false").unwrap().audio.is_none());
}

#[test]
fn invalid_names_are_refused() {
    for name in ["", "-a", "A", "a_b", "a/b", "ä", &"a".repeat(64)] {
        check_refused(&json!({"name": name}), "name");
    }
    assert!(StreamName::parse(&"a".repeat(63)).is_some());
    assert_eq!(spec(json!({})).unwrap_err().to_string(), "name: is missing");
}

#[test]
fn refusals_say_what_is_allowed() {
    let shown = [
        check_refused(&json!({"pattern": "bars"}), "pattern"),
        check_refused(&json!({"fps": "25.0"}), "fps"),
        check_refused(&json!({"fps": "240"}), "fps"),
        check_refused(&json!({"segment_frames": 10}), "segment_frames"),
        check_refused(&json!({"chunk_frames": 1}), "chunk_frames"),
        check_refused(&json!({"chunk_frames": 49}), "chunk_frames"),
        check_refused(&json!({"fps": "60", "segment_frames": 97, "chunk_frames": 32}), "chunk_frames"),
        check_refused(&json!({"fps": "28", "segment_frames": 48, "chunk_frames": 3}), "chunk_frames"),
        check_refused(&json!({"window_seconds": 5}), "window_seconds"),
        check_refused(&json!({"segment_frames": 200, "window_seconds": 30}), "window_seconds"),
        check_refused(&json!({"video": [{"width": 1281}]}), "video[0].width"),
        check_refused(&json!({"video": [{"height": 4098}]}), "video[0].height"),
        check_refused(&json!({"video": [{}, {"id": "x", "bitrate": 1}]}), "video[1].bitrate"),
        check_refused(&json!({"video": [{"codec": "av1"}]}), "video[0].codec"),
        check_refused(&json!({"video": [{"preset": "placebo"}]}), "video[0].preset"),
        check_refused(&json!({"video": [{}, {}]}), "video"),
        check_refused(&json!({"video": [{"id": "a"}]}), "video"),
        check_refused(&json!({"video": [], "audio": null}), "video"),
        check_refused(&json!({"audio": {"id": "A"}}), "audio.id"),
        check_refused(&json!({"audio": {"bitrate": 1}}), "audio.bitrate"),
        check_refused(&json!({"audio": {"beep_hz": 20}}), "audio.beep_hz"),
        check_refused(&json!({"audio": {"beep_dbfs": 3}}), "audio.beep_dbfs"),
        check_refused(&json!({"title": "two\nlines"}), "title"),
        check_refused(&json!({"publish_clock": true}), "publish_clock"),
        check_refused(&json!({"max_viewers": 0}), "max_viewers"),
        check_refused(&json!({"max_bandwidth": 1000}), "max_bandwidth"),
        check_refused(&json!({"overflow_url": "/elsewhere"}), "overflow_url"),
    ];
    assert_snapshot!(shown.join("\n"), @r#"
    must be one of smpte, ebu, grid, black; not "bars"
    must be a whole number or a fraction such as 30000/1001, 1 to 120; for 25.0 write "25"
    must be 1 to 120 frames per second, not 240
    must be 25 to 250 frames (1 to 10 s at 25 fps), not 10
    must be 2 to 48 frames (at least 80 ms, at most a segment), not 1
    must be 2 to 48 frames (at least 80 ms, at most a segment), not 49
    must not leave a chunk shorter than an audio frame (21.3 ms) at the end of the segment; 32 leaves 1 frames of 97
    must be another number: 3 frames last 107.1 ms, less than 85 % of an audio chunk of up to 128.0 ms
    must be 10 to 604800, not 5
    must be at least 40 s, which is 5 segments; not 30
    must be an even number (4:2:0), not 1281
    must be 90 to 4096, not 4098
    must be 359671 to 50000000, not 1
    must be one of h264; not "av1"
    must be one of ultrafast, superfast, veryfast, faster, fast, medium; not "placebo"
    must have track ids that differ from each other; two tracks are called v720
    must have track ids that differ from each other; two tracks are called a
    must have a rendition, or audio must be on: a stream needs at least one track
    must be 1 to 32 characters of a-z, 0-9 and -; not "A"
    must be 48000 to 256000, not 1
    must be 100 to 8000, not 20
    must be -60 to 0, not 3
    must be one line of printable characters, without '\n'
    must be false if source is signal: the test signal always has a clock
    must be 1 to 1000000, not 0
    must be 100000 to 1000000000000, not 1000
    must be a URL such as https://other.example or http://other.example:8080/path, without query, of at most 1024 characters; not "/elsewhere"
    "#);
}

#[test]
fn the_revision_changes_exactly_with_the_media_bytes() {
    let revision = |json| spec(json).unwrap().revision("encoders 1");
    let base = revision(json!({"name": "a", "title": "t"}));
    assert_eq!(
        base,
        revision(json!({"name": "b", "title": "t", "window_seconds": 20, "enabled": false, "max_viewers": 3}))
    );
    for other in [
        json!({"name": "a", "title": "u"}),
        json!({"name": "a", "title": "t", "pattern": "ebu"}),
        json!({"name": "a", "title": "t", "chunk_frames": 16}),
        json!({"name": "a", "title": "t", "audio": null}),
        json!({"name": "a", "title": "t", "source": "publish"}),
        json!({"name": "a", "title": "t", "source": "publish", "publish_clock": true}),
        json!({"name": "a", "title": "t", "video": [{"preset": "veryfast"}]}),
    ] {
        assert_ne!(base, revision(other));
    }
    let published = |clock: bool| revision(json!({"name": "a", "source": "publish", "publish_clock": clock}));
    assert_ne!(published(false), published(true));
    assert_ne!(base, spec(json!({"name": "a", "title": "t"})).unwrap().revision("encoders 2"));
    assert_eq!(Revision::parse(base.as_str()), Some(base));
    assert_eq!(Revision::parse("ABCDEF01"), None);
}

/// Mutations of these texts are sometimes valid definitions and sometimes not.
const SEEDS: &[&str] = &[
    r#"{"name": "a"}"#,
    r#"{"name": "a", "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 6, "title": "t", "pattern": "ebu"}"#,
    r#"{"name": "a", "fps": "50", "segment_frames": 96, "chunk_frames": 16, "window_seconds": 20, "video": []}"#,
    r#"{"name": "a", "video": [{"id": "v1", "width": 640, "height": 360, "bitrate": 500000, "preset": "fast"}, {}]}"#,
    r#"{"name": "a", "audio": {"id": "b", "bitrate": 64000, "beep_hz": 440, "beep_dbfs": -20}, "enabled": false}"#,
    r#"{"name": "a", "source": "publish", "publish_clock": true, "video": []}"#,
    r#"{"name": "a", "on_demand": true, "idle_seconds": 10, "requires": ["b", "c"], "audio": false}"#,
    r#"{"name": "a", "schedule": {"time_zone": "Europe/Berlin", "start": ["0 8 * * MON-FRI"], "stop": ["0 18 * * *"]}}"#,
    r#"{"name": "a", "push": [{"url": "rtmp://[::1]:1935/live/key?a=b", "video": "v720"}, {"url": "srt://a:9?streamid=s"}, {"url": "udp://1.2.3.4:5"}, {"url": "whips://t%2Fk@[::1]:8889/a/whip?b=c"}]}"#,
    r#"{"name": "a", "schedule": {"windows": [{"from": "22:00", "to": "06:00", "days": ["mon"]}]}}"#,
];

#[test]
fn a_slower_preset_needs_more_capacity() {
    let pixels = |preset: &str| {
        let video = json!([{"width": 640, "height": 360, "bitrate": 500_000, "preset": preset}]);
        let request: StreamRequest = serde_json::from_value(json!({"name": "a", "fps": "25", "video": video})).unwrap();
        StreamSpec::try_from(request).unwrap().pixels_per_second()
    };
    let published = spec(json!({"name": "a", "source": "publish"})).unwrap();
    let signal = spec(json!({"name": "a"})).unwrap();
    assert_eq!((published.pixels_per_second(), published.is_deterministic()), (signal.pixels_per_second(), false));
    let found = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"].map(pixels);
    assert_eq!(found, [1, 2, 2, 3, 5, 5].map(|cost| cost * 640 * 360 * 25));
}

proptest! {
    #[test]
    fn an_accepted_definition_survives_a_round_trip(fps in "(24|25|30|50|60|30000/1001)", frames in 30_u32..300, chunk in 4_u32..60, window in 10_u32..100, most in 0_u32..9) {
        let json = json!({"name": "x", "fps": fps, "segment_frames": frames, "chunk_frames": chunk, "window_seconds": window,
            "max_viewers": most, "max_bandwidth": u64::from(most) * 100_000, "overflow_url": format!("http://a/{most}")});
        if let Ok(spec) = spec(json) {
            let again = StreamSpec::try_from(StreamRequest::from(&spec)).unwrap();
            prop_assert_eq!(spec, again);
        }
    }

    #[test]
    fn chunks_of_an_accepted_definition_fill_its_segments(text in mutated(SEEDS), segment in 0..2_000_000_000_u64) {
        let Ok(request) = serde_json::from_str::<StreamRequest>(&text) else { return Ok(()) };
        let Ok(spec) = StreamSpec::try_from(request) else { return Ok(()) };
        prop_assert_eq!(StreamSpec::try_from(StreamRequest::from(&spec)).unwrap(), spec.clone());
        let shown = serde_json::to_string(&StreamRequest::from(&spec).masked()).unwrap();
        for push in &spec.push {
            prop_assert!(!shown.contains(push.url.reveal()) || push.url.secrets().next().is_none(), "{shown}");
        }
        for (_, kind) in spec.tracks() {
            let whole = spec.timeline.segment(kind, segment);
            let mut end = whole.start;
            for chunk in 0..spec.timeline.chunks_per_segment() {
                let frames = spec.timeline.chunk(kind, segment, chunk);
                prop_assert!(frames.start == end && frames.end > frames.start, "{chunk}: {frames:?} of {whole:?}");
                end = frames.end;
            }
            prop_assert_eq!(end, whole.end);
        }
    }
}

#[test]
fn every_example_is_a_valid_definition() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let request: StreamRequest = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        StreamSpec::try_from(request).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn the_documentation_shows_every_key_and_its_default() {
    let document = include_str!("../../../docs/streams.md");
    let shown = document.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let defaults = StreamRequest::named("test");
    assert_eq!(serde_json::from_str::<StreamRequest>(shown).unwrap(), defaults);

    let shown: Value = serde_json::from_str(shown).unwrap();
    let defaults = serde_json::to_value(defaults).unwrap();
    assert_eq!(shown, defaults);
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let keys: String = rows.filter_map(|row| row.split(" | ").next()).collect();
    for key in defaults.as_object().unwrap().keys() {
        assert!(keys.contains(&format!("`{key}`")), "{key}");
    }
}
