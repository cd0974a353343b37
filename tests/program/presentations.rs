//! A running stream gets other segments: its playlists end, and players go on and join at the URLs of the next presentation.

use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const STREAM: &str = "/api/v1/streams/grid";

fn defined(fps: u32, segment: u32, chunk: u32) -> Value {
    let video = json!([{"id": "v", "width": 320, "height": 180, "bitrate": 400_000}]);
    let frames = json!({"fps": fps, "segment_frames": segment, "chunk_frames": chunk, "window_seconds": 10});
    let mut definition = frames;
    definition["video"] = video;
    definition
}

/// Plays two seconds; the number of pictures.
fn play(url: &str) -> usize {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i", url, "-t", "2", "-map", "0:v", "-map", "0:a"]);
    let output = command.args(["-f", "framecrc", "-"]).stdin(Stdio::null()).output().expect("ffmpeg is installed");
    let (log, frames) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{url}: {log}");
    frames.lines().filter(|line| line.starts_with("0,")).count()
}

#[tokio::test]
async fn a_running_stream_with_other_segments_can_be_joined_immediately() {
    let server = Server::shared();
    let web = Web::of(&server);
    assert_eq!(web.json(Method::PUT, STREAM, &defined(25, 48, 8)).await.status, 201);
    web.playable("grid").await;
    let listed = web.playlist("grid", "v").await;
    assert_eq!(web.json(Method::PUT, STREAM, &defined(30, 60, 10)).await.status, 200);
    assert!(web.text("/live/grid/hls.m3u8").await.contains("\nv/1/hls.m3u8\n"));
    let plays = ["hls.m3u8", "dash.mpd", "lldash.mpd"].map(|manifest| {
        let url = web.url(&format!("/live/grid/{manifest}"));
        tokio::task::spawn_blocking(move || play(&url))
    });
    for play in plays {
        let pictures = play.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        assert!(pictures >= 58, "{pictures} pictures in two seconds");
    }
    let ended =
        async || Some(web.text("/live/grid/v/hls.m3u8").await).filter(|text| text.ends_with("#EXT-X-ENDLIST\n"));
    let last = until("the old playlist ends", LONG, ended).await;
    assert!(last.contains("#EXT-X-TARGETDURATION:2\n"), "{last}");
    for uri in last.lines().filter(|line| !line.starts_with('#')) {
        assert!(!web.media("grid", "v", uri).await.is_empty());
    }
    assert!(last.contains(&format!("{}.m4s", listed.segments.last().expect("segments").number + 1)), "{last}");
    assert_eq!(send(web.request(Method::DELETE, STREAM)).await.status, 204);
}
