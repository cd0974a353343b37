use serde_json::{Value, json};

use super::*;
use crate::definition::spec::{StreamRequest, StreamSpec};

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;
const NOW: UnixTime = UnixTime::from_millis(SEGMENT * 1920);

fn spec(json: Value) -> StreamSpec {
    let request: StreamRequest = serde_json::from_value(json).unwrap();
    StreamSpec::try_from(request).unwrap()
}

fn epochs(specs: &[(u64, StreamSpec)]) -> Epochs {
    let epoch = |(from, spec): &(u64, StreamSpec)| Arc::new(Epoch::new((0, *from), spec.clone(), spec.revision("")));
    Arc::new(specs.iter().map(epoch).collect())
}

/// The records of `millis` milliseconds from now on.
fn lines(epochs: Epochs, conditions: &str, millis: u64) -> Vec<Value> {
    let conditions = if conditions.is_empty() { Conditions::default() } else { Conditions::parse(conditions).unwrap() };
    let truth = Truth::new(epochs, &conditions, NOW..NOW + Duration::from_millis(millis), NOW);
    truth.segments().flat_map(|number| truth.records(number)).map(|record| json!(record)).collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[test]
fn an_interval_has_its_definition_segments_frames_and_beeps() {
    let epochs = epochs(&[(0, spec(json!({"name": "test"})))]);
    let revision = epochs[0].revision.as_str();
    let found = lines(Arc::clone(&epochs), "", 220);
    let frame = |index: u64, utc: &str, idr: bool| {
        let frame = SEGMENT * 48 + index;
        let (time_ms, media_time) = (SEGMENT * 1920 + index * 40, frame * 3600);
        let strip: String = Timecode { time_ms, frame }.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let utc = format!("2026-11-21T03:40:{utc}Z");
        json!({"type": "frame", "utc": utc, "frame": frame, "time_ms": time_ms, "strip": strip, "media_time": media_time,
            "segment": SEGMENT, "chunk": 0, "idr": idr})
    };
    let segment = |track: &str, timescale: u64| {
        json!({"type": "segment", "utc": "2026-11-21T03:40:28.8Z", "track": track, "segment": SEGMENT, "chunks": 8,
            "media_time": SEGMENT * 1920 * timescale / 1000, "duration": 1.92,
            "url": format!("/live/test/{track}/{revision}/{SEGMENT}.m4s")})
    };
    let beep = json!({"type": "beep", "utc": "2026-11-21T03:40:29Z", "sample": 1_795_232_429_u64 * 48_000,
        "media_time": 1_795_232_429_u64 * 48_000, "frequency": 1000, "duration": 0.1});
    let tracks = json!([{"id": "v720", "kind": "video", "timescale": 90_000}, {"id": "a", "kind": "audio", "timescale": 48_000}]);
    let definition = json!({"type": "definition", "utc": "1970-01-01T00:00:00Z", "segment": 0, "revision": revision,
        "fps": "25", "segment_frames": 48, "chunk_frames": 6, "title": "test", "tracks": tracks});
    let expected = [
        definition,
        segment("v720", 90_000),
        segment("a", 48_000),
        frame(0, "28.8", true),
        frame(1, "28.84", false),
        frame(2, "28.88", false),
        frame(3, "28.92", false),
        frame(4, "28.96", false),
        beep,
        frame(5, "29", false),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_full_minute_has_a_long_beep_and_a_frame_is_in_one_interval_only() {
    let epochs =
        epochs(&[(0, spec(json!({"name": "test", "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 10})))]);
    let hour = lines(Arc::clone(&epochs), "", 3_600_000);
    let beeps = of_type(&hour, "beep");
    let long: Vec<_> = beeps.iter().filter(|beep| beep["duration"] == 0.5).collect();
    assert_eq!((beeps.len(), long.len()), (3600, 60));
    assert!(long.iter().all(|beep| beep["frequency"] == 2000 && beep["utc"].as_str().unwrap().ends_with(":00Z")));
    let conditions = Conditions::default();
    let part = |from: u64, to: u64| {
        let interval = NOW + Duration::from_millis(from)..NOW + Duration::from_millis(to);
        let truth = Truth::new(Arc::clone(&epochs), &conditions, interval, NOW);
        let records = truth.segments().flat_map(|number| truth.records(number)).map(|record| json!(record));
        records.filter(|record| record["type"] == "frame").collect::<Vec<_>>()
    };
    assert_eq!([part(0, 777), part(777, 10_001)].concat(), part(0, 10_001));
}

#[test]
fn a_change_of_the_definition_is_a_record_and_tracks_may_be_missing() {
    let next = spec(json!({"name": "test", "title": "changed", "audio": false}));
    let changed = lines(epochs(&[(0, spec(json!({"name": "test", "audio": false}))), (SEGMENT + 1, next)]), "", 3840);
    let titles: Vec<_> =
        of_type(&changed, "definition").iter().map(|line| (&line["title"], &line["segment"])).collect();
    assert_eq!(titles, [(&json!("test"), &json!(0)), (&json!("changed"), &json!(SEGMENT + 1))]);
    assert_eq!((of_type(&changed, "beep").len(), of_type(&changed, "frame").len()), (0, 96));
    let audio = lines(epochs(&[(0, spec(json!({"name": "test", "video": []})))]), "", 3840);
    assert_eq!(
        (of_type(&audio, "beep").len(), of_type(&audio, "frame").len(), of_type(&audio, "segment").len()),
        (4, 0, 2)
    );
}

#[test]
fn conditions_of_time_move_the_interval_and_the_origin() {
    let all = epochs(&[(0, spec(json!({"name": "test"})))]);
    let shifted = lines(Arc::clone(&all), "shift=1h", 3840);
    assert_eq!(of_type(&shifted, "frame")[0]["utc"], "2026-11-21T02:40:28.8Z");
    assert_eq!(of_type(&shifted, "frame").len(), 96);
    let ended = lines(Arc::clone(&all), "from=2026-11-21T03:40:00Z,until=2026-11-21T03:40:30Z", 3840);
    assert_eq!(of_type(&ended, "frame").len(), 48);
    let counted = lines(all, "origin=2026-11-21T03:40:26.880Z", 1920);
    let segments = of_type(&counted, "segment");
    assert_eq!((&segments[0]["segment"], &segments[0]["media_time"]), (&json!(1), &json!(172_800)));
    assert_eq!(
        (&segments[1]["media_time"], &of_type(&counted, "frame")[0]["media_time"]),
        (&json!(92_160), &json!(172_800))
    );
    let url = segments[0]["url"].as_str().unwrap();
    assert!(
        url.starts_with("/with/origin=2026-11-21T03:40:26.88Z/live/test/v720/") && url.ends_with("/1.m4s"),
        "{url}"
    );
    assert_eq!(of_type(&counted, "beep")[0]["media_time"], 101_760);
}

#[test]
fn segments_name_the_faults_that_requests_for_them_meet() {
    let fault = "status=503:on=segments:track=video:every=2";
    let found = lines(epochs(&[(0, spec(json!({"name": "test"})))]), fault, 3840);
    let segments: Vec<_> = of_type(&found, "segment");
    let faults: Vec<_> = segments.iter().map(|line| line.get("faults").cloned()).collect();
    assert_eq!(faults, [Some(json!([fault])), None, None, None]);
    let is_under = |line: &Value| line["url"].as_str().unwrap().starts_with(&format!("/with/{fault}/live/"));
    assert_eq!(segments.iter().map(|line| is_under(line)).collect::<Vec<_>>(), [true, false, true, false]);
}

#[test]
fn all_segments_after_a_jump_name_it() {
    let fault = "discontinuity:numbers=1-1";
    let found = lines(epochs(&[(0, spec(json!({"name": "test"})))]), fault, 3840);
    let faults: Vec<_> = of_type(&found, "segment").iter().map(|line| line.get("faults").cloned()).collect();
    assert_eq!(faults, vec![Some(json!([fault])); 4]);
}
