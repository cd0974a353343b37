//! Where definitions are kept, seen from those who write them.

use std::sync::Arc;

use super::Record;
use super::bucket::{Bucket, Heard};
use super::error::{FileError, Refusal, StoreError};
use super::file::Files;
use crate::definition::spec::StreamName;

/// Where definitions are kept.
pub(super) enum Backend {
    /// Nowhere else.
    Memory,
    /// In a directory of this process.
    Files(Arc<Files>),
    /// Where other replicas keep theirs.
    Bucket(Arc<Bucket>),
}

impl Backend {
    /// What other replicas write to as well.
    pub(super) fn shared(&self) -> Option<Arc<Bucket>> {
        match self {
            Self::Bucket(bucket) => Some(Arc::clone(bucket)),
            Self::Memory | Self::Files(_) => None,
        }
    }

    /// What others have made of a definition.
    pub(super) async fn get(&self, name: &StreamName) -> Result<Option<Heard>, StoreError> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.get(name).await?),
            Self::Memory | Self::Files(_) => Ok(None),
        }
    }

    /// Keeps a definition in place of `version`, 0 for one that there was not. Says the version of this one.
    pub(super) async fn write(&self, record: &Arc<Record>, version: u64) -> Result<u64, Refusal> {
        match self {
            Self::Memory => Ok(0),
            Self::Files(files) => on_disk(files, record, |files, record| files.write(record)).await,
            Self::Bucket(bucket) => bucket.write(record, version).await,
        }
    }

    /// Keeps a definition of this `version` no longer.
    pub(super) async fn remove(&self, record: &Arc<Record>, version: u64) -> Result<(), Refusal> {
        match self {
            Self::Memory => Ok(()),
            Self::Files(files) => {
                on_disk(files, record, |files, record| files.remove(&record.spec.name)).await.map(drop)
            }
            Self::Bucket(bucket) => bucket.remove(&record.spec.name, version).await,
        }
    }
}

/// Does what takes a disk its time where it holds up nobody. It is done even if nobody waits for it any more.
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
