//! Streams that need more than the capacity, on paused time.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_stream_over_the_capacity_waits_for_another_to_stop() {
    let registry = kept(&Script::default());
    let each = spec("a").pixels_per_second();
    registry.setting().capacity.send_replace(Capacity::Limited(each * 2));
    for other in ["b", "c", "a"] {
        registry.put(spec(other), Precondition::New).await.unwrap();
    }
    let view = until(&registry, Phase::Waiting).await;
    assert!(view.wanted && view.status.error.unwrap().contains("needs 23.0 Mpixel/s"));
    let text = registry.setting().metrics.text();
    assert!(text.contains("barstone_used_pixels_per_second 46080000\n"));
    registry.enable(&name("b"), false, Precondition::Always).await.unwrap();
    until(&registry, Phase::Running).await;
    // A running stream continues even if the capacity turns out to be smaller.
    registry.setting().capacity.send_replace(Capacity::Limited(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(registry.get(&name("a")).unwrap().status.phase, Phase::Running);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_stream_may_use_its_own_and_the_free_capacity() {
    let registry = kept(&Script::default());
    let each = spec("a").pixels_per_second();
    let sized = |name: &str, height: u32| {
        let mut sized = spec(name);
        sized.video[0].height = height;
        sized
    };
    assert_eq!(registry.check_room(&sized("a", 2160)), Ok(()), "there is no limit");
    registry.put(spec("a"), Precondition::New).await.unwrap();
    registry.put(spec("b"), Precondition::New).await.unwrap();
    registry.setting().capacity.send_replace(Capacity::Limited(each * 3));
    assert_eq!(registry.check_room(&spec("c")), Ok(()));
    assert_eq!(registry.check_room(&sized("a", 1440)), Ok(()), "it goes from one to two thirds");
    let no_room = NoRoom { wanted: each * 2, used: each * 2, capacity: each * 3 };
    assert_eq!(registry.check_room(&sized("c", 1440)), Err(no_room));
    assert_eq!(registry.check_room(&asleep("c", Duration::from_secs(30))), Ok(()), "it may wait");
    registry.setting().capacity.send_replace(Capacity::Limited(each));
    assert_eq!(registry.check_room(&spec("a")), Ok(()), "it has that already");
    assert!(registry.check_room(&spec("c")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_stream_over_the_capacity_is_refused_immediately() {
    let registry = kept(&Script::default());
    let each = spec("a").pixels_per_second();
    registry.setting().capacity.send_replace(Capacity::Limited(each * 3 / 2));
    registry.put(spec("b"), Precondition::New).await.unwrap();
    registry.put(asleep("a", Duration::from_secs(30)), Precondition::New).await.unwrap();
    let no_room = NoRoom { wanted: each, used: each, capacity: each * 3 / 2 };
    assert_eq!(registry.output(&name("a")).await.unwrap_err(), Unplayable::NoRoom(no_room));
    registry.enable(&name("b"), false, Precondition::Always).await.unwrap();
    assert!(registry.output(&name("a")).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn of_two_streams_for_the_same_capacity_one_is_refused() {
    let registry = kept(&Script::default());
    registry.setting().capacity.send_replace(Capacity::Limited(spec("a").pixels_per_second()));
    let create = async |name: &str| {
        let _claim = registry.claim_room(&spec(name)).await?;
        // A slow store.
        tokio::time::sleep(Duration::from_secs(1)).await;
        registry.put(spec(name), Precondition::New).await.unwrap();
        Ok::<_, NoRoom>(())
    };
    let (one, other) = tokio::join!(create("a"), create("b"));
    assert!(one.is_ok() && other.is_err(), "{one:?} {other:?}");
}
