//! What is published when the clock is set, runs fast, or the process stands still: numbers and bytes stay right.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barstone::base::timeline::UnixTime;
use barstone::base::utc::Clock;
use barstone::definition::spec::{StreamName, StreamRequest, StreamSpec};
use barstone::definition::store::{Definitions, Guard};
use barstone::media::pipeline::{self, Job};
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

/// One small stream on a clock that the test sets.
struct Studio {
    registry: Registry,
    clock: Clock,
    pace: Arc<Mutex<Pace>>,
    over: CancellationToken,
}

impl Studio {
    /// `rate` times as fast as the host's clock.
    async fn new(rate: f64, window_seconds: u64) -> Self {
        let encoders = pipeline::probe().expect("GStreamer works").versions().to_owned();
        let pace =
            Arc::new(Mutex::new(Pace { rate, since: Instant::now(), was: Clock::system().now().as_millis() as i64 }));
        let told = Arc::clone(&pace);
        let clock = Clock::from_fn(move || UnixTime::from_millis(told.lock().expect("no panic").now() as u64));
        let over = CancellationToken::new();
        let render: Render = Arc::new(|job, stop| Box::pin(pipeline::run(job, stop)));
        let setting = Setting::new(clock.clone(), render, &encoders);
        let registry = Registry::new(setting, Definitions::in_memory(Vec::new()), over.clone());
        registry.put(spec(window_seconds), Guard::New).await.expect("there is room");
        Self { registry, clock, pace, over }
    }

    async fn output(&self) -> Arc<Output> {
        let name = StreamName::parse("a").expect("a name");
        let output = self.registry.output(&name).await.expect("it is there").expect("it runs");
        output.opened().await;
        Arc::clone(&output)
    }

    /// Ends everything and waits for it.
    async fn close(self) {
        self.over.cancel();
        let tasks = &self.registry.setting().tasks;
        tasks.close();
        tasks.wait().await;
    }

    fn set(&self, millis: i64) {
        self.pace.lock().expect("no panic").was += millis;
    }

    /// Lets the clock go `rate` times as fast as the host's from now on.
    fn go(&self, rate: f64) {
        let mut pace = self.pace.lock().expect("no panic");
        *pace = Pace { rate, since: Instant::now(), was: pace.now() };
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

/// How the clock of a studio goes.
struct Pace {
    rate: f64,
    since: Instant,
    /// Milliseconds since 1970 at `since`.
    was: i64,
}

impl Pace {
    fn now(&self) -> i64 {
        self.was + self.since.elapsed().mul_f64(self.rate).as_millis() as i64
    }
}

fn spec(window_seconds: u64) -> StreamSpec {
    let definition = serde_json::json!({"name": "a", "window_seconds": window_seconds,
        "video": [{"id": "v", "width": 320, "height": 180, "bitrate": 400_000}]});
    let request: StreamRequest = serde_json::from_value(definition).expect("a definition");
    request.try_into().expect("a valid one")
}

/// Follows the newest chunk of each track from now on; no chunk may come twice or out of order.
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

/// The complete ones of these segments are what an unhurried run makes of them.
async fn check_bytes(output: &Output, segments: std::ops::Range<u64>) {
    let alone = Arc::new(Output::new(output.spec.clone(), output.epoch(0).revision.clone()));
    let job = Job {
        output: Arc::clone(&alone),
        epoch: alone.epoch(0),
        from: segments.start,
        until: Some(segments.end),
        clock: None,
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
async fn a_step_forward_is_made_up_for() {
    let studio = Studio::new(1.0, 60).await;
    let output = studio.output().await;
    let mut following = follow(&output);
    let before = studio.current(&output);
    reaches(&output, before).await;
    studio.set(5000);
    let now = studio.current(&output);
    assert!(now >= before + 2);
    reaches(&output, now + 1).await;
    assert_eq!(gaps(&output), 0);
    assert!(studio.metric("barstone_time_jumps_total") >= 1);
    assert_eq!(studio.metric("barstone_skipped_segments_total"), 0);
    check_bytes(&output, before..now + 2).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    studio.close().await;
}

#[tokio::test]
async fn a_step_back_waits_and_repeats_nothing() {
    let studio = Studio::new(1.0, 60).await;
    let output = studio.output().await;
    let mut following = follow(&output);
    let before = studio.current(&output);
    reaches(&output, before).await;
    studio.set(-5000);
    let edge = output.tracks[0].window.snapshot().edge();
    // What was encoded already may still come.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = output.tracks[0].window.snapshot().edge().expect("there is a chunk");
    let chunks = |edge: Edge| edge.segment * 6 + u64::from(edge.chunk);
    assert!(chunks(later) <= chunks(edge.expect("there is a chunk")) + 2, "{edge:?} to {later:?} while time stood");
    reaches(&output, before + 2).await;
    assert_eq!(gaps(&output), 0);
    check_bytes(&output, before..before + 3).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    studio.close().await;
}

#[tokio::test]
async fn a_clock_that_runs_fast_is_followed() {
    let studio = Studio::new(1.1, 60).await;
    let output = studio.output().await;
    let mut following = follow(&output);
    let before = studio.current(&output);
    reaches(&output, before + 6).await;
    let behind = studio.current(&output) - output.last_complete().expect("there are segments");
    assert!(behind <= 3, "{behind} segments behind the clock");
    assert_eq!((gaps(&output), studio.metric("barstone_time_jumps_total")), (0, 0));
    check_bytes(&output, before..before + 7).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    studio.close().await;
}

#[tokio::test]
async fn what_overload_has_cost_is_a_gap_and_the_rest_is_right() {
    let studio = Studio::new(1.0, 3600).await;
    let output = studio.output().await;
    let mut following = follow(&output);
    // However fast the machine is, sooner or later time goes faster than it encodes.
    let (mut rate, mut raise) = (25.0, Instant::now());
    until("segments are skipped", LONG, async || {
        if raise <= Instant::now() {
            rate *= 2.0;
            studio.go(rate);
            raise += Duration::from_secs(3);
        }
        (studio.metric("barstone_skipped_segments_total") > 0).then_some(())
    })
    .await;
    studio.go(1.0);
    let skipped_before = output.last_complete().expect("there are segments");
    until("the next run publishes", LONG, async || (output.last_complete() > Some(skipped_before)).then_some(())).await;
    let last = output.last_complete().expect("there are segments");
    assert!(gaps(&output) > 0);
    let numbers: Vec<_> = output.tracks[0].window.snapshot().complete().map(|(number, _)| number).collect();
    assert!(numbers.is_sorted_by(|one, other| one < other));
    check_bytes(&output, last..last + 1).await;
    assert!(following.try_join_next().is_none(), "a chunk came twice or out of order");
    studio.close().await;
}

#[tokio::test]
async fn a_process_that_was_suspended_has_everything_again() {
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
