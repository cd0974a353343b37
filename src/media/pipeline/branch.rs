//! The branch of one track in a pipeline: `appsrc ! encoder ! capsfilter ! appsink`, with the feed before it and the
//! packager after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_audio as gst_audio;
use gstreamer_video as gst_video;
use tokio::sync::mpsc::UnboundedSender;

use super::encoder::{AAC_LOOKAHEAD, LeadIn};
use super::feed::{Feed, Frame, Halt, Plan, PublishedPictures, Source};
use super::flow::Flow;
use super::job::Job;
use super::published::Published;
use super::sink::Sink;
use super::{PipelineError, encoder};
use crate::base::metrics::labels;
use crate::base::timeline::{Kind, SAMPLE_RATE};
use crate::definition::spec::{AudioSpec, StreamSpec, VideoSpec};
use crate::media::cmaf::{Format, Packager};
use crate::media::signal::{Overlay, Painter, Picture, Tone};

/// A branch that was added to its pipeline.
pub(super) struct Branch {
    pub(super) flow: Flow,
    pub(super) encoder: gst::Element,
}

/// The differences between a video and an audio branch.
struct Recipe {
    kind: Kind,
    source: Source,
    raw: gst::Caps,
    encoder: gst::Element,
    encoded: gst::Caps,
    bitrate: u32,
    lead_in: LeadIn,
    lookahead: u64,
}

impl Branch {
    /// Adds the branch of track `track` to `pipeline`. It encodes what is `published`, if there is such a thing, and otherwise the
    /// test signal.
    pub(super) fn add(
        pipeline: &gst::Pipeline,
        job: &Job,
        (track, published): (usize, Option<&Arc<Published>>),
        failed: UnboundedSender<PipelineError>,
    ) -> Result<Self, PipelineError> {
        let spec = &job.epoch.spec;
        let recipe = match (spec.video.get(track), &spec.audio) {
            (Some(video), _) => {
                let source = match published.cloned() {
                    None => Source::picture(Painter::new(&Picture::of(spec, video))),
                    Some(published) => {
                        let picture = Picture::without_publisher(spec, video);
                        let overlay = match spec.publish_clock {
                            true => Overlay::strip_and_clock(&picture),
                            false => Overlay::strip(&picture),
                        };
                        let (painter, rendition, timeline) = (Painter::new(&picture), track, spec.timeline);
                        let pictures = PublishedPictures { published, rendition, timeline, painter, overlay };
                        Source::Published(Box::new(pictures))
                    }
                };
                Recipe::video(spec, video, source, job.from)?
            }
            (None, Some(audio)) => {
                let tone = || Source::Sound(Tone::new(audio.beep_hz, audio.beep_dbfs.into()));
                let source = published.cloned().map_or_else(tone, Source::PublishedSound);
                Recipe::audio(spec, audio, source, job.from)?
            }
            (None, None) => unreachable!("a track is one of the definition's"),
        };
        let Recipe { kind, source, raw, encoder, encoded, bitrate, lead_in, lookahead } = recipe;
        let name = encoder.name().to_string();
        let id = job.output.tracks[track].id.as_str();
        let flow = Flow::default();
        let sink = Sink {
            job: job.clone(),
            track,
            packager: Packager::new(Format { kind, timeline: spec.timeline, bitrate }, job.from),
            next: lead_in.start,
            flow: flow.clone(),
            failed: failed.clone(),
            element: name.clone(),
            configured: false,
            live: None,
            published: job.metrics.chunks.get_or_create_owned(&labels(spec.name.as_str())),
        };
        let plan = Plan { job: job.clone(), track, kind, lead_in, lookahead };
        let appsrc = appsrc(id, &raw, Feed::new(plan, source, flow.clone()), failed);
        let filter = encoder::make("capsfilter", id)?;
        filter.set_property("caps", encoded);
        let appsink = appsink(id, sink);
        let elements = [appsrc.upcast_ref(), &encoder, &filter, appsink.upcast_ref()];
        let linked = pipeline.add_many(elements).and_then(|()| gst::Element::link_many(elements));
        linked.map_err(|error| PipelineError::Element { element: name.clone(), message: error.to_string() })?;
        Ok(Self { flow, encoder })
    }

