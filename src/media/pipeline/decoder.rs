//! Decoders of what a publisher sends: `appsrc ! decoder ! … ! appsink`.

use std::sync::Arc;
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_audio as gst_audio;
use gstreamer_video as gst_video;

use super::bus::{Verdict, judge};
use super::jitter_buffer::SAMPLES;
use super::published::Published;
use super::{PipelineError, encoder, state};
use crate::base::timeline::{SAMPLE_RATE, UnixTime};
use crate::definition::spec::StreamSpec;
use crate::media::rtp::VideoCodec;
use crate::media::signal::CHANNELS;

/// Names of the elements, whose tracks have no name of their own.
const VIDEO: &str = "published-video";
const AUDIO: &str = "published-audio";
/// Most bytes that wait for the decoder: more than an IDR picture, and half a second of 40 Mbit/s.
const MOST_WAITING: u64 = 4 * 1024 * 1024;

/// A decoder of one track, which is stopped when it is dropped.
#[derive(Debug)]
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    /// Time from which timestamps in the pipeline count.
    begun: UnixTime,
}

impl Decoder {
    /// Decodes pictures into the size of each rendition of `spec`. Pictures of another shape get black borders.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub(super) fn pictures(
        codec: VideoCodec,
        spec: &StreamSpec,
        begun: UnixTime,
        published: &Arc<Published>,
    ) -> Result<Self, PipelineError> {
        let (caps, chain) = match codec {
            VideoCodec::H264(_) => {
                let caps = gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream");
                (caps.field("alignment", "au").build(), ["h264parse", "openh264dec"].as_slice())
            }
            VideoCodec::Vp8 => (gst::Caps::new_empty_simple("video/x-vp8"), ["vp8dec"].as_slice()),
        };
        let decoder = Self::new(&caps, begun);
        let mut last = decoder.source.clone().upcast();
        for factory in chain.iter().chain(&["tee"]) {
            last = decoder.append(&last, encoder::make(factory, VIDEO)?)?;
        }
        for (rendition, video) in spec.video.iter().enumerate() {
            // The frame rate of a publisher varies.
            let raw = gst_video::VideoCapsBuilder::new()
                .format(gst_video::VideoFormat::I420)
                .width(video.width as i32)
                .height(video.height as i32)
                .pixel_aspect_ratio(gst::Fraction::new(1, 1))
                .field("colorimetry", "bt709")
                .build();
            let published = Arc::clone(published);
            let sink = sink(&raw, move |at, picture| published.add_picture(rendition, begun + at, picture));
            let scaled = decoder.append(&last, encoder::make("videoconvertscale", video.id.as_str())?)?;
            decoder.append(&scaled, sink)?;
        }
        state::start(&decoder.pipeline)?;
        Ok(decoder)
    }

    /// Decodes Opus.
    ///
    /// # Errors
    /// [`PipelineError`].
    pub(super) fn sound(begun: UnixTime, published: &Arc<Published>) -> Result<Self, PipelineError> {
        let caps = gst::Caps::builder("audio/x-opus").field("channel-mapping-family", 0_i32);
        let caps = caps.field("channels", CHANNELS as i32).field("rate", SAMPLE_RATE as i32).build();
        let decoder = Self::new(&caps, begun);
        let raw = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, SAMPLE_RATE, CHANNELS as u32)
            .build()
            .and_then(|info| info.to_caps())
            .map_err(|error| failed(AUDIO, &error))?;
        let published = Arc::clone(published);
        let sink = sink(&raw, move |at, buffer| {
            let Ok(bytes) = buffer.map_readable() else { return };
            let (samples, _) = bytes.as_chunks();
            let samples = samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
            published.sound().add(SAMPLES.frame_at(begun + at), samples);
        });
        let opus = decoder.append(decoder.source.upcast_ref(), encoder::make("opusdec", AUDIO)?)?;
        decoder.append(&opus, sink)?;
        state::start(&decoder.pipeline)?;
        Ok(decoder)
    }

    /// A pipeline that has only its source.
    fn new(caps: &gst::Caps, begun: UnixTime) -> Self {
        let source = gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).max_bytes(0).build();
        let pipeline = gst::Pipeline::new();
        pipeline.add(&source).expect("the source is new");
        Self { pipeline, source, begun }
    }

    /// Adds an element after another.
    fn append(&self, before: &gst::Element, element: impl IsA<gst::Element>) -> Result<gst::Element, PipelineError> {
        let linked = self.pipeline.add(&element).and_then(|()| before.link(&element));
        linked.map_err(|error| failed(&element.as_ref().name(), &error))?;
        Ok(element.upcast())
    }

    /// Decodes an access unit or a packet with this time. Does not wait for the decoder.
    ///
    /// # Errors
    /// [`PipelineError`] if the decoder has failed, or cannot keep up.
    pub(super) fn push(&self, at: UnixTime, bytes: Vec<u8>) -> Result<(), PipelineError> {
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        if let Some(Verdict::Fail(error)) = bus.pop_filtered(&[gst::MessageType::Error]).as_ref().map(judge) {
            return Err(error);
        }
        if self.source.current_level_bytes() > MOST_WAITING {
            return Err(failed(&self.source.name(), &"the decoder is too slow"));
        }
        let mut buffer = gst::Buffer::from_slice(bytes);
        let stamped = buffer.get_mut().expect("nobody else has seen the buffer");
        let since = u64::try_from(at.saturating_since(self.begun).as_nanos()).unwrap_or_default();
        stamped.set_pts(gst::ClockTime::from_nseconds(since));
        self.source.push_buffer(buffer).map(|_| ()).map_err(|error| failed(&self.source.name(), &error))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // A pipeline that does not stop keeps its thread.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Gives each buffer to `take`, with its time since the start.
fn sink(caps: &gst::Caps, take: impl Fn(Duration, gst::Buffer) + Send + 'static) -> gst_app::AppSink {
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some((at, buffer)) = sample.buffer_owned().and_then(|buffer| Some((buffer.pts()?, buffer))) {
            take(at.into(), buffer);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    // One thread gives buffers to all sinks, so none of them may wait for the others before the pipeline plays.
    gst_app::AppSink::builder().caps(caps).sync(false).async_(false).callbacks(callbacks.build()).build()
}

fn failed(element: &str, error: &impl ToString) -> PipelineError {
    PipelineError::Element { element: element.to_owned(), message: error.to_string() }
}
