//! Definitions with audio and video of different length, and with other rates and windows.

use reqwest::Method;
use serde_json::json;

use super::{check_none, start};
use crate::support::playlist::Playlist;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};
use barstone::inspect::playlist::attribute;
use barstone::inspect::rules::{hls, lldash, llhls};

#[tokio::test]
async fn other_definitions_keep_the_rules() {
    let (_server, web) = start().await;
    let video = |id: &str| json!({"id": id, "width": 320, "height": 180, "bitrate": 400_000});
    let definitions = [
        json!({"name": "even", "segment_frames": 50, "chunk_frames": 10, "video": [video("v")]}),
        json!({"name": "ntsc", "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 16, "video": [video("v")]}),
        json!({"name": "long", "window_seconds": 180, "audio": null, "video": [video("v"), video("w")]}),
        json!({"name": "radio", "fps": "24", "segment_frames": 48, "video": []}),
    ];
    for definition in &definitions {
        let made = web.json(Method::POST, "/api/v1/streams", definition).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    for definition in &definitions {
        let name = definition["name"].as_str().expect("a name");
        web.playable(name).await;
        check_none(&lldash::check(&web.text(&format!("/live/{name}/lldash.mpd")).await));
        let tracks = uris(&web.text(&format!("/live/{name}/llhls.m3u8")).await);
        for path in tracks.iter().map(|track| format!("/live/{name}/{track}")) {
            // Audio segments differ in length.
            for _ in 0..4 {
                watch_update(&web, &path).await;
            }
        }
    }
    for definition in &definitions {
        let path = format!("/api/v1/streams/{}", definition["name"].as_str().expect("a name"));
        assert_eq!(send(web.request(Method::DELETE, &path)).await.status, 204);
    }
}

/// URIs in a multivariant playlist.
fn uris(text: &str) -> Vec<String> {
    let quoted = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-MEDIA:"));
    let quoted = quoted.filter_map(|list| attribute(list, "URI"));
    quoted.chain(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned)).collect()
}

/// Checks an update against the whole playlist, after one more segment.
async fn watch_update(web: &Web, path: &str) {
    let held = web.text(path).await;
    let next = Playlist::parse(&held).next();
    let same = until("nothing changes meanwhile", LONG, async || {
        let whole = web.text(&format!("{path}?_HLS_msn={next}")).await;
        let update = web.text(&format!("{path}?_HLS_skip=YES")).await;
        (whole == web.text(path).await).then_some((whole, update))
    });
    let (whole, update) = same.await;
    check_none(&hls::check(&whole));
    check_none(&llhls::check(&whole));
    check_none(&llhls::check_reload(&held, &whole));
    check_none(&llhls::check_update(&update, &held, &whole));
}
