//! Changes of a running stream.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_same_definition_again_changes_nothing() {
    let script = Script::default();
    let registry = registry(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let before = until(&registry, Phase::Running).await.status.output.unwrap();
    let (_, change) = registry.put(spec("a"), Precondition::Always).await.unwrap();
    assert_eq!(change, Change::Replaced);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = registry.get(&name("a")).unwrap().status.output.unwrap();
    assert_eq!(before.id, after.id);
}

#[tokio::test(start_paused = true)]
async fn a_presentation_with_another_window_follows_on_the_one_before() {
    let registry = registry(&Script::default());
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let before = until(&registry, Phase::Running).await.status.output.unwrap();
    let other = StreamSpec { window: Duration::from_secs(30), ..spec("a") };
    registry.put(other, Precondition::Always).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = until(&registry, Phase::Running).await.status.output.unwrap();
    assert_eq!((before.presentation, after.presentation), (0, 1));
    let ending = before.ending().unwrap();
    let start = before.spec.timeline.segment_start(SEGMENT + 2);
    assert_eq!(
        (ending.last, ending.handover),
        (SEGMENT + 1, Some(start)),
        "two seconds from now are within the next segment"
    );
    assert!(!before.ended() && after.earlier()[0].id == before.id);
    // Nothing renders the last segments here, and the stop does not wait for them.
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(before.ended() && after.earlier().len() == 1);
    // Two of the longer windows.
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(after.earlier().is_empty() && !after.is_to_end());
    registry.remove(&name("a"), Precondition::Always).await.unwrap();
    registry.setting().tasks.close();
    registry.setting().tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_switches_to_another_picture_without_ending() {
    let script = Script::default();
    let registry = kept(&script);
    registry.put(spec("a"), Precondition::New).await.unwrap();
    let output = until(&registry, Phase::Running).await.status.output.unwrap();
    let titled = |title: &str| StreamSpec { title: title.into(), ..spec("a") };
    // The notice of two seconds ends within the next segment.
    registry.put(titled("never seen"), Precondition::Always).await.unwrap();
    registry.put(titled("other"), Precondition::Always).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let epochs = output.epochs();
    let [first, second] = &epochs[..] else { panic!("{epochs:?}") };
    assert_eq!((first.until(), second.from, second.index), (Some(SEGMENT + 2), SEGMENT + 2, 1));
    assert_eq!((second.spec.title.as_str(), second.until()), ("other", None));
    assert_ne!(first.revision, second.revision);
    let live: Vec<_> = script.jobs().into_iter().filter(|(_, until)| until.is_none()).map(|(from, _)| from).collect();
    assert_eq!((live[0], live.last()), (SEGMENT - 4, Some(&SEGMENT)), "it begins at once, to say what it makes");
    let view = registry.get(&name("a")).unwrap();
    assert_eq!((view.status.phase, view.status.output.unwrap().id), (Phase::Running, output.id));
    assert!(!output.ended());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_running_stream_is_answered_as_soon_as_it_is_announced() {
    let registry = registry(&Script::default());
    registry.put(spec("a"), Precondition::New).await.unwrap();
    until(&registry, Phase::Running).await;
    let began = tokio::time::Instant::now();
    registry.put(StreamSpec { title: "other".into(), ..spec("a") }, Precondition::Exists).await.unwrap();
    let view = registry.settled(&name("a")).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    let output = view.status.output.unwrap();
    assert_eq!(output.epochs().last().unwrap().spec.title, "other");
}
