//! Trouble for tests: pipelines that fail and stall as real ones do.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use tokio_util::sync::CancellationToken;

use super::engine::Running;
use super::{Job, PipelineError};

/// What becomes of an encoder.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It posts an error on the bus.
    Error,
    /// It lets nothing through until its pipeline is taken down.
    Block,
    /// Its thread stands still until the other end of the channel is gone, whatever happens to its pipeline.
    Hang(Receiver<()>),
}

/// Renders jobs as [`super::run`] does, until there is trouble.
#[derive(Debug, Clone, Default)]
pub(crate) struct Troubled(Arc<Mutex<Option<Trouble>>>);

impl Trouble {
    /// A thread that stands still for as long as the sender is there.
    pub(crate) fn hang() -> (Self, Sender<()>) {
        let (hold, held) = channel();
        (Self::Hang(held), hold)
    }

    fn befall(self, encoder: &gst::Element) -> gst::PadProbeReturn {
        match self {
            Self::Error => {
                gst::element_error!(encoder, gst::CoreError::Failed, ("broken"));
                gst::PadProbeReturn::Pass
            }
            Self::Block => gst::PadProbeReturn::Ok,
            Self::Hang(held) => {
                let _ = held.recv();
                gst::PadProbeReturn::Pass
            }
        }
    }
}

impl Troubled {
    /// The next picture that an encoder makes is its last for now.
    pub(crate) fn trouble(&self, trouble: Trouble) {
        *self.0.lock().unwrap() = Some(trouble);
    }

    pub(crate) async fn run(self, job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
        let running = Running::assemble(&job)?;
        let encoder = &running.encoders()[0];
        let gives = encoder.static_pad("src").unwrap();
        let encoder = encoder.downgrade();
        gives.add_probe(gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER, move |_, _| {
            let trouble = self.0.lock().unwrap().take();
            let encoder = encoder.upgrade();
            trouble.zip(encoder).map_or(gst::PadProbeReturn::Pass, |(trouble, encoder)| trouble.befall(&encoder))
        });
        running.until_over(&job, &stop).await
    }
}
