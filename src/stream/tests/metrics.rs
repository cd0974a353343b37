//! Metrics of a stream that is deleted.

use super::*;
use crate::base::metrics::labels;

/// Counts chunks at the start and at the end of `render`, as a pipeline does.
fn counting(render: Render) -> Render {
    Arc::new(move |job, stop| {
        let (metrics, rendering) = (Arc::clone(&job.metrics), render(job, stop));
        Box::pin(async move {
            let count = || _ = metrics.chunks.get_or_create(&labels("a"));
            count();
            let result = rendering.await;
            count();
            result
        })
    })
}

/// Deletes a stream in this phase, and checks that no metrics of it are left when its task has ended.
async fn check_nothing_is_left(phase: Phase, render: Render) {
    let registry = kept_with(counting(render));
    let mut spec = spec("a");
    spec.control.enabled = phase != Phase::Stopped;
    registry.put(spec, Precondition::New).await.unwrap();
    until(&registry, phase).await;
    registry.count_viewers();
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let text = registry.setting().metrics.text();
    let left: Vec<_> = text.lines().filter(|line| line.contains("\"a\"")).collect();
    assert_eq!(left, [""; 0], "{phase:?}");
}

#[tokio::test(start_paused = true)]
async fn no_label_of_a_deleted_stream_is_left_in_any_phase() {
    let failing = |error| scripted(&Script::of([Act::Fail(error)]));
    let silent: Render = Arc::new(|_, stop| {
        Box::pin(async move {
            stop.cancelled().await;
            Ok(())
        })
    });
    check_nothing_is_left(Phase::Stopped, scripted(&Script::default())).await;
    check_nothing_is_left(Phase::Starting, silent).await;
    check_nothing_is_left(Phase::Running, scripted(&Script::default())).await;
    check_nothing_is_left(Phase::Waiting, failing(broken())).await;
    check_nothing_is_left(Phase::Failed, failing(PipelineError::MissingElement { element: "x264enc".into() })).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_of_the_name_keeps_its_labels() {
    let registry = kept_with(counting(scripted(&Script::default())));
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    registry.put(spec("a"), Precondition::New).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let text = registry.setting().metrics.text();
    assert!(text.contains("barstone_stream_running{stream=\"a\"} 1"), "{text}");
}
