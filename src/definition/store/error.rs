//! Errors of the store.

use std::fmt;

/// The store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of the state directory.
    #[error("state_dir")]
    File(#[from] FileError),
    /// The bucket.
    #[error("store")]
    Bucket(#[from] BucketError),
}

impl StoreError {
    /// What happened, without the path or the address: fit for clients of the API.
    pub fn problem(&self) -> String {
        match self {
            Self::File(error) => error.problem.clone(),
            Self::Bucket(error) => format!("store: {}", error.problem),
        }
    }

    /// The path or the address where it happened.
    pub fn place(&self) -> &dyn fmt::Display {
        match self {
            Self::File(error) => &error.place,
            Self::Bucket(error) => &error.address,
        }
    }
}

/// A file of the state directory that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct FileError {
    /// The path.
    pub(super) place: String,
    pub(super) problem: String,
}

/// The bucket could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {problem}")]
pub struct BucketError {
    pub(super) address: String,
    pub(super) problem: String,
}

/// Why nothing was written.
pub(super) enum Refusal {
    /// Another replica has written it meanwhile.
    Behind,
    Failed(StoreError),
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        Self::Failed(error.into())
    }
}
