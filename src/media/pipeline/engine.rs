//! One run of a pipeline: assembles it, plays it, watches for errors and stalls, and stops it.

use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use super::branch::Branch;
use super::bus::{self, Verdict, judge};
use super::flow::STALL_CHECKS;
use super::job::Job;
use crate::base::timeline::Kind;

/// Added to three chunk durations, the time without progress after which a run counts as stalled.
const STALL_MARGIN: Duration = Duration::from_secs(1);
/// Time for a pipeline to join its threads.
const TEARDOWN: Duration = Duration::from_secs(5);

/// Renders `job` until it is done or `stop` is cancelled. When this resolves the pipeline is gone and its threads
/// have ended.
///
/// # Errors
/// [`PipelineError`], if the run ended for another reason.
pub async fn run(job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
    Running::assemble(&job)?.until_over(&job, &stop).await
}

/// A pipeline that is stopped when it is dropped, even if the run was not awaited to its end.
pub(super) struct Running {
    pipeline: gst::Pipeline,
    branches: Vec<Branch>,
    failures: UnboundedReceiver<PipelineError>,
}

impl Running {
    /// A pipeline with a branch for each track, in state `Null`.
    pub(super) fn assemble(job: &Job) -> Result<Self, PipelineError> {
        let pipeline = gst::Pipeline::new();
        let (failed, failures) = mpsc::unbounded_channel();
        let tracks = 0..job.output.tracks.len();
        let branches = tracks.map(|track| Branch::add(&pipeline, job, track, failed.clone())).collect::<Result<_, _>>();
        Ok(Self { branches: branches?, pipeline, failures })
    }

    /// The encoder of each track.
    pub(super) fn encoders(&self) -> Vec<gst::Element> {
        self.branches.iter().map(|branch| branch.encoder.clone()).collect()
    }

    /// Plays the pipeline until the run is over, and takes it down.
    pub(super) async fn until_over(mut self, job: &Job, stop: &CancellationToken) -> Result<(), PipelineError> {
        let mut outcome = self.play(job, stop).await;
        // An error of a callback comes before the element's own error, which only repeats it.
        if let Ok(first) = self.failures.try_recv() {
            outcome = Err(first);
        }
        self.stop();
        tear_down(&self.pipeline).await;
        outcome
    }

    async fn play(&mut self, job: &Job, stop: &CancellationToken) -> Result<(), PipelineError> {
        let limit = job.epoch.spec.timeline.longest_chunk(Kind::Video) * 3 + STALL_MARGIN;
        let check_interval = limit / STALL_CHECKS;
        let mut messages = bus::messages(&self.pipeline, job.priority);
        start(&self.pipeline)?;
        let mut checks = interval_at(Instant::now() + check_interval, check_interval);
        // After a suspension there is one check, not one for each missed tick.
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(error) = self.failures.recv() => return Err(error),
                due = checks.tick() => {
                    // If this check is that late, the machine had no time for the encoders either.
                    if due.elapsed() < check_interval / 2 {
                        self.branches.iter().try_for_each(|branch| branch.check(limit))?;
                    }
                }
                message = messages.recv() => match message.as_ref().map(judge) {
                    Some(Verdict::Ignore) => {}
                    Some(Verdict::Fail(error)) => return Err(error),
                    Some(Verdict::End) if job.end().is_some() => return Ok(()),
                    Some(Verdict::End) | None => return Err(PipelineError::Ended),
                },
            }
        }
    }

    /// Wakes the threads of the branches.
    fn stop(&self) {
        self.branches.iter().for_each(|branch| branch.flow.stop());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        // A hanging pipeline, which was reported, would block the thread that drops it.
        if self.pipeline.current_state() != gst::State::Null {
            self.pipeline.call_async(|pipeline| _ = pipeline.set_state(gst::State::Null));
        }
    }
}

pub(super) fn start(pipeline: &gst::Pipeline) -> Result<(), PipelineError> {
    let started = pipeline.set_state(gst::State::Playing);
    started
        .map(|_| ())
        .map_err(|error| PipelineError::Element { element: "pipeline".to_owned(), message: error.to_string() })
}

pub(super) async fn tear_down(pipeline: &gst::Pipeline) {
    let down = pipeline.call_async_future(|pipeline| pipeline.set_state(gst::State::Null).is_ok());
    if tokio::time::timeout(TEARDOWN, down).await != Ok(true) {
        tracing::error!("a pipeline has not ended its threads within 5 s");
    }
}
