//! Values on both sides of every limit of a definition. Each is merged into the default definition.

use serde_json::{Value, json};

fn video(key: &str, value: impl Into<Value>) -> Value {
    let mut rendition = json!({"id": "v", "width": 640, "height": 360, "bitrate": 1_000_000});
    rendition[key] = value.into();
    json!({"video": [rendition]})
}

fn audio(key: &str, value: impl Into<Value>) -> Value {
    let mut track = json!({});
    track[key] = value.into();
    json!({"audio": track})
}

fn renditions(count: usize) -> Value {
    let rendition = |index| json!({"id": format!("v{index}"), "width": 320, "height": 180, "bitrate": 200_000});
    (0..count).map(rendition).collect()
}

/// Refused values, with the field that the answer names.
pub(crate) fn refused() -> Vec<(&'static str, Value)> {
    let mut all = types();
    all.extend([
        ("name", json!({"name": ""})),
        ("name", json!({"name": "Upper"})),
        ("name", json!({"name": "-first"})),
        ("name", json!({"name": "under_score"})),
        ("name", json!({"name": "../up"})),
        ("name", json!({"name": "x".repeat(64)})),
        ("name", json!({"name": null})),
        ("title", json!({"title": "x".repeat(65)})),
        ("title", json!({"title": "two\nlines"})),
        ("pattern", json!({"pattern": "snow"})),
        ("source", json!({"source": "file"})),
        ("window_seconds", json!({"source": "publish", "window_seconds": 3601})),
        ("publish_clock", json!({"publish_clock": true})),
        ("fps", json!({"fps": "0"})),
        ("fps", json!({"fps": "fast"})),
        ("fps", json!({"fps": "25/0"})),
        ("fps", json!({"fps": "-25"})),
        ("fps", json!({"fps": "121"})),
        ("fps", json!({"fps": 121})),
        ("fps", json!({"fps": 0})),
        ("fps", json!({"fps": 29.97})),
        ("fps", json!({"fps": "29.97"})),
        ("fps", json!({"fps": "1/2"})),
        ("fps", json!({"fps": "4294967296"})),
        ("segment_frames", json!({"segment_frames": 0})),
        ("segment_frames", json!({"segment_frames": 24})),
        ("segment_frames", json!({"segment_frames": 251})),
        ("chunk_frames", json!({"chunk_frames": 0})),
        ("chunk_frames", json!({"chunk_frames": 1})),
        ("chunk_frames", json!({"chunk_frames": 49})),
        ("chunk_frames", json!({"fps": "100", "segment_frames": 100, "chunk_frames": 11})),
        ("idle_seconds", json!({"on_demand": true, "idle_seconds": 9})),
        ("idle_seconds", json!({"idle_seconds": 3601})),
        ("requires[1]", json!({"requires": ["b", "B"]})),
        ("requires[0]", json!({"requires": ["refused"]})),
        ("requires[1]", json!({"requires": ["b", "b"]})),
        ("requires", json!({"requires": (0..17).map(|n| format!("s{n}")).collect::<Vec<_>>()})),
        ("access", json!({"access": "secret"})),
        ("allow[1]", json!({"allow": ["192.0.2.1", "192.0.2.0/33"]})),
        ("deny[0]", json!({"deny": ["localhost"]})),
        ("deny", json!({"deny": (0..33).map(|n| format!("192.0.2.{n}")).collect::<Vec<_>>()})),
        ("max_viewers", json!({"max_viewers": 0})),
        ("max_viewers", json!({"max_viewers": 1_000_001})),
        ("max_bandwidth", json!({"max_bandwidth": 99_999})),
        ("max_bandwidth", json!({"max_bandwidth": 1_000_000_000_001_u64})),
        ("overflow_url", json!({"overflow_url": "ftp://other.example"})),
        ("overflow_url", json!({"overflow_url": "https://other.example/?to="})),
        ("window_seconds", json!({"window_seconds": 9})),
        ("window_seconds", json!({"window_seconds": 604_801})),
        ("window_seconds", json!({"segment_frames": 250, "window_seconds": 40})),
        ("video", json!({"video": renditions(9)})),
        ("video", json!({"video": [], "audio": null})),
        ("video", json!({"video": [{"id": "a"}]})),
        ("video", json!({"video": [{}, {}]})),
    ]);
    all.extend(targets());
    all.extend(tracks());
    all
}

