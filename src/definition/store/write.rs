//! Preconditions, results and errors of a write.

use std::sync::Arc;

use super::{Record, StoreError};
use crate::definition::spec::StreamName;

/// Precondition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No precondition.
    Always,
    /// The stream does not exist.
    New,
    /// The stream exists.
    Exists,
    /// The stream exists and its [`Record::tag`] is one of these.
    Unchanged(Vec<String>),
}

/// Result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The stream is new.
    Created,
    /// The stream existed. Its definition may be the same as before.
    Replaced,
}

/// Why a write failed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A stream of this name exists.
    #[error("stream {0} exists already")]
    Exists(StreamName),
    /// The stream does not exist.
    #[error("there is no stream {0}")]
    Unknown(StreamName),
    /// The definition was changed since the client read it.
    #[error("stream {0} has changed since you read it; get it again")]
    Changed(StreamName),
    /// The stream does not exist, and the precondition requires it.
    #[error("there is no stream {0} to change; get the list of streams again")]
    Gone(StreamName),
    /// The configuration file declares the stream.
    #[error("the configuration file declares stream {0}; change it there and send SIGHUP")]
    Declared(StreamName),
    /// The limit of streams is reached.
    #[error("{allowed} streams exist, which is the limit; delete one, or raise max_streams")]
    Full {
        /// The limit.
        allowed: usize,
    },
    /// The store could not be written.
    #[error("could not {action} stream {name}: {}", source.problem())]
    Store {
        /// `save` or `delete`.
        action: &'static str,
        /// Name of the stream.
        name: StreamName,
        /// The error of the store.
        source: Arc<StoreError>,
    },
}

impl Precondition {
    pub(super) fn check(&self, before: Option<&Arc<Record>>, name: &StreamName) -> Result<(), WriteError> {
        match (self, before) {
            (Self::Always, _) | (Self::New, None) | (Self::Exists, Some(_)) => Ok(()),
            (Self::New, Some(_)) => Err(WriteError::Exists(name.clone())),
            (Self::Exists | Self::Unchanged(_), None) => Err(WriteError::Gone(name.clone())),
            (Self::Unchanged(tags), Some(record)) => match tags.contains(&record.tag()) {
                true => Ok(()),
                false => Err(WriteError::Changed(name.clone())),
            },
        }
    }
}
