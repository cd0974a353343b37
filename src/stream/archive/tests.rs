use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::*;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::definition::spec::{StreamRequest, StreamSpec};
use crate::media::pipeline;
use crate::media::window::fixture::publish;
use crate::stream::Render;

mod directory;

/// 2026-11-21T03:40:28.800Z
const NOW: u64 = 935_016_890;
/// The first segment of a block of video and of a block of audio, two hours ago.
const OLD: u64 = NOW - NOW % 8 - 3744;
/// Time that the scripted render takes for a segment.
const WORK: Duration = Duration::from_millis(50);
/// Far more than tests need.
const PLENTY: u64 = 1 << 30;

fn spec(json: Value) -> StreamSpec {
    serde_json::from_value::<StreamRequest>(json).unwrap().try_into().unwrap()
}

fn epoch(json: Value) -> Arc<Epoch> {
    let spec = spec(json);
    let revision = spec.revision("");
    Output::new(spec, revision).epoch(0)
}

/// An archive with a render that takes [`WORK`] for each segment, and the segments of its jobs.
struct Scripted {
    archive: Archive,
    epoch: Arc<Epoch>,
    jobs: Arc<Mutex<Vec<Range<u64>>>>,
    failures: Arc<AtomicU64>,
    over: CancellationToken,
}

impl Scripted {
    fn of(bytes: u64) -> Self {
        Self::in_directory(bytes, None)
    }

    fn in_directory(bytes: u64, directory: Option<PathBuf>) -> Self {
        let (jobs, failures) = (Arc::<Mutex<Vec<Range<u64>>>>::default(), Arc::<AtomicU64>::default());
        let (noted, fails) = (Arc::clone(&jobs), Arc::clone(&failures));
        let render: Render = Arc::new(move |job, stop| {
            let segments = job.from..job.until.unwrap();
            noted.lock().unwrap().push(segments.clone());
            let fails = fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            async move {
                for number in segments {
                    sleep(WORK).await;
                    while job.priority.is_paused() && !stop.is_cancelled() {
                        sleep(WORK / 10).await;
                    }
                    if stop.is_cancelled() {
                        break;
                    }
                    if fails {
                        return Err(PipelineError::Ended);
                    }
                    publish(&job.output, [number]);
                }
                Ok(())
            }
            .boxed()
        });
        let over = CancellationToken::new();
        let archive = archive(render, (bytes, directory), over.clone());
        Self { archive, epoch: epoch(json!({"name": "a"})), jobs, failures, over }
    }

    async fn segment(&self, number: u64) -> Result<Arc<Segment>, ArchiveError> {
        self.archive.segment(&self.epoch, 0, number).await
    }

    fn jobs(&self) -> Vec<Range<u64>> {
        self.jobs.lock().unwrap().clone()
    }

    fn metrics(&self) -> &crate::base::metrics::Metrics {
        &self.archive.0.setting.metrics
    }
}

fn archive(render: Render, (archive_bytes, archive_dir): (u64, Option<PathBuf>), over: CancellationToken) -> Archive {
    let clock = Clock::from_fn(|| UnixTime::from_millis(NOW * 1920));
    let setting = Setting { archive_bytes, archive_dir, ..Setting::new(clock, render, "") };
    Archive::with_renders(1, Arc::new(setting), over)
}

