use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::definition::spec::{StreamName, StreamRequest, StreamSpec};
use crate::definition::store::{Change, Definitions, Precondition, WriteError};
use crate::media::cmaf::{Chunk, Media};
use crate::media::window::fixture::{publish, publish_chunks};
use crate::media::window::{Lookup, Output};

mod changes;
mod metrics;
mod on_demand;
mod push;
mod retry;
mod room;
mod urls;
mod watchdog;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

/// Reaction of a live run after its first segments.
#[derive(Debug, Clone)]
enum Act {
    RunUntilStopped,
    Fail(PipelineError),
}

/// First segment and end (exclusive) of a job.
type JobRange = (u64, Option<u64>);

/// A pipeline that follows a script.
#[derive(Clone, Default)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    jobs: Arc<Mutex<Vec<JobRange>>>,
}

impl Script {
    fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: Arc::new(Mutex::new(acts.into_iter().collect())), jobs: Arc::default() }
    }

    fn jobs(&self) -> Vec<JobRange> {
        self.jobs.lock().unwrap().clone()
    }

    async fn render(self, job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
        self.jobs.lock().unwrap().push((job.from, job.until));
        let now = job.clock.as_ref().map(|clock| job.output.spec.timeline.segment_at(clock.now()));
        publish(&job.output, job.from..job.until.or(now).unwrap());
        if job.until.is_some() {
            return Ok(());
        }
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::RunUntilStopped);
        match act {
            Act::RunUntilStopped => {
                stop.cancelled().await;
                Ok(())
            }
            Act::Fail(error) => Err(error),
        }
    }
}

fn registry(script: &Script) -> Registry {
    registry_at(script, &Arc::new(AtomicU64::new(SEGMENT)))
}

/// A registry at the start of segment `now`.
fn registry_at(script: &Script, now: &Arc<AtomicU64>) -> Registry {
    let now = Arc::clone(now);
    registry_with(script, Clock::from_fn(move || UnixTime::from_millis(now.load(Ordering::Relaxed) * 1920)))
}

fn registry_with(script: &Script, clock: Clock) -> Registry {
    registry_of(scripted(script), clock)
}

fn scripted(script: &Script) -> Render {
    let script = script.clone();
    Arc::new(move |job, stop| Box::pin(script.clone().render(job, stop)))
}

fn registry_of(render: Render, clock: Clock) -> Registry {
    let setting = Setting::new(clock, render, "scripted");
    Registry::new(setting, Definitions::in_memory(Vec::new()), CancellationToken::new())
}

fn spec(name: &str) -> StreamSpec {
    StreamRequest::named(name).try_into().unwrap()
}

fn name(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}

