//! The past of a stream after a restart: bytes that the archive renders an hour later are those that the live run published.
//! The server is in the process of the test, so that its clock can be an hour later.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use barstone::base::utc::Clock;
use barstone::definition::spec::{StreamRequest, StreamSpec};
use barstone::definition::store::Definitions;
use barstone::http::viewer_token::Keys;
use barstone::http::{Access, App, Routes, Serve, TokenOrigin, ViewerAccess, router};
use barstone::inspect::playlist::Playlist;
use barstone::media::pipeline;
use barstone::stream::{Registry, Render, Setting};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::support::{LONG, until};

const HOUR: Duration = Duration::from_secs(3600);
/// Segments at the end of each playlist that are compared.
const COMPARED: usize = 3;

/// A stream by its definition, and its tracks.
type Stream = (Value, &'static [&'static str]);

/// The default definition, a ladder, a frame rate that is not whole, and another preset.
fn streams() -> [Stream; 4] {
    let video = |id: &str, width: u32, preset: &str| json!({"id": id, "width": width, "height": 144, "bitrate": 300_000, "preset": preset});
    let ladder = [video("high", 426, "ultrafast"), video("middle", 320, "ultrafast"), video("low", 256, "ultrafast")];
    [
        (json!({"name": "default"}), &["v720", "a"]),
        (json!({"name": "ladder", "video": ladder}), &["high", "middle", "low", "a"]),
        (
            json!({"name": "ntsc", "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 10,
                "video": [video("v", 256, "ultrafast")]}),
            &["v", "a"],
        ),
        (json!({"name": "veryfast", "video": [video("v", 256, "veryfast")]}), &["v", "a"]),
    ]
}

fn spec((definition, _): &Stream) -> StreamSpec {
    let request: StreamRequest = serde_json::from_value(definition.clone()).expect("a definition");
    request.try_into().expect("a valid one")
}

/// A server without sockets.
struct Hosted {
    routes: Routes,
    tasks: TaskTracker,
    over: CancellationToken,
}

impl Hosted {
    /// Starts all streams on a clock that is ahead of UTC by `ahead`.
    fn start(ahead: Duration) -> Self {
        let encoders = pipeline::probe().expect("GStreamer works").versions().to_owned();
        let clock = Clock::from_fn(move || Clock::system().now() + ahead);
        let render: Render = Arc::new(|job, stop| Box::pin(pipeline::run(job, stop)));
        let setting = Setting { archive_bytes: 64 << 20, ..Setting::new(clock, render, &encoders) };
        let (tasks, over) = (setting.tasks.clone(), CancellationToken::new());
        let definitions = Definitions::in_memory(streams().iter().map(spec).collect());
        let registry = Arc::new(Registry::new(setting, definitions, over.clone()));
        let viewer_access = ViewerAccess::of(Keys::parse("the-key-of-this-test").expect("a key"));
        let access = Access::new("the token of this test", TokenOrigin::Created, viewer_access);
        Self { routes: router(App::new(registry, access, over.clone()), Serve::All), tasks, over }
    }

    /// The body of a path that exists or will exist.
    async fn fetch(&self, path: &str) -> Bytes {
        until(path, LONG, async || {
            let mut request = Request::get(path).body(Body::empty()).expect("a request");
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 9))));
            let response = self.routes.clone().oneshot(request).await.expect("it answers");
            let status = response.status();
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("the body is whole");
            assert!(matches!(status.as_u16(), 200 | 404 | 503), "{path}: {status} {body:?}");
            (status == 200).then_some(body)
        })
        .await
    }

    async fn playlist(&self, path: &str) -> Playlist {
        Playlist::parse(&String::from_utf8(self.fetch(path).await.into()).expect("UTF-8"))
    }

    async fn hash(&self, path: &str) -> [u8; 32] {
        Sha256::digest(self.fetch(path).await).into()
    }

    /// Hashes of the newest segments and of the listed parts of all tracks, by path, once two segments were encoded live.
    async fn hashes(&self) -> BTreeMap<String, [u8; 32]> {
        let directory = |(definition, tracks): Stream| {
            let name = definition["name"].as_str().expect("a name").to_owned();
            tracks.iter().map(move |track| format!("/live/{name}/{track}"))
        };
        let of_tracks = streams().into_iter().flat_map(directory).map(async |directory| {
            let playlist = self.live_playlist(&format!("{directory}/llhls.m3u8")).await;
            let segments = playlist.segments.iter().rev().take(COMPARED).map(|segment| &segment.uri);
            let mut hashes = Vec::new();
            for uri in segments.chain(playlist.parts.iter().map(|part| &part.uri)) {
                let path = format!("{directory}/{uri}");
                hashes.push((path.clone(), self.hash(&path).await));
            }
            hashes
        });
        join_all(of_tracks).await.into_iter().flatten().collect()
    }

    /// A playlist, once its newest two segments were encoded live.
    async fn live_playlist(&self, path: &str) -> Playlist {
        let caught_up = self.playlist(path).await.next();
        until("two segments more", LONG, async || {
            let playlist = self.playlist(path).await;
            (playlist.next() >= caught_up + 2).then_some(playlist)
        })
        .await
    }

    /// Ends all tasks and waits for them.
    async fn close(self) {
        self.over.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[tokio::test]
async fn an_hour_after_a_restart_the_archive_has_the_bytes_of_the_live_run() {
    let live = Hosted::start(Duration::ZERO);
    let hashes = live.hashes().await;
    live.close().await;
    let tracks: usize = streams().iter().map(|(_, tracks)| tracks.len()).sum();
    let (parts, segments): (Vec<_>, Vec<_>) = hashes.keys().partition(|path| path.matches('.').count() == 2);
    assert!(segments.len() == tracks * COMPARED && parts.len() > segments.len(), "{hashes:?}");
    let restarted = Hosted::start(HOUR);
    for (path, hash) in &hashes {
        assert_eq!(restarted.hash(path).await, *hash, "{path}");
    }
    let metrics = String::from_utf8(restarted.fetch("/metrics").await.into()).expect("UTF-8");
    let renders = metrics.lines().find_map(|line| line.strip_prefix("barstone_archive_renders_total "));
    assert!(renders.is_some_and(|renders| renders != "0"), "{metrics}");
    restarted.close().await;
}