fn targets() -> Vec<(&'static str, Value)> {
    vec![
        (
            "push[1].url",
            json!({"push": [{"url": "rtmp://other.example/live/key"}, {"url": "http://other.example/live/key"}]}),
        ),
        ("push[0].url", json!({"push": [{"url": "rtmp://other.example"}]})),
        ("push[0].url", json!({"push": [{"url": "rtmp://user:password@other.example/live/key"}]})),
        ("push[0].url", json!({"push": [{"url": "srt://other.example:9000?mode=listener"}]})),
        ("push[0].url", json!({"push": [{"url": "udp://other.example"}]})),
        ("push[0].url", json!({"push": [{"url": "whip://other.example"}]})),
        ("push[0].url", json!({"push": [{"url": "whip://to%0Aken@other.example/whip"}]})),
        ("push[0].video", json!({"push": [{"url": "udp://other.example:5004", "video": "v1080"}]})),
        ("push", json!({"push": (1..10).map(|port| json!({"url": format!("udp://a:{port}")})).collect::<Vec<_>>()})),
    ]
}

fn tracks() -> Vec<(&'static str, Value)> {
    vec![
        ("video[0].id", video("id", "")),
        ("video[0].id", video("id", "V")),
        ("video[0].id", video("id", "x".repeat(33))),
        ("video[0].width", video("width", 88)),
        ("video[0].width", video("width", 641)),
        ("video[0].width", video("width", 4098)),
        ("video[0].height", video("height", 88)),
        ("video[0].height", video("height", 361)),
        ("video[0].height", video("height", 4098)),
        ("video[0].height", json!({"video": [{"width": 158, "height": 158}]})),
        ("video[0].height", json!({"video": [{"width": 3840, "height": 3840, "bitrate": 20_000_000}]})),
        ("video[0].height", json!({"video": [{"width": 4096, "height": 2306, "bitrate": 20_000_000}]})),
        ("video[0].bitrate", video("bitrate", 99_999)),
        ("video[0].bitrate", video("bitrate", 50_000_001)),
        ("video[0].codec", video("codec", "h265")),
        ("video[0].preset", video("preset", "placebo")),
        ("video[1].width", json!({"video": [{}, {"id": "w", "width": 1}]})),
        ("audio.id", audio("id", "A")),
        ("audio.id", audio("id", "")),
        ("audio.codec", audio("codec", "opus")),
        ("audio.bitrate", audio("bitrate", 47_999)),
        ("audio.bitrate", audio("bitrate", 256_001)),
        ("audio.beep_hz", audio("beep_hz", 99)),
        ("audio.beep_hz", audio("beep_hz", 8001)),
        ("audio.beep_dbfs", audio("beep_dbfs", -61)),
        ("audio.beep_dbfs", audio("beep_dbfs", 1)),
    ]
}

