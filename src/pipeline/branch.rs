//! One track's part of a pipeline: `appsrc ! encoder ! capsfilter ! appsink`, with what feeds it and what takes
//! its output.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_audio as gst_audio;
use gstreamer_video as gst_video;
use tokio::sync::mpsc::UnboundedSender;

use super::engine::Job;
use super::feed::{self, Plan, Source};
use super::flow::Flow;
use super::sink::Sink;
use super::{PipelineError, encoder};
use crate::cmaf::{Format, Packager};
use crate::signal::{Painter, Picture, Tone};
use crate::spec::{AudioSpec, StreamSpec, VideoSpec};
use crate::timeline::{Kind, SAMPLE_RATE};

/// Frames past the last published one that an audio encoder needs before it gives that one.
const AAC_LOOKAHEAD: u64 = 4;

/// A branch that is in its pipeline and has not been fed yet.
pub(super) struct Branch {
    pub(super) flow: Flow,
    plan: Plan,
    source: Source,
    appsrc: gst_app::AppSrc,
    encoder: String,
}

/// What differs between video and audio.
struct Recipe {
    kind: Kind,
    source: Source,
    raw: gst::Caps,
    encoder: gst::Element,
    encoded: gst::Caps,
    bitrate: u32,
    start: u64,
    lookahead: u64,
}

impl Branch {
    /// Adds the branch of track `track` to `pipeline`.
    pub(super) fn add(
        pipeline: &gst::Pipeline,
        job: &Job,
        track: usize,
        failed: UnboundedSender<PipelineError>,
    ) -> Result<Self, PipelineError> {
        let spec = &job.output.spec;
        let first = |kind| spec.timeline.segment(kind, job.from).start;
        let recipe = match (spec.video.get(track), &spec.audio) {
            (Some(video), _) => Recipe::video(spec, video, first(Kind::Video))?,
            (None, Some(audio)) => Recipe::audio(spec, audio, first(Kind::Audio))?,
            (None, None) => unreachable!("a track is one of the definition's"),
        };
        let Recipe { kind, source, raw, encoder, encoded, bitrate, start, lookahead } = recipe;
        let name = encoder.name().to_string();
        let id = job.output.tracks[track].id.as_str();
        let end = job.until.map_or(u64::MAX, |until| spec.timeline.segment(kind, until).start + lookahead);
        let flow = Flow::default();
        let sink = Sink {
            output: Arc::clone(&job.output),
            track,
            packager: Packager::new(Format { kind, timeline: spec.timeline, bitrate }, job.from),
            next: start,
            until: job.until,
            flow: flow.clone(),
            failed,
            element: name.clone(),
            configured: false,
            clock: job.clock.clone(),
            metrics: Arc::clone(&job.metrics),
        };
        let appsrc =
            gst_app::AppSrc::builder().name(format!("appsrc-{id}")).caps(&raw).format(gst::Format::Time).build();
        let filter = encoder::make("capsfilter", id)?;
        filter.set_property("caps", encoded);
        let appsink = appsink(id, sink);
        let elements = [appsrc.upcast_ref(), &encoder, &filter, appsink.upcast_ref()];
        let linked = pipeline.add_many(elements).and_then(|()| gst::Element::link_many(elements));
        linked.map_err(|error| PipelineError::Element { element: name.clone(), message: error.to_string() })?;
        let plan = Plan { timeline: spec.timeline, kind, frames: start..end, clock: job.clock.clone() };
        Ok(Self { flow, plan, source, appsrc, encoder: name })
    }

    /// Feeds the branch to its end; blocks.
    pub(super) fn feed(self) -> Result<(), PipelineError> {
        let Self { flow, plan, source, appsrc, encoder } = self;
        let push = |buffer| match appsrc.push_buffer(buffer) {
            Ok(_) | Err(gst::FlowError::Flushing | gst::FlowError::Eos) => Ok(()),
            Err(error) => Err(PipelineError::Element { element: encoder.clone(), message: error.to_string() }),
        };
        feed::feed(&plan, &source, &flow, push, &encoder)?;
        // A run that is being stopped no longer takes the end of its stream.
        let _ = appsrc.end_of_stream();
        Ok(())
    }
}

impl Recipe {
    fn video(spec: &StreamSpec, video: &VideoSpec, first: u64) -> Result<Self, PipelineError> {
        let rate = spec.timeline.rate();
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, video.width, video.height)
            .fps(gst::Fraction::new(rate.num() as i32, rate.den() as i32))
            .colorimetry(&gst_video::VideoColorimetry::new(
                gst_video::VideoColorRange::Range16_235,
                gst_video::VideoColorMatrix::Bt709,
                gst_video::VideoTransferFunction::Bt709,
                gst_video::VideoColorPrimaries::Bt709,
            ))
            .build()
            .and_then(|info| info.to_caps());
        Ok(Self {
            kind: Kind::Video,
            source: Source::picture(Painter::new(&picture(spec, video))),
            raw: info.map_err(|error| unsupported(&video.id, &error))?,
            encoder: encoder::video(video, &spec.timeline)?,
            encoded: encoder::video_caps(video, &spec.timeline),
            bitrate: video.bitrate,
            start: encoder::video_start(video, &spec.timeline, first),
            lookahead: 0,
        })
    }

    fn audio(spec: &StreamSpec, audio: &AudioSpec, first: u64) -> Result<Self, PipelineError> {
        let info = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, SAMPLE_RATE, 2)
            .build()
            .and_then(|info| info.to_caps());
        Ok(Self {
            kind: Kind::Audio,
            source: Source::Sound(Tone::new(audio.beep_hz, audio.beep_dbfs.into())),
            raw: info.map_err(|error| unsupported(&audio.id, &error))?,
            encoder: encoder::audio(audio, &spec.timeline)?,
            encoded: encoder::audio_caps(),
            bitrate: audio.bitrate,
            start: encoder::audio_start(first),
            lookahead: AAC_LOOKAHEAD,
        })
    }
}

fn picture(spec: &StreamSpec, video: &VideoSpec) -> Picture {
    let rate = spec.timeline.rate();
    Picture {
        width: video.width,
        height: video.height,
        rate,
        pattern: spec.pattern,
        title: spec.shown_title().to_owned(),
        label: format!("{}  {}x{}  {rate} fps  {} kbit/s", video.id, video.width, video.height, video.bitrate / 1000),
    }
}

fn unsupported(track: &crate::spec::TrackId, error: &gst::glib::BoolError) -> PipelineError {
    PipelineError::Element { element: format!("appsrc-{track}"), message: error.to_string() }
}

fn appsink(id: &str, sink: Sink) -> gst_app::AppSink {
    let sink = Mutex::new(sink);
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |appsink| {
        let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).take(&sample)
    });
    gst_app::AppSink::builder().name(format!("appsink-{id}")).sync(false).callbacks(callbacks.build()).build()
}
