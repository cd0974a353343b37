//! Checks the GStreamer installation: required elements, and the versions of the encoder libraries.

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;

use super::encoder::find;
use super::{PipelineError, push};

/// The versions of the encoder libraries in use; part of every revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoders {
    versions: String,
}

impl Encoders {
    /// One line for all libraries.
    pub fn versions(&self) -> &str {
        &self.versions
    }
}

/// Initialises GStreamer, checks that every element for encoding and pushing exists, and reads the versions of the
/// encoders, that of x264 by encoding one picture.
///
/// # Errors
/// [`PipelineError::MissingElement`] for an element that is not installed, [`PipelineError::Element`] for one that
/// fails.
pub fn probe() -> Result<Encoders, PipelineError> {
    let failed = |element: &str, message: String| PipelineError::Element { element: element.to_owned(), message };
    gst::init().map_err(|error| failed("gstreamer", error.to_string()))?;
    for element in ["appsrc", "appsink", "capsfilter", "x264enc", "voaacenc", "opusenc"].iter().chain(&push::ELEMENTS) {
        find(element)?;
    }
    let sei = first_access_unit().map_err(|error| failed("x264enc", error.to_string()))?;
    let x264 = x264_version(&sei).ok_or_else(|| failed("x264enc", "does not say its version".into()))?;
    let aac = find("voaacenc")?.plugin().map(|plugin| plugin.version().to_string()).unwrap_or_default();
    Ok(Encoders { versions: format!("signal {}, x264 {x264}, voaacenc {aac}", crate::media::signal::VERSION) })
}

fn first_access_unit() -> Result<Vec<u8>, gst::glib::Error> {
    const ONE_PICTURE: &str = "videotestsrc num-buffers=1 pattern=black \
        ! video/x-raw,format=I420,width=64,height=64,framerate=25/1 \
        ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 ! appsink name=out sync=false";
    let pipeline = gst::parse::launch(ONE_PICTURE)?;
    let out = pipeline.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("out"));
    // A pipeline that cannot start outputs no sample, which the caller reports.
    let _ = pipeline.set_state(gst::State::Playing);
    let sample = out
        .and_then(|out| out.downcast::<gst_app::AppSink>().ok())
        .and_then(|sink| sink.try_pull_sample(gst::ClockTime::from_seconds(5)));
    let bytes = sample.and_then(|sample| Some(sample.buffer()?.map_readable().ok()?.to_vec()));
    let _ = pipeline.set_state(gst::State::Null);
    Ok(bytes.unwrap_or_default())
}

/// Extracts a version such as `core 164 r3095 baee400` from the SEI before the first picture of x264.
fn x264_version(access_unit: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(access_unit);
    let (_, after) = text.split_once("x264 - ")?;
    Some(after.split_once(" - ")?.0.to_owned())
}
