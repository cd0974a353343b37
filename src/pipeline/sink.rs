//! What happens to an encoder's output, on the encoder's own thread: number it, package it, publish it.

use std::sync::Arc;

use gstreamer as gst;
use tokio::sync::mpsc::UnboundedSender;

use super::PipelineError;
use super::flow::Flow;
use crate::cmaf::{Chunk, Configuration, Packager};
use crate::metrics::{Metrics, labels};
use crate::timeline::{Kind, Timeline};
use crate::utc::Clock;
use crate::window::{Init, Output};

/// Takes the access units of one track in order.
pub(super) struct Sink {
    pub(super) output: Arc<Output>,
    /// Place of the track in the output.
    pub(super) track: usize,
    pub(super) packager: Packager,
    /// Index since 1970 of the next access unit.
    pub(super) next: u64,
    /// Segments from here on are not this run's to publish.
    pub(super) until: Option<u64>,
    pub(super) flow: Flow,
    pub(super) failed: UnboundedSender<PipelineError>,
    pub(super) element: String,
    pub(super) configured: bool,
    pub(super) clock: Option<Clock>,
    pub(super) metrics: Arc<Metrics>,
}

impl Sink {
    /// Publishes what `sample` completes. An error goes to the run and ends the branch.
    pub(super) fn take(&mut self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        let taken = self.publish(sample);
        self.flow.take();
        taken.map(|()| gst::FlowSuccess::Ok).map_err(|error| {
            // The run may be over already, and then nobody asks.
            let _ = self.failed.send(error);
            gst::FlowError::Error
        })
    }

    fn publish(&mut self, sample: &gst::Sample) -> Result<(), PipelineError> {
        let bytes = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        let bytes = bytes.ok_or_else(|| self.error("gave a sample without bytes"))?;
        let track = &self.output.tracks[self.track];
        if !self.configured {
            let init =
                init(sample, &self.output, self.track).ok_or_else(|| self.error("gave no decoder configuration"))?;
            track.window.set_init(init);
            self.configured = true;
        }
        let frame = self.next;
        self.next += 1;
        let chunk = self
            .packager
            .push(frame, &bytes)
            .map_err(|source| PipelineError::Package { element: self.element.clone(), source })?;
        match chunk {
            Some(chunk) if self.until.is_none_or(|until| chunk.segment < until) => {
                self.count(&chunk);
                track.window.push(chunk);
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    fn count(&self, chunk: &Chunk) {
        let Output { spec, tracks, .. } = &*self.output;
        let track = &tracks[self.track];
        // What one chunk is too long the next ones make up for.
        let closes_segment = chunk.index + 1 == spec.timeline.chunks_per_segment();
        if closes_segment && chunk.excess > 0 {
            self.metrics.oversized.get_or_create(&labels(spec.name.as_str())).inc();
            tracing::warn!(track = %track.id, segment = chunk.segment, bytes = chunk.excess, "longer than its bitrate");
        }
        let end = spec.timeline.chunk(track.kind, chunk.segment, chunk.index).end;
        let lag =
            self.clock.as_ref().map(|clock| clock.now().saturating_since(spec.timeline.frame_start(track.kind, end)));
        let lag = lag.filter(|lag| *lag < spec.timeline.segment_duration());
        self.metrics.chunk_published(spec.name.as_str(), lag);
    }

    fn error(&self, message: &str) -> PipelineError {
        PipelineError::Element { element: self.element.clone(), message: message.to_owned() }
    }
}

/// The init segment that the caps of an encoder's output ask for.
fn init(sample: &gst::Sample, output: &Output, track: usize) -> Option<Init> {
    let timeline: &Timeline = &output.spec.timeline;
    let caps = sample.caps()?.structure(0)?;
    let record = caps.get::<gst::Buffer>("codec_data").ok()?.map_readable().ok()?.to_vec();
    let (kind, configuration) = match output.tracks[track].kind {
        Kind::Video => {
            let video = output.spec.video.get(track)?;
            let (width, height) = (video.width.try_into().ok()?, video.height.try_into().ok()?);
            (Kind::Video, Configuration::Avc { record, width, height })
        }
        Kind::Audio => {
            let bitrate = output.spec.audio.as_ref()?.bitrate;
            (Kind::Audio, Configuration::Aac { specific: record, bitrate })
        }
    };
    Some(Init { media: configuration.init_segment(timeline.timescale(kind))?, codec: configuration.codec()? })
}
