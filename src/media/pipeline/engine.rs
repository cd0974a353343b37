//! One run of a pipeline: assembles it, plays it, watches for errors and stalls, and stops it.

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::branch::Branch;
use super::bus::{self, Verdict, judge};
use super::flow::STALL_CHECKS;
use super::job::Job;
use super::published::Published;
use super::state::{start, tear_down};
use super::{PipelineError, reception};
use crate::base::timeline::Kind;

/// Added to three chunk durations, the time without progress after which a run counts as stalled.
const STALL_MARGIN: Duration = Duration::from_secs(1);
/// The same time for a run without a clock. Nobody waits for its frames in real time, and a busy machine has other work first.
const RENDER_STALL: Duration = Duration::from_secs(10);

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
    /// What a publisher sends, if the definition says that one does.
    published: Option<Arc<Published>>,
    failures: UnboundedReceiver<PipelineError>,
}

impl Running {
    /// A pipeline with a branch for each track, in state `Null`.
    pub(super) fn assemble(job: &Job) -> Result<Self, PipelineError> {
        let pipeline = gst::Pipeline::new();
        let (failed, failures) = mpsc::unbounded_channel();
        let spec = &job.epoch.spec;
        let published = spec.is_published().then(|| Arc::new(Published::new(spec.video.len())));
        let tracks = 0..job.output.tracks.len();
        let branch = |track| Branch::add(&pipeline, job, (track, published.as_ref()), failed.clone());
        let branches = tracks.map(branch).collect::<Result<_, _>>()?;
        Ok(Self { pipeline, branches, published, failures })
    }

    /// The encoder of each track.
    pub(super) fn encoders(&self) -> Vec<gst::Element> {
        self.branches.iter().map(|branch| branch.encoder.clone()).collect()
    }

    /// Plays the pipeline until the run is over, and takes it down.
    pub(super) async fn until_over(mut self, job: &Job, stop: &CancellationToken) -> Result<(), PipelineError> {
        let (published, relay) = (self.published.clone(), &job.output.relay);
        let received = async {
            match (&published, &job.clock) {
                (Some(published), Some(_)) => reception::receive(relay, &job.epoch.spec, published).await,
                // The test signal, or the past, of which nothing is stored.
                _ => std::future::pending().await,
            }
        };
        let mut outcome = tokio::select! {
            outcome = self.play(job, stop) => outcome,
            never = received => match never {},
        };
        // An error of a callback comes before the element's own error, which only repeats it.
        if let Ok(first) = self.failures.try_recv() {
            outcome = Err(first);
        }
        self.stop();
        tear_down(&self.pipeline).await;
        outcome
    }

    async fn play(&mut self, job: &Job, stop: &CancellationToken) -> Result<(), PipelineError> {
        let limit = match job.clock {
            Some(_) => job.epoch.spec.timeline.longest_chunk(Kind::Video) * 3 + STALL_MARGIN,
            None => RENDER_STALL,
        };
        let check_interval = limit / STALL_CHECKS;
        let mut messages = bus::messages(&self.pipeline, &job.priority);
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
