//! Sends the encoded frames of an output to another server in another container, without encoding them again. The
//! padding of segments is spread over the pictures, so that the receiver gets an even bitrate, that of the
//! definition.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::StreamExt;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use tokio::sync::SetOnce;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::backlog::Backlog;
use self::container::Container;
use super::bus::{Verdict, judge};
use super::state::{start, tear_down};
use super::{PipelineError, encoder};
use crate::base::metrics::Counter;
use crate::base::timeline::{Kind, SAMPLE_RATE, UnixTime};
use crate::base::utc::Clock;
use crate::definition::spec::Push;
use crate::media::cmaf::Configuration;
use crate::media::window::{Frame, Output, Read, Reader, Start};

mod backlog;
mod container;

/// Time without progress after which a target is reconnected, longer than a network needs to reroute.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames due within this time are sent together, so that the task wakes less often.
const BATCH_PERIOD: Duration = Duration::from_millis(10);

/// One attempt to push a stream to one target.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Source of the frames.
    pub output: Arc<Output>,
    /// Rendition and URL.
    pub push: Push,
    /// Paces the frames.
    pub clock: Clock,
    /// Counters of accepted bytes.
    pub receipt: Receipt,
}

/// Counters of what a target has accepted.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// Bytes with container overhead.
    pub bytes: Arc<AtomicU64>,
    /// The same for all targets of the stream.
    pub counted: Counter,
    /// Set when the target accepts the first frame.
    pub taken: Arc<SetOnce<()>>,
}

/// Why a push ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushEnd {
    /// It was stopped.
    Stopped,
    /// The decoder configuration changed; the next connection announces it.
    Changed,
    /// There are no more frames.
    Ended,
}

/// Why a push failed. Every error is worth another attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The pipeline failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The target does not respond, or is too slow.
    #[error("the target has accepted no data for {} s", STALL_TIMEOUT.as_secs())]
    Blocked,
    /// No decoder configuration is known yet.
    #[error("the decoder configuration of the frames is not known yet")]
    Unknown,
}

/// Pushes from the next segment until `stop` is cancelled, or the frames end or change. When this resolves the
/// connection is closed and the pipeline's threads have ended.
///
/// # Errors
/// [`PushError`].
pub async fn push(delivery: Delivery, stop: CancellationToken) -> Result<PushEnd, PushError> {
    let Delivery { output, push, .. } = &delivery;
    let first = async {
        let mut reader = Reader::open(Arc::clone(output), push.video.as_ref(), Start::Next).await;
        (reader.next().await, reader)
    };
    let Some((first, reader)) = stop.run_until_cancelled(first).await else { return Ok(PushEnd::Stopped) };
    let frames = match first {
        Read::Chunks(chunks) => chunks.frames(),
        Read::Changed => return Err(PushError::Unknown),
        Read::Ended => return Ok(PushEnd::Ended),
    };
    let sending = Sending::assemble(&delivery, &reader)?;
    let mut messages = sending.pipeline.bus().expect("a pipeline has a bus").stream();
    let failed = async {
        while let Some(message) = messages.next().await {
            match judge(&message) {
                Verdict::Ignore => {}
                Verdict::Fail(error) => return error,
                Verdict::End => break,
            }
        }
        PipelineError::Ended
    };
    let started = start(&sending.pipeline);
    let over = match started {
        Err(error) => Err(error.into()),
        Ok(()) => tokio::select! {
            biased;
            () = stop.cancelled() => Ok(PushEnd::Stopped),
            error = failed => Err(error.into()),
            over = sending.feed(&delivery, reader, frames) => over,
        },
    };
    tear_down(&sending.pipeline).await;
    over
}

/// A pipeline from encoded frames to a target.
struct Sending {
    pipeline: gst::Pipeline,
    sources: Vec<(Kind, gst_app::AppSrc)>,
    /// Presentation time up to which the target has accepted all frames.
    passed: Arc<AtomicU64>,
}

