//! Faults through the whole router: each on each kind of resource with each selector, and what they leave alone.

use super::*;

mod effects;

/// The paths of a stream whose media directories begin with `media`, one of each kind of resource.
fn paths(media: &str) -> [(&'static str, String); 8] {
    let sound = media.replace("v720", "a");
    [
        ("manifests", "/live/test/llhls.m3u8".to_owned()),
        ("playlists", "/live/test/v720/hls.m3u8".to_owned()),
        ("playlists", "/live/test/a/llhls.m3u8".to_owned()),
        ("mpd", "/live/test/dash.mpd".to_owned()),
        ("mpd", "/dash/test.mpd".to_owned()),
        ("init", format!("{media}/init.mp4")),
        ("segments", format!("{sound}/{}.m4s", SEGMENT - 1)),
        ("parts", format!("{media}/{}.3.m4s", SEGMENT - 1)),
    ]
}

/// The status of an answer, and the conditions that it names.
async fn answer(app: &Routes, conditions: &str, path: &str) -> (u16, String) {
    let answer = get(app, &format!("/with/{conditions}{path}")).await;
    (answer.status.as_u16(), answer.header("barstone-condition").to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_status_replaces_each_kind_of_resource() {
    let (app, media) = ready().await;
    for (on, path) in paths(&media) {
        let canonical = if on == "manifests" { "status=503".to_owned() } else { format!("status=503:on={on}") };
        assert_eq!(answer(&app, &format!("status=503:on={on}"), &path).await, (503, canonical), "{path}");
        let head = Request::head(format!("/with/status=429:retry-after=1500ms:on={on}{path}"));
        let head = ask(&app, head.body(Body::empty()).unwrap()).await;
        assert_eq!((head.status.as_u16(), head.header("retry-after"), head.body.len()), (429, "2", 0), "{path}");
        assert_eq!(head.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test(start_paused = true)]
async fn selectors_decide_which_answers_a_fault_changes() {
    let (app, media) = ready().await;
    // 03:40:28.800; the number of the segment is 935016889, which 661 divides and 8 does not.
    let number = SEGMENT - 1;
    assert_eq!((number % 661, number % 8), (0, 1));
    let [segment, part] = [format!("{media}/{number}.m4s"), format!("{media}/{number}.2.m4s")];
    let by_time = format!("{media}/t{}.m4s", number * 172_800);
    for (selector, applies) in [
        ("every=661".to_owned(), true),
        ("every=8".to_owned(), false),
        (format!("numbers={number}-{number}"), true),
        (format!("numbers=0-{}", number - 1), false),
        ("at=2026-11-21T03:40:28Z:for=1s".to_owned(), true),
        ("at=2026-11-21T03:40:29Z:for=1s".to_owned(), false),
        ("each=10s:for=9s".to_owned(), true),
        ("each=10s:for=8s".to_owned(), false),
        ("share=1".to_owned(), true),
        ("share=0".to_owned(), false),
        ("track=video".to_owned(), true),
        ("track=v720".to_owned(), true),
    ] {
        for path in [&segment, &part, &by_time] {
            let fault = format!("status=503:on=media:{selector}");
            let expected = if applies { (503, fault.clone()) } else { (200, String::new()) };
            assert_eq!(answer(&app, &fault, path).await, expected, "{fault} {path}");
        }
    }
    let plain = get(&app, &segment).await;
    let under = get(&app, &format!("/with/status=503:on=media:every=8{segment}")).await;
    assert_eq!((under.body, under.headers), (plain.body, plain.headers), "nothing else differs");
}

#[tokio::test(start_paused = true)]
async fn what_a_fault_does_not_concern_keeps_its_plain_url() {
    let (app, media) = ready().await;
    let revision = media.rsplit('/').next().unwrap();
    let body = async |path: &str| String::from_utf8(get(&app, path).await.body).unwrap();
    let sound = "/with/status=503:on=segments:track=audio";
    let multivariant = body(&format!("{sound}/live/test/llhls.m3u8")).await;
    assert!(
        multivariant.contains("URI=\"../../../status=503:on=segments:track=audio/live/test/a/llhls"),
        "{multivariant}"
    );
    assert!(multivariant.contains("\n../../../../live/test/v720/llhls.m3u8\n"), "{multivariant}");
    let multivariant = body("/with/status=503:track=audio/live/test/llhls.m3u8").await;
    assert!(multivariant.contains("URI=\"../../../status=503:track=audio/live/test/a/llhls.m3u8\""), "{multivariant}");
    assert!(multivariant.contains("\n../../../../live/test/v720/llhls.m3u8\n"), "{multivariant}");
    let playlist = body("/with/status=503:on=segments:every=7/live/test/v720/llhls.m3u8").await;
    let faulty = "../../../../status=503:on=segments:every=7/live/test/v720/";
    let to_track = "../../../../../live/test/v720/";
    assert!(playlist.contains(&format!("\n{faulty}{revision}/{}.m4s\n", SEGMENT - 1)), "{playlist}");
    assert!(playlist.contains(&format!("URI=\"{to_track}{revision}/{}.0.m4s\"", SEGMENT - 1)), "{playlist}");
    assert!(playlist.contains(&format!("URI=\"{to_track}{revision}/init.mp4\"")), "{playlist}");
    let mpd = body(&format!("{sound}/live/test/dash.mpd")).await;
    let [video, audio] = ["../../../../live/test/", "../../../status=503:on=segments:track=audio/live/test/"]
        .map(|base| mpd.matches(&format!("media=\"{base}$RepresentationID$/")).count());
    assert_eq!((video, audio), (1, 1), "{mpd}");
    for (path, location) in [
        (format!("{sound}{media}/{}.m4s", SEGMENT - 1), format!("../../../../../..{media}/{}.m4s", SEGMENT - 1)),
        (format!("{sound}/live/test/v720/hls.m3u8"), "../../../../../live/test/v720/hls.m3u8".to_owned()),
    ] {
        let moved = get(&app, &path).await;
        assert_eq!((moved.status, moved.header("location")), (StatusCode::TEMPORARY_REDIRECT, &*location), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn caches_store_no_answer_for_longer_than_its_fault_lasts() {
    let (app, media) = ready().await;
    let segment = format!("{media}/{}.m4s", SEGMENT - 1);
    let plain = get(&app, &segment).await.header("cache-control").to_owned();
    for (fault, path, policy) in [
        ("status=503:on=segments:every=661", &*segment, "public, max-age=60"),
        ("status=503:on=segments:every=8", &*segment, &*plain),
        ("status=503:on=segments:each=1m:for=40s", &*segment, "public, max-age=11"),
        ("status=503:on=segments:each=1m:for=20s", &*segment, "public, max-age=31, immutable"),
        ("status=503:on=segments:each=10s:for=9s", &*segment, "no-store"),
        ("status=503:at=2026-11-21T03:40:29Z:for=9s", "/live/test/dash.mpd", "no-store"),
        ("status=503", "/live/test/dash.mpd", "public, max-age=1"),
    ] {
        let answer = get(&app, &format!("/with/{fault}{path}")).await;
        assert_eq!(answer.header("cache-control"), policy, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_fault_is_refused_and_a_relative_moment_is_written_out() {
    let (app, media) = ready().await;
    for (path, detail) in [
        ("/with/status=503:on=mpd/live/test/hls.m3u8", "status on mpd does not apply to HLS, only to DASH, LL-DASH"),
        ("/with/status=503:every=7/live/test/hls.m3u8", "every of status contradicts on=manifests"),
        ("/with/status=503:evry=7/live/test/dash.mpd", "did you mean every?"),
    ] {
        let refused = get(&app, path).await;
        let problem = refused.json();
        assert_eq!((refused.status.as_u16(), &problem["field"]), (400, &json!("status")), "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let moved = get(&app, "/with/status=503:at=-10s:for=1m/dash/test.mpd").await;
    assert_eq!(moved.header("location"), "../../status=503:at=2026-11-21T03:40:18Z:for=1m/dash/test.mpd");
    for absent in ["/live/other/hls.m3u8", &media.replace("v720", "v999")] {
        assert_eq!(answer(&app, "status=503,status=503:on=media", &format!("{absent}/1.m4s")).await.0, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_counted_apart_from_errors() {
    let (app, _) = ready().await;
    get(&app, "/with/status=503/live/test/hls.m3u8").await;
    let metrics = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("barstone_http_requests_total{kind=\"fault\",status=\"503\"} 1"), "{metrics}");
    assert!(!metrics.contains("barstone_http_requests_total{kind=\"manifest\",status=\"503\"}"), "{metrics}");
    assert!(metrics.contains("barstone_http_conditions_total{condition=\"status\"} 1"), "{metrics}");
}