async fn until(registry: &Registry, phase: Phase) -> StreamView {
    tokio::time::timeout(Duration::from_secs(600), async {
        loop {
            let view = registry.get(&name("a")).unwrap();
            if view.status.phase == phase {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap()
}

fn broken() -> PipelineError {
    PipelineError::Element { element: "x264enc-v720".into(), message: "broken".into() }
}

#[tokio::test(start_paused = true)]
async fn the_live_edge_comes_before_the_past() {
    let script = Script::default();
    let registry = registry(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let view = until(&registry, Phase::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.jobs(), [(SEGMENT - 4, None), (SEGMENT - 32, Some(SEGMENT - 4))]);
    let snapshot = view.status.output.unwrap().tracks[0].window.snapshot();
    assert_eq!(snapshot.listed(), Some(SEGMENT - 32..=SEGMENT - 1));
    assert!(snapshot.listed().unwrap().all(|number| matches!(snapshot.lookup(number), Lookup::Ready(_))));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_playable_when_all_tracks_have_caught_up() {
    let output = Output::new(spec("a"), spec("a").revision(""));
    // The time is in chunk 5 of its segment.
    let clock = Clock::from_fn(|| UnixTime::from_millis(SEGMENT * 1920 + 1300));
    let wait = async |limit| {
        let playable = run::until_playable(&output, SEGMENT - 4..SEGMENT, &clock);
        tokio::time::timeout(Duration::from_millis(limit), playable).await.is_ok()
    };
    publish(&output, SEGMENT - 4..SEGMENT);
    assert!(!wait(1900).await, "no track has caught up");
    assert!(wait(1930).await, "a machine that is too slow plays all the same");
    publish_chunks(&output, SEGMENT, 0..5);
    assert!(wait(0).await);

    let behind = Output::new(spec("a"), spec("a").revision(""));
    publish(&behind, SEGMENT - 4..SEGMENT);
    for index in 0..5 {
        let media = Media::from(b"chunk".to_vec());
        behind.tracks[0].window.push(Chunk { segment: SEGMENT, index, media, first_sample_end: 1, excess: 0 });
    }
    let playable = run::until_playable(&behind, SEGMENT - 4..SEGMENT, &clock);
    assert!(tokio::time::timeout(Duration::from_millis(1900), playable).await.is_err(), "the sound is behind");
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_restarted() {
    let script = Script::of([Act::Fail(broken()), Act::Fail(broken())]);
    let registry = registry(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let view = until(&registry, Phase::Waiting).await;
    assert_eq!(view.status.error.as_deref(), Some("x264enc-v720: broken"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let view = until(&registry, Phase::Running).await;
    assert_eq!(view.status.error, None);
    // The second run finds the segments of the first and continues after them.
    let live: Vec<_> = script.jobs().into_iter().filter(|(_, until)| until.is_none()).collect();
    assert_eq!(live, [(SEGMENT - 4, None), (SEGMENT, None), (SEGMENT, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_late_run_leaves_a_gap_only() {
    let late = Act::Fail(PipelineError::Late { behind: Duration::from_secs(3) });
    let now = Arc::new(AtomicU64::new(SEGMENT));
    let script = Script::of([late]);
    let registry = registry_at(&script, &now);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Waiting).await;
    now.store(SEGMENT + 7, Ordering::Relaxed);
    let view = until(&registry, Phase::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let live: Vec<_> = script.jobs().into_iter().filter(|(_, until)| until.is_none()).collect();
    assert_eq!(live, [(SEGMENT - 4, None), (SEGMENT + 3, None)]);
    let output = view.status.output.unwrap();
    let snapshot = output.tracks[0].window.snapshot();
    // The past exists, whichever run has rendered it.
    let is_there = |number: &u64| matches!(snapshot.lookup(*number), Lookup::Ready(_));
    let gaps: Vec<_> = snapshot.listed().unwrap().filter(|number| !is_there(number)).collect();
    assert_eq!(gaps, [SEGMENT, SEGMENT + 1, SEGMENT + 2]);
    assert!(registry.setting().metrics.text().contains("barstone_skipped_segments_total{stream=\"a\"} 3"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_removed_ends_its_presentation() {
    let registry = registry(&Script::default());
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let output = until(&registry, Phase::Running).await.status.output.unwrap();
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    let mut snapshots = output.tracks[0].window.subscribe();
    tokio::time::timeout(Duration::from_secs(1), snapshots.wait_for(|snapshot| snapshot.ended()))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_missing_element_is_not_retried() {
    let script = Script::of([Act::Fail(PipelineError::MissingElement { element: "x264enc".into() })]);
    let registry = registry(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let view = until(&registry, Phase::Failed).await;
    assert!(view.status.error.unwrap().contains("x264enc"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(script.jobs().iter().filter(|(_, until)| until.is_none()).count(), 1);
    // A new start is a new attempt.
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    until(&registry, Phase::Stopped).await;
    registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    until(&registry, Phase::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_stopped_ends_and_stays_for_a_while() {
    let registry = registry(&Script::default());
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    let view = until(&registry, Phase::Stopped).await;
    let output = view.status.output.unwrap();
    assert_eq!(output.ending().map(|ending| ending.last), Some(SEGMENT + 1), "two seconds from now");
    assert!(!output.ended(), "what players were told of is finished");
    assert!(!view.record.spec.control.enabled);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(output.ended(), "also where nothing comes any more");
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(registry.get(&name("a")).unwrap().status.output.is_none());
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_removal_ends_the_task() {
    let registry = registry(&Script::default());
    registry.put(spec("a"), Precondition::New).await.unwrap();
    assert!(matches!(registry.put(spec("a"), Precondition::New).await, Err(WriteError::Exists(_))));
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    assert!(matches!(registry.remove(&name("a"), Precondition::Always).await, Err(WriteError::Unknown(_))));
    registry.setting().tasks.close();
    registry.setting().tasks.wait().await;
}

fn asleep(name: &str, idle: Duration) -> StreamSpec {
    let mut spec = spec(name);
    spec.control.on_demand = Some(idle);
    spec
}

/// A reconciled registry on the clock of tokio.
fn kept(script: &Script) -> Arc<Registry> {
    kept_with(scripted(script))
}

fn kept_with(render: Render) -> Arc<Registry> {
    let began = tokio::time::Instant::now();
    let clock = Clock::from_fn(move || UnixTime::from_millis(SEGMENT * 1920 + began.elapsed().as_millis() as u64));
    let registry = Arc::new(registry_of(render, clock));
    let kept = Arc::clone(&registry);
    registry.setting().tasks.spawn(async move { kept.maintain().await });
    registry
}

#[tokio::test(start_paused = true)]
async fn required_streams_run_first() {
    let registry = kept(&Script::default());
    let mut needy = spec("a");
    needy.control.requires = vec![name("b")];
    registry.put(needy, Precondition::New).await.unwrap();
    let view = until(&registry, Phase::Waiting).await;
    assert!(view.status.error.unwrap().contains("stream b"), "there is no b yet");
    let mut idle = spec("b");
    idle.control.enabled = false;
    registry.put(idle, Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    let required = registry.get(&name("b")).unwrap();
    assert_eq!((required.wanted, required.status.phase), (true, Phase::Running));
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(registry.get(&name("b")).unwrap().status.phase, Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn streams_that_require_each_other_run() {
    let registry = kept(&Script::default());
    for (one, other) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let mut spec = spec(one);
        spec.control.requires = vec![name(other)];
        registry.put(spec, Precondition::New).await.unwrap();
    }
    until(&registry, Phase::Running).await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_phases_are_remembered() {
    let script = Script::of(std::iter::repeat_with(|| Act::Fail(broken())).take(40));
    let registry = kept(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let status = registry.get(&name("a")).unwrap().status;
    assert_eq!(status.history.len(), 50);
    assert!(status.history.iter().is_sorted_by_key(|moment| moment.since));
    assert_eq!(status.history.back().unwrap().phase, Phase::Running);
    assert!(status.history.iter().any(|moment| moment.error.as_deref() == Some("x264enc-v720: broken")));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_reconciler_is_noticed() {
    let left_alone = registry(&Script::default());
    let kept = kept(&Script::default());
    tokio::time::sleep(Duration::from_secs(14)).await;
    assert!(left_alone.is_alive().await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!left_alone.is_alive().await);
    assert!(kept.is_alive().await);
    // Like a process that was suspended.
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert!(kept.is_alive().await);
}

#[test]
fn back_off_doubles_up_to_30_seconds() {
    let mut back_off = back_off::BackOff::default();
    let short = Duration::from_secs(2);
    let waits: Vec<_> = (0..8).map(|_| back_off.after(short).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(back_off.after(Duration::from_secs(61)).as_secs(), 1);
}
