//! One run of a stream: the live edge first, so that it plays at once, then the past behind it, so that the window
//! is as deep as if the stream had always run.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::registry::Setting;
use crate::pipeline::{Job, PipelineError};
use crate::window::{Lookup, Output};

/// Complete segments that a run makes before those of now: what a player that starts at three target durations
/// from the end wants, and one more.
const LEAD: u64 = 4;

/// The segments of a run.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The live run starts here.
    live: u64,
    /// These are filled in behind it.
    past: std::ops::Range<u64>,
}

/// Runs until `stop` is cancelled or the live run fails. Calls `playable` once, when there is something to play.
pub(super) async fn run(
    setting: &Setting,
    output: &Arc<Output>,
    stop: &CancellationToken,
    playable: impl FnOnce(),
) -> Result<(), PipelineError> {
    let current = output.spec.timeline.segment_at(setting.clock.now());
    let plan = plan(output, current);
    tracing::debug!(?plan, "run");
    output.tracks.iter().for_each(|track| track.window.expect(plan.past.clone()));
    let ended = stop.child_token();
    let live = async {
        let job = job(setting, output, (plan.live, None));
        let result = (setting.render)(job, ended.clone()).await;
        ended.cancel();
        result
    };
    let past = async {
        tokio::select! {
            () = until_playable(output, current.saturating_sub(1)) => {
                output.open();
                playable();
                fill(setting, output, plan.past.clone(), &ended).await;
            }
            () = ended.cancelled() => {}
        }
    };
    tokio::join!(live, past).0
}

/// Resolves when every track has segment `newest` or a later one.
async fn until_playable(output: &Output, newest: u64) {
    for track in &output.tracks {
        let mut snapshots = track.window.subscribe();
        // The window outlives the wait, so the sender cannot be gone.
        let _ = snapshots.wait_for(|snapshot| snapshot.last_complete() >= Some(newest)).await;
    }
}

/// Renders the past, one stream at a time so that it never takes more than one core from the live runs.
async fn fill(setting: &Setting, output: &Arc<Output>, past: std::ops::Range<u64>, ended: &CancellationToken) {
    if !past.is_empty() {
        let permit = tokio::select! {
            permit = setting.filling.acquire() => permit,
            () = ended.cancelled() => return,
        };
        let result = (setting.render)(job(setting, output, (past.start, Some(past.end))), ended.clone()).await;
        drop(permit);
        if let Err(error) = result {
            tracing::warn!(%error, "the past of the window is not filled in");
        }
    }
    output.tracks.iter().for_each(|track| track.window.filled());
}

fn job(setting: &Setting, output: &Arc<Output>, (from, until): (u64, Option<u64>)) -> Job {
    let clock = until.is_none().then(|| setting.clock.clone());
    Job { output: Arc::clone(output), from, until, clock, metrics: Arc::clone(&setting.metrics) }
}

/// A first run makes all that a window shows; a later one goes on where the one before has ended.
fn plan(output: &Output, current: u64) -> Plan {
    let oldest = current.saturating_sub(output.spec.window_segments());
    let newest = output.last_complete().map_or(0, |last| last + 1);
    let live = newest.clamp(current.saturating_sub(LEAD), current);
    let has_all = |number: &u64| {
        let lookup = |track: &crate::window::Track| track.window.snapshot().lookup(*number);
        output.tracks.iter().all(|track| matches!(lookup(track), Lookup::Ready(_)))
    };
    let start = (oldest..live).find(|number| !has_all(number)).unwrap_or(live);
    Plan { live, past: start..live }
}

/// Waits between runs: 1 s, doubled up to 30 s, and from the start again after a minute of health.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
}

impl BackOff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);
    const HEALTHY: Duration = Duration::from_secs(60);

    /// How long to wait after a run that lasted `lasted`.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= Self::HEALTHY {
            self.failures = 0;
        }
        let wait = Self::FIRST.saturating_mul(1 << self.failures.min(5)).min(Self::LONGEST);
        self.failures += 1;
        wait
    }
}
