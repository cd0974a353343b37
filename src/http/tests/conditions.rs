//! Conditions through the whole router: each in every format, and what they share.

use super::*;
use crate::base::format::Format;
use crate::definition::condition::{Description, FAULTS, Parameter, TABLE};

mod past;
mod refusals;
mod shape;
mod time;

/// The multivariant playlist or MPD of a format, and the resource below it whose text conditions change.
fn paths(format: Format) -> (&'static str, &'static str) {
    match format {
        Format::Hls => ("/live/test/hls.m3u8", "/live/test/v720/hls.m3u8"),
        Format::LlHls => ("/live/test/llhls.m3u8", "/live/test/v720/llhls.m3u8"),
        Format::Dash => ("/live/test/dash.mpd", "/live/test/dash.mpd"),
        Format::LlDash => ("/live/test/lldash.mpd", "/live/test/lldash.mpd"),
    }
}

/// What the changed text contains, and what it does not contain.
fn effect(example: &str, format: Format) -> (&'static str, &'static str) {
    match (example, format) {
        ("addressing=number-timeline", _) => ("<SegmentTimeline><S t=\"", "\" duration="),
        ("addressing=time-timeline", _) => ("/t$Time$.m4s\" ", "startNumber"),
        ("byte-ranges", Format::Hls) => ("#EXT-X-BYTERANGE:96@0\n", "EXT-X-PART"),
        ("byte-ranges", _) => (",BYTERANGE=\"12@12\"\n", ".1.m4s"),
        ("clock-skew=5s", _) => ("value=\"../../../clock-skew=5s/time\"", "value=\"../../../../time\""),
        ("clock-skew=-500ms", _) => ("value=\"../../../clock-skew=-500ms/time\"", "value=\"../../../../time\""),
        ("delay=12s", Format::Hls) => ("#EXT-X-SERVER-CONTROL:HOLD-BACK=12\n", "PART-HOLD-BACK"),
        ("delay=12s", Format::LlHls) => (",HOLD-BACK=12,PART-HOLD-BACK=12\n", "HOLD-BACK=6"),
        ("delay=12s", Format::Dash) => ("suggestedPresentationDelay=\"PT12S\"", "PT7.68S"),
        ("delay=12s", Format::LlDash) => ("suggestedPresentationDelay=\"PT12S\"", "target=\"780\""),
        ("from=2026-11-21T03:39:00Z", Format::Hls | Format::LlHls) => ("#EXT-X-PLAYLIST-TYPE:EVENT\n", "ENDLIST"),
        ("from=2026-11-21T03:39:00Z", _) => ("availabilityStartTime=\"2026-11-21T03:38:58.560Z\"", "\"PT1M\""),
        ("from=-1h30m", Format::Hls | Format::LlHls) => ("PROGRAM-DATE-TIME:2026-11-21T02:10:27.840Z\n", "ENDLIST"),
        ("from=-1h30m", _) => ("availabilityStartTime=\"2026-11-21T02:10:27.840Z\"", "\"PT1M\""),
        ("no-blocking", _) => ("#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL", "CAN-BLOCK-RELOAD"),
        ("no-date-time", _) => ("#EXTINF:1.92,\n", "PROGRAM-DATE-TIME"),
        ("no-deltas", _) => ("CAN-BLOCK-RELOAD=YES,HOLD-BACK", "CAN-SKIP-UNTIL"),
        ("no-hints", _) => ("#EXT-X-PART:", "PRELOAD-HINT"),
        ("no-reports", _) => ("#EXT-X-PART:", "RENDITION-REPORT"),
        ("patch=1m", Format::Dash) => ("<PatchLocation ttl=\"60\">dash.mpp?publishTime=", "lldash.mpp"),
        ("patch=1m", _) => ("<PatchLocation ttl=\"60\">lldash.mpp?publishTime=", ">dash.mpp"),
        ("periods=10s", Format::Hls | Format::LlHls) => {
            ("#EXT-X-DISCONTINUITY\n#EXT-X-MAP", "DISCONTINUITY-SEQUENCE:0\n")
        }
        ("periods=10s", _) => ("urn:mpeg:dash:period-continuity:2015\" value=\"p1795232", "<Period id=\"0\""),
        ("origin=2026-11-21T03:39:00Z", Format::Hls | Format::LlHls) => ("#EXT-X-MEDIA-SEQUENCE:15\n", "/935016"),
        ("origin=2026-11-21T03:39:00Z", _) => ("StartTime=\"2026-11-21T03:38:58.560Z\"", "StartTime=\"1970"),
        ("origin=-10s", Format::Hls | Format::LlHls) => ("#EXT-X-MEDIA-SEQUENCE:0\n", "/935016"),
        ("origin=-10s", _) => ("StartTime=\"2026-11-21T03:40:17.280Z\"", "StartTime=\"1970"),
        ("shift=1h", Format::Hls | Format::LlHls) => {
            ("DATE-TIME:2026-11-21T02:40:26.880Z\n", "DATE-TIME:2026-11-21T03")
        }
        ("shift=1h", Format::Dash) => ("StartTime=\"1970-01-01T01:00:00Z\"", "StartTime=\"1970-01-01T00"),
        ("shift=1h", Format::LlDash) => ("wallClockTime=\"1970-01-01T01:00:00Z\"", "wallClockTime=\"1970-01-01T00"),
        ("until=2026-11-21T03:40:10Z", Format::Hls | Format::LlHls) => ("#EXT-X-PLAYLIST-TYPE:VOD\n", "EXT-X-PART"),
        ("until=2026-11-21T03:40:10Z", _) => ("type=\"static\"", "dynamic"),
        ("until=+30s", Format::Hls | Format::LlHls) => ("#EXT-X-PLAYLIST-TYPE:EVENT\n", "ENDLIST"),
        ("until=+30s", _) => ("availabilityStartTime=\"2026-11-21T03:39:56.160Z\"", "\"PT1M\""),
        ("update-period=10s", _) => ("minimumUpdatePeriod=\"PT10S\"", "PT1.92S\" minBuffer"),
        ("update-period=none", _) => ("type=\"dynamic\"", "minimumUpdatePeriod"),
        ("utc-timing=http-head+http-iso", _) => (
            "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-head:2014\" value=\"../../../../time\"/>\
             <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"../../../../time\"/>",
            "http-xsdate",
        ),
        ("utc-timing=direct", _) => ("utc:direct:2014\" value=\"2026-11-21T03:40:28.800Z\"", "http-xsdate"),
        ("utc-timing=none", _) => ("type=\"dynamic\"", "UTCTiming"),
        ("window=6h", Format::Hls | Format::LlHls) => ("MEDIA-SEQUENCE:935005640\n", "935005639"),
        ("window=6h", _) => ("timeShiftBufferDepth=\"PT6H\"", "\"PT1M\""),
        ("wrap=33:in=15s", Format::Hls | Format::LlHls) => ("#EXT-X-MEDIA-SEQUENCE:49671\n", "/935016"),
        ("wrap=33:in=15s", _) => ("StartTime=\"2026-11-20T01:09:59.040Z\"", "StartTime=\"1970"),
        ("wrap=32:in=30s", Format::Hls | Format::LlHls) => ("#EXT-X-MEDIA-SEQUENCE:24808\n", "/935016"),
        ("wrap=32:in=30s", _) => ("StartTime=\"2026-11-20T14:25:36Z\"", "StartTime=\"1970"),
        _ => panic!("no effect is stated for {example} in {format:?}"),
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The conditions that a request with `example` is redirected to, or `example` if there is no redirect.
async fn absolute(app: &Routes, example: &str, path: &str) -> String {
    let answer = get(app, &format!("/with/{example}{path}")).await;
    if answer.status != StatusCode::FOUND {
        return example.to_owned();
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    let location = answer.header("location").strip_prefix("../../../").and_then(|rest| rest.strip_suffix(path));
    location.expect("a relative URL of the same manifest").to_owned()
}

async fn check(app: &Routes, example: &str, format: Format) {
    let (start, changed) = paths(format);
    let plain = get(app, changed).await;
    let (present, absent) = effect(example, format);
    let example = absolute(app, example, start).await;
    let begun = get(app, &format!("/with/{example}{start}")).await;
    assert_eq!((begun.status, begun.header("barstone-condition")), (StatusCode::OK, &*example), "{start}");
    let path = format!("/with/{example}{changed}");
    let answer = get(app, &path).await;
    assert_eq!((answer.status, answer.header("barstone-condition")), (StatusCode::OK, &*example), "{path}");
    let body = text(&answer);
    assert!(body.contains(present) && !body.contains(absent), "{path}: {present} {absent}\n{body}");
    assert!(!text(&plain).contains(present) || text(&plain).contains(absent), "it changes something: {path}");
    assert!(plain.header("barstone-condition").is_empty() && answer.header("etag") != plain.header("etag"), "{path}");
}

async fn check_refused(app: &Routes, description: &Description, format: Format) {
    let path = format!("/with/{}{}", description.examples[0], paths(format).0);
    let refused = get(app, &path).await;
    let problem = refused.json();
    assert_eq!((refused.status.as_u16(), &problem["code"]), (400, &json!("bad_condition")), "{path}");
    assert_eq!(problem["field"], description.name, "{path}");
    assert!(problem["detail"].as_str().unwrap().contains("does not apply to"), "{problem}");
    assert_eq!(refused.header("access-control-allow-origin"), "*");
}

#[tokio::test(start_paused = true)]
async fn every_condition_has_its_effect_in_each_format_and_is_refused_in_others() {
    let (app, _) = ready().await;
    for description in TABLE {
        for format in Format::ALL {
            if !description.formats.contains(&format) {
                check_refused(&app, description, format).await;
                continue;
            }
            for example in description.examples {
                check(&app, example, format).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replicas_give_the_same_manifests_under_every_condition() {
    let (app, _) = ready().await;
    // It began earlier, so that it has more in memory.
    let now = Arc::new(AtomicU64::new((SEGMENT - 100) * 1920));
    let (replica, _) = app_at(&now);
    until_ready(&replica).await;
    now.store(SEGMENT * 1920, Ordering::Relaxed);
    for description in TABLE {
        for format in description.formats {
            let (start, changed) = paths(*format);
            for example in description.examples {
                let example = absolute(&app, example, start).await;
                for path in [start, changed].map(|path| format!("/with/{example}{path}")) {
                    let [one, other] = [get(&app, &path).await, get(&replica, &path).await];
                    assert_eq!(one.status, other.status, "{path}");
                    assert_eq!((text(&one), &one.headers), (text(&other), &other.headers), "{path}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn resources_that_no_condition_changes_have_their_plain_url() {
    let (app, media) = ready().await;
    let revision = media.rsplit('/').next().unwrap();
    let multivariant = text(&get(&app, "/with/no-hints,delay=9s/live/test/llhls.m3u8").await);
    assert!(multivariant.contains("\n../../../delay=9s,no-hints/live/test/v720/llhls.m3u8\n"), "{multivariant}");
    assert!(multivariant.contains("URI=\"../../../../live/test/v720/iframes.m3u8\""), "{multivariant}");
    let short = text(&get(&app, "/with/delay=9s/hls/test.m3u8").await);
    assert!(short.contains("\n../../delay=9s/live/test/v720/hls.m3u8\n"), "{short}");
    let playlist = text(&get(&app, "/with/no-hints/live/test/v720/llhls.m3u8").await);
    let to_track = "../../../../../live/test/v720/";
    assert!(playlist.contains(&format!("URI=\"{to_track}{revision}/init.mp4\"")), "{playlist}");
    assert!(playlist.contains(&format!("\n{to_track}{revision}/{}.m4s\n", SEGMENT - 1)), "{playlist}");
    assert!(playlist.contains("RENDITION-REPORT:URI=\"../a/llhls.m3u8\""), "{playlist}");
    let mpd = text(&get(&app, "/with/update-period=9s/dash/test.mpd").await);
    assert!(mpd.contains("media=\"../../../live/test/$RepresentationID$/"), "{mpd}");
    assert!(mpd.contains("value=\"../../../time\""), "{mpd}");
    for (path, location) in [
        (format!("/with/no-hints{media}/{}.m4s", SEGMENT - 1), format!("../../../../../..{media}/{}.m4s", SEGMENT - 1)),
        (
            "/with/no-hints/live/test/v720/iframes.m3u8?a=b".into(),
            "../../../../../live/test/v720/iframes.m3u8?a=b".into(),
        ),
        ("/with/no-hints/time".into(), "../../time".into()),
    ] {
        let moved = get(&app, &path).await;
        assert_eq!((moved.status, moved.header("location")), (StatusCode::TEMPORARY_REDIRECT, &*location), "{path}");
        assert!(moved.header("barstone-condition").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn all_spellings_of_a_set_are_the_same_manifest() {
    let (app, _) = ready().await;
    let mut etags = Vec::new();
    for set in ["delay=9s,no-hints", "no-hints,delay=9000ms", "%6Eo-hints%2Cdelay%3D9s"] {
        let answer = get(&app, &format!("/with/{set}/live/test/v720/llhls.m3u8")).await;
        assert_eq!(answer.header("barstone-condition"), "delay=9s,no-hints");
        etags.push(answer.header("etag").to_owned());
    }
    assert!(etags.iter().all(|etag| *etag == etags[0]), "{etags:?}");
    let request = Request::head("/with/no-hints,delay=9s/live/test/v720/llhls.m3u8").header("accept-encoding", "gzip");
    let head = ask(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!((head.header("content-encoding"), head.body.len()), ("gzip", 0));
    let request = Request::get("/with/delay=9s,no-hints/live/test/v720/llhls.m3u8").header("if-none-match", &etags[0]);
    assert_eq!(ask(&app, request.body(Body::empty()).unwrap()).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn a_private_stream_is_played_under_conditions_with_its_token() {
    let (app, _) = ready().await;
    assert_eq!(send(&app, "PUT", "/api/v1/streams/test", json!({"access": "private"})).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/with/delay=9s/live/test/hls.m3u8").await.status, StatusCode::FORBIDDEN);
    let private = send(&app, "POST", "/api/v1/streams/test/tokens", "{}").await.json();
    let under = format!("/t/{}/with/delay=9s", private["token"].as_str().unwrap());
    let answer = get(&app, &format!("{under}/live/test/hls.m3u8")).await;
    assert_eq!((answer.status, answer.header("barstone-condition")), (StatusCode::OK, "delay=9s"));
    assert_eq!(get(&app, &format!("{under}/live/test/v720/hls.m3u8")).await.status, StatusCode::OK);
    let wrong = get(&app, &format!("{under},x/live/test/hls.m3u8")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (400, &json!("x")));
}

#[tokio::test(start_paused = true)]
async fn conditions_are_described_and_counted() {
    let (app, _) = ready().await;
    let listed = get(&app, "/api/v1/conditions").await.json();
    assert_eq!(listed.as_array().unwrap().len(), TABLE.len() + FAULTS.len());
    let status = listed.as_array().unwrap().iter().find(|row| row["name"] == "status").unwrap();
    assert_eq!((&status["fault"], &status["value"]["least"]), (&json!(true), &json!("400")));
    let parameters = status["parameters"].as_array().unwrap().iter();
    let on = parameters.clone().find(|parameter| parameter["name"] == "on").unwrap();
    assert_eq!(on["value"]["words"], json!(["manifests", "playlists", "mpd", "init", "segments", "parts", "media"]));
    let names: Vec<_> = parameters.map(|parameter| parameter["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["retry-after", "on", "track", "every", "numbers", "at", "each", "for", "share"]);
    let delay = listed.as_array().unwrap().iter().find(|row| row["name"] == "delay").unwrap();
    assert_eq!(
        delay["value"],
        json!({"kind": "duration", "allowed": "a duration from 100ms to 1d", "words": [], "least": "100ms", "most": "1d"})
    );
    get(&app, "/with/delay=9s/live/test/hls.m3u8").await;
    let metrics = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("barstone_http_conditions_total{condition=\"delay\"} 1"), "{metrics}");
}

#[test]
fn the_documentation_has_a_row_for_every_condition() {
    let document = include_str!("../../../docs/conditions.md");
    let row = |description: &Description| {
        let Description { name, value, summary, formats, .. } = description;
        format!("| `{name}` | {} | {} | {summary} |\n", value.allowed(), Format::titles(formats))
    };
    for table in [TABLE, FAULTS] {
        let rows: String = table.iter().map(row).collect();
        assert!(document.contains(&rows), "the table must be:\n{rows}");
    }
    // A fault that can be on everything.
    let any = FAULTS.iter().max_by_key(|fault| fault.on.len()).unwrap();
    let is_common = |parameter: &Parameter| !any.own.iter().any(|own| own.name == parameter.name);
    let common = any.parameters().into_iter().filter(is_common);
    let own = FAULTS.iter().flat_map(|fault| fault.own.iter().map(|parameter| (Some(fault.name), parameter.clone())));
    let row = |(fault, parameter): (Option<&str>, Parameter)| {
        let Parameter { name, value, summary } = parameter;
        let of = fault.map_or(String::new(), |fault| format!(" of `{fault}`"));
        format!("| `{name}`{of} | {} | {summary} |\n", value.allowed())
    };
    let rows: String = common.map(|parameter| (None, parameter)).chain(own).map(row).collect();
    assert!(document.contains(&rows), "the table of parameters must be:\n{rows}");
}
