//! What does a stream cost, compared with ffmpeg and gst-launch-1.0 doing the same work?

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

const QUESTION: &str = "What does a stream cost beside ffmpeg and gst-launch-1.0 doing the same work?";
const TARGET: f64 = 0.5;
/// Number of rounds. All programs are measured in the same rounds, and the median is reported.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(30);
/// Time in which ffmpeg opens its encoders and writes its first segments.
const WARM_UP: Duration = Duration::from_secs(6);

const PICTURE: &str = "smptebars=s=1280x720:r=25,drawtext=fontfile=static/fonts/DejaVuSansMono-Bold.ttf:\
    text='%{gmtime}':fontsize=96:fontcolor=white:box=1:boxcolor=black:x=(w-text_w)/2:y=(h-text_h)/2";
const SOUND: &str = "sine=frequency=1000:sample_rate=48000,volume='lt(mod(t,1),0.1)':eval=frame";
const ENCODERS: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 2M -maxrate 2M \
    -bufsize 2M -g 48 -keyint_min 48 -sc_threshold 0 -c:a aac -b:a 128k -ac 2";
/// The same for gst-launch-1.0. Its pictures have no clock, because the plugin that draws text is in no package that barstone
/// needs.
const GST_LAUNCH: &str = "hlssink2 name=hls target-duration=2 max-files=31 playlist-length=31 \
    videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=1280,height=720,framerate=25/1 ! \
    x264enc speed-preset=ultrafast tune=zerolatency threads=1 bitrate=2000 vbv-buf-capacity=1000 key-int-max=48 ! \
    h264parse ! queue ! hls.video \
    audiotestsrc is-live=true freq=1000 ! audio/x-raw,rate=48000,channels=2 ! voaacenc bitrate=128000 ! aacparse ! \
    queue ! hls.audio";
const MUXER: &str = "-f dash -hls_playlist 1 -seg_duration 1.92 -window_size 31";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(None).await?;
    let one_thread = ffmpeg(&directory.path().join("one"), &["-threads", "1"])?;
    let as_it_is = ffmpeg(&directory.path().join("default"), &[])?;
    let gst_launch = gst_launch(&directory.path().join("gst-launch"))?;
    server.wait_for("/readyz").await?;
    past_is_there(&server).await?;
    sleep(WARM_UP).await;

    let programs = [&server.program, &one_thread, &as_it_is, &gst_launch];
    let mut cores = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let before = programs.map(Program::cpu_time);
        sleep(ROUND).await;
        let after = programs.map(Program::cpu_time);
        let lasted = begun.elapsed().as_secs_f64();
        for ((cores, before), after) in cores.iter_mut().zip(before).zip(after) {
            cores.push((after? - before?).as_secs_f64() / lasted);
        }
    }
    still_publishing(directory.path())?;

    let ratios = |other: &[f64]| -> f64 {
        percentile(&cores[0].iter().zip(other).map(|(own, other)| own / other).collect::<Vec<_>>(), 50)
    };
    let (to_one, to_default) = (ratios(&cores[1]), ratios(&cores[2]));
    let mut table = Table::new(QUESTION);
    let used = |cores: &[f64]| format!("{:.4} cores", percentile(cores, 50));
    table.figure("barstone, one default stream", used(&cores[0]));
    table.figure("ffmpeg -threads 1", used(&cores[1]));
    table.figure("ffmpeg with threads as it likes", used(&cores[2]));
    table.figure("gst-launch-1.0, without a clock in the picture", used(&cores[3]));
    table.judged("barstone / ffmpeg -threads 1", format!("{to_one:.2}"), "at most 0.5", to_one <= TARGET);
    table.judged("barstone / ffmpeg", format!("{to_default:.2}"), "at most 0.5", to_default <= TARGET);
    table.print()
}

fn ffmpeg(directory: &Path, threads: &[&str]) -> anyhow::Result<Program> {
    std::fs::create_dir(directory)?;
    let mut command = Command::new("ffmpeg");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command.args(["-nostdin", "-loglevel", "error"]);
    for input in [PICTURE, SOUND] {
        command.args(["-re", "-f", "lavfi", "-i", input]);
    }
    command.args(ENCODERS.split_whitespace()).args(threads);
    command.args(MUXER.split_whitespace()).arg(directory.join("dash.mpd"));
    Program::start(&mut command)
}

fn gst_launch(directory: &Path) -> anyhow::Result<Program> {
    std::fs::create_dir(directory)?;
    let mut command = Command::new("gst-launch-1.0");
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null());
    command.arg("-q").args(GST_LAUNCH.split_whitespace());
    Program::start(&mut command)
}

/// Resolves when the past of the window has been rendered.
async fn past_is_there(server: &Server) -> anyhow::Result<()> {
    for track in ["v720", "a"] {
        for file in server.listed("test", track).await? {
            server.wait_for(&file).await?;
        }
    }
    Ok(())
}

/// Checks that the other programs still publish.
fn still_publishing(directory: &Path) -> anyhow::Result<()> {
    for playlist in ["one/media_0.m3u8", "default/media_0.m3u8", "gst-launch/playlist.m3u8"] {
        let age = directory.join(playlist).metadata()?.modified()?.elapsed()?;
        anyhow::ensure!(age < Duration::from_secs(5), "{playlist} is {} s old", age.as_secs());
    }
    Ok(())
}
