use proptest::prelude::*;

use super::*;
use crate::base::format::Format;
use crate::base::timeline::{Kind, Rate};

/// 2026-11-21T03:40:28.800Z
const START: UnixTime = UnixTime::from_millis(935_016_890 * 1920);

fn timeline(segment_frames: u32, chunk_frames: u32) -> Timeline {
    Timeline::new(Rate::new(25, 1).unwrap(), segment_frames, chunk_frames)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A client that plays from `from` until `until`, measured from the start.
#[derive(Debug, Clone)]
struct Player {
    format: Format,
    from: Duration,
    until: Duration,
    /// Delay of its requests.
    late: Duration,
}

/// Time, segment and chunk of each request. Video and audio are requested alike.
type Requests = Vec<(UnixTime, u64, u32)>;

impl Player {
    fn requests(&self, timeline: &Timeline) -> Requests {
        let (from, until) = (START + self.from, START + self.until);
        let first = timeline.segment_at(from);
        let chunks = timeline.chunks_per_segment();
        let whole = |at, segment| (at, segment, chunks);
        let to_come = first..=timeline.segment_at(until);
        let mut requests: Requests = match self.format {
            Format::Hls => self.polls(timeline),
            Format::Dash => {
                let past = (first - 5..first).map(|segment| whole(from, segment));
                past.chain(to_come.map(|segment| whole(timeline.segment_start(segment + 1) + self.late, segment)))
                    .collect()
            }
            Format::LlDash => {
                to_come.map(|segment| whole(from.max(timeline.segment_start(segment)) + self.late, segment)).collect()
            }
            Format::LlHls => {
                let past = (first - 2..first).map(|segment| whole(from, segment));
                let parts = to_come.flat_map(|segment| (0..chunks).map(move |chunk| (segment, chunk)));
                let parts =
                    parts.map(|(segment, chunk)| (from.max(timeline.chunk_span(segment, chunk).end), segment, 1));
                past.chain(parts).collect()
            }
        };
        requests.retain(|(at, ..)| *at < until);
        requests
    }

    /// Requests of a player that reads the playlist once in a target duration.
    fn polls(&self, timeline: &Timeline) -> Requests {
        let target = Duration::from_secs(timeline.segment_duration().as_secs_f64().round() as u64);
        let (mut at, mut next) = (START + self.from, 0);
        let mut requests = Vec::new();
        while at < START + self.until {
            let newest = timeline.segment_at(at) - 1;
            next = next.max(newest - 2);
            requests.extend((next..=newest).map(|segment| (at + self.late, segment, timeline.chunks_per_segment())));
            (at, next) = (at + target, newest + 1);
        }
        requests
    }
}

/// Simulates the players and reads the figures every second.
fn watch(players: &[Player], timeline: &Timeline, length: Duration) -> Vec<(Duration, Figures, Option<Transition>)> {
    let audience = Audience::new();
    let of = |player: &Player| {
        player.requests(timeline).into_iter().map(|request| (request, player.format)).collect::<Vec<_>>()
    };
    let mut requests: Vec<_> = players.iter().flat_map(of).collect();
    requests.sort_by_key(|((at, ..), _)| *at);
    let mut requests = requests.into_iter().peekable();
    let seconds = (0..length.as_secs()).map(|second| {
        let now = START + Duration::from_secs(second);
        while let Some(((at, segment, chunks), format)) = requests.next_if(|((at, ..), _)| *at <= now) {
            for kind in [Kind::Video, Kind::Audio] {
                audience.count_request(&MediaRequest { kind, segment, chunks, format }, timeline, at);
            }
        }
        let transition = audience.measure(Some(timeline), now);
        (Duration::from_secs(second), audience.figures(), transition)
    });
    seconds.collect()
}

/// Time after which a player that plays is counted.
fn steady(timeline: &Timeline) -> Duration {
    2 * timeline.segment_duration() + estimate::settling_time(timeline.segment_duration())
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn players_are_counted_while_they_play(
        many in prop::collection::vec((format(), 0_u64..900, 0_u64..900), 1..40),
        (segment, chunk) in (25_u32..250, 4_u32..25),
    ) {
        let timeline = timeline(segment, chunk);
        let until = Duration::from_secs(100);
        let players: Vec<_> = many.iter()
            .map(|&(format, from, late)| Player { format, from: millis(from), until, late: millis(late) }).collect();
        let all = players.len() as u64;
        let all_gone_at = until + 3 * timeline.segment_duration() + Duration::from_secs(4);
        for (at, figures, _) in watch(&players, &timeline, all_gone_at + Duration::from_secs(10)) {
            prop_assert!(figures.viewers() <= all, "{at:?} {figures:?}");
            if at > steady(&timeline) + Duration::from_secs(1) && at < until {
                for format in Format::ALL {
                    let there = players.iter().filter(|player| player.format == format).count() as u64;
                    prop_assert_eq!(figures.current[format as usize], there, "{:?} at {:?}", format, at);
                }
            }
            if at > all_gone_at {
                prop_assert_eq!(figures.viewers(), 0, "{:?}", at);
                prop_assert_eq!(figures.peak, all);
            }
        }
    }

    #[test]
    fn viewers_that_come_and_go_are_counted_while_they_play(
        many in prop::collection::vec((format(), 0_u64..60_000, 30_000_u64..90_000), 30..60),
    ) {
        let timeline = timeline(48, 8);
        let players: Vec<_> = many.iter().map(|&(format, from, length)| Player {
            format, from: millis(from), until: millis(from + length), late: millis(100),
        }).collect();
        let there = |at: Duration| players.iter().filter(|player| player.from <= at && at < player.until).count() as u64;
        for (at, figures, _) in watch(&players, &timeline, Duration::from_secs(160)).split_off(10) {
            // Players that started or left within the last 10 s may be counted or not.
            let lately = (0..=10).map(|ago| there(at.saturating_sub(Duration::from_secs(ago))));
            let (least, most) = (lately.clone().min().unwrap(), lately.max().unwrap());
            let least = least.min((0..=10_000).step_by(100).map(|ago| {
                let then = at.saturating_sub(millis(ago));
                players.iter().filter(|player| player.from <= then && at < player.until).count() as u64
            }).min().unwrap());
            prop_assert!(figures.viewers() >= least, "{:?}: {} of at least {least}", at, figures.viewers());
            prop_assert!(figures.viewers() <= most + most / 10 + 3, "{:?}: {} of at most {most}", at, figures.viewers());
        }
    }
}

#[test]
fn a_player_far_behind_the_live_edge_is_counted() {
    let timeline = timeline(48, 8);
    let audience = Audience::new();
    let current = timeline.segment_at(START);
    for segment in current..current + 10 {
        let request = MediaRequest { kind: Kind::Video, segment: segment - 20, chunks: 6, format: Format::Dash };
        audience.count_request(&request, &timeline, timeline.segment_start(segment) + millis(300));
    }
    let now = timeline.segment_start(current + 9) + millis(500);
    audience.measure(Some(&timeline), now);
    assert_eq!(audience.figures().current, [0, 0, 1, 0]);
}

#[test]
fn a_stalled_player_is_not_counted_twice() {
    let timeline = timeline(48, 8);
    let audience = Audience::new();
    let player = Player { format: Format::Dash, from: millis(0), until: millis(100_000), late: millis(0) };
    let held_up = |at: UnixTime| match at.saturating_since(START).as_secs() {
        30..50 => at + millis(7000),
        50..57 => START + millis(57_000),
        _ => at,
    };
    let mut requests: Vec<_> =
        player.requests(&timeline).into_iter().map(|(at, segment, _)| (held_up(at), segment)).collect();
    requests.sort();
    let mut requests = requests.into_iter().peekable();
    for second in 0..100 {
        let now = START + Duration::from_secs(second);
        while let Some((at, segment)) = requests.next_if(|(at, _)| *at <= now) {
            let request = MediaRequest { kind: Kind::Video, segment, chunks: 10 * 6, format: Format::Dash };
            audience.count_request(&request, &timeline, at);
        }
        audience.measure(Some(&timeline), now);
        assert!(audience.figures().viewers() <= 10, "{second} {:?}", audience.figures());
    }
}

#[test]
fn a_player_of_audio_only_is_a_viewer() {
    let timeline = timeline(48, 8);
    let audience = Audience::new();
    let settled = estimate::newest_settled(&timeline, START);
    for (kind, times) in [(Kind::Audio, 3), (Kind::Video, 2)] {
        for _ in 0..times {
            let request = MediaRequest { kind, segment: settled, chunks: 6, format: Format::Hls };
            audience.count_request(&request, &timeline, timeline.segment_start(settled + 1));
        }
    }
    audience.measure(Some(&timeline), START);
    assert_eq!(audience.figures().current, [3, 0, 0, 0]);
}

#[test]
fn the_first_and_the_last_viewer_are_reported_once() {
    let player = Player { format: Format::LlHls, from: millis(0), until: millis(30_000), late: millis(0) };
    let again = Player { from: millis(60_000), until: millis(90_000), format: Format::Hls, ..player.clone() };
    let transitions: Vec<_> = watch(&[player, again], &timeline(48, 8), Duration::from_secs(120))
        .into_iter()
        .filter_map(|(_, _, transition)| transition)
        .collect();
    assert_eq!(
        transitions,
        [Transition::FirstViewer, Transition::LastViewer, Transition::FirstViewer, Transition::LastViewer]
    );
}

#[test]
fn peak_average_and_bytes_accumulate() {
    let player = |until| Player { format: Format::Dash, from: millis(0), until: millis(until), late: millis(0) };
    let all = watch(&[player(100_000), player(50_000)], &timeline(48, 8), Duration::from_secs(100));
    let (_, figures, _) = all.last().unwrap();
    assert_eq!((figures.viewers(), figures.peak), (1, 2));
    let at = figures.peak_at.unwrap().saturating_since(START);
    assert!(at < Duration::from_secs(10), "{at:?}");
    assert!((1.4..1.6).contains(&figures.average), "{}", figures.average);
    let audience = Audience::new();
    audience.count_bytes(5);
    audience.count_bytes(7);
    assert_eq!(audience.figures().bytes, 12);
}

#[test]
fn an_admitted_viewer_is_counted_at_once_and_never_twice() {
    let timeline = timeline(48, 8);
    let audience = Audience::new();
    let current = timeline.segment_at(START);
    let second = |second| START + Duration::from_secs(second);
    audience.measure(Some(&timeline), START);
    (0..5).for_each(|_| audience.admit());
    assert_eq!(audience.load(second(0)).viewers, 5);
    for now in 1..40 {
        for segment in current..timeline.segment_at(second(now)) {
            if timeline.segment_at(second(now - 1)) == segment {
                let request = MediaRequest { kind: Kind::Video, segment, chunks: 5 * 6, format: Format::Hls };
                audience.count_request(&request, &timeline, second(now));
            }
        }
        audience.measure(Some(&timeline), second(now));
        assert_eq!(audience.load(second(now)).viewers, 5, "after {now} s");
    }
}

#[test]
fn an_admitted_viewer_that_does_not_play_is_dropped() {
    let audience = Audience::new();
    let timeline = timeline(48, 8);
    audience.measure(Some(&timeline), START);
    audience.admit();
    for second in 1..12 {
        audience.measure(Some(&timeline), START + Duration::from_secs(second));
    }
    assert_eq!(audience.load(START + Duration::from_secs(12)).viewers, 0);
}

#[test]
fn bandwidth_is_that_of_the_last_two_seconds() {
    let audience = Audience::new();
    let timeline = timeline(48, 8);
    let load = |second| audience.load(START + Duration::from_secs(second)).bandwidth;
    for second in 0..10 {
        audience.measure(Some(&timeline), START + Duration::from_secs(second));
        audience.count_bytes(1000);
    }
    assert_eq!(load(9), 12_000);
    assert_eq!(load(10), 8000);
    audience.measure(Some(&timeline), START + Duration::from_secs(12));
    assert_eq!(load(20), 0);
}

#[test]
fn consecutive_refusals_are_reported_once() {
    let audience = Audience::new();
    let refuse = |second| audience.refuse(START + Duration::from_secs(second));
    assert_eq!([0, 20, 45, 80].map(refuse), [true, false, false, true]);
}

#[test]
fn the_format_of_a_client_is_stored_for_a_minute() {
    let format_found = ClientFormats::new();
    let (one, other) = (format_found.key(&"one"), format_found.key(&"other"));
    format_found.mark(one, Format::LlDash, START);
    assert_eq!(format_found.find(one, START), Some(Format::LlDash));
    assert_eq!(format_found.find(other, START), None);
    format_found.mark(one, Format::Hls, START);
    assert_eq!(format_found.find(one, START + Duration::from_secs(60)), Some(Format::Hls));
    assert_eq!(format_found.find(one, START + Duration::from_secs(119)), Some(Format::Hls));
    assert_eq!(format_found.find(one, START + Duration::from_secs(200)), None);
    let [a, b] = [Audience::new(), Audience::new()];
    assert_ne!(one.in_stream(&a), one.in_stream(&b));
}

#[test]
fn the_client_seen_longest_ago_is_evicted() {
    let format_found = ClientFormats::new();
    let key = |number: u64| format_found.key(&number);
    for number in 0..200_000 {
        format_found.mark(key(number), Format::Dash, START + millis(number / 10));
    }
    let found = |range: std::ops::Range<u64>| {
        range.filter(|number| format_found.find(key(*number), START + millis(20_000)).is_some()).count()
    };
    assert!(found(190_000..200_000) > 9_500);
    assert!(found(0..10_000) < 500);
}
