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
    #[error("there is a stream {0} already")]
    Exists(StreamName),
    /// There is no such stream.
    #[error("there is no stream {0}")]
    Unknown(StreamName),
    /// Somebody else has written it since.
    #[error("the definition of {0} is another one by now")]
    Changed(StreamName),
    /// The configuration file declares it.
    #[error("stream {0} is declared in the configuration file, and is changed there")]
    Declared(StreamName),
    /// There are as many as there may be.
    #[error("there are {allowed} streams, which is the most that is allowed")]
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
            (Self::Exists | Self::Unchanged(_), None) => Err(WriteError::Changed(name.clone())),
            (Self::Unchanged(tags), Some(record)) => match tags.contains(&record.tag()) {
                true => Ok(()),
                false => Err(WriteError::Changed(name.clone())),
            },
        }
    }
}
