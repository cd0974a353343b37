//! One run of a stream. It renders the live edge first, so that the stream is playable immediately, and then the
//! past, so that the window is as deep as if the stream had always run.

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
use crate::media::pipeline::{Job, PipelineError, Priority};
use crate::media::window::{Epoch, Lookup, Output, Snapshot};

/// Complete segments that a run renders before the current one: three target durations, where players start, and one
/// more.
const LEAD: u64 = 4;

/// Attempts to render the past before its missing segments become a gap.
const ATTEMPTS: u32 = 3;

/// The segments that a run renders.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// First segment of the live run.
    live: u64,
    /// Segments rendered afterwards, before the live run.
    past: std::ops::Range<u64>,
    /// Number of segments before the live run that are never rendered.
    skipped: u64,
}

/// Runs until `stop` is cancelled or the live run fails. Calls `playable` once, when the stream is playable.
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
        tracing::warn!(segments = plan.skipped, before = plan.live, "skipped segments to catch up with UTC");
        setting.metrics.skipped.get_or_create(&labels(output.spec.name.as_str())).inc_by(plan.skipped);
    }
    // If two epochs catch up, the later one may publish first.
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

/// Renders from segment `first` on. Each epoch has its own pipeline, which starts as soon as the epoch is known.
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
                // A future epoch starts its encoders now, because manifests announce it with its decoder configuration.
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
        // A pipeline that reached the end of its epoch does not stop the others.
        if result.is_err() || runs.is_empty() || ended.is_cancelled() {
            ended.cancel();
            while runs.next().await.is_some() {}
            return result;
        }
    }
}

/// Resolves when every track has all of `segments`, at least one segment, and has caught up with UTC.
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
    // A machine that never catches up serves the stream all the same.
    let _ = timeout(output.spec.timeline.segment_duration(), until_level(output, clock)).await;
}

/// Resolves when every track has all chunks up to the current one. Until then tracks catch up at different speeds,
/// and their playlists would not end together (RFC 8216bis B.1).
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

/// Renders the past and repeats failed attempts, because manifests list the past already.
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
            Err(error) => tracing::warn!(%error, attempt, "cannot encode the past of the window"),
        }
    }
    if !ended.is_cancelled() {
        output.tracks.iter().for_each(|track| track.window.filled());
    }
}

/// Renders the past, the newest epoch first, because players request the newest segments first.
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

/// Waits for a permit. `None` when the run has ended.
async fn permit<'a>(permits: &'a Semaphore, ended: &CancellationToken) -> Option<SemaphorePermit<'a>> {
    tokio::select! {
        permit = permits.acquire() => permit.ok(),
        () = ended.cancelled() => None,
    }
}

fn job(setting: &Setting, (output, epoch): (&Arc<Output>, &Arc<Epoch>), (from, until): (u64, Option<u64>)) -> Job {
    let clock = until.is_none().then(|| setting.clock.clone());
    let (output, epoch, metrics) = (Arc::clone(output), Arc::clone(epoch), Arc::clone(&setting.metrics));
    Job { output, epoch, from, until, clock, priority: Priority::Normal, metrics }
}

/// Plans a run. The first run renders the whole window. A later run continues near the current segment, skips the
/// segments in between, and renders the part of the past that the earlier run had not reached.
fn plan(output: &Output, current: u64) -> Plan {
    let oldest = current.saturating_sub(output.spec.memory_segments());
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
