//! Conditions that a stream does not allow.

use super::*;

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
    check("from=-1h,until=-2h", 400, Some("until"), "later than from, which is 2026-11-21T02:40:28Z").await;
    check("from=-8d,until=-1s", 400, Some("until"), "at most 7d after from").await;
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
