//! What does the past cost: a segment, a minute in order, manifests of a day, and a shifted stream? What do conditions cost those who use
//! none?

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use barstone::base::timeline::UnixTime;
use barstone::base::utc::Clock;
use futures_util::future::try_join_all;
use reqwest::Url;
use tokio::time::sleep;

use child::Program;
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

const QUESTION: &str = "What do past segments, long manifests and shifted streams cost?";
/// Number of segments that are requested cold, with even and odd numbers, far enough from each other that none is encoded with
/// another.
const COLD: u64 = 40;
const APART: u64 = 65;
/// Segments in two hours.
const TWO_HOURS: u64 = 3750;
/// Processor time in a second with a render.
const BUSY: Duration = Duration::from_millis(500);
/// Seconds in which the blocks that are rendered ahead are complete.
const IDLE_WITHIN: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Number of requests for each of a cached and a live segment.
const REPEATS: usize = 300;
const VIEWERS: usize = 20;
const WATCHED: Duration = Duration::from_secs(20);
const PICTURE: &str = "smptebars=s=1280x720:r=25,drawtext=fontfile=static/fonts/DejaVuSansMono-Bold.ttf:\
    text='%{gmtime}':fontsize=96:fontcolor=white:box=1:boxcolor=black:x=(w-text_w)/2:y=(h-text_h)/2";
const ENCODER: &str = "-t 60 -an -c:v libx264 -preset ultrafast -threads 1 -g 48 -b:v 2M -f null -";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let server = Server::start(None).await?;
    let live = server.listed("test", "v720").await?;
    for file in &live {
        server.wait_for(file).await?;
    }
    let newest = live.last().context("nothing is listed")?;
    let mut table = Table::new(QUESTION);
    cold(&server, newest, &mut table).await?;
    until_idle(&server).await?;
    in_order(&server, newest, &mut table).await?;
    day(&server, &mut table).await?;
    plain(&server, &mut table).await?;
    shifted(&server, &mut table).await?;
    table.print()
}

/// Segments two hours old, each for the first time.
async fn cold(server: &Server, newest: &str, table: &mut Table) -> anyhow::Result<()> {
    let (directory, number) = numbered(newest)?;
    let mut seconds = Vec::new();
    for index in 1..=COLD {
        let path = format!("{directory}/{}.m4s", number - TWO_HOURS - index * APART);
        seconds.push(timed(server, &path).await?);
    }
    for percent in [50, 95] {
        let time = percentile(&seconds, percent);
        let name = format!("a segment two hours old, cold, {COLD} times: {percent} % within");
        table.judged(name, format!("{:.0} ms", time * 1e3), "under 150 ms", time < 0.15);
    }
    Ok(())
}

/// Waits until no segment is rendered ahead.
async fn until_idle(server: &Server) -> anyhow::Result<()> {
    let mut before = server.program.cpu_time()?;
    for _ in 0..IDLE_WITHIN {
        sleep(Duration::from_secs(1)).await;
        let now = server.program.cpu_time()?;
        if now - before < BUSY {
            return Ok(());
        }
        before = now;
    }
    anyhow::bail!("the server is still busy {IDLE_WITHIN} s after the last request")
}

/// A minute of the past in order, beside ffmpeg encoding a minute, and again from the cache beside a live segment.
async fn in_order(server: &Server, newest: &str, table: &mut Table) -> anyhow::Result<()> {
    let from = whole_seconds(Clock::system().now()) - 3 * HOUR.as_secs();
    let vod = format!("/with/from={from},until={}/live/test/v720/hls.m3u8", from + MINUTE.as_secs());
    let files = listed(server, &vod).await?;
    let (begun, before) = (Instant::now(), server.program.cpu_time()?);
    for file in &files {
        timed(server, file).await?;
    }
    let (lasted, used) = (begun.elapsed().as_secs_f64(), (server.program.cpu_time()? - before).as_secs_f64());
    let ffmpeg = encoded_by_ffmpeg()?.as_secs_f64();
    table.figure("a minute of the past in order", format!("{lasted:.2} s"));
    let rate = MINUTE.as_secs_f64() / used;
    table.judged("  times real time for each core", format!("{rate:.0}"), "at least 10", rate >= 10.0);
    table.figure("  processor time / ffmpeg -preset ultrafast -threads 1", format!("{:.2}", used / ffmpeg));

    let mut seconds = [const { Vec::new() }; 2];
    for _ in 0..REPEATS {
        for (seconds, path) in seconds.iter_mut().zip([files[0].as_str(), newest]) {
            seconds.push(timed(server, path).await?);
        }
    }
    let ratio = percentile(&seconds[0], 50) / percentile(&seconds[1], 50);
    table.judged("time of a cached past segment / of a live one", format!("{ratio:.2}"), "at most 1.2", ratio <= 1.2);
    Ok(())
}

