//! Errors of the store.

use std::path::PathBuf;

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

/// A file of the state directory that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FileError {
    pub(super) path: PathBuf,
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
