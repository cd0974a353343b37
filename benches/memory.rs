//! Is the memory of deleted streams given back?

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::time::sleep;

use memory::resident;
use server::Server;
use table::Table;

#[path = "support/child.rs"]
mod child;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "Is the memory of deleted streams given back?";
/// One stream runs all the time.
const CONFIG: &str = "max_pixels_per_second = \"none\"\n[[streams]]\nname = \"test\"\n";
const ROUNDS: usize = 36;
const STREAMS: usize = 6;
/// How long the streams of a round play.
const PLAYED: Duration = Duration::from_secs(4);
/// Two windows of a minute: from then on the window of the one stream holds as many segments as it ever does.
const FULL: Duration = Duration::from_secs(125);
/// How long after the last deletion the memory is measured.
const LATER: Duration = Duration::from_secs(60);
const ALLOWED: f64 = 1.5;
const MEGABYTE: f64 = 1_000_000.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = Server::start(Some(CONFIG)).await?;
    let measured = || Ok::<_, anyhow::Error>(resident(server.program.id())? / MEGABYTE);
    server.listed("test", "v720").await?;
    sleep(FULL).await;
    let start = measured()?;
    let mut most = start;
    for _ in 0..ROUNDS {
        most = most.max(round(&server, measured).await?);
    }
    let after = measured()?;
    sleep(LATER).await;
    let later = measured()?;

    let mut table = Table::new(QUESTION);
    let megabytes = |value: f64| format!("{value:.0} MB");
    table.figure("resident memory with one stream", megabytes(start));
    table.figure(format!("most in {ROUNDS} rounds of {STREAMS} more streams"), megabytes(most));
    table.figure("after the last deletion", megabytes(after));
    table.judged(
        "a minute later",
        megabytes(later),
        &format!("at most {ALLOWED} × the start"),
        later <= ALLOWED * start,
    );
    table.print()
}

/// Creates streams, plays them and deletes them. Returns the memory while they play.
async fn round(server: &Server, measured: impl Fn() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    let names = || (0..STREAMS).map(|number| format!("s{number}"));
    for name in names() {
        let created = server.client.post(server.url("/api/v1/streams")).json(&json!({"name": name})).send().await?;
        anyhow::ensure!(created.status() == StatusCode::CREATED, "{}", created.text().await?);
    }
    for name in names() {
        server.listed(&name, "v720").await?;
    }
    sleep(PLAYED).await;
    let playing = measured()?;
    for name in names() {
        let deleted = server.client.delete(server.url(&format!("/api/v1/streams/{name}"))).send().await?;
        anyhow::ensure!(deleted.status() == StatusCode::NO_CONTENT, "{}", deleted.text().await?);
    }
    Ok(playing)
}
