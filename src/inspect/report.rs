//! The result of a check as text for a terminal, as JSON and as JUnit XML.

mod json;
mod junit;
mod text;

pub use json::json;
pub use junit::{Case, junit, suite};
pub use text::{Style, text};

use super::rules::Level;
use crate::base::timeline::UnixTime;

/// Levels from the strictest.
const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::Recommended];

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(time: UnixTime) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time.as_millis()).unwrap_or_default());
    time.map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
