//! The memory, threads and descriptors of streams that were deleted are given back.

use reqwest::Method;
use serde_json::json;

use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";
const ROUNDS: u32 = 3;
const STREAMS_OF_A_ROUND: u32 = 6;
/// Connections that this test opens after the first look: one for changes, and one more if the first is not free.
const OWN_CONNECTIONS: u64 = 2;

/// What the process has of the system.
struct Resources {
    memory: u64,
    threads: u64,
    descriptors: u64,
}

impl Resources {
    async fn of(web: &Web) -> Self {
        Self {
            memory: web.metric("process_resident_memory_bytes").await,
            threads: web.metric("process_threads").await,
            descriptors: web.metric("process_open_fds").await,
        }
    }
}

#[tokio::test]
async fn deleted_streams_give_back_what_they_took() {
    let server = Server::configured("streams = []\nmax_pixels_per_second = \"none\"\n");
    let web = Web::of(&server);
    let start = Resources::of(&web).await;
    let limit = start.memory / 2 * 3;
    let mut most = 0;
    for _ in 0..ROUNDS {
        let names = || (0..STREAMS_OF_A_ROUND).map(|number| format!("s{number}"));
        for name in names() {
            let video = json!({"id": "v", "width": 640, "height": 360, "bitrate": 800_000});
            let created = web.json(Method::POST, STREAMS, &json!({"name": name, "video": [video]})).await;
            assert_eq!(created.status, 201, "{}", created.text());
        }
        for name in names() {
            web.playable(&name).await;
        }
        most = most.max(Resources::of(&web).await.memory);
        for name in names() {
            assert_eq!(send(web.request(Method::DELETE, &format!("{STREAMS}/{name}"))).await.status, 204);
        }
    }
    assert!(most > limit, "the streams had no more than {most} of {limit} bytes, which says nothing");
    until("all is given back", LONG, async || {
        let now = Resources::of(&web).await;
        let is_back = now.memory <= limit
            && now.threads <= start.threads
            && now.descriptors <= start.descriptors + OWN_CONNECTIONS;
        is_back.then_some(())
    })
    .await;
}
