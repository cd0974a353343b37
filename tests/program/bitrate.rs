//! Segments have the size that their definition and the manifests state, for every kind of definition.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::template::Template;
use crate::support::web::Web;
use crate::support::{LONG, until};
use barstone::inspect::boxes::{Init, Segment};
use barstone::inspect::playlist::{attribute, tags};

/// Number of newest segments to check.
const SEGMENTS: usize = 4;

/// Checks that the newest segments of a track have the size of `bitrate` for their duration.
async fn measure(web: &Web, stream: &str, track: &str, bitrate: u64) {
    let init = web.playlist(stream, track).await.init();
    let timescale = Init::parse(&web.media(stream, track, &init).await).expect("an init segment").timescale();
    for (number, bytes) in newest(web, stream, track).await {
        let duration = Segment::parse(&bytes).expect("a segment").duration();
        let declared = bitrate as f64 * duration as f64 / timescale as f64;
        let deviation = bytes.len() as f64 * 8.0 / declared - 1.0;
        assert!(deviation.abs() <= 0.005, "{stream}/{track}/{number}: {:+.3} %", deviation * 100.0);
    }
}

/// The newest segments by number. A slow machine skips some.
async fn newest(web: &Web, stream: &str, track: &str) -> BTreeMap<u64, Bytes> {
    let mut found = BTreeMap::new();
    until("enough segments are made", LONG, async || {
        let playlist = web.playlist(stream, track).await;
        for segment in playlist.segments.iter().rev().take(SEGMENTS) {
            let reply = web.get(&format!("/live/{stream}/{track}/{}", segment.uri)).await;
            if reply.status == 200 {
                found.insert(segment.number, reply.0.body);
            }
        }
        (found.len() >= SEGMENTS).then_some(())
    })
    .await;
    found
}

/// Checks that both manifests state `bitrates`; those of video come first.
async fn check_manifests(web: &Web, stream: &str, (video, audio): (&[u64], u64)) {
    let text = web.text(&format!("/live/{stream}/hls.m3u8")).await;
    let variants = tags(&text, "#EXT-X-STREAM-INF");
    assert_eq!(variants.len(), video.len(), "{text}");
    for ((list, _), video) in variants.into_iter().zip(video) {
        for name in ["BANDWIDTH", "AVERAGE-BANDWIDTH"] {
            assert_eq!(attribute(list, name), Some((video + audio).to_string()), "{name} in {list}");
        }
    }
    let mpd = dash_mpd_core::parse(&web.text(&format!("/live/{stream}/dash.mpd")).await).expect("an MPD");
    let found: Vec<_> = Template::all(&mpd).into_iter().map(|template| template.bandwidth).collect();
    let declared: Vec<_> = video.iter().copied().chain((audio > 0).then_some(audio)).collect();
    assert_eq!(found, declared);
}

/// Creates a stream, checks it and deletes it.
async fn check(web: &Web, definition: Value) {
    let name = definition["name"].as_str().expect("a name").to_owned();
    let reply = web.json(reqwest::Method::POST, "/api/v1/streams", &definition).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let made = reply.json();
    web.playable(&name).await;
    let mut video = Vec::new();
    for track in made["video"].as_array().expect("renditions") {
        let bitrate = track["bitrate"].as_u64().expect("a bitrate");
        measure(web, &name, track["id"].as_str().expect("an id"), bitrate).await;
        video.push(bitrate);
    }
    let audio = made["audio"]["bitrate"].as_u64();
    if let Some(bitrate) = audio {
        measure(web, &name, "a", bitrate).await;
    }
    check_manifests(web, &name, (&video, audio.unwrap_or_default())).await;
    assert_eq!(web.counter("barstone_oversized_segments_total", &name).await, 0);
    let removed =
        crate::support::web::send(web.request(reqwest::Method::DELETE, &format!("/api/v1/streams/{name}"))).await;
    assert_eq!(removed.status, 204);
}

fn definitions() -> Vec<Value> {
    let small = |bitrate: u32| json!([{"id": "v", "width": 640, "height": 360, "bitrate": bitrate}]);
    vec![
        json!({"name": "defaults"}),
        json!({"name": "small", "video": small(400_000)}),
        json!({"name": "large", "video": [{"id": "v", "width": 1920, "height": 1080, "bitrate": 6_000_000}]}),
        json!({"name": "thirty", "fps": "30", "segment_frames": 48, "chunk_frames": 16, "video": small(800_000)}),
        json!({"name": "ntsc", "fps": "30000/1001", "segment_frames": 48, "chunk_frames": 16, "video": small(800_000)}),
        json!({"name": "film", "fps": "24", "segment_frames": 64, "chunk_frames": 16, "video": small(800_000)}),
        json!({"name": "two-seconds", "segment_frames": 50, "chunk_frames": 10, "video": small(800_000)}),
        json!({"name": "ladder", "video": [
            {"id": "high", "width": 640, "height": 360, "bitrate": 900_000},
            {"id": "low", "width": 320, "height": 180, "bitrate": 250_000}]}),
        json!({"name": "veryfast", "video": [{"id": "v", "width": 640, "height": 360, "bitrate": 600_000, "preset": "veryfast"}]}),
        json!({"name": "black", "pattern": "black", "video": small(600_000)}),
        json!({"name": "grid", "pattern": "grid", "video": small(600_000)}),
        json!({"name": "portrait", "video": [
            {"id": "high", "width": 720, "height": 1280, "bitrate": 1_500_000},
            {"id": "least", "width": 90, "height": 160, "bitrate": 100_000}]}),
        json!({"name": "silent", "audio": null, "video": small(600_000)}),
        json!({"name": "loud", "audio": {"bitrate": 256_000}, "video": small(600_000)}),
    ]
}

#[tokio::test]
async fn segments_have_their_bitrate_in_every_kind_of_definition() {
    let server = Server::configured("streams = []\n");
    let web = Web::of(&server);
    for definition in definitions() {
        check(&web, definition).await;
    }
    assert_eq!(web.get("/api/v1/streams").await.json(), json!([]));
}
