use proptest::prelude::*;

use super::*;
use crate::media::cmaf::Media;

const DEPTH: Depth = Depth { listed: 4, kept: 9, has_archive: false, chunks: 3 };

fn chunk(segment: u64, index: u32) -> Chunk {
    let media = Media::from(format!("{segment}.{index} ").into_bytes());
    Chunk { segment, index, media, first_sample_end: 1, excess: 0 }
}

fn push_segment(window: &Window, number: u64) {
    (0..DEPTH.chunks).for_each(|index| window.push(chunk(number, index)));
}

#[test]
fn a_segment_is_complete_with_its_last_chunk() {
    let window = Window::new(DEPTH);
    assert!(matches!(window.snapshot().lookup(100), Lookup::Missing));
    window.push(chunk(100, 0));
    window.push(chunk(100, 1));
    assert!(matches!(window.snapshot().lookup(100), Lookup::Growing(_)));
    assert_eq!(window.snapshot().last_complete(), None);
    window.push(chunk(100, 2));
    let Lookup::Ready(media) = window.snapshot().lookup(100) else { panic!("not ready") };
    assert_eq!(media.pieces().concat(), b"100.0 100.1 100.2 ");
    assert_eq!(window.snapshot().listed(), Some(100..=100));
    assert!(matches!(window.snapshot().lookup(101), Lookup::Future));
}

#[test]
fn what_is_there_is_not_published_twice() {
    let window = Window::new(DEPTH);
    push_segment(&window, 100);
    let before = window.snapshot().version(Granularity::Segment);
    push_segment(&window, 100);
    assert_eq!(window.snapshot().segment(100).unwrap().chunks.len(), 3);
    assert_eq!(window.snapshot().version(Granularity::Segment), before);
}

#[test]
fn a_chunk_that_does_not_follow_is_ignored() {
    let window = Window::new(DEPTH);
    window.push(chunk(100, 1));
    assert_eq!(window.snapshot().edge(), None);
    window.push(chunk(101, 0));
    window.push(chunk(101, 2));
    assert_eq!(window.snapshot().edge(), Some(Edge { segment: 101, chunk: 0 }));
}

#[test]
fn the_past_is_listed_before_it_is_filled_in() {
    let window = Window::new(DEPTH);
    window.expect(96..99);
    push_segment(&window, 99);
    let snapshot = window.snapshot();
    assert_eq!(snapshot.listed(), Some(96..=99));
    assert!(matches!(snapshot.lookup(97), Lookup::Missing) && snapshot.is_available(97));
    push_segment(&window, 96);
    window.filled();
    let snapshot = window.snapshot();
    assert!(snapshot.is_available(96) && !snapshot.is_available(97));
}

#[test]
fn segments_after_those_that_are_filled_in_are_in_the_future_of_an_empty_window() {
    let window = Window::new(DEPTH);
    window.expect(96..99);
    assert!(matches!(window.snapshot().lookup(98), Lookup::Missing));
    assert!(matches!(window.snapshot().lookup(99), Lookup::Future));
}

#[test]
fn old_segments_leave_and_stay_gone() {
    let window = Window::new(DEPTH);
    (100..130).for_each(|number| push_segment(&window, number));
    let snapshot = window.snapshot();
    assert_eq!((snapshot.first(), snapshot.next(), snapshot.listed()), (120, 130, Some(126..=129)));
    assert!(matches!(snapshot.lookup(119), Lookup::Expired));
    push_segment(&window, 119);
    assert!(matches!(window.snapshot().lookup(119), Lookup::Expired));
}

#[test]
fn a_window_may_be_longer_than_what_is_in_memory() {
    let window = Window::new(Depth { listed: 50, has_archive: true, ..DEPTH });
    (100..130).for_each(|number| push_segment(&window, number));
    let snapshot = window.snapshot();
    assert_eq!((snapshot.first(), snapshot.listed()), (120, Some(80..=129)));
    assert!(snapshot.is_available(80) && snapshot.is_available(129));
    assert_eq!(snapshot.in_memory(4).listed(), Some(126..=129));
}

