//! One run of a pipeline, from nothing to nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use gst::prelude::*;
use gstreamer as gst;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use super::branch::Branch;
use super::bus::{Verdict, judge};
use crate::metrics::Metrics;
use crate::utc::Clock;
use crate::window::Output;

/// How long a pipeline may take to let go of its threads.
const TEARDOWN: Duration = Duration::from_secs(5);

/// What a run renders.
#[derive(Debug, Clone)]
pub struct Job {
    /// The definition, and the windows that are filled.
    pub output: Arc<Output>,
    /// The first segment.
    pub from: u64,
    /// The segment before which the run ends; `None` runs for ever.
    pub until: Option<u64>,
    /// Paces what is not yet past; `None` renders as fast as it can.
    pub clock: Option<Clock>,
    /// Counts what is published.
    pub metrics: Arc<Metrics>,
}

/// Renders `job` until it is done or `stop` is cancelled. When this resolves the pipeline is gone and its threads
/// have ended.
///
/// # Errors
/// [`PipelineError`], if the run ended for another reason.
pub async fn run(job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
    let pipeline = gst::Pipeline::new();
    let mut messages = pipeline.bus().expect("a pipeline has a bus").stream();
    let (failed, mut failures) = mpsc::unbounded_channel();
    let branches = (0..job.output.tracks.len())
        .map(|track| Branch::add(&pipeline, &job, track, failed.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let flows: Vec<_> = branches.iter().map(|branch| branch.flow.clone()).collect();

    let mut feeds = JoinSet::new();
    let mut outcome = start(&pipeline);
    if outcome.is_ok() {
        for branch in branches {
            feeds.spawn_blocking(|| branch.feed());
        }
        outcome = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                Some(error) = failures.recv() => break Err(error),
                Some(fed) = feeds.join_next() => match fed {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break Err(error),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                message = messages.next() => match message.as_ref().map(judge) {
                    Some(Verdict::Ignore) => {}
                    Some(Verdict::Fail(error)) => break Err(error),
                    Some(Verdict::End) if job.until.is_some() => break Ok(()),
                    Some(Verdict::End) | None => break Err(PipelineError::Ended),
                },
            }
        };
    }
    // An element that fails after its callback did only repeats that it failed.
    if let Ok(first) = failures.try_recv() {
        outcome = Err(first);
    }
    flows.iter().for_each(super::flow::Flow::stop);
    tear_down(&pipeline).await;
    while feeds.join_next().await.is_some() {}
    outcome
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
