//! GStreamer pipelines; no other module uses GStreamer. [`run`] renders a stream into its windows from one segment to
//! another, or without end; the pictures are those of the test signal or of a publisher. [`push`](fn@push) sends published frames to another server. When they return, the
//! pipeline, its threads and the connection are gone. [`opus`] encodes sound for viewers over RTP.

use std::time::Duration;

use crate::media::cmaf::PackageError;

mod background;
mod branch;
mod bus;
mod decoder;
mod encoder;
mod engine;
mod feed;
#[cfg(test)]
pub(crate) mod fixture;
mod flow;
mod jitter_buffer;
mod job;
mod measure;
pub mod opus;
mod pace;
mod probe;
mod published;
mod push;
mod reception;
mod sink;
mod state;

pub use encoder::group;
pub use engine::run;
pub use job::{Job, Pause, Priority};
pub use measure::measure;
pub use probe::{Encoders, probe};
pub use push::{Delivery, PushEnd, PushError, Receipt, push};

/// Why a run ended without being stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// GStreamer lacks an element.
    #[error(
        "GStreamer element {element} is missing.{} Check: gst-inspect-1.0 {element}",
        package(element).map_or_else(String::new, |package| format!(" Debian/Ubuntu: apt install {package}."))
    )]
    MissingElement {
        /// Name of the element factory.
        element: String,
    },
    /// An element reported an error or refused its input.
    #[error("{element}: {message}")]
    Element {
        /// Name of the element, including its track.
        element: String,
        /// Message of the element.
        message: String,
    },
    /// A track made no progress although frames were due.
    #[error("{element} has encoded nothing for {:.1} s", limit.as_secs_f64())]
    Stalled {
        /// Name of the element, including its track.
        element: String,
        /// Maximum duration without progress.
        limit: Duration,
    },
    /// The run cannot keep up with UTC, or was suspended.
    #[error("{} ms behind UTC: the machine is too slow for the stream, or was suspended", behind.as_millis())]
    Late {
        /// Delay behind UTC.
        behind: Duration,
    },
    /// The output of an encoder cannot be packaged.
    #[error("{element}: {source}")]
    Package {
        /// Name of the element, including its track.
        element: String,
        /// The error.
        source: PackageError,
    },
    /// The pipeline ended unexpectedly.
    #[error("the pipeline ended by itself")]
    Ended,
}

/// Debian package that contains an element.
fn package(element: &str) -> Option<&'static str> {
    match element {
        "capsfilter" | "tee" => Some("libgstreamer1.0-0"),
        "appsrc" | "appsink" | "opusenc" | "opusdec" | "videoconvertscale" | "videotestsrc" => {
            Some("gstreamer1.0-plugins-base")
        }
        "flvmux" | "udpsink" | "vp8dec" => Some("gstreamer1.0-plugins-good"),
        "voaacenc" | "rtmp2sink" | "srtsink" | "mpegtsmux" | "h264parse" | "openh264dec" => {
            Some("gstreamer1.0-plugins-bad")
        }
        "x264enc" => Some("gstreamer1.0-plugins-ugly"),
        _ => None,
    }
}

impl PipelineError {
    /// Whether the same run may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::MissingElement { .. } => false,
            Self::Element { .. } | Self::Stalled { .. } | Self::Late { .. } | Self::Package { .. } | Self::Ended => {
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
