//! Phases of a stream, and its status.

use std::collections::VecDeque;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::timeline::UnixTime;
use crate::media::window::Output;

/// Number of phases in the history, enough for some hours of a stream that fails repeatedly.
const HISTORY: usize = 50;

/// Phases of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The stream is not meant to run, or it runs on demand and has no viewers.
    Stopped,
    /// The stream encodes the segments that make it playable.
    Starting,
    /// The stream is playable and on time.
    Running,
    /// The stream should run, but cannot run yet: a run failed and the next attempt is due shortly, a required stream
    /// does not run, or encoding capacity is missing.
    Waiting,
    /// Failed for good: a restart would fail the same way. Fix the cause, then start the stream.
    Failed,
}

impl Phase {
    /// All words that [`Self::parse`] accepts.
    pub const WORDS: [&'static str; 5] = ["stopped", "starting", "running", "waiting", "failed"];
    /// All phases.
    pub const ALL: [Self; 5] = [Self::Stopped, Self::Starting, Self::Running, Self::Waiting, Self::Failed];

    /// Name in JSON.
    pub const fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Parses a name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// A phase with its start and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The phase.
    pub phase: Phase,
    /// Start of the phase.
    pub since: UnixTime,
    /// Error, if the stream should run and does not.
    pub error: Option<String>,
}

/// The status of a stream.
#[derive(Debug, Clone)]
pub struct Status {
    /// The phase.
    pub phase: Phase,
    /// When the phase began.
    pub since: UnixTime,
    /// Error because of which the stream does not run, if it should run.
    pub error: Option<String>,
    /// The newest phases, oldest first; the last is the current one.
    pub history: VecDeque<Moment>,
    /// Published media. They remain available for some time after a stop.
    pub output: Option<Arc<Output>>,
}

impl Status {
    /// A stream that has never run.
    pub fn stopped(since: UnixTime) -> Self {
        let mut status = Self { phase: Phase::Stopped, since, error: None, history: VecDeque::new(), output: None };
        status.remember();
        status
    }

    /// Sets the phase and its reason. Returns whether either changed.
    pub(super) fn set(&mut self, phase: Phase, since: UnixTime, error: Option<String>) -> bool {
        if self.phase == phase && self.error == error {
            return false;
        }
        if self.phase != phase {
            self.since = since;
        }
        (self.phase, self.error) = (phase, error);
        self.remember();
        true
    }

    fn remember(&mut self) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Moment { phase: self.phase, since: self.since, error: self.error.clone() });
    }
}
