//! Starts and stops pipelines.

use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use super::PipelineError;

/// Time for a pipeline to join its threads.
const TEARDOWN: Duration = Duration::from_secs(5);

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
