//! Conditions of time: moments, clocks and origins.

use super::*;

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
