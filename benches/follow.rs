//! What does a stream cost that viewers can follow picture by picture?

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use barstone::base::utc::Clock;
use barstone::definition::spec::StreamSpec;
use barstone::media::cmaf::Slices;
use barstone::media::pipeline::{Job, Priority, measure, probe, run};
use barstone::media::rtp::ParameterSets;
use barstone::media::window::live::Follower;
use barstone::media::window::{Live, Output};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use order::percentile;
use table::Table;

#[path = "support/order.rs"]
mod order;
#[path = "support/table.rs"]
mod table;

const QUESTION: &str = "What does a stream cost that viewers can follow picture by picture?";
/// Most that the default stream may cost, compared with one that nobody can follow.
const TARGET: f64 = 1.02;
/// Number of measurements, of which the median is reported.
const ROUNDS: usize = 5;
const SEGMENTS: u64 = 200;
const REAL_TIME: Duration = Duration::from_secs(15);
/// Time in which a run starts, and encodes the past of its first segment.
const WARM_UP: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    probe()?;
    let spec = StreamSpec { audio: None, ..StreamSpec::test() };
    let rate = spec.timeline.rate();
    let per_second = f64::from(rate.num()) / f64::from(rate.den());
    let (mut encoding, mut writing, mut alone, mut followed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        encoding.push(spec.pixels_per_second() as f64 / per_second / measure().await? as f64);
        writing.push(write_pictures(&spec));
        alone.push(cores(&spec, |_| None).await?);
        followed.push(cores(&spec, |live| Some(live.follow())).await?);
    }
    let [encoding, writing, alone, followed] = [encoding, writing, alone, followed].map(|times| percentile(&times, 50));
    let ratio = (encoding + writing) / encoding;
    let mut table = Table::new(QUESTION);
    table.figure("picture of the default stream, painted to packaged", format!("{:.2} ms", encoding * 1e3));
    table.figure("the same picture in the current group of pictures", format!("{:.4} ms", writing * 1e3));
    table.judged(
        "cost if nobody follows / cost without groups",
        format!("{ratio:.4}"),
        "at most 1.02",
        ratio <= TARGET,
    );
    table.figure("default stream without sound, nobody follows", format!("{alone:.4} cores"));
    table.figure("the same, followed: encoded picture by picture", format!("{followed:.4} cores"));
    table.print()
}

/// Seconds of a core for each picture of the default 720p stream: an IDR picture of 40 KB and 47 pictures of 1.5 KB.
fn write_pictures(spec: &StreamSpec) -> f64 {
    let timeline = spec.timeline;
    let record = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68];
    let parameters = ParameterSets::of(&record).expect("the record is whole");
    let mut writer = Live::default().writer(parameters);
    let (idr, other) = (access_unit(0x65, 40_000), access_unit(0x41, 1500));
    let frames = 0..SEGMENTS * u64::from(timeline.segment_frames());
    let count = frames.end as f64;
    let before = cpu_time();
    for frame in frames {
        let unit = if frame.is_multiple_of(timeline.segment_frames().into()) { &idr } else { &other };
        let due = timeline.rate().frame_start(frame);
        writer.push(frame, due, Slices::of(black_box(unit)).expect("there is a slice"), due);
    }
    (cpu_time() - before).as_secs_f64() / count
}

/// An access unit as the encoder outputs it: a length and a slice of `len` bytes.
fn access_unit(nal_header: u8, len: usize) -> Vec<u8> {
    let mut unit = (len as u32).to_be_bytes().to_vec();
    unit.push(nal_header);
    unit.resize(len + 4, 1);
    unit
}

/// Cores that this process uses for a stream in real time.
async fn cores(spec: &StreamSpec, follow: impl FnOnce(&Live) -> Option<Follower>) -> anyhow::Result<f64> {
    let clock = Clock::system();
    let output = Arc::new(Output::new(spec.clone(), spec.revision("")));
    let from = spec.timeline.segment_at(clock.now());
    let (epoch, metrics, priority) = (output.epoch(from), Arc::default(), Priority::Normal);
    let job = Job { output: Arc::clone(&output), epoch, from, until: None, clock: Some(clock), priority, metrics };
    let stop = CancellationToken::new();
    let _follower = follow(&output.tracks[0].live);
    let used = async {
        sleep(WARM_UP).await;
        let (begun, before) = (Instant::now(), cpu_time());
        sleep(REAL_TIME).await;
        let used = (cpu_time() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
        stop.cancel();
        anyhow::Ok(used)
    };
    let (ran, used) = tokio::join!(run(job, stop.clone()), used);
    ran?;
    used
}

/// Processor time of this process so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}
