//! Streams that run while media is requested.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_on_demand_stream_runs_while_media_is_requested() {
    let registry = kept(&Script::default());
    registry.put(asleep("a", Duration::from_secs(30)), Precondition::New).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Stopped);
    for _ in 0..4 {
        let output = registry.output(&name("a")).await.unwrap().expect("it starts");
        assert!(!output.ended());
        drop(output);
        tokio::time::sleep(Duration::from_secs(25)).await;
    }
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Running);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let view = registry.get(&name("a")).unwrap();
    assert_eq!((view.wanted, view.status.phase), (false, Phase::Stopped));
    let output = registry.output(&name("a")).await.unwrap().expect("it starts again");
    assert!(!output.ended());
}

#[tokio::test(start_paused = true)]
async fn an_on_demand_stream_runs_while_a_response_is_sent() {
    let registry = kept(&Script::default());
    registry.put(asleep("a", Duration::from_secs(10)), Precondition::New).await.unwrap();
    let visit = registry.output(&name("a")).await.unwrap().expect("it starts");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let long = visit.clone();
    drop(visit);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!long.ended());
    drop(long);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Running);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn media_of_an_ended_run_is_not_served_after_a_restart() {
    let slow = async |job, stop| {
        let rendered = Script::default().render(job, stop).await;
        // Time in which threads are joined.
        tokio::time::sleep(Duration::from_secs(2)).await;
        rendered
    };
    let registry = kept_with(Arc::new(move |job, stop| Box::pin(slow(job, stop))));
    registry.put(asleep("a", Duration::from_secs(10)), Precondition::New).await.unwrap();
    let first = registry.output(&name("a")).await.unwrap().expect("it starts").id;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!registry.get(&name("a")).unwrap().wanted, "it is being stopped");
    for _ in 0..2 {
        let again = registry.output(&name("a")).await.unwrap().expect("it starts again");
        assert!(again.id != first && !again.ended());
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_stream_is_not_started_by_demand() {
    let registry = kept(&Script::default());
    registry.put(asleep("a", Duration::from_secs(30)), Precondition::New).await.unwrap();
    registry.enable(&name("a"), false, Precondition::Always).await.unwrap();
    assert!(registry.output(&name("a")).await.unwrap().is_none());
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Stopped);
}
