//! Conditions through the whole router: each in every format, and what they share.

use super::*;
use crate::base::format::Format;
use crate::definition::condition::{Description, FAULTS, Parameter, TABLE};

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
async fn absolute(app: &Router, example: &str, path: &str) -> String {
    let answer = get(app, &format!("/with/{example}{path}")).await;
    if answer.status != StatusCode::FOUND {
        return example.to_owned();
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    let location = answer.header("location").strip_prefix("../../../").and_then(|rest| rest.strip_suffix(path));
    location.expect("a relative URL of the same manifest").to_owned()
}

async fn check(app: &Router, example: &str, format: Format) {
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

async fn check_refused(app: &Router, description: &Description, format: Format) {
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
async fn directives_that_a_playlist_does_not_offer_have_no_effect() {
    let (app, _) = ready().await;
    let next = format!("/live/test/v720/llhls.m3u8?_HLS_msn={SEGMENT}&_HLS_part=7");
    assert_eq!(get(&app, &format!("/with/no-hints{next}")).await.status, StatusCode::SERVICE_UNAVAILABLE, "it is held");
    let answer = get(&app, &format!("/with/no-blocking{next}")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "public, max-age=1"));
    let skip = "/live/test/v720/llhls.m3u8?_HLS_skip=YES";
    assert!(text(&get(&app, &format!("/with/no-hints{skip}")).await).contains("EXT-X-SKIP"));
    assert!(!text(&get(&app, &format!("/with/no-deltas{skip}")).await).contains("EXT-X-SKIP"));
    let long = "/with/window=3m/live/test/v720/hls.m3u8?_HLS_skip=YES";
    assert!(text(&get(&app, long).await).contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=87\n"));
    let plain = get(&app, "/live/test/v720/hls.m3u8?_HLS_skip=YES&_HLS_msn=1").await;
    assert!(plain.status == StatusCode::OK && !text(&plain).contains("EXT-X-SKIP"), "it offers no delta updates");
}

#[tokio::test(start_paused = true)]
async fn a_skewed_clock_is_told_by_every_scheme() {
    let (app, _) = ready().await;
    let time = get(&app, "/with/clock-skew=-1h/time").await;
    assert_eq!(time.body, b"2026-11-21T02:40:28.800Z");
    assert_eq!(time.header("date"), "Sat, 21 Nov 2026 02:40:28 GMT");
    assert_eq!((time.header("barstone-condition"), time.header("cache-control")), ("clock-skew=-1h", "no-store"));
    let mpd = get(&app, "/with/clock-skew=5s,utc-timing=direct/live/test/dash.mpd").await;
    assert!(text(&mpd).contains("value=\"2026-11-21T03:40:33.800Z\""), "{}", text(&mpd));
    assert_eq!(mpd.header("cache-control"), "no-store");
}

#[tokio::test(start_paused = true)]
async fn a_segment_has_the_same_bytes_by_number_and_by_time() {
    let (app, media) = ready().await;
    let number = SEGMENT - 1;
    let by_number = get(&app, &format!("{media}/{number}.m4s")).await;
    let sound = media.replace("v720", "a");
    // 1.92 s are 172800 ticks of the video and 92160 samples.
    for (path, time) in [(&media, number * 172_800), (&sound, number * 92_160)] {
        let by_time = get(&app, &format!("{path}/t{time}.m4s")).await;
        assert_eq!((by_time.status, &by_time.body), (StatusCode::OK, &by_number.body), "{path} {time}");
        assert_eq!(by_time.header("cache-control"), by_number.header("cache-control"));
        assert_eq!(get(&app, &format!("{path}/t{}.m4s", time + 1)).await.status, StatusCode::NOT_FOUND);
    }
    let next = get(&app, &format!("{media}/t{}.m4s", (number + 9) * 172_800)).await;
    assert_eq!(next.status.as_u16(), get(&app, &format!("{media}/{}.m4s", number + 9)).await.status.as_u16());
    let mpd = get(&app, "/with/addressing=time-timeline/live/test/dash.mpd").await;
    assert_eq!(mpd.header("cache-control"), "public, max-age=1");
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_stream_does_not_allow_is_refused() {
    let (app, _) = ready().await;
    for (path, allowed) in [
        ("/with/delay=1s/live/test/hls.m3u8", "from 6s to 58s80ms"),
        ("/with/delay=100ms/live/test/llhls.m3u8", "from 512ms to 58s80ms"),
        ("/with/delay=59s/live/test/dash.mpd", "from 1s920ms to 58s80ms"),
    ] {
        let refused = get(&app, path).await;
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == StatusCode::BAD_REQUEST && detail.contains(allowed), "{path}: {detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_leads_from_one_mpd_to_the_next() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, StreamSpec::test(), &now));
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(Arc::clone(&registry), access, CancellationToken::new()), Serve::All);
    until_ready(&app).await;
    let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
    let under = "/with/addressing=time-timeline,patch=1m";
    for (mpd, directory) in [("/live/test/dash.mpd", "/live/test/"), ("/dash/test.mpd", "/dash/")] {
        let mpd = text(&get(&app, &format!("{under}{mpd}")).await);
        let (_, rest) = mpd.split_once("<PatchLocation ttl=\"60\">").unwrap();
        let path = format!("{under}{directory}{}", rest.split_once('<').unwrap().0);
        // The request is held until there is a newer MPD.
        let next = output.last_complete().unwrap() + 1;
        let later = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            now.store((next + 1) * 1920, Ordering::Relaxed);
            publish(&output, [next]);
        };
        let (patch, ()) = tokio::join!(get(&app, &path), later);
        assert_eq!(
            (patch.status, patch.header("content-type")),
            (StatusCode::OK, "application/dash-patch+xml"),
            "{path}"
        );
        assert_eq!(patch.header("barstone-condition"), &under[6..]);
        let patch = text(&patch);
        assert!(
            patch.contains("<replace sel=\"/MPD/@publishTime\">") && patch.contains("/SegmentTimeline[1]/S[1]"),
            "{patch}"
        );
    }
    for (path, detail) in [
        (format!("{under}/live/test/dash.mpp"), "is requested with publishTime"),
        (format!("{under}/live/test/dash.mpp?publishTime=yesterday"), "is requested with publishTime"),
        (format!("{under}/live/test/dash.mpp?publishTime=2026-11-21T03:39:00Z"), "is available for 1m"),
        (
            format!("{under}/live/test/dash.mpp?publishTime=2026-11-21T03:40:28.801Z"),
            "no patch for an MPD of this publishTime",
        ),
        ("/live/test/dash.mpp?publishTime=2026-11-21T03:40:28.8Z".into(), "under the condition patch"),
    ] {
        let refused = get(&app, &path).await;
        let told = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == StatusCode::NOT_FOUND && told.contains(detail), "{path}: {told}");
    }
    let excluded = get(&app, "/with/patch=1m,utc-timing=direct/live/test/dash.mpd").await;
    assert_eq!((excluded.status.as_u16(), &excluded.json()["field"]), (400, &json!("patch")));
}

#[tokio::test(start_paused = true)]
async fn periods_of_less_than_two_segments_are_refused() {
    let (app, _) = ready().await;
    for path in ["/live/test/dash.mpd", "/live/test/hls.m3u8", "/live/test/v720/iframes.m3u8"] {
        let refused = get(&app, &format!("/with/periods=3839ms{path}")).await;
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == StatusCode::BAD_REQUEST && detail.contains("at least 3s840ms"), "{path}: {detail}");
        assert_eq!(get(&app, &format!("/with/periods=3840ms{path}")).await.status, StatusCode::OK, "{path}");
    }
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

#[tokio::test(start_paused = true)]
async fn a_relative_moment_is_written_out_once() {
    let (app, _) = ready().await;
    for (path, location) in [
        (
            "/with/from=-1h/live/test/v720/hls.m3u8?a=b",
            "../../../../from=2026-11-21T02:40:28Z/live/test/v720/hls.m3u8?a=b",
        ),
        ("/t/x/with/until=+10s,delay=9s/dash/test.mpd", "../../delay=9s,until=2026-11-21T03:40:38Z/dash/test.mpd"),
        ("/with/from=-1h/time", "../from=2026-11-21T02:40:28Z/time"),
        (
            "/with/wrap=33:in=15s,until=+10s/hls/test.m3u8",
            "../../origin=2026-11-20T01:10:00.082Z,until=2026-11-21T03:40:38Z/hls/test.m3u8",
        ),
    ] {
        let moved = get(&app, path).await;
        assert_eq!((moved.status, moved.header("location")), (StatusCode::FOUND, location), "{path}");
        assert_eq!((moved.header("cache-control"), moved.header("access-control-allow-origin")), ("no-store", "*"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_presentation_that_cannot_be_is_refused() {
    let (app, _) = ready().await;
    let check = async |conditions: &str, status: u16, field: Option<&str>, says: &str| {
        let refused = get(&app, &format!("/with/{conditions}/live/test/v720/hls.m3u8")).await;
        let problem = refused.json();
        assert_eq!((refused.status.as_u16(), problem["field"].as_str()), (status, field), "{conditions}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        refused
    };
    check("from=20,until=20", 400, Some("until"), "later than from, which is 1970-01-01T00:00:20Z").await;
    check("from=20,until=900000", 400, Some("until"), "at most 7d after from").await;
    check("from=20,window=60s", 400, Some("window"), "window and from exclude each other").await;
    check("window=5s", 400, Some("window"), "from 6s to 7d").await;
    check("window=8d", 400, Some("window"), "from 1s to 7d").await;
    check("wrap=33,origin=20", 400, Some("wrap"), "wrap and origin exclude each other").await;
    check("wrap=31", 400, Some("wrap"), "wrap must be 32 or 33").await;
    check("origin=2026-11-21T03:40:29Z", 404, None, "complete at 2026-11-21T03:40:30.720Z").await;
    check("from=yesterday", 400, Some("from"), "from must be a moment such as").await;
    // The first segment, which begins at 03:40:28.800, is complete at 03:40:30.720; it is 03:40:28.800.
    let early = check("from=2026-11-21T03:40:29Z", 404, None, "complete at 2026-11-21T03:40:30.720Z").await;
    assert_eq!((early.header("retry-after"), early.header("cache-control")), ("2", "public, max-age=1"));
}

#[tokio::test(start_paused = true)]
async fn numbers_count_from_the_origin_in_every_request() {
    let (app, _) = ready().await;
    let playlist = "/with/origin=2026-11-21T03:39:00Z/live/test/v720/llhls.m3u8";
    let whole = text(&get(&app, playlist).await);
    let media = "../../../../origin=2026-11-21T03:39:00Z/live/test/v720/";
    // The newest of 47 segments, the part that comes next, and the init segment, which is the same as ever.
    assert!(whole.contains(&format!("\n{media}")) && whole.contains("/46.m4s\n"), "{whole}");
    assert!(whole.contains("/47.0.m4s\"\n") && whole.contains("a/llhls.m3u8\",LAST-MSN=46,LAST-PART=7"), "{whole}");
    assert!(whole.contains("#EXT-X-MAP:URI=\"../../../../../live/test/v720/"), "{whole}");
    assert_eq!(text(&get(&app, &format!("{playlist}?_HLS_msn=46&_HLS_part=7")).await), whole);
    let delta = text(&get(&app, &format!("{playlist}?_HLS_msn=46&_HLS_skip=YES")).await);
    assert!(delta.contains("#EXT-X-MEDIA-SEQUENCE:15\n") && delta.contains("SKIPPED-SEGMENTS="), "{delta}");
    let ahead = get(&app, &format!("{playlist}?_HLS_msn=50")).await;
    assert!(ahead.json()["detail"].as_str().unwrap().contains("ends with segment 46;"), "{}", ahead.json());
    let mpd = text(&get(&app, "/with/origin=2026-11-21T03:39:00Z/live/test/lldash.mpd").await);
    assert!(mpd.contains("startNumber=\"0\"") && !mpd.contains("presentationTimeOffset"), "{mpd}");
    assert!(mpd.contains("wallClockTime=\"2026-11-21T03:38:58.560Z\""), "{mpd}");
    assert!(mpd.contains("media=\"../../../origin=2026-11-21T03:39:00Z/live/test/"), "{mpd}");
    assert!(mpd.contains("initialization=\"../../../../live/test/"), "{mpd}");
}

#[tokio::test(start_paused = true)]
async fn a_vod_is_cached_longer_and_directives_do_not_concern_it() {
    let (app, _) = ready().await;
    let vod = "/with/from=2026-11-21T03:00:00Z,until=2026-11-21T03:10:00Z/live/test";
    for file in ["hls.m3u8", "v720/hls.m3u8", "a/llhls.m3u8?_HLS_msn=935016885&_HLS_skip=YES", "dash.mpd"] {
        let answer = get(&app, &format!("{vod}/{file}")).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "public, max-age=60"), "{file}");
        assert_eq!(answer.header("last-modified"), "Sat, 21 Nov 2026 03:10:00 GMT", "{file}");
    }
    let event = "/with/from=2026-11-21T03:00:00Z/live/test/v720/llhls.m3u8";
    assert_eq!(get(&app, event).await.header("cache-control"), "public, max-age=1");
    assert_eq!(get(&app, &format!("{event}?_HLS_msn={SEGMENT}")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_shifted_playlist_is_held_until_the_clock_is_there() {
    let (app, _) = ready().await;
    let shifted = "/with/shift=1h/live/test/v720/llhls.m3u8";
    // 1875 segments ago the segment with this number began.
    let now = SEGMENT - 1875;
    assert!(text(&get(&app, shifted).await).contains("PRELOAD-HINT:TYPE=PART,URI=\"../../../../../live/"));
    let last = get(&app, &format!("{shifted}?_HLS_msn={}&_HLS_part=7", now - 1)).await;
    assert_eq!((last.status, last.header("cache-control")), (StatusCode::OK, "public, max-age=12"));
    assert_eq!(get(&app, &format!("{shifted}?_HLS_msn={now}")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let far = get(&app, &format!("{shifted}?_HLS_msn={}", now + 9)).await;
    assert_eq!(far.json()["code"], "too_far_ahead");
}