    /// Checks for a stall; called [`STALL_CHECKS`](super::flow::STALL_CHECKS) times within `limit`.
    pub(super) fn check(&self, limit: Duration) -> Result<(), PipelineError> {
        match self.flow.has_stalled() {
            true => Err(PipelineError::Stalled { element: self.encoder.name().to_string(), limit }),
            false => Ok(()),
        }
    }
}

impl Recipe {
    fn video(spec: &StreamSpec, video: &VideoSpec, source: Source, from: u64) -> Result<Self, PipelineError> {
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
            source,
            raw: info.map_err(|error| unsupported(&video.id, &error))?,
            encoder: encoder::video(spec, video)?,
            encoded: encoder::video_caps(video, &spec.timeline),
            bitrate: video.bitrate,
            lead_in: LeadIn::of_video(video, &spec.timeline, from),
            lookahead: 0,
        })
    }

    fn audio(spec: &StreamSpec, audio: &AudioSpec, source: Source, from: u64) -> Result<Self, PipelineError> {
        let info = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, SAMPLE_RATE, 2)
            .build()
            .and_then(|info| info.to_caps());
        Ok(Self {
            kind: Kind::Audio,
            source,
            raw: info.map_err(|error| unsupported(&audio.id, &error))?,
            encoder: encoder::audio(audio, &spec.timeline)?,
            encoded: encoder::audio_caps(),
            bitrate: audio.bitrate,
            lead_in: LeadIn::of_audio(spec.timeline.segment(Kind::Audio, from).start),
            lookahead: AAC_LOOKAHEAD,
        })
    }
}

fn unsupported(track: &crate::definition::spec::TrackId, error: &gst::glib::BoolError) -> PipelineError {
    PipelineError::Element { element: format!("appsrc-{track}"), message: error.to_string() }
}

fn appsrc(id: &str, caps: &gst::Caps, mut feed: Feed, failed: UnboundedSender<PipelineError>) -> gst_app::AppSrc {
    let callbacks = gst_app::AppSrcCallbacks::builder().need_data(move |appsrc, _| {
        // A source that is stopping refuses buffers; its state says so elsewhere.
        let _ = match feed.next() {
            Ok(Some(Frame { buffer, is_early_idr })) => {
                if is_early_idr {
                    // All earlier frames have left the source. Sending the event through the element would lock its state, and
                    // block while the pipeline is being taken down. A pad that is stopping refuses the event.
                    let event = gst_video::DownstreamForceKeyUnitEvent::builder().build();
                    let _ = appsrc.static_pad("src").map(|pad| pad.push_event(event));
                }
                appsrc.push_buffer(buffer)
            }
            Ok(None) => appsrc.end_of_stream(),
            Err(Halt::Stopped) => Ok(gst::FlowSuccess::Ok),
            Err(Halt::Failed(error)) => {
                // If the run is over, nobody receives the error.
                let _ = failed.send(error);
                appsrc.end_of_stream()
            }
        };
    });
    let appsrc = gst_app::AppSrc::builder().name(format!("appsrc-{id}")).caps(caps).format(gst::Format::Time);
    appsrc.callbacks(callbacks.build()).build()
}

fn appsink(id: &str, sink: Sink) -> gst_app::AppSink {
    let sink = Mutex::new(sink);
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |appsink| {
        let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        sink.lock().unwrap_or_else(PoisonError::into_inner).take(&sample)
    });
    gst_app::AppSink::builder().name(format!("appsink-{id}")).sync(false).callbacks(callbacks.build()).build()
}