impl Sending {
    fn assemble(delivery: &Delivery, reader: &Reader) -> Result<Self, PipelineError> {
        let pipeline = gst::Pipeline::new();
        let container = Container::add(&pipeline, &delivery.push.url)?;
        let passed = container.watch(&delivery.receipt);
        let mut sources = Vec::new();
        for (kind, configuration) in reader.configurations() {
            let caps = caps(configuration, &delivery.output);
            let name = format!("appsrc-{kind}");
            let source = gst_app::AppSrc::builder().name(&name).caps(&caps).format(gst::Format::Time).build();
            container.take(&pipeline, kind, source.upcast_ref())?;
            sources.push((kind, source));
        }
        Ok(Self { pipeline, sources, passed })
    }

    /// Feeds frames when they are due; timestamps count from the first frame.
    async fn feed(&self, delivery: &Delivery, mut reader: Reader, first: Vec<Frame>) -> Result<PushEnd, PushError> {
        let origin = first.first().map(|frame| frame.time).ok_or(PushError::Unknown)?;
        let mut backlog = Backlog::new(Arc::clone(&self.passed));
        let mut frames = first;
        loop {
            for frame in frames {
                wait_for(&frame, delivery).await;
                let time = frame.time.saturating_since(origin);
                self.give(frame, origin, &delivery.output);
                if backlog.give(Instant::now(), time) > STALL_TIMEOUT {
                    return Err(PushError::Blocked);
                }
            }
            frames = match reader.next().await {
                Read::Chunks(chunks) => chunks.frames(),
                Read::Changed => return Ok(PushEnd::Changed),
                Read::Ended => return Ok(PushEnd::Ended),
            };
        }
    }

    fn give(&self, frame: Frame, origin: UnixTime, output: &Output) {
        let Frame { kind, time, starts, bytes } = frame;
        let timeline = &output.spec.timeline;
        let ticks = u64::from(timeline.frame_ticks(kind)) * 1_000_000_000;
        let duration = gst::ClockTime::from_nseconds(ticks / u64::from(timeline.timescale(kind)));
        let time = gst::ClockTime::from_nseconds(time.as_nanos() - origin.as_nanos());
        let mut buffer = gst::Buffer::from_slice(bytes);
        let fresh = buffer.get_mut().expect("nobody else has it yet");
        fresh.set_pts(time);
        fresh.set_dts(time);
        fresh.set_duration(duration);
        if !starts {
            fresh.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        if let Some((_, source)) = self.sources.iter().find(|(of, _)| *of == kind) {
            // A source that is stopping refuses buffers, and the bus has the reason.
            let _ = source.push_buffer(buffer);
        }
    }
}

/// Waits until one chunk duration after the time of the frame. A chunk is published with its last frame, so this
/// delay lets all its frames go out evenly.
async fn wait_for(frame: &Frame, Delivery { output, clock, .. }: &Delivery) {
    let chunk = output.spec.timeline.longest_chunk(Kind::Video);
    let early = (frame.time + chunk).saturating_since(clock.now());
    if early > BATCH_PERIOD {
        // After a step back of the clock the wait stays short.
        sleep(early.min(chunk * 2)).await;
    }
}

fn caps(configuration: &Configuration, output: &Output) -> gst::Caps {
    let rate = output.spec.timeline.rate();
    match configuration {
        Configuration::Avc { record, width, height } => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("codec_data", gst::Buffer::from_slice(record.clone()))
            .field("width", i32::from(*width))
            .field("height", i32::from(*height))
            .field("framerate", gst::Fraction::new(rate.num() as i32, rate.den() as i32))
            .build(),
        Configuration::Aac { specific, .. } => gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4_i32)
            .field("stream-format", "raw")
            .field("framed", true)
            .field("codec_data", gst::Buffer::from_slice(specific.clone()))
            .field("rate", SAMPLE_RATE as i32)
            .field("channels", 2_i32)
            .build(),
    }
}

/// Elements that pushing needs.
pub(super) const ELEMENTS: [&str; 6] = ["flvmux", "rtmp2sink", "h264parse", "mpegtsmux", "srtsink", "udpsink"];

fn make(factory: &str) -> Result<gst::Element, PipelineError> {
    encoder::make(factory, "push")
}

fn refused(element: &str, error: &gst::glib::BoolError) -> PipelineError {
    PipelineError::Element { element: element.to_owned(), message: error.to_string() }
}
