//! The log: one line for each event, on standard error, with the stream's name in it.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::program::config::LogFormat;

/// Any error of the log's libraries.
pub type LogError = Box<dyn std::error::Error + Send + Sync>;

/// The log of the program.
#[derive(Debug)]
pub struct Log(reload::Handle<EnvFilter, Registry>);

/// Starts logging what `filter` lets through.
///
/// # Errors
/// If the filter does not parse, or a log has been started before.
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
    /// Lets through what `filter` says from now on.
    ///
    /// # Errors
    /// If the filter does not parse.
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        Ok(self.0.reload(EnvFilter::builder().parse(filter)?)?)
    }
}
