//! Responses with manifests and media.

use super::*;
use crate::definition::spec::StreamRequest;
use crate::stream::cores;

#[tokio::test]
async fn manifests_have_media_types_and_short_cache_lifetimes() {
    let (app, _) = ready().await;
    for (path, kind, age) in [
        ("/live/test/hls.m3u8", "application/vnd.apple.mpegurl", "public, max-age=2"),
        ("/live/test/v720/hls.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("/live/test/v720/iframes.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("/live/test/dash.mpd", "application/dash+xml", "public, max-age=1"),
        ("/hls/test.m3u8", "application/vnd.apple.mpegurl", "public, max-age=2"),
        ("/dash/test.mpd", "application/dash+xml", "public, max-age=1"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, age), "{path}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("last-modified"), "Sat, 21 Nov 2026 03:40:28 GMT");
    }
}

#[tokio::test]
async fn manifests_are_compressed_on_request() {
    let (app, _) = ready().await;
    let plain = get(&app, "/live/test/a/hls.m3u8").await;
    let with = |value: &str| Request::get("/live/test/a/hls.m3u8").header("accept-encoding", value).body(Body::empty());
    let gzip = ask(&app, with("br, gzip;q=0.5").unwrap()).await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip.body[..]), &mut text).unwrap();
    assert_eq!(text, plain.body);
    for refused in ["identity", "GZIP;Q=0, *", "gzip;q=0.5, identity", "br"] {
        let plain = ask(&app, with(refused).unwrap()).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{refused}");
    }
    let lines = Request::get("/live/test/a/hls.m3u8").header("accept-encoding", "br").header("accept-encoding", "GZip");
    assert_eq!(ask(&app, lines.body(Body::empty()).unwrap()).await.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn a_cached_body_is_not_sent_again() {
    let (app, media) = ready().await;
    for path in ["/live/test/hls.m3u8", &format!("{media}/{}.m4s", SEGMENT - 1), &format!("{media}/init.mp4"), "/"] {
        let first = get(&app, path).await;
        let again = Request::get(path).header("if-none-match", first.header("etag")).body(Body::empty()).unwrap();
        let again = ask(&app, again).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(again.header("etag"), first.header("etag"));
    }
}

#[tokio::test]
async fn media_is_served_whole_and_in_ranges() {
    let (app, media) = ready().await;
    let path = format!("{media}/{}.m4s", SEGMENT - 1);
    let whole = get(&app, &path).await;
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("cache-control"), "public, max-age=60, immutable");
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    assert_eq!(whole.body.len(), 8 * 12);
    let range = |range: &str| Request::get(&path).header("range", range).body(Body::empty()).unwrap();
    for (asked, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-13", 10, 14),
        ("bytes=94-", 94, 96),
        ("bytes=-3", 93, 96),
        ("bytes=-1000", 0, 96),
    ] {
        let part = ask(&app, range(asked)).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, &whole.body[from..to], "{asked}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/96", to - 1));
    }
    let beyond = ask(&app, range("bytes=96-")).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */96"));
    assert_eq!(ask(&app, range("lines=1-2")).await.status, StatusCode::OK);
    let (tag, date) = (whole.header("etag"), whole.header("last-modified"));
    let weak = format!("W/{tag}");
    for (condition, status) in
        [("\"other\"", 200), (&weak, 200), (tag, 206), (date, 206), ("Sat, 21 Nov 2026 00:00:00 GMT", 200)]
    {
        let request =
            Request::get(&path).header("range", "bytes=0-0").header("if-range", condition).body(Body::empty());
        assert_eq!(ask(&app, request.unwrap()).await.status.as_u16(), status, "{condition}");
    }
    let head = Request::head(&path).header("range", "bytes=0-0").body(Body::empty());
    let head = ask(&app, head.unwrap()).await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, whole.header("content-length")));
    assert_eq!(head.header("content-range"), "");
    let chunk = get(&app, &format!("{media}/{}.2.m4s", SEGMENT - 1)).await;
    assert_eq!(chunk.body, &whole.body[24..36]);
}

