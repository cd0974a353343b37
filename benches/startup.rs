//! How soon after its creation is a stream playable?

use std::time::Instant;

use anyhow::Context;
use reqwest::StatusCode;

use order::percentile;
use server::Server;
use table::Table;

#[path = "support/child.rs"]
mod child;
#[path = "support/order.rs"]
mod order;
#[path = "support/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "How soon after it is asked for can a stream be played?";
const STREAMS: usize = 20;
const STARTS: usize = 5;
/// Number of newest segments that a player needs if it begins three target durations before the end.
const NEWEST: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut after_start = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = Server::start(None).await?;
        playable(&server, "test").await?;
        after_start.push(begun.elapsed().as_secs_f64());
    }

    let server = Server::start(None).await?;
    for file in [server.listed("test", "v720").await?, server.listed("test", "a").await?].concat() {
        server.wait_for(&file).await?;
    }
    let mut after_post = Vec::new();
    for number in 0..STREAMS {
        after_post.push(create_and_remove(&server, &format!("new-{number}")).await?);
    }

    let mut table = Table::new(QUESTION);
    for (name, seconds, target, limit) in [
        ("POST of a stream", &after_post, "under 0.5 s", 0.5),
        ("start of the program", &after_start, "under 1 s", 1.0),
    ] {
        table.figure(format!("{name}, the fastest"), format!("{:.3} s", percentile(seconds, 0)));
        for percent in [50, 95] {
            let time = percentile(seconds, percent);
            let name = format!("{name}, {} times: {percent} % can be played within", seconds.len());
            table.judged(name, format!("{time:.3} s"), target, time < limit);
        }
    }
    table.print()
}

/// Seconds from the request to the moment at which the stream is playable.
async fn create_and_remove(server: &Server, name: &str) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let request = server.client.post(server.url("/api/v1/streams")).json(&serde_json::json!({ "name": name }));
    let status = request.send().await?.status();
    anyhow::ensure!(status == StatusCode::CREATED, "a new stream is answered {status}");
    playable(server, name).await?;
    let lasted = begun.elapsed().as_secs_f64();
    let status = server.client.delete(server.url(&format!("/api/v1/streams/{name}"))).send().await?.status();
    anyhow::ensure!(status == StatusCode::NO_CONTENT, "removing a stream is answered {status}");
    Ok(lasted)
}

/// Resolves when all files that a player requests first are available.
async fn playable(server: &Server, name: &str) -> anyhow::Result<()> {
    server.wait_for(&format!("/live/{name}/hls.m3u8")).await?;
    for track in ["v720", "a"] {
        let listed = server.listed(name, track).await?;
        let newest = listed.len().checked_sub(NEWEST).context("fewer segments than a player wants are listed")?;
        for file in &listed[newest..] {
            server.wait_for(file).await?;
        }
    }
    Ok(())
}
