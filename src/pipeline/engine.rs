//! One run of a pipeline, from nothing to nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use super::branch::Branch;
use super::bus::{Verdict, judge};
use crate::metrics::Metrics;
use crate::utc::Clock;
use crate::window::{Epoch, Output, Window};

/// How often encoders are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a pipeline may take to let go of its threads.
const TEARDOWN: Duration = Duration::from_secs(5);

/// What a run renders.
#[derive(Debug, Clone)]
pub struct Job {
    /// The windows that are filled.
    pub output: Arc<Output>,
    /// The definition, and where it ends.
    pub epoch: Arc<Epoch>,
    /// The first segment.
    pub from: u64,
    /// The segment before which the run ends, where that is not the end of the epoch.
    pub until: Option<u64>,
    /// Paces what is not yet past; `None` renders as fast as it can.
    pub clock: Option<Clock>,
    /// Counts what is published.
    pub metrics: Arc<Metrics>,
}

impl Job {
    /// Where segment `number` of a track is published; what it renders before its epoch begins is not.
    pub(super) fn window(&self, track: usize, number: u64) -> Option<Window> {
        self.output.window(track, &self.epoch, number).filter(|_| self.end().is_none_or(|end| number < end))
    }

    /// The segment before which it ends, as far as that is known now.
    pub(super) fn end(&self) -> Option<u64> {
        let epoch = self.epoch.overlap().map(|overlap| overlap.end).or(self.epoch.until());
        self.until.into_iter().chain(epoch).min()
    }
}

/// Renders `job` until it is done or `stop` is cancelled. When this resolves the pipeline is gone and its threads
/// have ended.
///
/// # Errors
/// [`PipelineError`], if the run ended for another reason.
pub async fn run(job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
    let mut running = Running { pipeline: gst::Pipeline::new(), branches: Vec::new() };
    let pipeline = running.pipeline.clone();
    let mut messages = pipeline.bus().expect("a pipeline has a bus").stream();
    let (failed, mut failures) = mpsc::unbounded_channel();
    for track in 0..job.output.tracks.len() {
        running.branches.push(Branch::add(&pipeline, &job, track, failed.clone())?);
    }
    let mut outcome = start(&pipeline);
    let mut looks = interval(LOOK);
    // A process that was suspended looks once and not as often as it would have.
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while outcome.is_ok() {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(error) = failures.recv() => outcome = Err(error),
            _ = looks.tick() => outcome = running.branches.iter().try_for_each(Branch::check),
            message = messages.next() => match message.as_ref().map(judge) {
                Some(Verdict::Ignore) => {}
                Some(Verdict::Fail(error)) => outcome = Err(error),
                Some(Verdict::End) if job.end().is_some() => break,
                Some(Verdict::End) | None => outcome = Err(PipelineError::Ended),
            },
        }
    }
    // An element that fails after its callback did only repeats that it failed.
    if let Ok(first) = failures.try_recv() {
        outcome = Err(first);
    }
    running.stop();
    tear_down(&pipeline).await;
    outcome
}

/// A pipeline that is stopped before it is let go, also where the run is not awaited to its end.
struct Running {
    pipeline: gst::Pipeline,
    branches: Vec<Branch>,
}

impl Running {
    /// Ends what the branches wait for.
    fn stop(&self) {
        self.branches.iter().for_each(|branch| branch.flow.stop());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        // Nothing changes if it is stopped already; what hangs was reported.
        if self.pipeline.current_state() != gst::State::Null {
            let _ = self.pipeline.set_state(gst::State::Null);
        }
    }
}

fn start(pipeline: &gst::Pipeline) -> Result<(), PipelineError> {
    let started = pipeline.set_state(gst::State::Playing);
    started
        .map(|_| ())
        .map_err(|error| PipelineError::Element { element: "pipeline".to_owned(), message: error.to_string() })
}

async fn tear_down(pipeline: &gst::Pipeline) {
    let down = pipeline.call_async_future(|pipeline| pipeline.set_state(gst::State::Null).is_ok());
    if tokio::time::timeout(TEARDOWN, down).await != Ok(true) {
        tracing::error!("a pipeline does not let go of its threads");
    }
}
