//! Where a stream is in its life.

use std::sync::Arc;

use serde::Serialize;

use crate::timeline::UnixTime;
use crate::window::Output;

/// Phases of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nobody wants it to run.
    Stopped,
    /// It renders what makes it playable.
    Starting,
    /// It is playable and on time.
    Running,
    /// A run has failed; the next begins shortly.
    Waiting,
    /// A run has failed in a way that another would too.
    Failed,
}

/// What there is to know about a stream's life.
#[derive(Debug, Clone)]
pub struct Status {
    /// The phase.
    pub phase: Phase,
    /// Since when.
    pub since: UnixTime,
    /// Why it is not running, where it should be.
    pub error: Option<String>,
    /// What it publishes, also for a while after it was stopped.
    pub output: Option<Arc<Output>>,
}

impl Status {
    /// A stream that has never run.
    pub fn stopped(since: UnixTime) -> Self {
        Self { phase: Phase::Stopped, since, error: None, output: None }
    }
}