/// Values of a wrong type, and unknown fields.
fn types() -> Vec<(&'static str, Value)> {
    vec![
        ("name", json!({"name": 7})),
        ("enabled", json!({"enabled": "yes"})),
        ("on_demand", json!({"on_demand": 1})),
        ("idle_seconds", json!({"idle_seconds": "30"})),
        ("requires", json!({"requires": "b"})),
        ("access", json!({"access": null})),
        ("allow", json!({"allow": "192.0.2.1"})),
        ("max_viewers", json!({"max_viewers": "7"})),
        ("max_viewers", json!({"max_viewers": 1.5})),
        ("max_bandwidth", json!({"max_bandwidth": -1})),
        ("overflow_url", json!({"overflow_url": 7})),
        ("push", json!({"push": "rtmp://other.example/live/key"})),
        ("push[0].url", json!({"push": [{"url": 7}]})),
        ("push[0].key", json!({"push": [{"url": "rtmp://other.example/live/key", "key": "key"}]})),
        ("title", json!({"title": ["x"]})),
        ("pattern", json!({"pattern": 1})),
        ("source", json!({"source": null})),
        ("publish_clock", json!({"source": "publish", "publish_clock": "yes"})),
        ("fps", json!({"fps": true})),
        ("segment_frames", json!({"segment_frames": -1})),
        ("segment_frames", json!({"segment_frames": 48.5})),
        ("chunk_frames", json!({"chunk_frames": "8"})),
        ("window_seconds", json!({"window_seconds": 4_294_967_296_u64})),
        ("video", json!({"video": "v720"})),
        ("video[0].width", video("width", "wide")),
        ("video[0].bitrate", video("bitrate", 1e30)),
        ("audio", json!({"audio": 3})),
        ("audio", json!({"audio": []})),
        ("video[0]", json!({"video": [[]]})),
        ("schedule", json!({"schedule": ["UTC", ["* * * * *"]]})),
        ("schedule.windows[0]", json!({"schedule": {"windows": [["2026-12-24T10:00:00Z", "2026-12-24T12:00:00Z"]]}})),
        ("audio.beep_hz", audio("beep_hz", Value::Null)),
        ("colour", json!({"colour": "red"})),
        ("video[0].depth", video("depth", 8)),
        ("audio.language", audio("language", "en")),
    ]
}

/// Allowed values: the ends of ranges, and unusual forms.
pub(crate) fn allowed() -> Vec<Value> {
    let sizes = |width: u32, height: u32, bitrate: u32| json!({"video": [{"id": "v", "width": width, "height": height, "bitrate": bitrate}]});
    vec![
        json!({"name": "0"}),
        json!({"name": "x".repeat(63)}),
        json!({"on_demand": true, "idle_seconds": 10, "requires": ["b", "c"]}),
        json!({"idle_seconds": 3600}),
        json!({"access": "private", "allow": ["192.0.2.0/24", "::1"], "deny": ["192.0.2.7"]}),
        json!({"max_viewers": 1, "max_bandwidth": 100_000, "overflow_url": "http://[::1]:8080/a/"}),
        json!({"max_viewers": 1_000_000, "max_bandwidth": 1_000_000_000_000_u64, "overflow_url": null}),
        json!({"title": "Grüße, 世界"}),
        json!({"title": "x".repeat(64)}),
        json!({"fps": "1", "segment_frames": 2, "chunk_frames": 1}),
        json!({"fps": "120", "segment_frames": 120, "chunk_frames": 10}),
        json!({"fps": "30000/1001"}),
        json!({"fps": "50/2"}),
        json!({"fps": 30}),
        json!({"fps": 25.0}),
        json!({"fps": 12.5}),
        json!({"push": [{"url": "rtmp://other.example/app"}, {"url": "rtmps://other.example/live/key"}]}),
        json!({"push": [{"url": "whip://other.example/live/a/whip"}, {"url": "whips://to.ken%2F=@a:8443/b?c=d"}]}),
        json!({"segment_frames": 25, "chunk_frames": 2}),
        json!({"segment_frames": 250, "chunk_frames": 250, "window_seconds": 50}),
        json!({"window_seconds": 10}),
        json!({"window_seconds": 604_800}),
        json!({"source": "publish", "window_seconds": 3600, "push": [{"url": "udp://other.example:5004"}]}),
        json!({"source": "publish", "publish_clock": true}),
        json!({"publish_clock": false}),
        json!({"video": renditions(8)}),
        json!({"video": []}),
        json!({"audio": null}),
        json!({"audio": false}),
        json!({"audio": true}),
        sizes(160, 90, 100_000),
        sizes(90, 160, 100_000),
        sizes(1440, 2560, 10_000_000),
        sizes(3840, 2160, 50_000_000),
        sizes(2160, 3840, 50_000_000),
        sizes(4096, 2304, 50_000_000),
        json!({"audio": {"bitrate": 48_000, "beep_hz": 100, "beep_dbfs": -60}}),
        json!({"audio": {"id": "-", "bitrate": 256_000, "beep_hz": 8000, "beep_dbfs": 0}}),
    ]
}
