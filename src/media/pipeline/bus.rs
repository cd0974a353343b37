//! Messages on a pipeline's bus, and their meaning for its run.

use gst::prelude::*;
use gstreamer as gst;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::job::Priority;
use super::{PipelineError, background};

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

/// All messages of a pipeline, in order. Called before the pipeline plays, so that its threads get their priority.
pub(super) fn messages(pipeline: &gst::Pipeline, priority: &Priority) -> UnboundedReceiver<gst::Message> {
    let (sender, messages) = unbounded_channel();
    let pool = match priority {
        Priority::Normal => None,
        Priority::Background(_) => Some(background::pool()),
    };
    pipeline.bus().expect("a pipeline has a bus").set_sync_handler(move |_, message| {
        if let (Some(pool), gst::MessageView::StreamStatus(status)) = (&pool, message.view()) {
            background::move_to(pool, status);
        }
        // If the run is over, nobody receives the message.
        let _ = sender.send(message.to_owned());
        gst::BusSyncReply::Drop
    });
    messages
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
