//! Numbers and bytes stay right when the clock is set or runs fast, or when the process is suspended.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barstone::base::timeline::UnixTime;
use barstone::base::utc::Clock;
use barstone::definition::spec::{StreamName, StreamRequest, StreamSpec};
use barstone::definition::store::{Definitions, Precondition};
use barstone::media::pipeline::{self, Job, Priority};
use barstone::media::window::{Edge, Lookup, Output};
use barstone::stream::{Registry, Render, Setting};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

const SUSPENDED: Duration = Duration::from_secs(30);

/// A stream with a small picture, on a clock that the test controls.
struct Fixture {
    registry: Registry,
    clock: Clock,
    speed: Arc<Mutex<Speed>>,
    over: CancellationToken,
}

impl Fixture {
    /// Starts the stream on a clock that runs `rate` times as fast as that of the host.
    async fn new(rate: f64, window_seconds: u64) -> Self {
        let encoders = pipeline::probe().expect("GStreamer works").versions().to_owned();
        let speed = Arc::new(Mutex::new(Speed {
            rate,
            since: Instant::now(),
            started_at: Clock::system().now().as_millis() as i64,
        }));
        let shared = Arc::clone(&speed);
        let clock = Clock::from_fn(move || UnixTime::from_millis(shared.lock().expect("no panic").now() as u64));
        let over = CancellationToken::new();
        let render: Render = Arc::new(|job, stop| Box::pin(pipeline::run(job, stop)));
        let setting = Setting::new(clock.clone(), render, &encoders);
        let registry = Registry::new(setting, Definitions::in_memory(Vec::new()), over.clone());
        registry.put(spec(window_seconds), Precondition::New).await.expect("there is room");
        Self { registry, clock, speed, over }
    }

    async fn output(&self) -> Arc<Output> {
        let name = StreamName::parse("a").expect("a name");
        let output = self.registry.output(&name).await.expect("it is there").expect("it runs");
        output.opened().await;
        Arc::clone(&output)
    }

    /// Ends all tasks and waits for them.
    async fn close(self) {
        self.over.cancel();
        let tasks = &self.registry.setting().tasks;
        tasks.close();
        tasks.wait().await;
    }

    fn set(&self, millis: i64) {
        self.speed.lock().expect("no panic").started_at += millis;
    }

    /// Makes the clock run `rate` times as fast as that of the host from now on.
    fn go(&self, rate: f64) {
        let mut speed = self.speed.lock().expect("no panic");
        *speed = Speed { rate, since: Instant::now(), started_at: speed.now() };
    }

    fn current(&self, output: &Output) -> u64 {
        output.spec.timeline.segment_at(self.clock.now())
    }

    fn metric(&self, name: &str) -> u64 {
        let text = self.registry.setting().metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{stream=\"a\"}} ")));
        line.map_or(0, |value| value.parse().expect("a counter"))
    }
}

/// Speed and position of the clock.
struct Speed {
    rate: f64,
    since: Instant,
    /// Milliseconds since 1970 at `since`.
    started_at: i64,
}

impl Speed {
    fn now(&self) -> i64 {
        self.started_at + self.since.elapsed().mul_f64(self.rate).as_millis() as i64
    }
}

fn spec(window_seconds: u64) -> StreamSpec {
    let definition = serde_json::json!({"name": "a", "window_seconds": window_seconds,
        "video": [{"id": "v", "width": 320, "height": 180, "bitrate": 400_000}]});
    let request: StreamRequest = serde_json::from_value(definition).expect("a definition");
    request.try_into().expect("a valid one")
}

/// Follows the newest chunk of each track. Fails if a chunk is repeated or out of order.
fn follow(output: &Arc<Output>) -> JoinSet<()> {
    let output = Arc::clone(output);
    let mut following = JoinSet::new();
    following.spawn(async move {
        let tracks = (0..output.tracks.len()).map(async |track| {
            let mut snapshots = output.tracks[track].window.subscribe();
            let mut newest: Option<Edge> = None;
            loop {
                let edge = snapshots.borrow_and_update().edge();
                assert!(edge >= newest, "track {track}: {edge:?} after {newest:?}");
                newest = edge;
                snapshots.changed().await.expect("the window is there");
            }
        });
        futures_util::future::join_all(tracks).await;
    });
    following
}

async fn reaches(output: &Output, segment: u64) {
    let what = format!("segment {segment}");
    until(&what, LONG, async || (output.last_complete() >= Some(segment)).then_some(())).await;
}

/// Checks that the complete segments have the bytes of a run without time pressure.
async fn check_bytes(output: &Output, segments: std::ops::Range<u64>) {
    let alone = Arc::new(Output::new(output.spec.clone(), output.epoch(0).revision.clone()));
    let job = Job {
        output: Arc::clone(&alone),
        epoch: alone.epoch(0),
        from: segments.start,
        until: Some(segments.end),
        clock: None,
        priority: Priority::Normal,
        metrics: Arc::default(),
    };
    pipeline::run(job, CancellationToken::new()).await.expect("it renders");
    let mut compared = 0;
    for (one, other) in output.tracks.iter().zip(&alone.tracks) {
        for number in segments.clone() {
            let (Lookup::Ready(one), Lookup::Ready(other)) =
                (one.window.snapshot().lookup(number), other.window.snapshot().lookup(number))
            else {
                continue;
            };
            assert_eq!(one.joined(), other.joined(), "segment {number}");
            compared += 1;
        }
    }
    assert!(compared > 0, "nothing of {segments:?} is there");
}

