//! Real pipelines that die and stall, and come back.

use super::*;
use crate::media::pipeline::fixture::{Trouble, Troubled};
use crate::media::window::Snapshot;

/// A stream of small pictures, which runs.
struct Studio {
    registry: Registry,
    troubled: Troubled,
}

/// Long enough to have all that a test makes in its window, on any machine.
const WINDOW: Duration = Duration::from_secs(240);

/// For what a machine with too much to do comes to as well.
const LONG: Duration = Duration::from_secs(120);

impl Studio {
    async fn new() -> Self {
        let troubled = Troubled::default();
        let render = troubled.clone();
        let render: Render = Arc::new(move |job, stop| Box::pin(render.clone().run(job, stop)));
        let setting = Setting::new(Clock::system(), render, crate::media::pipeline::probe().unwrap().versions());
        let registry = Registry::new(setting, Definitions::in_memory(Vec::new()), CancellationToken::new());
        let mut small = StreamSpec { window: WINDOW, ..spec("a") };
        (small.video[0].width, small.video[0].height, small.video[0].bitrate) = (320, 180, 400_000);
        registry.put(small, Guard::New).await.unwrap();
        let studio = Self { registry, troubled };
        let output = until(&studio.registry, Phase::Running).await.status.output.unwrap();
        // Trouble is for the run that is on time.
        studio.wait(|| studio.has_all_but_gaps(&output)).await;
        studio
    }

    fn metric(&self, labelled: &str) -> usize {
        let text = self.registry.setting().metrics.text();
        text.lines().find_map(|line| line.strip_prefix(labelled)?.trim().parse().ok()).unwrap_or(0)
    }

    /// The stream fails with this in its history, and with this reason, and runs again.
    async fn check(&self, trouble: Trouble, (error, reason): (&str, &str)) {
        let output = until(&self.registry, Phase::Running).await.status.output.unwrap();
        self.troubled.trouble(trouble);
        let failed = until(&self.registry, Phase::Waiting).await.status;
        assert!(failed.error.as_deref().is_some_and(|told| told.starts_with(error)), "{:?}", failed.error);
        let status = until(&self.registry, Phase::Running).await.status;
        let phases: Vec<_> = status.history.iter().map(|moment| moment.phase).collect();
        let again = [Phase::Running, Phase::Waiting, Phase::Starting, Phase::Running];
        assert!(phases.windows(again.len()).any(|some| some == again), "{phases:?}");
        let restarts = format!("barstone_restarts_total{{stream=\"a\",reason=\"{reason}\"}}");
        assert!(self.metric(&restarts) >= 1, "{}", self.registry.setting().metrics.text());
        let after = status.output.unwrap();
        assert_eq!(after.id, output.id, "it goes on where it was");
        // Numbers are those of UTC, and what was missed is made up for or a gap.
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

    /// What is listed is there, but for what was skipped, of which a track may have some all the same.
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
    Studio::new().await.check(Trouble::Error, ("x264enc-v720: broken", "element")).await;
}

#[tokio::test]
async fn a_run_with_a_stalled_element_is_replaced() {
    Studio::new().await.check(Trouble::Block, ("x264enc-v720 has encoded nothing for 1.7 s", "stalled")).await;
}

#[tokio::test]
async fn a_hanging_thread_blocks_no_other_stream() {
    let (trouble, hold) = Trouble::hang();
    Studio::new().await.check(trouble, ("x264enc-v720 has encoded nothing", "stalled")).await;
    drop(hold);
}
