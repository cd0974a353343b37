//! The storage behind the definitions, with the same operations for each kind.

use std::sync::Arc;

use super::Record;
use super::bucket::{Bucket, Update};
use super::error::{FileError, Refusal, StoreError};
use super::file::Files;
use crate::definition::spec::StreamName;

/// Storage of definitions.
pub(super) enum Backend {
    /// No storage: definitions are lost when the process ends.
    Memory,
    /// A directory that only this process uses.
    Files(Arc<Files>),
    /// A bucket that replicas share.
    Bucket(Arc<Bucket>),
}

impl Backend {
    /// The bucket, if replicas share this storage.
    pub(super) fn bucket(&self) -> Option<Arc<Bucket>> {
        match self {
            Self::Bucket(bucket) => Some(Arc::clone(bucket)),
            Self::Memory | Self::Files(_) => None,
        }
    }

    /// Reads a definition that another replica may have written.
    pub(super) async fn get(&self, name: &StreamName) -> Result<Option<Update>, StoreError> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.get(name).await?),
            Self::Memory | Self::Files(_) => Ok(None),
        }
    }

    /// Stores a definition in place of `version`, or of none if that is 0. Returns the new version.
    pub(super) async fn write(&self, record: &Arc<Record>, version: u64) -> Result<u64, Refusal> {
        match self {
            Self::Memory => Ok(0),
            Self::Files(files) => on_disk(files, record, |files, record| files.write(record)).await,
            Self::Bucket(bucket) => bucket.write(record, version).await,
        }
    }

    /// Replaces a definition that has this `version` by its counters. Returns the new version.
    pub(super) async fn remove(&self, counters: &Arc<Record>, version: u64) -> Result<u64, Refusal> {
        match self {
            Self::Memory => Ok(0),
            Self::Files(files) => on_disk(files, counters, |files, record| files.remove(record)).await,
            Self::Bucket(bucket) => bucket.write(counters, version).await,
        }
    }

    /// Stores the counters of a declared stream. A bucket does not store them.
    pub(super) async fn count(&self, counters: &Arc<Record>) -> Result<(), Refusal> {
        match self {
            Self::Memory | Self::Bucket(_) => Ok(()),
            Self::Files(files) => {
                on_disk(files, counters, |files, record| files.write_counters(record)).await.map(drop)
            }
        }
    }

    /// Deletes the counters of a deleted stream.
    pub(super) async fn forget(&self, counters: &Arc<Record>, version: u64) -> Result<(), Refusal> {
        match self {
            Self::Memory => Ok(()),
            Self::Files(files) => {
                on_disk(files, counters, |files, record| files.forget(&record.spec.name)).await.map(drop)
            }
            Self::Bucket(bucket) => bucket.remove(&counters.spec.name, version).await,
        }
    }
}

/// Runs a disk operation on a thread that may block. The operation completes even if the returned future is dropped.
async fn on_disk(
    files: &Arc<Files>,
    record: &Arc<Record>,
    act: impl FnOnce(&Files, &Record) -> Result<(), FileError> + Send + 'static,
) -> Result<u64, Refusal> {
    let (files, record) = (Arc::clone(files), Arc::clone(record));
    let done = tokio::task::spawn_blocking(move || act(&files, &record)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    Ok(0)
}
