//! One run of a stream: the live edge first, so that it plays at once, then the past behind it, so that the window
//! is as deep as if the stream had always run.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::setting::Setting;
use crate::base::metrics::labels;
use crate::base::timeline::Kind;
use crate::base::utc::Clock;
use crate::media::pipeline::{Job, PipelineError};
use crate::media::window::{Epoch, Lookup, Output, Snapshot};

/// Complete segments that a run makes before those of now: what a player that starts at three target durations
/// from the end wants, and one more.
const LEAD: u64 = 4;

/// How often the past is tried before what is missing of it becomes a gap.
const ATTEMPTS: u32 = 3;

/// The segments of a run.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The live run starts here.
    live: u64,
    /// These are filled in behind it.
    past: std::ops::Range<u64>,
    /// So many segments before the live run are never made.
    skipped: u64,
}

/// Runs until `stop` is cancelled or the live run fails. Calls `playable` once, when there is something to play.
pub(super) async fn run(
    setting: &Setting,
    output: &Arc<Output>,
    stop: &CancellationToken,
    playable: impl FnOnce(),
) -> Result<(), PipelineError> {
    let Some(permit) = permit(&setting.catch_up_permits.starting, stop).await else { return Ok(()) };
    let current = output.spec.timeline.segment_at(setting.clock.now());
    let plan = plan(output, current);
    if plan.skipped > 0 {
        tracing::warn!(segments = plan.skipped, before = plan.live, "skipped");
        setting.metrics.skipped.get_or_create(&labels(output.spec.name.as_str())).inc_by(plan.skipped);
    }
    // Of two epochs that catch up the later one may be there first.
    let end = if plan.skipped > 0 { plan.past.end } else { current };
    output.tracks.iter().for_each(|track| track.window.expect(plan.past.start..end));
    let ended = stop.child_token();
    let live = async {
        let result = live(setting, output, plan.live, &ended).await;
        ended.cancel();
        result
    };
    let past = async {
        tokio::select! {
            () = until_playable(output, plan.live..current, &setting.clock) => {
                drop(permit);
                output.open();
                playable();
                fill(setting, output, plan.past.clone(), &ended).await;
            }
            () = ended.cancelled() => {}
        }
    };
    tokio::join!(live, past).0
}

/// Renders from segment `first` on, each epoch by a pipeline of its own, as soon as it is known.
async fn live(
    setting: &Setting,
    output: &Arc<Output>,
    first: u64,
    ended: &CancellationToken,
) -> Result<(), PipelineError> {
    let mut epochs = output.watch_epochs();
    let mut begun: Vec<Arc<Epoch>> = Vec::new();
    let mut runs = FuturesUnordered::new();
    loop {
        let known = epochs.borrow_and_update().clone();
        for epoch in known.iter().filter(|epoch| epoch.until().is_none_or(|until| until > first)) {
            if !begun.iter().any(|other| Arc::ptr_eq(other, epoch)) {
                begun.push(Arc::clone(epoch));
                // One that is to come begins now: its encoders say what they make, and manifests tell of it.
                let current = epoch.spec.timeline.segment_at(setting.clock.now());
                let job = job(setting, (output, epoch), (epoch.from.min(current).max(first), None));
                runs.push((setting.render)(job, ended.clone()));
            }
        }
        let result = tokio::select! {
            Some(result) = runs.next() => result,
            // The output outlives the wait.
            _ = epochs.changed() => continue,
        };
        // One that has come to the end of its epoch leaves the others running.
        if result.is_err() || runs.is_empty() || ended.is_cancelled() {
            ended.cancel();
            while runs.next().await.is_some() {}
            return result;
        }
    }
}

/// Resolves when every track has all of these segments, with none of them one, and has caught up.
pub(super) async fn until_playable(output: &Output, segments: std::ops::Range<u64>, clock: &Clock) {
    let is_there = |snapshot: &Arc<Snapshot>| {
        let missing = |number: &u64| !matches!(snapshot.lookup(*number), Lookup::Ready(_) | Lookup::Expired);
        snapshot.last_complete().is_some() && segments.clone().find(missing).is_none()
    };
    for track in &output.tracks {
        let mut snapshots = track.window.subscribe();
        // The window outlives the wait, so the sender cannot be gone.
        let _ = snapshots.wait_for(is_there).await;
    }
    // On a machine that never catches up it plays all the same.
    let _ = timeout(output.spec.timeline.segment_duration(), until_level(output, clock)).await;
}

