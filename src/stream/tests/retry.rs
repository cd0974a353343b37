//! A start or a new definition ends the delay after a failed run.

use super::*;

/// Time until the next run without a retry, longer than the waits of these tests.
const LATER: Duration = Duration::from_secs(20);

fn missing() -> Act {
    Act::Fail(PipelineError::MissingElement { element: "x264enc".into() })
}

fn live_runs(script: &Script) -> usize {
    script.jobs().iter().filter(|(_, until)| until.is_none()).count()
}

#[tokio::test(start_paused = true)]
async fn a_start_retries_a_failed_stream() {
    let script = Script::of([missing(), missing()]);
    let registry = kept(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Failed).await;
    let view = registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    let begun = view.status.history.iter().filter(|moment| moment.phase == Phase::Starting).count();
    assert_eq!((begun, view.status.phase), (2, Phase::Failed), "the answer shows the phase after the start");
    let view = registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    assert_ne!(view.status.phase, Phase::Failed);
    until(&registry, Phase::Running).await;
    registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    tokio::time::sleep(LATER).await;
    assert_eq!(live_runs(&script), 3, "a stream that runs goes on");
}

#[tokio::test(start_paused = true)]
async fn a_start_of_a_stream_that_waits_after_failures_tries_at_once_and_soon_again() {
    let script = Script::of(std::iter::repeat_with(|| Act::Fail(broken())).take(7));
    let registry = kept(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    // After delays of 1, 2, 4 and 8 s.
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(live_runs(&script), 5);
    let started = tokio::time::Instant::now();
    registry.enable(&name("a"), true, Precondition::Always).await.unwrap();
    assert_eq!((live_runs(&script), started.elapsed()), (6, Duration::ZERO));
    // After delays of 1 and 2 s, and the time in which the tracks catch up.
    until(&registry, Phase::Running).await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_failed_stream_is_retried_with_another_definition_and_not_with_the_same() {
    let script = Script::of([missing()]);
    let registry = kept(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Failed).await;
    registry.put(spec("a"), Precondition::Always).await.unwrap();
    tokio::time::sleep(LATER).await;
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Failed);
    registry.put(StreamSpec { title: "other".into(), ..spec("a") }, Precondition::Always).await.unwrap();
    until(&registry, Phase::Running).await;
}
