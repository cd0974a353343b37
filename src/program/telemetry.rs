//! The log on standard error: one line for each event, with the name of the stream.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::program::config::LogFormat;
use crate::stream::webrtc::LOG_TARGETS;

/// Error of the log libraries.
pub type LogError = Box<dyn std::error::Error + Send + Sync>;

/// The running log.
#[derive(Debug)]
pub struct Log(reload::Handle<EnvFilter, Registry>);

/// Starts the log with a filter.
///
/// # Errors
/// If the filter is invalid or a log was started before.
pub fn start(filter: &str, format: LogFormat) -> Result<Log, LogError> {
    let (filter, handle) = reload::Layer::new(parsed(filter)?);
    let lines = fmt::layer().with_writer(stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_ansi(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    Ok(Log(handle))
}

impl Log {
    /// Replaces the filter.
    ///
    /// # Errors
    /// If the filter is invalid.
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        Ok(self.0.reload(parsed(filter)?)?)
    }
}

/// The filter that a text describes. Lines that clients of WebRTC cause are left out above the level debug, unless the text
/// names the library.
fn parsed(text: &str) -> Result<EnvFilter, LogError> {
    let filter = EnvFilter::builder().parse(text)?;
    let is_detailed = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    let is_named = text.contains(LOG_TARGETS[0]);
    LOG_TARGETS
        .iter()
        .filter(|_| !is_detailed && !is_named)
        .try_fold(filter, |filter, library| Ok(filter.add_directive(format!("{library}=off").parse()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_quiet: bool) {
        assert_eq!(parsed(text).unwrap().to_string().contains("str0m=off"), is_quiet, "{text}");
    }

    #[test]
    fn lines_about_clients_are_details() {
        check("info", true);
        check("warn,barstone::http=info", true);
        check("debug", false);
        check("info,barstone=trace", false);
        check("info,str0m=warn", false);
    }
}
