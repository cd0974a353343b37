//! Errors of the store.

use std::fmt;

/// The store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Error of a file in the state directory.
    #[error("state_dir")]
    File(#[from] FileError),
    /// Error of the bucket.
    #[error("store")]
    Bucket(#[from] BucketError),
}

impl StoreError {
    /// Error text without the path or address, for clients of the API.
    pub fn problem(&self) -> String {
        match self {
            Self::File(error) => error.problem.clone(),
            Self::Bucket(error) => format!("store: {}", error.problem),
        }
    }

    /// Path or address where the error occurred.
    pub fn place(&self) -> &dyn fmt::Display {
        match self {
            Self::File(error) => &error.place,
            Self::Bucket(error) => &error.address,
        }
    }
}

/// A file of the state directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct FileError {
    /// Path of the file or directory.
    pub(super) place: String,
    pub(super) problem: String,
}

/// A bucket that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {problem}")]
pub struct BucketError {
    pub(super) address: String,
    pub(super) problem: String,
}

/// Why the store refused a write.
pub(super) enum Refusal {
    /// Another replica has written the definition meanwhile.
    Conflict,
    Failed(StoreError),
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BucketError> for Refusal {
    fn from(error: BucketError) -> Self {
        Self::Failed(error.into())
    }
}
