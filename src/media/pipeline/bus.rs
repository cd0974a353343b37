//! The meaning of a message on a pipeline's bus for its run.

use gst::prelude::*;
use gstreamer as gst;

use super::PipelineError;

/// The meaning of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The run goes on.
    Ignore,
    /// Every sink has seen the end of its stream.
    End,
    /// The run is over.
    Fail(PipelineError),
}

/// Judges a message; pure.
pub(super) fn judge(message: &gst::Message) -> Verdict {
    match message.view() {
        gst::MessageView::Eos(_) => Verdict::End,
        gst::MessageView::Error(error) => {
            let element = error.src().map_or_else(|| "pipeline".to_owned(), |source| source.name().to_string());
            Verdict::Fail(PipelineError::Element { element, message: error.error().to_string() })
        }
        _ => Verdict::Ignore,
    }
}