/// Resolves when every track has all chunks but that of now: until then each catches up at a pace of its own, and their
/// playlists would not end together (RFC 8216bis B.1).
async fn until_level(output: &Output, clock: &Clock) {
    let timeline = &output.spec.timeline;
    let is_level = |snapshot: &Arc<Snapshot>| {
        let end = snapshot.edge().map(|edge| timeline.chunk_span(edge.segment, edge.chunk).end);
        end.is_some_and(|end| clock.now() < end + timeline.longest_chunk(Kind::Video))
    };
    while let Some(behind) = output.tracks.iter().find(|track| !is_level(&track.window.snapshot())) {
        // The window outlives the wait, so the sender cannot be gone.
        let _ = behind.window.subscribe().wait_for(is_level).await;
    }
}

/// Renders the past, again if that fails: what is listed is promised.
async fn fill(setting: &Setting, output: &Arc<Output>, past: std::ops::Range<u64>, ended: &CancellationToken) {
    for attempt in 1..=ATTEMPTS {
        if past.is_empty() {
            break;
        }
        let Some(permit) = permit(&setting.catch_up_permits.filling, ended).await else { return };
        let result = render_past(setting, output, past.clone(), ended).await;
        drop(permit);
        match result {
            Ok(()) => break,
            Err(error) => tracing::warn!(%error, attempt, "the past of the window is not filled in"),
        }
    }
    if !ended.is_cancelled() {
        output.tracks.iter().for_each(|track| track.window.filled());
    }
}

/// The newest first, of which players ask first.
async fn render_past(
    setting: &Setting,
    output: &Arc<Output>,
    past: std::ops::Range<u64>,
    ended: &CancellationToken,
) -> Result<(), PipelineError> {
    for epoch in output.epochs().iter().rev() {
        let until = epoch.until().unwrap_or(past.end).min(past.end);
        let from = epoch.from.max(past.start);
        if from < until {
            (setting.render)(job(setting, (output, epoch), (from, Some(until))), ended.clone()).await?;
        }
    }
    Ok(())
}

/// Resolves when it is this run's permit, or to nothing when the run is over.
async fn permit<'a>(permits: &'a Semaphore, ended: &CancellationToken) -> Option<SemaphorePermit<'a>> {
    tokio::select! {
        permit = permits.acquire() => permit.ok(),
        () = ended.cancelled() => None,
    }
}

fn job(setting: &Setting, (output, epoch): (&Arc<Output>, &Arc<Epoch>), (from, until): (u64, Option<u64>)) -> Job {
    let clock = until.is_none().then(|| setting.clock.clone());
    let (output, epoch, metrics) = (Arc::clone(output), Arc::clone(epoch), Arc::clone(&setting.metrics));
    Job { output, epoch, from, until, clock, metrics }
}

/// A first run makes all that a window shows; a later one goes on near to now. What is between is skipped, and what was
/// still to be filled in is.
fn plan(output: &Output, current: u64) -> Plan {
    let oldest = current.saturating_sub(output.spec.window_segments());
    let newest = output.last_complete().filter(|newest| *newest >= oldest);
    let live = newest.map_or(0, |newest| newest + 1).clamp(current.saturating_sub(LEAD), current);
    let end = newest.map_or(live, |newest| live.min(newest + 1));
    let has_all = |number: &u64| {
        let lookup = |track: &crate::media::window::Track| track.window.snapshot().lookup(*number);
        output.tracks.iter().all(|track| matches!(lookup(track), Lookup::Ready(_)))
    };
    let to_come = |number: &u64| {
        let is_listed = |track: &crate::media::window::Track| track.window.snapshot().is_available(*number);
        newest.is_none() || output.tracks.iter().any(is_listed)
    };
    let start = (oldest..end).find(|number| !has_all(number) && to_come(number)).unwrap_or(end);
    Plan { live, past: start..end, skipped: live - end }
}
