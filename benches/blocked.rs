//! How soon do clients of blocking reloads get a part, and what does each client cost?

use std::time::{Duration, Instant};

use anyhow::Context;
use barstone::base::timeline::{Kind, Rate, Timeline};
use barstone::base::utc::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use memory::resident;
use order::percentile;
use server::Server;
use table::Table;

#[path = "support/child.rs"]
mod child;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/order.rs"]
mod order;
#[path = "support/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "How soon do clients that wait for a part of a playlist get it, and what does each client cost?";
const STREAMS: usize = 10;
const FOLLOWED: u64 = 180;
const CLIENTS: usize = 5000;
const WAKES: u64 = 30;
/// Chunks until all clients wait.
const HEAD_START: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// Timeline of the default stream.
fn timeline() -> Timeline {
    Timeline::new(Rate::new(25, 1).expect("25 is a rate"), 48, 6)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let mut table = Table::new(QUESTION);
    few(&mut table).await?;
    many(&mut table).await?;
    table.print()
}

/// Measures one client for each of ten streams.
async fn few(table: &mut Table) -> anyhow::Result<()> {
    let config: String = (0..STREAMS).map(|number| format!("[[streams]]\nname = \"s{number}\"\n")).collect();
    let server = Server::start(Some(&config)).await?;
    settled(&server, (0..STREAMS).map(|number| format!("s{number}"))).await?;
    let first = chunk_now() + 3;
    let mut clients = JoinSet::new();
    for number in 0..STREAMS {
        let mut client = Client::connect(&server, format!("/live/s{number}/v720/llhls.m3u8")).await?;
        clients.spawn(async move { client.follow(first..first + FOLLOWED).await });
    }
    let lags: Vec<f64> = clients.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    for (percent, target) in [(50, None), (99, Some(40.0)), (100, None)] {
        let lag = percentile(&lags, percent) * 1000.0;
        let name = format!("{STREAMS} streams: {percent} % of parts answered after their end within");
        match target {
            Some(target) => table.judged(name, format!("{lag:.1} ms"), "at most 40 ms", lag <= target),
            None => table.figure(name, format!("{lag:.1} ms")),
        }
    }
    Ok(())
}

/// Measures many clients that wait for the same part.
async fn many(table: &mut Table) -> anyhow::Result<()> {
    let server = Server::start(None).await?;
    settled(&server, ["test".to_owned()]).await?;
    let before = resident(server.program.id())?;
    let mut connected = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        connected.push(Client::connect(&server, "/live/test/v720/llhls.m3u8".into()).await?);
    }
    let first = chunk_now() + HEAD_START;
    let mut clients = JoinSet::new();
    for mut client in connected {
        clients.spawn(async move { client.follow(first..first + WAKES).await });
    }
    tokio::time::sleep(end_of(first).saturating_sub(Duration::from_millis(100))).await;
    let (each, cpu, at) = (
        (resident(server.program.id())? - before) / CLIENTS as f64 / 1000.0,
        server.program.cpu_time()?,
        Instant::now(),
    );
    let lags = clients.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let cores = (server.program.cpu_time()? - cpu).as_secs_f64() / at.elapsed().as_secs_f64();
    let slowest: Vec<f64> =
        (0..WAKES as usize).map(|wake| lags.iter().map(|lags| lags[wake]).fold(0.0, f64::max)).collect();
    for percent in [50, 100] {
        let last = percentile(&slowest, percent) * 1000.0;
        let name = format!("{CLIENTS} clients: the last is answered within, {percent} % of {WAKES} times");
        table.judged(name, format!("{last:.0} ms"), "at most 320 ms", last <= 320.0);
    }
    table.judged("memory for each that waits", format!("{each:.1} kB"), "under 30 kB", each < 30.0);
    table.figure("cores used while they wait and are answered", format!("{cores:.2}"));
    Ok(())
}

/// Resolves when windows are full, so that only live runs work.
async fn settled(server: &Server, streams: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    for stream in streams {
        for track in ["v720", "a"] {
            for file in server.listed(&stream, track).await? {
                server.get(&file).await?;
            }
        }
    }
    Ok(())
}

/// Number of chunks since 1970 that have begun.
fn chunk_now() -> u64 {
    let timeline = timeline();
    timeline.rate().frame_at(Clock::system().now()) / u64::from(timeline.chunk_frames())
}

/// Time until a chunk ends; zero if it has ended.
fn end_of(chunk: u64) -> Duration {
    let timeline = timeline();
    let end = timeline.frame_start(Kind::Video, (chunk + 1) * u64::from(timeline.chunk_frames()));
    end.saturating_since(Clock::system().now())
}

/// A connection that requests the playlist of one part after the other.
struct Client {
    stream: TcpStream,
    path: String,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(server: &Server, path: String) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server.url("").trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, path, buffer: Vec::with_capacity(8192) })
    }

    /// Seconds from the end of each chunk to the answer that lists it.
    async fn follow(&mut self, chunks: std::ops::Range<u64>) -> anyhow::Result<Vec<f64>> {
        let per_segment = u64::from(timeline().chunks_per_segment());
        let mut lags = Vec::with_capacity((chunks.end - chunks.start) as usize);
        // Only the next few parts may be requested.
        tokio::time::sleep(end_of(chunks.start - 2)).await;
        for chunk in chunks {
            let (segment, part) = (chunk / per_segment, chunk % per_segment);
            let request = format!(
                "GET {}?_HLS_msn={segment}&_HLS_part={part} HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n",
                self.path
            );
            self.stream.write_all(request.as_bytes()).await?;
            tokio::time::timeout(PATIENCE, self.answer()).await.context("no answer")??;
            let end = timeline().frame_start(Kind::Video, (chunk + 1) * u64::from(timeline().chunk_frames()));
            lags.push(Clock::system().now().saturating_since(end).as_secs_f64());
        }
        Ok(lags)
    }

    /// Reads one answer, which must be 200.
    async fn answer(&mut self) -> anyhow::Result<()> {
        self.buffer.clear();
        loop {
            anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
            let Some(head) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
            anyhow::ensure!(text.starts_with("http/1.1 200"), "{text}");
            let (_, rest) = text.split_once("content-length: ").context("no length")?;
            let length: usize = rest.lines().next().unwrap_or_default().trim().parse()?;
            while self.buffer.len() < head + 4 + length {
                anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
            }
            return Ok(());
        }
    }
}
