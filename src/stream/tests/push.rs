//! Targets that refuse, accept and change the connection, on paused time.

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

use super::*;
use crate::media::pipeline::{Delivery, PushEnd, PushError};

/// Reaction of a target to an attempt.
#[derive(Debug, Clone, Copy)]
enum Reaction {
    Refuse,
    /// Accepts frames for some seconds, then breaks the connection.
    Take(u64),
    /// The decoder configuration changes, so the push ends with `Changed`.
    Change,
    /// Accepts nothing.
    Ignore,
}

/// Targets that follow a script and accept everything afterwards.
#[derive(Clone, Default)]
struct Targets {
    reactions: Arc<Mutex<VecDeque<Reaction>>>,
    tries: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Targets {
    fn of(reactions: impl IntoIterator<Item = Reaction>) -> Self {
        Self { reactions: Arc::new(Mutex::new(reactions.into_iter().collect())), tries: Arc::default() }
    }

    async fn deliver(self, delivery: Delivery, stop: CancellationToken) -> Result<PushEnd, DeliveryError> {
        let key = delivery.push.url.reveal().rsplit('/').next().unwrap().to_owned();
        let broken = PipelineError::Element { element: "sink".into(), message: key.clone() };
        let broken = DeliveryError::Container(PushError::Pipeline(broken));
        self.tries.lock().unwrap().push((key, Instant::now()));
        let reaction = self.reactions.lock().unwrap().pop_front();
        let take = || {
            delivery.receipt.bytes.fetch_add(1000, Ordering::Relaxed);
            delivery.receipt.counted.inc_by(1000);
            _ = delivery.receipt.taken.set(());
        };
        match reaction {
            Some(Reaction::Refuse) => Err(broken),
            Some(Reaction::Take(seconds)) => {
                take();
                sleep(Duration::from_secs(seconds)).await;
                Err(broken)
            }
            Some(Reaction::Change) => {
                take();
                sleep(Duration::from_secs(1)).await;
                Ok(PushEnd::Changed)
            }
            Some(Reaction::Ignore) => {
                stop.cancelled().await;
                Ok(PushEnd::Stopped)
            }
            None => {
                take();
                stop.cancelled().await;
                Ok(PushEnd::Stopped)
            }
        }
    }

    /// Keys of the targets that were tried, in order.
    fn keys(&self) -> Vec<String> {
        self.tries.lock().unwrap().iter().map(|(key, _)| key.clone()).collect()
    }

    /// Seconds between attempts.
    fn rests(&self) -> Vec<u64> {
        let tries = self.tries.lock().unwrap();
        tries.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs_f64().round() as u64).collect()
    }
}

/// A registry whose streams are pushed to these targets.
fn pushing(targets: &Targets, pushes: bool) -> Registry {
    let (script, targets) = (Script::default(), targets.clone());
    let render: Render = Arc::new(move |job, stop| Box::pin(script.clone().render(job, stop)));
    let deliver: Deliver = Arc::new(move |delivery, stop| Box::pin(targets.clone().deliver(delivery, stop)));
    let clock = Clock::from_fn(|| UnixTime::from_millis(SEGMENT * 1920));
    let setting = Setting { deliver, pushes, ..Setting::new(clock, render, "scripted") };
    Registry::new(setting, Definitions::in_memory(Vec::new()), CancellationToken::new())
}

fn pushed(keys: &[&str]) -> StreamSpec {
    let push = keys.iter().map(|key| serde_json::json!({"url": format!("rtmp://a/live/{key}")}));
    let push = serde_json::from_value(push.collect()).unwrap();
    StreamRequest { push, ..StreamRequest::named("a") }.try_into().unwrap()
}

fn phases(registry: &Registry) -> Vec<PushPhase> {
    registry.get(&name("a")).unwrap().targets.iter().map(|target| target.phase).collect()
}