/// A router whose archive takes a second for each block, with the path of the media.
pub(super) async fn with_archive() -> (Routes, String) {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let setting = setting_after(Duration::from_secs(1), Capacity::Unlimited, &now);
    let setting = Setting { archive_bytes: 1 << 20, ..setting };
    let registry = Registry::new(setting, Definitions::in_memory(vec![StreamSpec::test()]), CancellationToken::new());
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(Arc::new(registry), access, CancellationToken::new()), Serve::All);
    // The live run takes as long.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let media = until_ready(&app).await;
    (app, media)
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_has_left_the_window_is_served_like_one_in_it() {
    let (app, media) = with_archive().await;
    let old = SEGMENT - 5000;
    let path = format!("{media}/{old}.m4s");
    let whole = get(&app, &path).await;
    let body: String = (0..8).map(|chunk| format!("{old}.{chunk};")).collect();
    assert_eq!((whole.status.as_u16(), String::from_utf8(whole.body.clone()).unwrap()), (200, body));
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("cache-control"), "public, max-age=60, immutable");
    assert_eq!(whole.header("last-modified"), "Sat, 21 Nov 2026 01:00:30 GMT");
    assert_eq!(get(&app, &format!("{media}/{old}.2.m4s")).await.body, &whole.body[24..36]);
    assert_eq!(get(&app, &path.replace("v720", "a")).await.header("content-type"), "audio/mp4");
    let part = ask(&app, Request::get(&path).header("range", "bytes=10-13").body(Body::empty()).unwrap()).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &whole.body[10..14]));
    let known = Request::get(&path).header("if-none-match", whole.header("etag")).body(Body::empty()).unwrap();
    assert_eq!(ask(&app, known).await.status, StatusCode::NOT_MODIFIED);
    let head = ask(&app, Request::head(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("96", 0));
    for (path, status) in [
        (format!("{media}/{old}.8.m4s"), 404),
        (format!("/live/test/v720/00000000/{old}.m4s"), 404),
        (format!("{media}/0.m4s"), 200),
        (format!("{media}/{}.m4s", SEGMENT + 1000), 425),
    ] {
        assert_eq!(get(&app, &path).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_window_is_never_rendered_again_and_a_full_archive_says_when_to_come_back() {
    let (app, media) = with_archive().await;
    let renders = async || {
        let text = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("barstone_archive_renders_total "));
        line.unwrap().parse::<u32>().unwrap()
    };
    for number in [SEGMENT - 32, SEGMENT - 1] {
        assert_eq!(get(&app, &format!("{media}/{number}.m4s")).await.status, StatusCode::OK);
    }
    assert_eq!(renders().await, 0);
    let paths: Vec<_> = (0..60).map(|place| format!("{media}/{}.m4s", SEGMENT - 5000 - 2 * place)).collect();
    let answers = futures_util::future::join_all(paths.iter().map(|path| get(&app, path))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answers.len() - refused.len() >= 15 && refused.len() >= 15, "{}", refused.len());
    for answer in refused {
        let known = answer.json()["code"] == "archive_busy" || answer.json()["code"] == "overdue";
        assert!(known && !answer.header("retry-after").is_empty(), "{}", answer.json());
    }
    assert!(renders().await >= 15);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_skipped_is_rendered_when_it_is_requested() {
    let (app, media, output, now) = packaged().await;
    now.store((SEGMENT + 2) * 1920, Ordering::Relaxed);
    package_chunks(&output, SEGMENT + 1, 0..8);
    let playlist = get(&app, "/live/test/v720/hls.m3u8").await;
    assert!(String::from_utf8(playlist.body).unwrap().contains("#EXT-X-GAP\n"));
    let (segment, chunk) = (format!("{media}/{SEGMENT}.m4s"), format!("{media}/{SEGMENT}.0.m4s"));
    let (whole, first) = (get(&app, &segment).await, get(&app, &chunk).await);
    assert_eq!((whole.status, first.status), (StatusCode::OK, StatusCode::OK));
    assert!(whole.body.starts_with(&first.body) && whole.body.len() > first.body.len());
    package_chunks(&output, SEGMENT, 0..8);
    assert_eq!(get(&app, &segment).await.body, whole.body, "as the run would have published it");
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_skipped_is_missing_without_an_archive() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let (app, registry) = app_at(&now);
    let media = until_ready(&app).await;
    let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
    now.store((SEGMENT + 2) * 1920, Ordering::Relaxed);
    publish_chunks(&output, SEGMENT + 1, 0..8);
    let skipped = get(&app, &format!("{media}/{SEGMENT}.m4s")).await;
    assert_eq!((skipped.status.as_u16(), skipped.json()["code"].clone()), (404, json!("no_such_media")));
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let (app, media) = ready().await;
    for path in ["/live/test/hls.m3u8", &format!("{media}/{}.m4s", SEGMENT - 1), "/time", "/"] {
        let whole = get(&app, path).await;
        let head = ask(&app, Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), whole.body.len().to_string(), "{path}");
        assert_eq!(head.header("etag"), whole.header("etag"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_of_a_segment_that_is_being_made_is_sent_when_its_bytes_are_there() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let (app, registry) = app_at(&now);
    let path = format!("{}/{SEGMENT}.m4s", until_ready(&app).await);
    let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
    let range = |range: &str| ask(&app, Request::get(&path).header("range", range).body(Body::empty()).unwrap());
    let publish_later = |chunks: std::ops::Range<u32>| {
        let output = output.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            publish_chunks(&output, SEGMENT, chunks);
        }
    };
    // Chunks of twelve bytes.
    publish_chunks(&output, SEGMENT, 0..2);
    for (asked, sent, body) in [
        ("bytes=0-11", "bytes 0-11/*", "935016890.0;"),
        ("bytes=12-", "bytes 12-23/*", "935016890.1;"),
        ("bytes=9-13", "bytes 9-13/*", ".0;93"),
    ] {
        let part = range(asked).await;
        assert_eq!((part.status, part.header("content-range")), (StatusCode::PARTIAL_CONTENT, sent), "{asked}");
        assert_eq!(part.header("content-length"), body.len().to_string(), "{asked}");
        assert_eq!((part.header("etag"), part.header("cache-control")), ("", "public, max-age=60, immutable"));
        assert_eq!(part.body, body.as_bytes(), "{asked}");
    }
    // The hinted part is held.
    for asked in ["bytes=24-", "bytes=36-47"] {
        let next = if asked == "bytes=24-" { 2 } else { 3 };
        let (hinted, ()) = tokio::join!(range(asked), publish_later(next..next + 1));
        assert_eq!((hinted.status, hinted.body), (StatusCode::PARTIAL_CONTENT, format!("935016890.{next};").into()));
    }
    let (endless, ()) = tokio::join!(range("bytes=12-9007199254740991"), publish_later(4..8));
    assert_eq!((endless.header("content-range"), endless.body.len()), ("bytes 12-9007199254740991/*", 84));
    assert!(endless.header("content-length").is_empty());
    let complete = range("bytes=24-").await;
    assert_eq!((complete.header("content-range"), complete.body.len()), ("bytes 24-95/96", 72));
}

#[tokio::test(start_paused = true)]
async fn requests_for_future_segments_are_slowed_to_one_a_second() {
    let (app, media) = ready().await;
    let late = [
        format!("{media}/{}.m4s", SEGMENT + 10),
        format!("{media}/{}.0.m4s", SEGMENT + 10),
        format!("/live/test/v720/00000000/{SEGMENT}.m4s"),
        format!("/live/other/v720/00000000/{SEGMENT}.m4s"),
    ];
    let immediate = [
        format!("{media}/{}.m4s", SEGMENT - 1000),
        "/live/test/v720/00000000/init.mp4".into(),
        format!("/live/test/v720/00000000/0{SEGMENT}.m4s"),
    ];
    for (paths, millis) in [(&late[..], 1000), (&immediate[..], 0)] {
        for path in paths {
            let began = tokio::time::Instant::now();
            let answer = get(&app, path).await;
            assert!(answer.status.is_client_error(), "{path}");
            assert_eq!(began.elapsed().as_millis(), millis, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn missing_media_has_a_specific_status() {
    let (app, media) = ready().await;
    let newest = SEGMENT - 1;
    for (path, status, code, age) in [
        (format!("{media}/{}.m4s", SEGMENT + 10), 425, "too_early", "public, max-age=1"),
        (format!("{media}/{}.m4s", SEGMENT - 1000), 410, "expired", "public, max-age=60"),
        (format!("{media}/{}.0.m4s", SEGMENT + 10), 425, "too_early", "public, max-age=1"),
        (format!("{media}/{newest}.8.m4s"), 404, "no_such_media", "public, max-age=1"),
        (format!("{media}/0{newest}.m4s"), 404, "no_such_media", "public, max-age=1"),
        (format!("/live/test/v720/00000000/{newest}.m4s"), 404, "no_such_media", "public, max-age=1"),
        ("/live/test/v1080/hls.m3u8".into(), 404, "no_such_media", "public, max-age=2"),
        ("/live/other/hls.m3u8".into(), 404, "no_such_media", "public, max-age=1"),
        ("/live/test/index.m3u8".into(), 404, "no_such_media", "public, max-age=1"),
        ("/elsewhere".into(), 404, "unknown_path", "public, max-age=1"),
        ("/static/../Cargo.toml".into(), 404, "unknown_path", "public, max-age=1"),
    ] {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code, "{path}");
        assert_eq!(answer.header("cache-control"), age, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_a_starting_stream() {
    for path in ["/live/test/hls.m3u8", "/live/test/a/hls.m3u8", "/dash/test.mpd"] {
        assert_eq!(get(&app_after(Duration::from_secs(9)), path).await.status, StatusCode::OK, "{path}");
        let late = get(&app_after(Duration::from_secs(30)), path).await;
        assert_eq!((late.status.as_u16(), late.header("retry-after")), (503, "1"), "{path}");
        assert_eq!(late.json()["code"], "starting");
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_blocks_longer_than_three_target_durations() {
    let app = app();
    let began = tokio::time::Instant::now();
    let path = format!("/live/test/v720/llhls.m3u8?_HLS_msn={SEGMENT}&_HLS_part=0");
    let overdue = get(&app, &path).await;
    assert_eq!((overdue.status.as_u16(), overdue.header("retry-after")), (503, "1"));
    assert_eq!((overdue.json()["code"].clone(), overdue.header("cache-control")), (json!("overdue"), "no-store"));
    assert_eq!(began.elapsed().as_secs(), 6);
    let there = get(&app, &path.replace(&SEGMENT.to_string(), &(SEGMENT - 1).to_string())).await;
    assert_eq!((there.status, began.elapsed().as_secs()), (StatusCode::OK, 6));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_behind_the_clock_holds_requests_for_what_is_due() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let (app, _) = app_at(&now);
    until_ready(&app).await;
    // Another replica has published five segments meanwhile.
    now.store((SEGMENT + 5) * 1920, Ordering::Relaxed);
    for (query, status) in [
        (format!("_HLS_msn={}&_HLS_part=2", SEGMENT + 5), 503),
        (format!("_HLS_msn={}", SEGMENT + 6), 503),
        (format!("_HLS_msn={}", SEGMENT + 7), 400),
        (format!("_HLS_msn={}&_HLS_part=5", SEGMENT + 6), 400),
    ] {
        let answer = get(&app, &format!("/live/test/v720/llhls.m3u8?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn media_are_held_while_a_stream_waits_for_others_that_start() {
    let delay = Duration::from_secs(2);
    let other = |number| StreamSpec::try_from(StreamRequest::named(&format!("other-{number}"))).unwrap();
    // As many streams as may start at the same time.
    let streams = (0..cores()).map(other).chain([StreamSpec::test()]).collect();
    let setting = setting_after(delay, Capacity::Unlimited, &Arc::new(AtomicU64::new(SEGMENT * 1920)));
    let registry = Registry::new(setting, Definitions::in_memory(streams), CancellationToken::new());
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(Arc::new(registry), access, CancellationToken::new()), Serve::All);
    let began = tokio::time::Instant::now();
    let revision = StreamSpec::test().revision("scripted");
    for file in [format!("{}.m4s", SEGMENT - 1), format!("{}.0.m4s", SEGMENT - 1)] {
        let answer = get(&app, &format!("/live/test/v720/{revision}/{file}")).await;
        assert_eq!((answer.status, began.elapsed()), (StatusCode::OK, delay * 2), "{file}");
    }
}