#[tokio::test(start_paused = true)]
async fn one_render_serves_all_who_wait_and_each_segment_as_soon_as_it_is_complete() {
    let scripted = Scripted::of(PLENTY);
    let began = Instant::now();
    let times = join_all((0..200).map(async |place| {
        let segment = scripted.segment(OLD + place % 2).await.unwrap();
        assert_eq!((segment.number, segment.chunks.len()), (OLD + place % 2, 8));
        (place % 2, began.elapsed())
    }))
    .await;
    assert!(times.iter().all(|(place, time)| *time == WORK * (*place as u32 + 1)), "{times:?}");
    assert_eq!(scripted.jobs().first(), Some(&(OLD..OLD + 2)));
    assert_eq!(scripted.metrics().archive_hits.get(), 0);
    scripted.segment(OLD).await.unwrap();
    assert_eq!(scripted.metrics().archive_hits.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_in_order_waits_for_the_first_segment_only() {
    let scripted = Scripted::of(PLENTY);
    scripted.segment(OLD).await.unwrap();
    for number in OLD + 1..OLD + 20 {
        // Ten times faster than real time.
        sleep(Duration::from_millis(192)).await;
        assert!(scripted.segment(number).now_or_never().is_some_and(|found| found.is_ok()), "{number}");
    }
    let pairs: Vec<_> = (OLD..OLD + 22).step_by(2).map(|start| start..start + 2).collect();
    assert_eq!(scripted.jobs(), pairs, "nothing is rendered twice");
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_segment_is_removed_first() {
    let scripted = Scripted::of(PLENTY);
    scripted.segment(OLD).await.unwrap();
    sleep(WORK * 10).await;
    let each = scripted.archive.0.state().cache.bytes() / 2;
    let scripted = Scripted::of(each * 4);
    for number in [OLD, OLD + 10, OLD, OLD + 20] {
        scripted.segment(number).await.unwrap();
        sleep(WORK * 10).await;
        assert!(scripted.metrics().archive_bytes.get() <= (each * 4) as i64);
    }
    assert_eq!(scripted.jobs().len(), 3);
    for (number, is_there) in [(OLD + 20, true), (OLD, true), (OLD + 10, false)] {
        let found = scripted.segment(number).now_or_never();
        assert_eq!(found.is_some(), is_there, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_different_segments_fill_the_queue_and_the_rest_is_refused() {
    let scripted = Scripted::of(PLENTY);
    let answers = join_all((0..2000).map(|place| scripted.segment(OLD - 2 * place))).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(ArchiveError::Busy))).count();
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((served, refused), (queue::REQUESTED + 1, 2000 - queue::REQUESTED - 1));
    assert_eq!(scripted.metrics().archive_refused.get(), refused as u64);
    assert!(scripted.segment(OLD - 1000).await.is_ok(), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_requested_segment_waits_for_no_other() {
    let scripted = Scripted::of(PLENTY);
    // The second of its pair; the next pair is rendered ahead beside it.
    scripted.segment(OLD + 1).await.unwrap();
    for place in [51, 100] {
        let began = Instant::now();
        scripted.segment(OLD + place).await.unwrap();
        assert_eq!(began.elapsed(), WORK, "{place}");
        let source = Source::of(&scripted.epoch, 0).unwrap();
        let ahead = [2, 3].map(|next| scripted.archive.0.state().cache.contains(&source, OLD + next));
        assert_eq!(ahead, [true, false], "it pauses as long as somebody waits for another");
    }
    let jobs = scripted.jobs();
    let places = [1..2, 2..4, 51..52, 52..54, 100..102];
    assert_eq!(jobs, places.map(|places| OLD + places.start..OLD + places.end));
    sleep(WORK * 10).await;
    assert!(scripted.segment(OLD + 3).now_or_never().is_some_and(|found| found.is_ok()), "it goes on afterwards");
}

#[tokio::test(start_paused = true)]
async fn renders_that_many_others_overtake_are_stopped() {
    let scripted = Scripted::of(PLENTY);
    for place in 0..20 {
        let began = Instant::now();
        scripted.segment(OLD + 10 * place).await.unwrap();
        assert_eq!(began.elapsed(), WORK, "{place}");
    }
    sleep(WORK * 100).await;
    let second = |place: u64| scripted.segment(OLD + 10 * place + 1).now_or_never();
    let complete: Vec<_> = (0..20).filter(|place| second(*place).is_some()).collect();
    assert_eq!(complete, [15, 16, 17, 18, 19]);
}

#[tokio::test(start_paused = true)]
async fn a_cached_segment_is_not_rendered_again() {
    let scripted = Scripted::of(PLENTY);
    for number in [OLD + 1, OLD] {
        scripted.segment(number).await.unwrap();
        sleep(WORK * 10).await;
    }
    assert_eq!(scripted.jobs(), [OLD + 1..OLD + 2, OLD + 2..OLD + 4, OLD..OLD + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_answer_has_begun_waits_for_as_long_as_it_takes() {
    let scripted = Scripted::of(PLENTY);
    scripted.failures.store(1, Ordering::Relaxed);
    let began = Instant::now();
    let segment = async |place: u64| scripted.archive.segment_at_last(&scripted.epoch, 0, OLD - 10 * place).await;
    let answers = join_all((0..500).map(segment)).await;
    assert!(answers.iter().all(Result::is_ok), "none is refused, and the failed one is rendered again");
    assert!(began.elapsed() > PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_rendered_for_a_caller_that_has_left() {
    let scripted = Scripted::of(PLENTY);
    let first = scripted.segment(OLD);
    let (second, third) = (scripted.segment(OLD + 100), scripted.segment(OLD + 200));
    tokio::select! {
        biased;
        _ = async { tokio::join!(first, tokio::time::timeout(WORK / 2, second)) } => {}
    }
    third.await.unwrap();
    let jobs = scripted.jobs();
    assert!(jobs.contains(&(OLD + 200..OLD + 202)) && !jobs.contains(&(OLD + 100..OLD + 102)), "{jobs:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_render_is_an_error_and_the_next_request_renders_again() {
    let scripted = Scripted::of(PLENTY);
    scripted.failures.store(1, Ordering::Relaxed);
    let failed = tokio::join!(scripted.segment(OLD), scripted.segment(OLD + 1));
    let of = |number| ArchiveError::Failed { number };
    assert_eq!((failed.0.unwrap_err(), failed.1.unwrap_err()), (of(OLD), of(OLD + 1)));
    assert!(scripted.segment(OLD).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_future_is_not_rendered_and_an_archive_without_memory_renders_nothing() {
    let scripted = Scripted::of(PLENTY);
    let error = scripted.segment(NOW).await.unwrap_err();
    assert_eq!(error, ArchiveError::Future { number: NOW });
    scripted.segment(NOW - 1).await.unwrap();
    assert_eq!(scripted.jobs().first(), Some(&(NOW - 1..NOW)), "segment {NOW} has not ended");
    let off = Scripted::of(0);
    assert_eq!(off.segment(OLD).await.unwrap_err(), ArchiveError::Off);
}

#[tokio::test(start_paused = true)]
async fn waits_end_with_the_program() {
    let scripted = Scripted::of(PLENTY);
    let began = Instant::now();
    let end = async { scripted.over.cancel() };
    let (_, second, ()) = tokio::join!(scripted.segment(OLD), scripted.segment(OLD + 100), end);
    assert_eq!(second.unwrap_err(), ArchiveError::Failed { number: OLD + 100 });
    assert!(began.elapsed() < PATIENCE);
    scripted.archive.0.setting.tasks.close();
    scripted.archive.0.setting.tasks.wait().await;
}

/// Hashes of all chunks and of whole segments, by track and number.
type Hashes = std::collections::BTreeMap<(usize, u64), Vec<[u8; 32]>>;

fn hashes(segment: &Segment) -> Vec<[u8; 32]> {
    let media = segment.chunks.iter().map(|chunk| &chunk.media).chain(&segment.whole);
    media.map(|media| Sha256::digest(media.joined()).into()).collect()
}

/// What a run of all tracks publishes, from a segment until a segment.
async fn published(json: Value, segments: Range<u64>) -> Hashes {
    let spec = spec(json);
    let revision = spec.revision("");
    let output = Arc::new(Output::new(spec, revision));
    let (epoch, until) = (output.epoch(0), Some(segments.end));
    let job = Job {
        output: Arc::clone(&output),
        epoch,
        from: segments.start,
        until,
        clock: None,
        priority: Priority::Normal,
        metrics: Arc::default(),
    };
    pipeline::run(job, CancellationToken::new()).await.unwrap();
    let tracks = 0..output.tracks.len();
    let of = |track: usize, number: u64| hashes(output.tracks[track].window.snapshot().segment(number).unwrap());
    tracks
        .flat_map(|track| segments.clone().map(move |number| (track, number)))
        .map(|key| (key, of(key.0, key.1)))
        .collect()
}

/// A segment, once it is made: a busy machine needs longer for it than a client waits.
async fn rendered(archive: &Archive, epoch: &Epoch, track: usize, number: u64) -> Arc<Segment> {
    for _ in 0..8 {
        if let Ok(segment) = archive.segment(epoch, track, number).await {
            return segment;
        }
    }
    panic!("no segment {number} of track {track} in {PATIENCE:?} eight times");
}

#[tokio::test]
async fn the_archive_has_the_bytes_that_a_run_publishes() {
    pipeline::probe().unwrap();
    let video = |id: &str, width: u32, preset: &str| json!({"id": id, "width": width, "height": 144, "bitrate": 300_000, "preset": preset});
    let streams = [
        json!({"name": "default"}),
        json!({"name": "ntsc", "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 10,
            "video": [video("v", 256, "ultrafast")]}),
        json!({"name": "ladder", "fps": "30000/1001", "segment_frames": 48, "chunk_frames": 16,
            "video": [video("high", 640, "veryfast"), video("middle", 426, "veryfast"), video("low", 256, "ultrafast")]}),
    ];
    let render: Render = Arc::new(|job, stop| Box::pin(pipeline::run(job, stop)));
    for json in streams {
        let epoch = epoch(json.clone());
        let archive = archive(Arc::clone(&render), (PLENTY, None), CancellationToken::new());
        let root = TempDir::new().unwrap();
        let directory = Directory::at(root.path().to_owned());
        // A run that begins in the middle of a block.
        let first = epoch.spec.timeline.segment_at(UnixTime::from_millis(OLD * 1920)) | 1;
        for ((track, number), expected) in published(json, first..first + 3).await {
            let segment = rendered(&archive, &epoch, track, number).await;
            assert_eq!(hashes(&segment), expected, "{} track {track} segment {number}", epoch.spec.name);
            let source = Source::of(&epoch, track).unwrap();
            directory.write(&source, &segment).unwrap();
            let read = directory.read(&source, number).unwrap();
            assert_eq!(hashes(&read), expected, "{} track {track} segment {number} on disk", epoch.spec.name);
        }
    }
}
