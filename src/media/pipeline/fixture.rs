//! Faults for tests: pipelines that fail and stall as real ones do.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstreamer as gst;
use tokio_util::sync::CancellationToken;

use super::engine::Running;
use super::{Job, PipelineError};

/// A fault of an encoder.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The encoder posts an error on the bus.
    Error,
    /// The encoder outputs nothing until its pipeline is stopped.
    Block,
    /// The thread of the encoder hangs until the sender of the channel is dropped, even if the pipeline is stopped.
    Hang(Receiver<()>),
}

/// Renders jobs as [`super::run`] does, until a fault is injected.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyRenderer(Arc<Mutex<Option<Fault>>>);

impl Fault {
    /// A thread that hangs until the sender is dropped.
    pub(crate) fn hang() -> (Self, Sender<()>) {
        let (hold, held) = channel();
        (Self::Hang(held), hold)
    }

    fn apply(self, encoder: &gst::Element) -> gst::PadProbeReturn {
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

impl FaultyRenderer {
    /// Injects a fault at the next picture of an encoder.
    pub(crate) fn inject(&self, fault: Fault) {
        *self.0.lock().unwrap() = Some(fault);
    }

    pub(crate) async fn run(self, job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
        let running = Running::assemble(&job)?;
        let encoder = &running.encoders()[0];
        let gives = encoder.static_pad("src").unwrap();
        let encoder = encoder.downgrade();
        gives.add_probe(gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER, move |_, _| {
            let fault = self.0.lock().unwrap().take();
            let encoder = encoder.upgrade();
            fault.zip(encoder).map_or(gst::PadProbeReturn::Pass, |(fault, encoder)| fault.apply(&encoder))
        });
        running.until_over(&job, &stop).await
    }
}
