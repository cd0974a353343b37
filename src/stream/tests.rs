use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::*;
use crate::metrics::Metrics;
use crate::spec::{StreamName, StreamRequest, StreamSpec};
use crate::timeline::UnixTime;
use crate::utc::Clock;
use crate::window::Lookup;
use crate::window::fixture::publish;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

/// What the next live run does, once it has made its first segments.
#[derive(Debug, Clone)]
enum Act {
    RunUntilStopped,
    Fail(PipelineError),
}

/// From which segment until which.
type Asked = (u64, Option<u64>);

/// A pipeline that follows a script.
#[derive(Clone, Default)]
struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    jobs: Arc<Mutex<Vec<Asked>>>,
}

impl Script {
    fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: Arc::new(Mutex::new(acts.into_iter().collect())), jobs: Arc::default() }
    }

    fn jobs(&self) -> Vec<Asked> {
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

/// At the start of segment `now`.
fn registry_at(script: &Script, now: &Arc<AtomicU64>) -> Registry {
    let (script, now) = (script.clone(), Arc::clone(now));
    let setting = Setting {
        clock: Clock::from_fn(move || UnixTime::from_millis(now.load(Ordering::Relaxed) * 1920)),
        render: Arc::new(move |job, stop| Box::pin(script.clone().render(job, stop))),
        encoders: "scripted".into(),
        directory: None,
        metrics: Arc::new(Metrics::new()),
        tasks: TaskTracker::new(),
        turns: Turns::default(),
    };
    Registry::new(setting, CancellationToken::new())
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
    registry.create(spec("a")).unwrap();
    let view = until(&registry, Phase::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.jobs(), [(SEGMENT - 4, None), (SEGMENT - 32, Some(SEGMENT - 4))]);
    let snapshot = view.status.output.unwrap().tracks[0].window.snapshot();
    assert_eq!(snapshot.listed(), Some(SEGMENT - 32..=SEGMENT - 1));
    assert!(snapshot.listed().unwrap().all(|number| matches!(snapshot.lookup(number), Lookup::Ready(_))));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_is_followed_by_another() {
    let script = Script::of([Act::Fail(broken()), Act::Fail(broken())]);
    let registry = registry(&script);
    registry.create(spec("a")).unwrap();
    let view = until(&registry, Phase::Waiting).await;
    assert_eq!(view.status.error.as_deref(), Some("x264enc-v720: broken"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let view = until(&registry, Phase::Running).await;
    assert_eq!(view.status.error, None);
    // The second run finds the first one's segments and goes on after them.
    let live: Vec<_> = script.jobs().into_iter().filter(|(_, until)| until.is_none()).collect();
    assert_eq!(live, [(SEGMENT - 4, None), (SEGMENT, None), (SEGMENT, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_late_leaves_a_gap_and_no_more() {
    let late = Act::Fail(PipelineError::Late { behind: Duration::from_secs(3) });
    let now = Arc::new(AtomicU64::new(SEGMENT));
    let script = Script::of([late]);
    let registry = registry_at(&script, &now);
    registry.create(spec("a")).unwrap();
    until(&registry, Phase::Waiting).await;
    now.store(SEGMENT + 7, Ordering::Relaxed);
    let view = until(&registry, Phase::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let live: Vec<_> = script.jobs().into_iter().filter(|(_, until)| until.is_none()).collect();
    assert_eq!(live, [(SEGMENT - 4, None), (SEGMENT + 3, None)]);
    let output = view.status.output.unwrap();
    let snapshot = output.tracks[0].window.snapshot();
    // The past is there, whichever of the runs has filled it in.
    let is_there = |number: &u64| matches!(snapshot.lookup(*number), Lookup::Ready(_));
    let gaps: Vec<_> = snapshot.listed().unwrap().filter(|number| !is_there(number)).collect();
    assert_eq!(gaps, [SEGMENT, SEGMENT + 1, SEGMENT + 2]);
    assert!(registry.setting().metrics.text().contains("barstone_skipped_segments_total{stream=\"a\"} 3"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_removed_ends_its_presentation() {
    let registry = registry(&Script::default());
    registry.create(spec("a")).unwrap();
    let output = until(&registry, Phase::Running).await.status.output.unwrap();
    registry.remove(&name("a")).unwrap();
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
    registry.create(spec("a")).unwrap();
    let view = until(&registry, Phase::Failed).await;
    assert!(view.status.error.unwrap().contains("x264enc"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(script.jobs().iter().filter(|(_, until)| until.is_none()).count(), 1);
    // A new wish is a new chance.
    registry.stop(&name("a")).unwrap();
    until(&registry, Phase::Stopped).await;
    registry.start(&name("a")).unwrap();
    until(&registry, Phase::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_stopped_ends_and_stays_for_a_while() {
    let registry = registry(&Script::default());
    registry.create(spec("a")).unwrap();
    until(&registry, Phase::Running).await;
    registry.stop(&name("a")).unwrap();
    registry.stop(&name("a")).unwrap();
    let view = until(&registry, Phase::Stopped).await;
    assert!(view.status.output.unwrap().ended());
    assert!(!view.spec.enabled);
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(registry.get(&name("a")).unwrap().status.output.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_same_definition_again_changes_nothing() {
    let script = Script::default();
    let registry = registry(&script);
    registry.create(spec("a")).unwrap();
    let before = until(&registry, Phase::Running).await.status.output.unwrap();
    let (_, change) = registry.replace(spec("a")).unwrap();
    assert_eq!(change, Change::Replaced);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = registry.get(&name("a")).unwrap().status.output.unwrap();
    assert_eq!(before.id, after.id);
    let other = StreamSpec { title: "other".into(), ..spec("a") };
    registry.replace(other).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = until(&registry, Phase::Running).await.status.output.unwrap();
    assert_ne!(before.revision, after.revision);
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_removal_ends_the_task() {
    let registry = registry(&Script::default());
    registry.create(spec("a")).unwrap();
    assert_eq!(registry.create(spec("a")).unwrap_err(), RegistryError::Exists(name("a")));
    registry.remove(&name("a")).unwrap();
    assert_eq!(registry.remove(&name("a")).unwrap_err(), RegistryError::Unknown(name("a")));
    registry.setting().tasks.close();
    registry.setting().tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn there_is_a_limit_to_streams() {
    let registry = registry(&Script::default());
    let made = (0..300).map(|i| registry.create(StreamSpec { enabled: false, ..spec(&format!("s{i}")) }));
    let made: Vec<_> = made.collect();
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 256);
    assert_eq!(made.last().unwrap().as_ref().unwrap_err(), &RegistryError::Full);
}

#[test]
fn waits_double_up_to_half_a_minute() {
    let mut back_off = run::BackOff::default();
    let short = Duration::from_secs(2);
    let waits: Vec<_> = (0..8).map(|_| back_off.after(short).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(back_off.after(Duration::from_secs(61)).as_secs(), 1);
}