async fn settle() {
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_is_retried_forever() {
    let targets = Targets::of([Reaction::Refuse; 100]);
    let registry = pushing(&targets, true);
    let mut follower = registry.setting().events.follow(None);
    registry.put(pushed(&["secret"]), Precondition::New).await.unwrap();
    sleep(Duration::from_secs(125)).await;
    assert_eq!(targets.rests(), [1, 2, 4, 8, 16, 30, 30, 30]);
    let view = registry.get(&name("a")).unwrap();
    assert_eq!(view.status.phase, Phase::Running);
    let target = &view.targets[0];
    assert_eq!((target.phase, target.restarts, target.bytes), (PushPhase::Waiting, 9, 0));
    assert_eq!(target.error.as_deref(), Some("sink: ***"), "a key is shown to nobody");
    assert_eq!(target.next_try, Some(target.since.unwrap() + Duration::from_secs(30)));
    let mut published = Vec::new();
    while let Some(Some(Delivered::Event(event))) = follower.next().now_or_never() {
        published.extend(matches!(event.kind, EventKind::Push { .. }).then(|| serde_json::to_string(&*event).unwrap()));
    }
    assert_eq!(published.len(), 1, "the same state again is not published: {published:?}");
    assert!(
        published[0].contains(r#""target":"rtmp://a/live/***","phase":"waiting","error":"sink: ***""#),
        "{published:?}"
    );
    let text = registry.setting().metrics.text();
    assert!(text.contains("barstone_push_failures_total{stream=\"a\"} 9"), "{text}");
    assert!(text.contains("barstone_push_running{stream=\"a\"} 0"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_health_resets_the_back_off() {
    let targets =
        Targets::of([Reaction::Refuse, Reaction::Refuse, Reaction::Take(59), Reaction::Take(60), Reaction::Refuse]);
    let registry = pushing(&targets, true);
    registry.put(pushed(&["k"]), Precondition::New).await.unwrap();
    sleep(Duration::from_secs(300)).await;
    assert_eq!(targets.rests(), [1, 2, 59 + 4, 60 + 1, 2]);
    let target = &registry.get(&name("a")).unwrap().targets[0];
    assert_eq!((target.phase, target.error.as_deref(), target.next_try), (PushPhase::Running, None, None));
    assert_eq!((target.restarts, target.bytes), (5, 3000));
    let text = registry.setting().metrics.text();
    assert!(text.contains("barstone_push_running{stream=\"a\"} 1"), "{text}");
    assert!(text.contains("barstone_push_bytes_total{stream=\"a\"} 3000"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_targets_affects_only_changed_ones() {
    let targets = Targets::default();
    let registry = pushing(&targets, true);
    registry.put(pushed(&["one", "two"]), Precondition::New).await.unwrap();
    settle().await;
    let output = until(&registry, Phase::Running).await.status.output.unwrap();
    assert_eq!(phases(&registry), [PushPhase::Running; 2]);
    registry.put(pushed(&["three", "two"]), Precondition::Exists).await.unwrap();
    settle().await;
    assert_eq!(phases(&registry), [PushPhase::Running; 2]);
    registry.put(pushed(&["one"]), Precondition::Exists).await.unwrap();
    settle().await;
    assert_eq!(phases(&registry), [PushPhase::Running]);
    let mut keys = targets.keys();
    keys.sort();
    assert_eq!(keys, ["one", "one", "three", "two"]);
    assert_eq!(until(&registry, Phase::Running).await.status.output.unwrap().id, output.id, "the stream goes on");
    registry.put(pushed(&[]), Precondition::Exists).await.unwrap();
    settle().await;
    assert!(registry.setting().metrics.text().contains("barstone_push_running{stream=\"a\"} 0"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_pushed_while_it_runs() {
    let targets = Targets::of([Reaction::Ignore]);
    let registry = pushing(&targets, true);
    let stopped = StreamSpec { control: spec("a").control, ..pushed(&["k"]) };
    registry.put(stopped, Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    settle().await;
    assert_eq!(phases(&registry), [PushPhase::Connecting], "the stream does not wait for it");
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    until(&registry, Phase::Stopped).await;
    settle().await;
    assert_eq!(phases(&registry), [PushPhase::Stopped]);
    registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    until(&registry, Phase::Running).await;
    settle().await;
    assert_eq!(phases(&registry), [PushPhase::Running]);
    let longer = StreamSpec { window: Duration::from_secs(120), ..pushed(&["k"]) };
    registry.put(longer, Precondition::Exists).await.unwrap();
    settle().await;
    assert_eq!((phases(&registry), targets.keys().len()), (vec![PushPhase::Running], 3), "another presentation");
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    settle().await;
    assert!(!registry.setting().metrics.text().contains("barstone_push_running{"), "nothing of it is left");
}

#[tokio::test(start_paused = true)]
async fn a_changed_decoder_configuration_reconnects_without_failure() {
    let targets = Targets::of([Reaction::Change]);
    let registry = pushing(&targets, true);
    registry.put(pushed(&["k"]), Precondition::New).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    let target = &registry.get(&name("a")).unwrap().targets[0];
    assert_eq!((targets.rests(), target.phase, target.restarts), (vec![1], PushPhase::Running, 0));
}

#[tokio::test(start_paused = true)]
async fn with_push_false_nothing_is_pushed() {
    let targets = Targets::default();
    let registry = pushing(&targets, false);
    registry.put(pushed(&["k"]), Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    settle().await;
    assert_eq!((phases(&registry), targets.keys().len()), (vec![PushPhase::Stopped], 0));
}
