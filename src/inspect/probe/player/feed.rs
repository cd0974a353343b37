//! A player of encoded pictures and sound that another module receives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

/// The decoders, before the sinks.
const PIPELINE: &str = "appsrc name=video is-live=true format=time ! decodebin ! videoconvert name=pictures \
                        appsrc name=audio is-live=true format=time ! decodebin ! audioconvert ! audioresample name=sound";

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect::probe) enum Coding {
    H264,
    Vp8,
}

/// Takes what the player decodes.
#[derive(Debug)]
pub(in crate::inspect::probe) struct Feed {
    video: gst_app::AppSrc,
    audio: gst_app::AppSrc,
    /// Time of the first picture that is shown, in nanoseconds.
    shown_from: Arc<AtomicU64>,
}

impl Feed {
    /// A pipeline with the sinks for pictures and sound, and what it decodes. `shown_from` becomes the time of the first
    /// picture that is shown.
    pub(super) fn open(
        [pictures, sound]: [&gst_app::AppSink; 2],
        shown_from: Arc<AtomicU64>,
    ) -> Result<(gst::Pipeline, Self), gst::glib::Error> {
        let pipeline = gst::parse::launch(PIPELINE)?.downcast::<gst::Pipeline>().expect("two branches are a pipeline");
        let element = |name: &str| pipeline.by_name(name).expect("the description names it");
        for (name, sink) in [("pictures", pictures), ("sound", sound)] {
            // Otherwise pictures wait for the first sound.
            sink.set_property("async", false);
            pipeline.add(sink).expect("a new sink has no parent");
            element(name).link(sink).expect("a converter has every format of the sink");
        }
        let source = |name| element(name).downcast::<gst_app::AppSrc>().expect("it is an appsrc");
        shown_from.store(u64::MAX, Ordering::Relaxed);
        let feed = Self { video: source("video"), audio: source("audio"), shown_from };
        Ok((pipeline, feed))
    }

    /// Decodes a picture, whose time is in nanoseconds, and shows it if viewers see it.
    pub(in crate::inspect::probe) fn picture(&self, coding: Coding, (pts, is_shown): (u64, bool), data: &[u8]) {
        if self.video.caps().is_none() {
            let caps = match coding {
                Coding::H264 => {
                    gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au")
                }
                Coding::Vp8 => gst::Caps::builder("video/x-vp8"),
            };
            self.video.set_caps(Some(&caps.build()));
        }
        if is_shown {
            self.shown_from.fetch_min(pts, Ordering::Relaxed);
        }
        push(&self.video, pts, data);
    }

    /// Decodes a packet of Opus, whose time is in nanoseconds.
    pub(in crate::inspect::probe) fn sound(&self, pts: u64, data: &[u8]) {
        if self.audio.caps().is_none() {
            let caps = gst::Caps::builder("audio/x-opus").field("channel-mapping-family", 0).field("channels", 2);
            self.audio.set_caps(Some(&caps.field("rate", 48_000).build()));
        }
        push(&self.audio, pts, data);
    }
}

/// A player that fails reports it as an event.
fn push(source: &gst_app::AppSrc, pts: u64, data: &[u8]) {
    let mut buffer = gst::Buffer::from_slice(data.to_vec());
    buffer.get_mut().expect("nobody else has it").set_pts(gst::ClockTime::from_nseconds(pts));
    let _ = source.push_buffer(buffer);
}