fn gaps(output: &Output) -> usize {
    let snapshot = output.tracks[0].window.snapshot();
    snapshot.listed().into_iter().flatten().filter(|number| !snapshot.is_available(*number)).count()
}

#[tokio::test]
async fn after_a_step_forward_missing_segments_are_rendered() {
    let fixture = Fixture::new(1.0, 60).await;
    let output = fixture.output().await;
    let mut following = follow(&output);
    let before = fixture.current(&output);
    reaches(&output, before).await;
    fixture.set(5000);
    let now = fixture.current(&output);
    assert!(now >= before + 2);
    reaches(&output, now + 1).await;
    assert_eq!(gaps(&output), 0);
    assert!(fixture.metric("barstone_time_jumps_total") >= 1);
    assert_eq!(fixture.metric("barstone_skipped_segments_total"), 0);
    check_bytes(&output, before..now + 2).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    fixture.close().await;
}

#[tokio::test]
async fn after_a_step_back_nothing_is_published_twice() {
    let fixture = Fixture::new(1.0, 60).await;
    let output = fixture.output().await;
    let mut following = follow(&output);
    let before = fixture.current(&output);
    reaches(&output, before).await;
    fixture.set(-5000);
    let edge = output.tracks[0].window.snapshot().edge();
    // Frames that are encoded already may still be published.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = output.tracks[0].window.snapshot().edge().expect("there is a chunk");
    let chunks = |edge: Edge| edge.segment * 8 + u64::from(edge.chunk);
    assert!(chunks(later) <= chunks(edge.expect("there is a chunk")) + 2, "{edge:?} to {later:?} while time stood");
    reaches(&output, before + 2).await;
    assert_eq!(gaps(&output), 0);
    check_bytes(&output, before..before + 3).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    fixture.close().await;
}

#[tokio::test]
async fn a_clock_that_runs_fast_is_followed() {
    let fixture = Fixture::new(1.1, 60).await;
    let output = fixture.output().await;
    let mut following = follow(&output);
    let before = fixture.current(&output);
    reaches(&output, before + 6).await;
    let behind = fixture.current(&output) - output.last_complete().expect("there are segments");
    assert!(behind <= 3, "{behind} segments behind the clock");
    assert_eq!((gaps(&output), fixture.metric("barstone_time_jumps_total")), (0, 0));
    check_bytes(&output, before..before + 7).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    fixture.close().await;
}

#[tokio::test]
async fn overload_leaves_a_gap_and_other_segments_are_right() {
    let fixture = Fixture::new(1.0, 3600).await;
    let output = fixture.output().await;
    let mut following = follow(&output);
    // On any machine, time becomes faster than encoding at some rate.
    let (mut rate, mut raise) = (25.0, Instant::now());
    until("segments are skipped", LONG, async || {
        if raise <= Instant::now() {
            rate *= 2.0;
            fixture.go(rate);
            raise += Duration::from_secs(3);
        }
        (fixture.metric("barstone_skipped_segments_total") > 0).then_some(())
    })
    .await;
    fixture.go(1.0);
    let skipped_before = output.last_complete().expect("there are segments");
    until("the next run publishes", LONG, async || (output.last_complete() > Some(skipped_before)).then_some(())).await;
    let last = output.last_complete().expect("there are segments");
    assert!(gaps(&output) > 0);
    let numbers: Vec<_> = output.tracks[0].window.snapshot().complete().map(|(number, _)| number).collect();
    assert!(numbers.is_sorted_by(|one, other| one < other));
    check_bytes(&output, last..last + 1).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    fixture.close().await;
}

#[tokio::test]
async fn a_suspended_process_renders_what_it_missed() {
    let (server, other) = (Server::fresh(), Server::fresh());
    let (web, other) = (Web::of(&server), Web::of(&other));
    web.playable("test").await;
    other.playable("test").await;
    let process = Pid::from_raw(server.pid() as i32).expect("a process");
    kill_process(process, Signal::STOP).expect("it stops");
    tokio::time::sleep(SUSPENDED).await;
    kill_process(process, Signal::CONT).expect("it goes on");
    let newest = other.playlist("test", "v720").await.last().number;
    let caught_up = async || (web.playlist("test", "v720").await.last().number >= newest).then_some(());
    until("it has caught up", LONG, caught_up).await;
    for track in ["v720", "a"] {
        let (mine, theirs) = (web.playlist("test", track).await, other.playlist("test", track).await);
        assert!(mine.segments.iter().all(|segment| !segment.gap), "{:#?}", server.log());
        let mut compared = 0;
        for segment in mine.segments.iter().filter(|segment| theirs.segments.contains(segment)) {
            let one = web.media("test", track, &segment.uri).await;
            assert!(one == other.media("test", track, &segment.uri).await, "{} differs", segment.uri);
            compared += 1;
        }
        assert!(compared >= 15, "{compared} segments of the time in which it was suspended");
    }
    assert!(web.counter("barstone_time_jumps_total", "test").await >= 1);
}
