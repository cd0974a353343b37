//! What a write asks for, and what comes of it.

use std::sync::Arc;

use super::{Record, StoreError};
use crate::definition::spec::StreamName;

/// What must be so for a write to take place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Always,
    /// There is no such stream yet.
    New,
    /// There is one, whatever it is.
    Exists,
    /// There is one that has one of these tags, which are those of [`Record::tag`].
    Unchanged(Vec<String>),
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no such stream before.
    Created,
    /// The stream has a new definition, or the one that it had.
    Replaced,
}

/// Why a write did not take place. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The name is taken.
    #[error("stream {0} exists already")]
    Exists(StreamName),
    /// There is no such stream.
    #[error("there is no stream {0}")]
    Unknown(StreamName),
    /// Somebody else has written it since.
    #[error("stream {0} has changed since you read it; get it again")]
    Changed(StreamName),
    /// There is none, and the write requires one.
    #[error("there is no stream {0} to change; get the list of streams again")]
    Gone(StreamName),
    /// The configuration file declares it.
    #[error("the configuration file declares stream {0}; change it there and send SIGHUP")]
    Declared(StreamName),
    /// There are as many as there may be.
    #[error("{allowed} streams exist, which is the limit; delete one, or raise max_streams")]
    Full {
        /// How many.
        allowed: usize,
    },
    /// It could not be written to the disk or to the store.
    #[error("could not {action} stream {name}: {}", source.problem())]
    Store {
        /// `save` or `delete`.
        action: &'static str,
        /// Whose definition.
        name: StreamName,
        /// Why.
        source: Arc<StoreError>,
    },
}

impl Guard {
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
