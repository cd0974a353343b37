use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::*;
use crate::cmaf::{Chunk, Media};
use crate::metrics::Metrics;
use crate::spec::{StreamName, StreamRequest, StreamSpec};
use crate::timeline::UnixTime;
use crate::utc::Clock;
use crate::window::{Lookup, Output};

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
        publish(&job.output, job.from..job.until.unwrap_or(SEGMENT));
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

fn publish(output: &Output, segments: std::ops::Range<u64>) {
    for segment in segments {
        for index in 0..output.spec.timeline.chunks_per_segment() {
            for track in &output.tracks {
                let media = Media::from(vec![index as u8; 10]);
                track.window.push(Chunk { segment, index, media, first_sample_end: 7, excess: 0 });
            }
        }
    }
}

fn registry(script: &Script) -> Registry {
    let script = script.clone();
    let setting = Setting {
        clock: Clock::from_fn(|| UnixTime::from_millis(SEGMENT * 1920)),
        render: Arc::new(move |job, stop| Box::pin(script.clone().render(job, stop))),
        encoders: "scripted".into(),
        directory: None,
        metrics: Arc::new(Metrics::new()),
        tasks: TaskTracker::new(),
        filling: Semaphore::new(1),
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
