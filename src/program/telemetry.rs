//! The log on standard error: one line for each event, with the name of the stream.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::program::config::LogFormat;

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
    let (filter, handle) = reload::Layer::new(EnvFilter::builder().parse(filter)?);
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
        Ok(self.0.reload(EnvFilter::builder().parse(filter)?)?)
    }
}
