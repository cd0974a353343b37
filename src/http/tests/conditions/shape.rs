//! Conditions of shape: directives, addressing, patches and byte ranges.

use super::*;
use crate::inspect::playlist::attribute;

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
async fn a_patch_leads_from_one_mpd_to_the_next() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let (app, registry) = app_at(&now);
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
async fn parts_are_byte_ranges_under_conditions_of_time_and_origin() {
    let (app, _, output, now) = packaged().await;
    package_chunks(&output, SEGMENT, 0..2);
    now.fetch_add(500, Ordering::Relaxed);
    for (time, segments_have_ranges) in [
        ("from=2026-11-21T03:40:00Z", false),
        ("window=30s", true),
        // Reaches behind the memory.
        ("window=10m", false),
        ("origin=2026-11-21T03:39:00Z", true),
        ("shift=1h", false),
        ("shift=9s", false),
    ] {
        let path = format!("/with/byte-ranges,{time}/live/test/v720/llhls.m3u8");
        let playlist = text(&get(&app, &path).await);
        assert_eq!(playlist.contains("#EXT-X-BYTERANGE:"), segments_have_ranges, "{playlist}");
        let hint = playlist.lines().find(|line| line.starts_with("#EXT-X-PRELOAD-HINT")).unwrap();
        let attribute = |name| attribute(hint, name).map(|value| value.parse::<usize>().unwrap());
        let (start, hinted) = (attribute("BYTERANGE-START").unwrap(), attribute("BYTERANGE-LENGTH"));
        assert_eq!(hinted.is_some(), time.starts_with("shift"), "{hint}");
        let part = playlist.lines().rfind(|line| line.starts_with("#EXT-X-PART:")).unwrap();
        let (uri, range) = part.split_once("URI=\"").unwrap().1.split_once("\",BYTERANGE=\"").unwrap();
        let (length, offset) = range.trim_end_matches('"').split_once('@').unwrap();
        let (length, offset): (usize, usize) = (length.parse().unwrap(), offset.parse().unwrap());
        assert_eq!(start, offset + length, "{playlist}");
        let base = reqwest::Url::parse("http://host").unwrap().join(&path).unwrap();
        let file = base.join(uri).unwrap().path().to_owned();
        let request = Request::get(&file).header("range", format!("bytes={offset}-{}", start - 1));
        let bytes = ask(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!((bytes.status.as_u16(), bytes.body.len()), (206, length), "{file}");
        if let Some(hinted) = hinted {
            let request = Request::get(&file).header("range", format!("bytes={start}-{}", start + hinted - 1));
            let next = ask(&app, request.body(Body::empty()).unwrap()).await;
            assert!(next.body.windows(4).any(|box_type| box_type == b"moof") && next.body.len() == hinted, "{file}");
        }
    }
}
