//! Do 30 streams run in real time on two cores, and how much memory do they need?

use std::time::{Duration, Instant};

use anyhow::Context;
use barstone::base::timeline::{Rate, Timeline};
use barstone::base::utc::Clock;
use reqwest::StatusCode;
use tokio::time::{interval, sleep_until};

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

const QUESTION: &str = "Do 30 streams run in real time on two cores, and in how much memory?";
const STREAMS: usize = 30;
/// Time after which windows hold the maximum number of segments: two windows of a minute, and a segment.
const FULL: Duration = Duration::from_secs(135);
const MEASURED: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(5);
const LAG: &str = "barstone_publish_lag_seconds";
/// Duration of a chunk in seconds. A chunk published later than this after its end is published when the next is due.
const LATE: &str = "0.24";
const MEGABYTE: f64 = 1_000_000.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let started = Instant::now();
    let config: String = names().map(|name| format!("[[streams]]\nname = \"{name}\"\n")).collect();
    let server = Server::start(Some(&config)).await?;
    for name in names() {
        for track in ["v720", "a"] {
            let files = server.listed(&name, track).await?;
            server.wait_for(files.last().context("nothing is listed")?).await?;
        }
    }
    let live = started.elapsed();
    let mut missed = 0;
    for name in names() {
        for file in [server.listed(&name, "v720").await?, server.listed(&name, "a").await?].concat() {
            missed += usize::from(server.get(&file).await?.0 != StatusCode::OK);
        }
    }
    let filled = started.elapsed();
    sleep_until((started + FULL.max(filled)).into()).await;

    let before = Sample::take(&server).await?;
    let behind = newest_behind(&server, before.at + MEASURED).await?;
    let after = Sample::take(&server).await?;
    let seconds = (after.at - before.at).as_secs_f64();
    let resident = resident(server.program.id())? / MEGABYTE;

    let mut table = Table::new(QUESTION);
    table.figure("all streams can be played after", format!("{:.1} s", live.as_secs_f64()));
    table.figure("all windows are full after", format!("{:.1} s", filled.as_secs_f64()));
    table.figure("segments of the past that came too late", format!("{missed}"));
    table.figure("cores used", format!("{:.2}", (after.cpu - before.cpu).as_secs_f64() / seconds));
    let chunks = after.count("barstone_chunks_published_total{") - before.count("barstone_chunks_published_total{");
    table.figure(format!("chunks in {seconds:.1} s"), format!("{chunks:.0}"));
    let observed = after.count(&format!("{LAG}_count")) - before.count(&format!("{LAG}_count"));
    for bound in ["0.001", "0.01", "0.04", "0.08", "0.16", LATE] {
        let name = format!("{LAG}_bucket{{le=\"{bound}\"}}");
        let within = after.count(&name) - before.count(&name);
        let value = format!("{:.2} %", 100.0 * within / observed);
        let name = format!("published within {bound} s of their last frame's end");
        match bound {
            // The histogram does not contain a chunk that is late by a segment.
            LATE => table.judged(name, value, "all", within >= chunks),
            _ => table.figure(name, value),
        }
    }
    table.judged("newest segment of any playlist, behind UTC", format!("{behind} segments"), "at most 1", behind <= 1);
    let restarts = after.count("barstone_restarts_total{").abs();
    table.judged("runs that failed", format!("{restarts:.0}"), "0", restarts == 0.0);
    table.figure("resident memory", format!("{resident:.0} MB"));
    let each = resident / STREAMS as f64;
    table.judged("resident memory for each stream", format!("{each:.1} MB"), "under 40 MB", each < 40.0);
    table.print()
}

fn names() -> impl Iterator<Item = String> {
    (1..=STREAMS).map(|number| format!("s{number:02}"))
}

/// Values of the counters at one moment.
struct Sample {
    at: Instant,
    cpu: Duration,
    metrics: String,
}

impl Sample {
    async fn take(server: &Server) -> anyhow::Result<Self> {
        let metrics = String::from_utf8(server.wait_for("/metrics").await?)?;
        Ok(Self { at: Instant::now(), cpu: server.program.cpu_time()?, metrics })
    }

    /// Sum of all series with this name.
    fn count(&self, name: &str) -> f64 {
        let series = self.metrics.lines().filter(|line| line.starts_with(name));
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// Maximum number of segments by which the newest of any media playlist is behind UTC, in samples until `end`.
async fn newest_behind(server: &Server, end: Instant) -> anyhow::Result<u64> {
    let timeline = Timeline::new(Rate::new(25, 1).expect("25 is a rate"), 48, 6);
    let clock = Clock::system();
    let mut ticks = interval(LOOK);
    let mut most = 0;
    while Instant::now() < end {
        for name in names() {
            for track in ["v720", "a"] {
                let complete = timeline.segment_at(clock.now()) - 1;
                let listed = server.listed(&name, track).await?;
                most = most.max(complete.saturating_sub(number(listed.last()).context("nothing is listed")?));
            }
        }
        ticks.tick().await;
    }
    Ok(most)
}

fn number(file: Option<&String>) -> Option<u64> {
    file?.rsplit('/').next()?.strip_suffix(".m4s")?.parse().ok()
}
