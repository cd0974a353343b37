//! Real pipelines that fail and stall, and are replaced.

use super::*;
use crate::media::pipeline::fixture::{Fault, FaultyRenderer};
use crate::media::window::Snapshot;

/// A running stream with small pictures.
struct Fixture {
    registry: Registry,
    renderer: FaultyRenderer,
}

/// A window long enough for everything that a test renders, on any machine.
const WINDOW: Duration = Duration::from_secs(240);

/// Time limit that an overloaded machine meets too.
const LONG: Duration = Duration::from_secs(120);

impl Fixture {
    async fn new() -> Self {
        let renderer = FaultyRenderer::default();
        let render = renderer.clone();
        let render: Render = Arc::new(move |job, stop| Box::pin(render.clone().run(job, stop)));
        let setting = Setting::new(Clock::system(), render, crate::media::pipeline::probe().unwrap().versions());
        let registry = Registry::new(setting, Definitions::in_memory(Vec::new()), CancellationToken::new());
        let mut small = StreamSpec { window: WINDOW, ..spec("a") };
        (small.video[0].width, small.video[0].height, small.video[0].bitrate) = (320, 180, 400_000);
        registry.put(small, Precondition::New).await.unwrap();
        let fixture = Self { registry, renderer };
        let output = until(&fixture.registry, Phase::Running).await.status.output.unwrap();
        // The fault must hit the live run.
        fixture.wait(|| fixture.has_all_but_gaps(&output)).await;
        fixture
    }

    fn metric(&self, labelled: &str) -> usize {
        let text = self.registry.setting().metrics.text();
        text.lines().find_map(|line| line.strip_prefix(labelled)?.trim().parse().ok()).unwrap_or(0)
    }

    /// Injects a fault. The stream must fail with this error, restart for this reason, and run again.
    async fn check(&self, fault: Fault, (error, reason): (&str, &str)) {
        let output = until(&self.registry, Phase::Running).await.status.output.unwrap();
        self.renderer.inject(fault);
        let failed = until(&self.registry, Phase::Waiting).await.status;
        assert!(failed.error.as_deref().is_some_and(|error_text| error_text.starts_with(error)), "{:?}", failed.error);
        let status = until(&self.registry, Phase::Running).await.status;
        let phases: Vec<_> = status.history.iter().map(|moment| moment.phase).collect();
        let again = [Phase::Running, Phase::Waiting, Phase::Starting, Phase::Running];
        assert!(phases.windows(again.len()).any(|some| some == again), "{phases:?}");
        let restarts = format!("barstone_restarts_total{{stream=\"a\",reason=\"{reason}\"}}");
        assert!(self.metric(&restarts) >= 1, "{}", self.registry.setting().metrics.text());
        let after = status.output.unwrap();
        assert_eq!(after.id, output.id, "it goes on where it was");
        // Numbers follow UTC. Segments missed meanwhile are rendered or are a gap.
        let now = after.spec.timeline.segment_at(self.registry.setting().clock.now());
        self.wait(|| after.last_complete() >= Some(now) && self.has_all_but_gaps(&after)).await;
    }

    async fn wait(&self, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("it comes to that");
    }

    /// Whether all listed segments exist, except those that were skipped. A track may have some of the skipped ones.
    fn has_all_but_gaps(&self, output: &Output) -> bool {
        let of = |snapshot: &Snapshot| {
            let is_there = |number: &u64| matches!(snapshot.lookup(*number), Lookup::Ready(_));
            snapshot.listed().unwrap().filter(|number| !is_there(number)).count()
        };
        let missing: usize = output.snapshots().iter().map(|snapshot| of(snapshot)).sum();
        missing <= self.metric("barstone_skipped_segments_total{stream=\"a\"}") * output.tracks.len()
    }
}

#[tokio::test]
async fn a_run_with_a_failed_element_is_replaced() {
    Fixture::new().await.check(Fault::Error, ("x264enc-v720: broken", "element")).await;
}

#[tokio::test]
async fn a_run_with_a_stalled_element_is_replaced() {
    Fixture::new().await.check(Fault::Block, ("x264enc-v720 has encoded nothing for 1.7 s", "stalled")).await;
}

#[tokio::test]
async fn a_hanging_thread_blocks_no_other_stream() {
    let (fault, hold) = Fault::hang();
    Fixture::new().await.check(fault, ("x264enc-v720 has encoded nothing", "stalled")).await;
    drop(hold);
}
