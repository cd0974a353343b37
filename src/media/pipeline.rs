//! GStreamer pipelines; no other module uses GStreamer. [`run`] renders a stream into its windows from one segment to
//! another, or without end. [`push`](fn@push) sends published frames to another server. When they return, the
//! pipeline, its threads and the connection are gone.

use std::time::Duration;

use crate::media::cmaf::PackageError;

mod branch;
mod bus;
mod encoder;
mod engine;
mod feed;
#[cfg(test)]
pub(crate) mod fixture;
mod flow;
mod job;
mod measure;
mod pace;
mod probe;
mod push;
mod sink;

pub use engine::run;
pub use job::Job;
pub use measure::measure;
pub use probe::{Encoders, probe};
pub use push::{Delivery, Over, PushError, Receipt, push};

/// Why a run ended although nobody stopped it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// The installation lacks an element or its plugin.
    #[error(
        "GStreamer element {element} is missing.{} Check: gst-inspect-1.0 {element}",
        package(element).map_or_else(String::new, |package| format!(" Debian/Ubuntu: apt install {package}."))
    )]
    MissingElement {
        /// Name of the element's factory.
        element: String,
    },
    /// An element reported an error or refused what it was given.
    #[error("{element}: {message}")]
    Element {
        /// Name of the element, its track included.
        element: String,
        /// Its own words.
        message: String,
    },
    /// A track stood still although frames of it were due.
    #[error("{element} has encoded nothing for {:.1} s", limit.as_secs_f64())]
    Stalled {
        /// Name of the element, its track included.
        element: String,
        /// For how long that is allowed.
        limit: Duration,
    },
    /// The run cannot keep up with UTC, or was suspended.
    #[error("{} ms behind UTC: the machine is too slow for the stream, or was suspended", behind.as_millis())]
    Late {
        /// By how much.
        behind: Duration,
    },
    /// An encoder made what was not asked of it.
    #[error("{element}: {source}")]
    Package {
        /// Name of the element, its track included.
        element: String,
        /// What is wrong with it.
        source: PackageError,
    },
    /// The pipeline ended by itself.
    #[error("the pipeline ended by itself")]
    Ended,
}

/// The Debian package that has an element.
fn package(element: &str) -> Option<&'static str> {
    match element {
        "capsfilter" => Some("libgstreamer1.0-0"),
        "appsrc" | "appsink" | "videotestsrc" => Some("gstreamer1.0-plugins-base"),
        "flvmux" | "udpsink" => Some("gstreamer1.0-plugins-good"),
        "voaacenc" | "rtmp2sink" | "srtsink" | "mpegtsmux" | "h264parse" => Some("gstreamer1.0-plugins-bad"),
        "x264enc" => Some("gstreamer1.0-plugins-ugly"),
        _ => None,
    }
}

impl PipelineError {
    /// Whether the same run may succeed at another time.
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
