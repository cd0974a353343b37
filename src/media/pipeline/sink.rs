//! Numbers, packages and publishes the output of an encoder, on the encoder's own thread.

use std::time::Duration;

use gstreamer as gst;
use tokio::sync::mpsc::UnboundedSender;

use super::PipelineError;
use super::flow::{Flow, Stopped};
use super::job::Job;
use crate::base::metrics::{Counter, labels};
use crate::base::timeline::Kind;
use crate::definition::spec::StreamSpec;
use crate::media::cmaf::{Chunk, Configuration, Packager, Slices};
use crate::media::rtp::ParameterSets;
use crate::media::window::{Init, live};

/// Receives the access units of one track in order.
pub(super) struct Sink {
    pub(super) job: Job,
    /// Index of the track in the output.
    pub(super) track: usize,
    pub(super) packager: Packager,
    /// Index since 1970 of the next access unit.
    pub(super) next: u64,
    pub(super) flow: Flow,
    pub(super) failed: UnboundedSender<PipelineError>,
    pub(super) element: String,
    pub(super) configured: bool,
    /// The current group of pictures, if the run is live.
    pub(super) live: Option<live::Writer>,
    /// Counter of published chunks.
    pub(super) published: Counter,
}

impl Sink {
    /// Adds an access unit, and publishes the chunk that it completes. An error is sent to the run and ends the
    /// branch.
    pub(super) fn take(&mut self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        // An encoder that wakes up after its run ended publishes nothing.
        self.flow.check().map_err(|Stopped| gst::FlowError::Flushing)?;
        let taken = self.publish(sample);
        self.flow.take();
        taken.map(|()| gst::FlowSuccess::Ok).map_err(|error| {
            // If the run is over, nobody receives the error.
            let _ = self.failed.send(error);
            gst::FlowError::Error
        })
    }

    fn publish(&mut self, sample: &gst::Sample) -> Result<(), PipelineError> {
        let bytes = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        let bytes = bytes.ok_or_else(|| self.error("gave a sample without bytes"))?;
        let Job { output, epoch, .. } = &self.job;
        let track = &output.tracks[self.track];
        if !self.configured {
            let init =
                init(sample, &epoch.spec, self.track).ok_or_else(|| self.error("gave no decoder configuration"))?;
            self.live = live(&self.job, self.track, &init.configuration);
            track.window.set_init(&epoch.revision, init);
            self.configured = true;
        }
        let frame = self.next;
        self.next += 1;
        if let Some(lag) = self.lag(frame) {
            self.job.metrics.encode_lag.observe(lag.as_secs_f64());
        }
        let chunk = self
            .packager
            .push(frame, &bytes)
            .map_err(|source| PipelineError::Package { element: self.element.clone(), source })?;
        self.show(frame, &bytes);
        let Some(chunk) = chunk else { return Ok(()) };
        if let Some(window) = self.job.window(self.track, chunk.segment) {
            self.count(&chunk);
            window.push(chunk);
        }
        Ok(())
    }

    /// Gives a picture to those who follow the track, if it is published in the window of the track.
    fn show(&mut self, frame: u64, access_unit: &[u8]) {
        let Job { epoch, clock, from, .. } = &self.job;
        let timeline = &epoch.spec.timeline;
        let (Some(live), Some(clock)) = (&mut self.live, clock) else { return };
        let segment = frame / u64::from(timeline.segment_frames());
        if segment >= *from && epoch.contains(segment) {
            let slices = Slices::of(access_unit).expect("the packager has taken the access unit");
            live.push(frame, timeline.frame_start(Kind::Video, frame), slices, clock.now());
        }
    }

    fn count(&self, chunk: &Chunk) {
        let Job { output, epoch, metrics, .. } = &self.job;
        let (spec, track) = (&epoch.spec, &output.tracks[self.track]);
        // Later chunks of the segment may compensate for one that is too large.
        let closes_segment = chunk.index + 1 == spec.timeline.chunks_per_segment();
        if closes_segment && chunk.excess > 0 {
            metrics.oversized.get_or_create(&labels(spec.name.as_str())).inc();
            let (stream, track) = (&spec.name, &track.id);
            tracing::warn!(%stream, %track, segment = chunk.segment, bytes = chunk.excess, "a segment is larger than its bitrate allows");
        }
        let end = spec.timeline.chunk(track.kind, chunk.segment, chunk.index).end;
        if let Some(lag) = self.lag(end) {
            metrics.publish_lag.observe(lag.as_secs_f64());
        }
        self.published.inc();
    }

    /// Time since a frame was due. `None` for frames of the past.
    fn lag(&self, frame: u64) -> Option<Duration> {
        let Job { output, epoch, clock, .. } = &self.job;
        let timeline = &epoch.spec.timeline;
        let due = timeline.frame_start(output.tracks[self.track].kind, frame);
        let lag = clock.as_ref()?.now().saturating_since(due);
        Some(lag).filter(|lag| *lag < timeline.segment_duration())
    }

    fn error(&self, message: &str) -> PipelineError {
        PipelineError::Element { element: self.element.clone(), message: message.to_owned() }
    }
}

/// Writes the current group of pictures of a video track, if the run is live.
fn live(job: &Job, track: usize, configuration: &Configuration) -> Option<live::Writer> {
    let Configuration::Avc { record, .. } = configuration else { return None };
    job.clock.as_ref()?;
    Some(job.output.tracks[track].live.writer(ParameterSets::of(record)?))
}

/// The init segment that follows from the caps of the output of an encoder.
fn init(sample: &gst::Sample, spec: &StreamSpec, track: usize) -> Option<Init> {
    let caps = sample.caps()?.structure(0)?;
    let record = caps.get::<gst::Buffer>("codec_data").ok()?.map_readable().ok()?.to_vec();
    let (kind, configuration) = match spec.video.get(track) {
        Some(video) => {
            let (width, height) = (video.width.try_into().ok()?, video.height.try_into().ok()?);
            (Kind::Video, Configuration::Avc { record, width, height })
        }
        None => {
            let bitrate = spec.audio.as_ref()?.bitrate;
            (Kind::Audio, Configuration::Aac { specific: record, bitrate })
        }
    };
    let media = configuration.init_segment(spec.timeline.timescale(kind))?;
    Some(Init { media, codec: configuration.codec()?, configuration })
}
