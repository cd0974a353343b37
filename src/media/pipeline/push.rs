//! Takes the frames of an output to another server as they are. What has been encoded once is put into another container
//! here, and the padding of segments goes along, spread over the pictures, so that a receiver gets the bitrate that the
//! definition says, and gets it evenly.

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
use super::engine::{start, tear_down};
use super::{PipelineError, encoder};
use crate::base::metrics::Counter;
use crate::base::timeline::{Kind, SAMPLE_RATE, UnixTime};
use crate::base::utc::Clock;
use crate::definition::spec::Push;
use crate::media::cmaf::Configuration;
use crate::media::window::{Frame, Output, Read, Reader};

mod backlog;
mod container;

/// Who takes nothing for so long has to be asked anew: longer than a network needs to find another way.
const PATIENCE: Duration = Duration::from_secs(5);
/// Frames that are due within this go together, and the task sleeps less often.
const TOGETHER: Duration = Duration::from_millis(10);

/// One attempt to push a stream to one target.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whose frames.
    pub output: Arc<Output>,
    /// Which of them, and where to.
    pub push: Push,
    /// Paces them.
    pub clock: Clock,
    /// What is known of the way.
    pub receipt: Receipt,
}

/// What a target has taken.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// Bytes in their container.
    pub bytes: Arc<AtomicU64>,
    /// The same, of all targets of the stream.
    pub counted: Counter,
    /// Set when the first frame was taken.
    pub taken: Arc<SetOnce<()>>,
}

/// Why a push ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It was stopped.
    Stopped,
    /// Frames are of another kind from here on, which another attempt tells the target.
    Changed,
    /// There are no more frames.
    Ended,
}

/// Why a push ended although nobody stopped it. Another attempt may do better, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// What the pipeline says.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The target does not answer, or is too slow.
    #[error("the target has taken nothing for {} s", PATIENCE.as_secs())]
    Blocked,
    /// The encoders have not said what they make.
    #[error("nothing is known of the frames")]
    Unknown,
}

/// Pushes until `stop` is cancelled or the frames end or change. It begins with the next segment. When this resolves the
/// connection is closed and the pipeline's threads have ended.
///
/// # Errors
/// [`PushError`].
pub async fn push(delivery: Delivery, stop: CancellationToken) -> Result<Over, PushError> {
    let Delivery { output, push, .. } = &delivery;
    let first = async {
        let mut reader = Reader::open(Arc::clone(output), push.video.as_ref()).await;
        (reader.next().await, reader)
    };
    let Some((first, reader)) = stop.run_until_cancelled(first).await else { return Ok(Over::Stopped) };
    let frames = match first {
        Read::Frames(frames) => frames,
        Read::Changed => return Err(PushError::Unknown),
        Read::Ended => return Ok(Over::Ended),
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
            () = stop.cancelled() => Ok(Over::Stopped),
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
    /// Presentation time of what the target has taken.
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

    /// Feeds frames as they are due, times counted from the first of them.
    async fn feed(&self, delivery: &Delivery, mut reader: Reader, first: Vec<Frame>) -> Result<Over, PushError> {
        let origin = first.first().map(|frame| frame.time).ok_or(PushError::Unknown)?;
        let mut backlog = Backlog::new(Arc::clone(&self.passed));
        let mut read = Read::Frames(first);
        loop {
            let frames = match read {
                Read::Frames(frames) => frames,
                Read::Changed => return Ok(Over::Changed),
                Read::Ended => return Ok(Over::Ended),
            };
            for frame in frames {
                wait_for(&frame, delivery).await;
                let time = frame.time.saturating_since(origin);
                self.give(frame, origin, &delivery.output);
                if backlog.give(Instant::now(), time) > PATIENCE {
                    return Err(PushError::Blocked);
                }
            }
            read = reader.next().await;
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
            // One that is being stopped takes nothing more, and the bus says why.
            let _ = source.push_buffer(buffer);
        }
    }
}

/// A chunk is there when its last frame is: each frame goes a chunk's length after its time, and so they go evenly.
async fn wait_for(frame: &Frame, Delivery { output, clock, .. }: &Delivery) {
    let chunk = output.spec.timeline.longest_chunk(Kind::Video);
    let early = (frame.time + chunk).saturating_since(clock.now());
    if early > TOGETHER {
        // Where the clock was set back nobody waits for it.
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

/// Elements that pushing takes.
pub(super) const ELEMENTS: [&str; 6] = ["flvmux", "rtmp2sink", "h264parse", "mpegtsmux", "srtsink", "udpsink"];

fn make(factory: &str) -> Result<gst::Element, PipelineError> {
    encoder::make(factory, "push")
}

fn refused(element: &str, error: &gst::glib::BoolError) -> PipelineError {
    PipelineError::Element { element: element.to_owned(), message: error.to_string() }
}