/// The playlist and the MPD of a day, and what brings a player from one version to the next.
async fn day(server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let playlist = "/with/window=1d/live/test/v720/llhls.m3u8";
    let under = "/with/addressing=time-timeline,patch=1m,window=1d/live/test";
    let mpd = format!("{under}/dash.mpd");
    let first = timed(server, playlist).await?;
    table.figure("playlist of a day: time to make", format!("{:.0} ms", first * 1e3));
    let begun = Instant::now();
    let text = String::from_utf8(server.get(&mpd).await?.1)?;
    table.figure("MPD of a day: time to make", format!("{:.0} ms", begun.elapsed().as_secs_f64() * 1e3));
    let patch = text.split_once("<PatchLocation ttl=\"60\">").and_then(|(_, rest)| rest.split_once('<'));
    let patch = format!("{under}/{}", patch.context("the MPD has no patch")?.0);
    // It is held until there is a newer MPD.
    timed(server, &patch).await?;
    for (name, path) in [
        ("playlist of a day", playlist),
        ("its delta", &*format!("{playlist}?_HLS_skip=YES")),
        ("MPD of a day", &*mpd),
        ("its patch", &*patch),
    ] {
        let plain = server.get(path).await?.1.len();
        let request = server.client.get(server.url(path)).header("accept-encoding", "gzip");
        let begun = Instant::now();
        let compressed = request.send().await?.bytes().await?.len();
        let time = begun.elapsed().as_secs_f64() * 1e3;
        table.figure(format!("{name}: bytes; with gzip"), format!("{plain}; {compressed}"));
        table.figure(format!("{name}: time with gzip"), format!("{time:.1} ms"));
    }
    Ok(())
}

/// A playlist without conditions, beside the same playlist under one.
async fn plain(server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let mut seconds = [const { Vec::new() }; 2];
    for _ in 0..REPEATS {
        for (seconds, under) in seconds.iter_mut().zip(["", "/with/no-date-time"]) {
            seconds.push(timed(server, &format!("{under}/live/test/v720/hls.m3u8")).await?);
        }
    }
    let ratio = percentile(&seconds[0], 50) / percentile(&seconds[1], 50);
    let name = "time of a playlist without conditions / with one";
    table.judged(name, format!("{ratio:.2}"), "at most 1.1", ratio <= 1.1);
    Ok(())
}

/// The processor time of a shifted stream with one viewer and with many.
async fn shifted(server: &Server, table: &mut Table) -> anyhow::Result<()> {
    let mut cores = Vec::new();
    for viewers in [0, 1, VIEWERS] {
        let (begun, before) = (Instant::now(), server.program.cpu_time()?);
        match viewers {
            0 => sleep(WATCHED).await,
            _ => drop(try_join_all((0..viewers).map(|_| watch(server))).await?),
        }
        cores.push((server.program.cpu_time()? - before).as_secs_f64() / begun.elapsed().as_secs_f64());
    }
    let names = ["no viewer", "one viewer of shift=1h", "20 viewers of shift=1h"];
    for (name, cores) in names.iter().zip(&cores) {
        table.figure(format!("default stream with {name}"), format!("{cores:.3} cores"));
    }
    let ratio = (cores[2] - cores[0]) / (cores[1] - cores[0]);
    let name = "cost of shift=1h with 20 viewers / with one";
    table.judged(name, format!("{ratio:.2}"), "at most 1.5", ratio <= 1.5);
    Ok(())
}

/// Requests every new segment of a shifted stream.
async fn watch(server: &Server) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut last = String::new();
    while begun.elapsed() < WATCHED {
        let files = listed(server, "/with/shift=1h/live/test/v720/hls.m3u8").await?;
        let newest = files.last().context("nothing is listed")?;
        if *newest != last {
            timed(server, newest).await?;
            last.clone_from(newest);
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}

/// Seconds until `path` is answered with 200 and read.
async fn timed(server: &Server, path: &str) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let (status, _) = server.get(path).await?;
    anyhow::ensure!(status == 200, "{path} is answered {status}");
    Ok(begun.elapsed().as_secs_f64())
}

/// Paths of the media files in a playlist.
async fn listed(server: &Server, path: &str) -> anyhow::Result<Vec<String>> {
    let playlist = String::from_utf8(server.wait_for(path).await?)?;
    let base = Url::parse(&server.url(path))?;
    let files = playlist.lines().filter(|line| !line.starts_with('#'));
    files.map(|file| Ok(base.join(file)?.path().to_owned())).collect()
}

/// Directory and number of a segment.
fn numbered(path: &str) -> anyhow::Result<(&str, u64)> {
    let (directory, file) = path.rsplit_once('/').context("no directory")?;
    Ok((directory, file.trim_end_matches(".m4s").parse()?))
}

fn whole_seconds(moment: UnixTime) -> u64 {
    moment.as_nanos() / 1_000_000_000
}

/// Processor time of ffmpeg for a minute of the same picture.
fn encoded_by_ffmpeg() -> anyhow::Result<Duration> {
    let mut command = Command::new("ffmpeg");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command.args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", PICTURE]);
    command.args(ENCODER.split_whitespace());
    let program = Program::start(&mut command)?;
    let mut used = Duration::ZERO;
    while let Ok(so_far) = program.cpu_time() {
        used = so_far;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(used)
}
