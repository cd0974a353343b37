use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

/// 2026-11-21T10:00:00Z
const NOW: UnixTime = UnixTime::from_millis(1_795_255_200_000);

fn name() -> StreamName {
    StreamName::parse("test").unwrap()
}

fn publish(events: &Events, count: usize) {
    (0..count).for_each(|_| events.publish(NOW, &name(), EventKind::Created));
}

/// Ids that a follower can read without waiting; 0 stands for `Missed`.
fn ready(follower: &mut Follower) -> Vec<u64> {
    let next = || follower.next().now_or_never().flatten();
    std::iter::from_fn(next).map(id).collect()
}

fn id(followed: Delivered) -> u64 {
    match followed {
        Delivered::Event(event) => event.id,
        Delivered::Missed => 0,
    }
}

fn one_of_each_kind() -> [EventKind; 8] {
    let phase = EventKind::Phase { phase: Phase::Waiting, error: Some("x264enc-v720: broken".into()) };
    let target = "rtmp://a/live/***".to_owned();
    let push = EventKind::Push { target, phase: PushPhase::Waiting, error: Some("broken".into()) };
    [
        phase,
        EventKind::Created,
        EventKind::Replaced,
        EventKind::Removed,
        EventKind::FirstViewer,
        EventKind::LastViewer,
        EventKind::Overflow,
        push,
    ]
}

#[test]
fn ids_rise_by_one_from_one() {
    let events = Events::new();
    let mut follower = events.follow(None);
    publish(&events, 3);
    assert_eq!(ready(&mut follower), [1, 2, 3]);
    assert!(ready(&mut follower).is_empty());
}

#[test]
fn a_new_follower_gets_only_later_events() {
    let events = Events::new();
    publish(&events, 3);
    let mut follower = events.follow(None);
    assert!(ready(&mut follower).is_empty());
    publish(&events, 2);
    assert_eq!(ready(&mut follower), [4, 5]);
}

#[test]
fn a_returning_follower_gets_the_events_in_between() {
    let events = Events::new();
    publish(&events, 3);
    let mut follower = events.follow(Some(1));
    publish(&events, 1);
    assert_eq!(ready(&mut follower), [2, 3, 4]);
    assert_eq!(ready(&mut events.follow(Some(0))), [1, 2, 3, 4]);
}

#[test]
fn a_follower_that_returns_too_late_gets_missed() {
    let events = Events::new();
    publish(&events, CAPACITY + 2);
    assert_eq!(ready(&mut events.follow(Some(2))).len(), CAPACITY);
    let followed = ready(&mut events.follow(Some(1)));
    assert_eq!((followed.len(), &followed[..3]), (CAPACITY + 1, &[0, 3, 4][..]));
}

#[test]
fn a_slow_follower_gets_missed_and_continues() {
    let events = Events::new();
    let mut follower = events.follow(None);
    publish(&events, 1);
    assert_eq!(ready(&mut follower), [1]);
    publish(&events, CAPACITY + 1);
    let followed = ready(&mut follower);
    assert_eq!((followed.len(), &followed[..3]), (CAPACITY + 1, &[0, 3, 4][..]));
    publish(&events, 1);
    assert_eq!(ready(&mut follower), [CAPACITY as u64 + 3]);
}

#[test]
fn an_unknown_id_is_of_another_process() {
    let events = Events::new();
    publish(&events, 1);
    assert_eq!(ready(&mut events.follow(Some(500))), [0, 1]);
    assert_ne!(events.series(), Events::new().series());
}

#[tokio::test]
async fn a_waiting_follower_is_woken_until_events_end() {
    let events = Events::new();
    let mut follower = events.follow(None);
    let (first, ()) = tokio::join!(follower.next(), async { publish(&events, 1) });
    assert_eq!(first.map(id), Some(1));
    publish(&events, 1);
    drop(events);
    assert_eq!(follower.next().await.map(id), Some(2));
    assert_eq!(follower.next().await, None);
}

#[test]
fn an_event_is_complete_as_json() {
    let shown = |(id, kind)| serde_json::to_string(&Event { id, at: NOW, stream: name(), kind }).unwrap();
    let running = EventKind::Phase { phase: Phase::Running, error: None };
    let shown: Vec<_> = (1..).zip(one_of_each_kind().into_iter().chain([running])).map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"id":1,"at":"2026-11-21T10:00:00.000Z","event":"phase","stream":"test","phase":"waiting","error":"x264enc-v720: broken"}
    {"id":2,"at":"2026-11-21T10:00:00.000Z","event":"created","stream":"test"}
    {"id":3,"at":"2026-11-21T10:00:00.000Z","event":"replaced","stream":"test"}
    {"id":4,"at":"2026-11-21T10:00:00.000Z","event":"removed","stream":"test"}
    {"id":5,"at":"2026-11-21T10:00:00.000Z","event":"first_viewer","stream":"test"}
    {"id":6,"at":"2026-11-21T10:00:00.000Z","event":"last_viewer","stream":"test"}
    {"id":7,"at":"2026-11-21T10:00:00.000Z","event":"overflow","stream":"test"}
    {"id":8,"at":"2026-11-21T10:00:00.000Z","event":"push","stream":"test","target":"rtmp://a/live/***","phase":"waiting","error":"broken"}
    {"id":9,"at":"2026-11-21T10:00:00.000Z","event":"phase","stream":"test","phase":"running","error":null}
    "#);
}

#[test]
fn every_name_is_in_the_list() {
    let named = |kind| Event { id: 1, at: NOW, stream: name(), kind }.name();
    assert_eq!(one_of_each_kind().map(named), Event::NAMES);
}

proptest! {
    #[test]
    fn ids_have_no_gap_and_no_repetition(steps in prop::collection::vec((0..1500_usize, any::<bool>()), 1..8)) {
        let events = Events::new();
        let mut follower = events.follow(None);
        let (mut last, mut published) = (0, 0);
        for (count, reads) in steps {
            publish(&events, count);
            published += count as u64;
            let followed = if reads { ready(&mut follower) } else { Vec::new() };
            for id in followed {
                match id {
                    0 => last = published - CAPACITY as u64,
                    id => {
                        prop_assert_eq!(id, last + 1);
                        last = id;
                    }
                }
            }
            prop_assert!(!reads || last == published);
        }
    }
}