#[test]
fn a_jump_ahead_leaves_gaps() {
    let window = Window::new(DEPTH);
    push_segment(&window, 100);
    push_segment(&window, 1000);
    let snapshot = window.snapshot();
    assert_eq!(snapshot.listed(), Some(997..=1000));
    assert!(!snapshot.is_available(999));
}

#[test]
fn an_end_withdraws_what_other_tracks_do_not_have() {
    let window = Window::new(DEPTH);
    (100..104).for_each(|number| push_segment(&window, number));
    window.push(chunk(104, 0));
    window.end(Some(102));
    let snapshot = window.snapshot();
    assert!(snapshot.ended());
    assert_eq!(snapshot.listed(), Some(100..=102));
    assert!(matches!(snapshot.lookup(104), Lookup::Future));
    assert!(matches!(snapshot.lookup(103), Lookup::Future));
}

#[test]
fn nothing_comes_after_the_end() {
    for last in [None, Some(100)] {
        let window = Window::new(DEPTH);
        push_segment(&window, 100);
        window.end(last);
        push_segment(&window, 101);
        let snapshot = window.snapshot();
        assert!(snapshot.ended());
        assert_eq!(snapshot.last_complete(), last);
    }
}

#[test]
fn an_end_before_the_past_is_there_shortens_the_list() {
    let window = Window::new(DEPTH);
    window.expect(96..99);
    push_segment(&window, 96);
    (98..101).for_each(|number| push_segment(&window, number));
    window.end(Some(100));
    assert_eq!(window.snapshot().listed(), Some(98..=100));
    assert!(matches!(window.snapshot().lookup(97), Lookup::Expired));
}

#[test]
fn what_the_live_run_skips_is_a_gap_although_the_past_is_filled_in() {
    let window = Window::new(DEPTH);
    window.expect(96..98);
    push_segment(&window, 98);
    push_segment(&window, 100);
    let snapshot = window.snapshot();
    assert!(snapshot.is_available(97) && !snapshot.is_available(99));
}

#[test]
fn a_snapshot_never_changes() {
    let window = Window::new(DEPTH);
    push_segment(&window, 100);
    let before = window.snapshot();
    (101..150).for_each(|number| push_segment(&window, number));
    assert_eq!(before.listed(), Some(100..=100));
    assert!(matches!(before.lookup(100), Lookup::Ready(_)));
}

proptest! {
    #[test]
    fn any_order_keeps_the_window_whole(pushes in prop::collection::vec((100_u64..140, 0_u32..4), 0..300)) {
        let window = Window::new(DEPTH);
        let mut last = None;
        let mut first = 0;
        for (number, index) in pushes {
            window.push(chunk(number, index.min(2)));
            let snapshot = window.snapshot();
            prop_assert!(snapshot.last_complete() >= last);
            prop_assert!(snapshot.first() >= first);
            prop_assert!(snapshot.next() - snapshot.first() <= DEPTH.kept + 1);
            (last, first) = (snapshot.last_complete(), snapshot.first());
            for (number, media) in snapshot.complete() {
                prop_assert_eq!(media.pieces().len(), 3);
                prop_assert!((snapshot.first()..snapshot.next()).contains(&number));
            }
        }
    }
}

#[test]
fn a_window_of_then_lists_what_was_published_then() {
    let window = Window::new(DEPTH);
    (100..106).for_each(|number| push_segment(&window, number));
    let now = window.snapshot();
    let then = now.up_to(104 * 3 + 2);
    assert_eq!((then.listed(), then.edge()), (Some(100..=103), Some(Edge { segment: 104, chunk: 1 })));
    let newest = then.segment(104).unwrap();
    assert_eq!((newest.chunks.len(), newest.whole.is_none()), (2, true));
    let whole = now.up_to(104 * 3);
    assert_eq!((whole.listed(), whole.edge()), (Some(100..=103), Some(Edge { segment: 103, chunk: 2 })));
    assert!(whole.segment(104).is_none());
    // Nothing is listed before it is there.
    assert_eq!((now.up_to(999).listed(), now.up_to(999).edge()), (now.listed(), now.edge()));
    (106..120).for_each(|number| push_segment(&window, number));
    let long_ago = window.snapshot().up_to(105 * 3);
    assert_eq!(long_ago.listed(), Some(101..=104));
    assert!((101..105).all(|number| long_ago.is_available(number)), "they are no gaps");
}
