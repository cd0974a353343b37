//! Encoding capacity, configured and measured.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";
/// Capacity for two small streams.
const ROOM: &str = "3000000";

/// A stream of 320x180 pixels at 25 fps: 1,440,000 pixels a second.
fn small(name: &str) -> String {
    format!(
        "[[streams]]\nname = \"{name}\"\n[[streams.video]]\nid = \"v\"\nwidth = 320\nheight = 180\nbitrate = 400000\n"
    )
}

fn limited(home: &Path, toml: &str) -> Server {
    let file = home.join("barstone.toml");
    std::fs::write(&file, toml).expect("the file is written");
    let arguments = ["--config", file.to_str().expect("UTF-8"), "--max-pixels-per-second", ROOM];
    Server::at(&home.join("media"), &arguments)
}

/// The state of the stream once it is in a phase.
async fn in_phase(web: &Web, name: &str, phase: &str) -> Value {
    let path = format!("{STREAMS}/{name}");
    until(&format!("{name} is {phase}"), LONG, async || {
        Some(web.get(&path).await.json()).filter(|stream| stream["phase"] == phase)
    })
    .await
}

async fn gauge(web: &Web, name: &str) -> u64 {
    let text = web.text("/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect("it is there").parse().expect("a number")
}

#[tokio::test]
async fn declared_streams_start_within_the_capacity() {
    let home = TempDir::new().expect("a temporary directory");
    let server = limited(home.path(), &["c", "a", "b"].map(small).concat());
    let web = Web::of(&server);
    in_phase(&web, "a", "running").await;
    in_phase(&web, "b", "running").await;
    let waiting = in_phase(&web, "c", "waiting").await;
    assert!(
        waiting["error"].as_str().expect("a reason").contains("not enough capacity: needs 1.4 Mpixel/s"),
        "{waiting}"
    );
    assert_eq!(gauge(&web, "barstone_used_pixels_per_second").await, 2_880_000);
    assert_eq!(gauge(&web, "barstone_capacity_pixels_per_second").await, 3_000_000);

    let refused = web.json(Method::POST, STREAMS, &json!({"name": "d"})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (507, &json!("no_room")));
    let figures = json!({"wanted": 23_040_000, "used": 2_880_000, "capacity": 3_000_000});
    assert_eq!(refused.json()["pixels_per_second"], figures);

    let asleep = json!({"name": "e", "on_demand": true});
    assert_eq!(web.json(Method::POST, STREAMS, &asleep).await.status, 201);
    let refused = web.get("/live/e/hls.m3u8").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    let problem = refused.json();
    assert_eq!((&problem["code"], &problem["pixels_per_second"]), (&json!("no_room"), &figures));

    send(web.request(Method::POST, &format!("{STREAMS}/a/stop"))).await;
    in_phase(&web, "c", "running").await;
    web.playlist("c", "v").await;
}

#[tokio::test]
async fn the_encoding_capacity_is_measured() {
    let server = Server::fresh();
    let web = Web::of(&server);
    let measured = until("it is measured", LONG, async || {
        server.log().iter().any(|line| line.contains("encoding capacity: about")).then_some(())
    });
    measured.await;
    let capacity = gauge(&web, "barstone_capacity_pixels_per_second").await;
    assert!(capacity > 23_040_000, "not even the stream that runs: {capacity}");
    assert_eq!(gauge(&web, "barstone_used_pixels_per_second").await, 23_040_000);
}
