//! Media playlists of presentations, before and after a change of the segments.

use super::*;

const ONE: &str = "/api/v1/streams/test";

#[tokio::test(start_paused = true)]
async fn a_change_of_segments_ends_playlists_and_goes_on_at_other_urls() {
    let (app, media) = ready().await;
    let media_playlist = |playlist: &Answer| String::from_utf8(playlist.body.clone()).unwrap();
    assert_eq!(send(&app, "PUT", ONE, json!({"chunk_frames": 16})).await.status, StatusCode::OK);
    let multivariant = media_playlist(&get(&app, "/live/test/llhls.m3u8").await);
    assert!(multivariant.contains("\nv720/1/llhls.m3u8\n"), "{multivariant}");
    assert!(multivariant.contains("URI=\"a/1/llhls.m3u8\""), "{multivariant}");
    let old = media_playlist(&get(&app, "/live/test/v720/hls.m3u8").await);
    let new = media_playlist(&get(&app, "/live/test/v720/1/llhls.m3u8").await);
    assert!(!old.contains("ENDLIST"), "its last segments are to come: {old}");
    let revision = get(&app, ONE).await.json()["revision"].as_str().unwrap().to_owned();
    assert!(new.contains(&format!("#EXT-X-MAP:URI=\"../{revision}/init.mp4\"")), "{new}");
    assert!(new.contains("#EXT-X-RENDITION-REPORT:URI=\"../../a/1/llhls.m3u8\""), "{new}");
    for path in [format!("{media}/{}.m4s", SEGMENT - 1), format!("/live/test/v720/{revision}/{}.2.m4s", SEGMENT - 1)] {
        assert_eq!(get(&app, &path).await.status, StatusCode::OK, "{path}");
    }
    let mpd = media_playlist(&get(&app, "/live/test/dash.mpd").await);
    assert_eq!(mpd.matches("<Period ").count(), 3, "the old one, the new one and that for ffmpeg: {mpd}");

    tokio::time::sleep(Duration::from_secs(60)).await;
    let old = get(&app, "/live/test/v720/hls.m3u8").await;
    assert!(old.status == StatusCode::OK && media_playlist(&old).ends_with("#EXT-X-ENDLIST\n"));
    assert_eq!(get(&app, &format!("{media}/{}.m4s", SEGMENT - 1)).await.status, StatusCode::OK);

    tokio::time::sleep(Duration::from_secs(120)).await;
    for (path, location) in [
        ("/live/test/v720/hls.m3u8", "1/hls.m3u8"),
        ("/live/test/a/llhls.m3u8?_HLS_msn=7", "1/llhls.m3u8"),
        ("/live/test/v720/iframes.m3u8", "1/iframes.m3u8"),
    ] {
        let moved = get(&app, path).await;
        assert_eq!((moved.status, moved.header("location")), (StatusCode::TEMPORARY_REDIRECT, location), "{path}");
        assert_eq!(moved.header("cache-control"), "no-store");
    }
    for path in [
        "/live/test/v720/2/hls.m3u8",
        "/live/test/v720/0/hls.m3u8",
        "/live/test/v720/01/hls.m3u8",
        "/live/test/v1080/hls.m3u8",
    ] {
        assert_eq!(get(&app, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(send(&app, "PUT", ONE, json!({"chunk_frames": 12})).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(get(&app, "/live/test/v720/1/hls.m3u8").await.header("location"), "../2/hls.m3u8");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_stream_with_other_segments_starts_at_other_urls() {
    let (app, _) = ready().await;
    assert_eq!(send(&app, "PUT", ONE, json!({"enabled": false})).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(20)).await;
    for body in [json!({"enabled": false, "chunk_frames": 16}), json!({"chunk_frames": 16})] {
        assert_eq!(send(&app, "PUT", ONE, body).await.status, StatusCode::OK);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let multivariant = get(&app, "/hls/test.m3u8").await;
    assert!(String::from_utf8(multivariant.body).unwrap().contains("\n../live/test/v720/1/hls.m3u8\n"));
    assert_eq!(get(&app, "/live/test/a/hls.m3u8").await.header("location"), "1/hls.m3u8");
}
