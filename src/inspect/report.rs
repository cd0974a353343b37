//! The result of a check as text for a terminal, as JSON and as JUnit XML.

mod json;
mod junit;
mod text;

pub use json::json;
pub use junit::junit;
pub use text::{Style, text};

use super::check::Format;
use super::rules::Level;
use crate::base::timeline::UnixTime;

impl Format {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hls => "HLS",
            Self::LlHls => "LL-HLS",
            Self::Dash => "DASH",
            Self::LlDash => "LL-DASH",
        }
    }
}

/// Levels from the strictest.
const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::Recommended];

/// RFC 3339 in UTC with milliseconds.
fn rfc3339(time: UnixTime) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time.as_millis()).unwrap_or_default());
    time.map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
