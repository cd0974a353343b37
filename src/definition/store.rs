//! The store of stream definitions: which streams should exist, as opposed to which run. All writes go through
//! [`Definitions`]; tasks that react to changes watch [`Records`]. Definitions are stored in memory, in a directory, or
//! in a bucket that replicas share. Streams that the configuration file declares are part of [`Records`] and read-only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::base::timeline::UnixTime;
use crate::definition::spec::{StreamName, StreamSpec};

mod backend;
mod bucket;
mod contents;
mod error;
mod file;
mod record;
mod text;
mod write;

pub use bucket::Address;
pub use error::StoreError;
pub use record::{Before, Begin, Forgotten, NOTICE, Part, Record};
pub use write::{Change, Precondition, WriteError};

use backend::Backend;
use bucket::{Bucket, Snapshot, Update, Updates};
use contents::Contents;
use error::Refusal;
use file::Files;
use record::in_millis;

/// Maximum of the setting `max_streams`. Each stream is a file and a row of every list.
pub const MAX_STREAMS: usize = 1024;
/// Default of `max_streams`. More streams are more likely a mistake than a machine that can run them.
pub const DEFAULT_MAX_STREAMS: usize = 256;

/// Attempts to write a definition while other replicas write the same one.
const WRITE_ATTEMPTS: u32 = 3;
/// Delay before the next attempt to read the store after an error.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// All definitions by name of the stream.
pub type Records = BTreeMap<StreamName, Arc<Record>>;

/// Source of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Written over the API, or the default stream that exists if nothing is configured.
    Stored,
    /// Declared in the configuration file.
    Declared,
}

/// All definitions and the store behind them.
pub struct Definitions {
    known: watch::Sender<Arc<Records>>,
    /// Number of streams from which no other may be created.
    max_streams: AtomicUsize,
    /// Locked during a write, so that the store and the published definitions do not diverge.
    contents: Mutex<Contents>,
}

impl Definitions {
    /// Definitions that exist only in this value.
    pub fn in_memory(first: Vec<StreamSpec>) -> Self {
        Self::of(given(first), Vec::new(), Backend::Memory)
    }

    /// Opens the definitions in a state directory and creates the directory if it does not exist. A new directory gets
    /// the definitions `first`. A file that cannot be parsed is renamed and logged as an error.
    ///
    /// # Errors
    /// [`StoreError`] if the directory cannot be used, or if another process uses it.
    pub fn open(directory: &Path, first: Vec<StreamSpec>) -> Result<Self, StoreError> {
        let files = Files::open(directory)?;
        let records = match files.is_new() {
            true => {
                let given = given(first);
                given.iter().try_for_each(|record| files.write(record))?;
                given
            }
            false => files.read()?,
        };
        let removed = files.read_counters()?;
        Ok(Self::of(records, removed, Backend::Files(Arc::new(files))))
    }

    /// Opens the definitions in a bucket and creates the bucket if it does not exist. A bucket that was never written
    /// to gets the definitions `first`.
    ///
    /// # Errors
    /// [`StoreError`] if the bucket cannot be reached.
    pub async fn join(address: &Address, first: Vec<StreamSpec>) -> Result<Self, StoreError> {
        let bucket = Arc::new(Bucket::open(address).await?);
        let definitions = Self::of(given(first), Vec::new(), Backend::Bucket(Arc::clone(&bucket)));
        definitions.reload(&bucket).await?;
        Ok(definitions)
    }

    fn of(records: Vec<Record>, removed: Vec<Record>, store: Backend) -> Self {
        let by_name = |records: Vec<Record>| -> Records {
            records.into_iter().map(|record| (record.spec.name.clone(), Arc::new(record))).collect()
        };
        let (stored, removed) = (by_name(records), by_name(removed));
        let known = watch::Sender::new(Arc::new(stored.clone()));
        let (versions, declared, file) = (HashMap::new(), Records::new(), Vec::new());
        let max_streams = AtomicUsize::new(DEFAULT_MAX_STREAMS);
        Self { known, max_streams, contents: Mutex::new(Contents { store, stored, removed, versions, declared, file }) }
    }

    /// Sets the number of streams from which no other may be created. Existing streams are not affected.
    pub fn set_max_streams(&self, streams: usize) {
        self.max_streams.store(streams, Ordering::Relaxed);
    }

    /// Applies the writes of other replicas; never returns. While the store is unreachable, the definitions do not
    /// change.
    pub async fn follow(&self) {
        let Some(bucket) = self.contents.lock().await.store.bucket() else { return std::future::pending().await };
        loop {
            let error = match self.reload(&bucket).await {
                Ok(updates) => self.apply_updates(&bucket, updates).await,
                Err(error) => error,
            };
            tracing::info!(%error, "lost the connection to the store; reading all definitions again");
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Reads all definitions from the bucket. If the bucket has lost its contents, the definitions of this process are
    /// written to it.
    async fn reload(&self, bucket: &Bucket) -> Result<Updates, StoreError> {
        let mut contents = self.contents.lock().await;
        let mut snapshot = bucket.snapshot().await?;
        let known = contents.versions.values().copied().max().unwrap_or_default();
        // `newest` is greater than `known` where another replica has written since.
        if snapshot.newest == 0 || snapshot.newest < known {
            for record in contents.stored.values().chain(contents.removed.values()) {
                // Fails harmlessly if another replica has written the definition first.
                _ = contents.store.write(record, 0).await;
            }
            snapshot = bucket.snapshot().await?;
        }
        let Snapshot { all, updates, .. } = snapshot;
        (contents.stored, contents.removed, contents.versions) = (Records::new(), Records::new(), HashMap::new());
        all.into_iter().for_each(|update| contents.apply(update));
        self.publish(&contents);
        Ok(updates)
    }

    async fn apply_updates(&self, bucket: &Bucket, mut updates: Updates) -> StoreError {
        loop {
            match bucket.next(&mut updates).await {
                Ok(None) => {}
                Ok(Some(update)) => {
                    let mut contents = self.contents.lock().await;
                    contents.apply(update);
                    self.publish(&contents);
                }
                Err(error) => return error.into(),
            }
        }
    }

    /// Replaces the definitions that the configuration file declares.
    ///
    /// A definition that the file contains unchanged keeps its starts and stops. A changed one replaces the previous
    /// one like a write over the API. A stored definition of the same name stays in the store and has no effect while
    /// the declared one exists.
    pub async fn declare(&self, declared: Vec<StreamSpec>, now: UnixTime) {
        let mut contents = self.contents.lock().await;
        let records: Records = declared.iter().map(|spec| (spec.name.clone(), contents.declare(spec, now))).collect();
        let earlier = std::mem::replace(&mut contents.declared, records.clone());
        let is_new = |record: &Arc<Record>| earlier.get(&record.spec.name).is_none_or(|old| !Arc::ptr_eq(old, record));
        let gone = earlier.iter().filter(|(name, _)| !records.contains_key(*name)).map(|(_, record)| record);
        for record in records.values().filter(|record| is_new(record)).chain(gone) {
            contents.count(record).await;
        }
        contents.file = declared;
        self.publish(&contents);
    }

    /// All definitions at this moment.
    pub fn known(&self) -> Arc<Records> {
        self.known.borrow().clone()
    }

    /// A receiver of all changes from now on.
    pub fn watch(&self) -> watch::Receiver<Arc<Records>> {
        self.known.subscribe()
    }

    /// Writes a definition. When this resolves, the definition is stored. Writing an equal definition changes nothing.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn put(
        &self,
        spec: StreamSpec,
        precondition: &Precondition,
        now: UnixTime,
    ) -> Result<Change, WriteError> {
        let (name, allowed) = (spec.name.clone(), self.max_streams.load(Ordering::Relaxed));
        let next = |before: Option<&Arc<Record>>, (count, removed): (usize, Option<&Arc<Record>>)| match before {
            Some(record) if record.origin == Origin::Declared => Err(WriteError::Declared(spec.name.clone())),
            Some(record) if record.spec == spec => Ok(None),
            Some(record) => Ok(Some(record.followed_by(spec.clone(), now))),
            None if count >= allowed => Err(WriteError::Full { allowed }),
            None => Ok(Some(match removed {
                Some(record) => record.revived(spec.clone(), (Origin::Stored, now)),
                None => Record { changed: in_millis(now), ..Record::given(spec.clone(), Origin::Stored) },
            })),
        };
        let before = self.write(&name, precondition, next).await?;
        Ok(if before.is_some() { Change::Replaced } else { Change::Created })
    }

    /// Sets whether a stream should run. For a declared stream this lasts until its declaration changes.
    ///
    /// # Errors
    /// [`WriteError::Unknown`], [`WriteError::Changed`], [`WriteError::Store`].
    pub async fn enable(
        &self,
        name: &StreamName,
        enabled: bool,
        (precondition, now): (&Precondition, UnixTime),
    ) -> Result<(), WriteError> {
        let next = |before: Option<&Arc<Record>>, _: (usize, Option<&Arc<Record>>)| {
            let mut record =
                before.map(|record| Record::clone(record)).ok_or_else(|| WriteError::Unknown(name.clone()))?;
            let control = &mut record.spec.control;
            // With a schedule the time of the switch matters, even if `enabled` does not change.
            if control.enabled == enabled && control.schedule.is_none() {
                return Ok(None);
            }
            control.enabled = enabled;
            (record.changed, record.switched) = (in_millis(now), in_millis(now));
            Ok(Some(record))
        };
        self.write(name, precondition, next).await.map(drop)
    }

    /// Deletes a definition.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove(
        &self,
        name: &StreamName,
        precondition: &Precondition,
        now: UnixTime,
    ) -> Result<(), WriteError> {
        let next = |before: Option<&Arc<Record>>, _: (usize, Option<&Arc<Record>>)| match before {
            None => Err(WriteError::Unknown(name.clone())),
            Some(record) if record.origin == Origin::Declared => Err(WriteError::Declared(name.clone())),
            Some(record) => Ok(Some(record.removed(now))),
        };
        self.write(name, precondition, next).await.map(drop)
    }

    /// Writes the record that `next` returns, given the current record, the number of streams and the counters of a deleted
    /// stream of this name. `None` writes nothing, if the store confirms that the record is current. Returns the record before
    /// the write.
    async fn write(
        &self,
        name: &StreamName,
        precondition: &Precondition,
        next: impl Fn(Option<&Arc<Record>>, (usize, Option<&Arc<Record>>)) -> Result<Option<Record>, WriteError>,
    ) -> Result<Option<Arc<Record>>, WriteError> {
        for _ in 0..WRITE_ATTEMPTS {
            let mut contents = self.contents.lock().await;
            let before = contents.get(name).cloned();
            precondition.check(before.as_ref(), name)?;
            let others = (self.known.borrow().len(), contents.removed.get(name));
            let Some(record) = next(before.as_ref(), others)?.map(Arc::new) else {
                let is_declared = before.as_ref().is_some_and(|record| record.origin == Origin::Declared);
                let confirmed = async { Ok(is_declared || self.confirm(&mut contents, name).await?) };
                match confirmed.await.map_err(|error| failed("save", name, error))? {
                    true => return Ok(before),
                    false => continue,
                }
            };
            if record.origin == Origin::Declared {
                contents.count(&record).await;
                contents.declared.insert(name.clone(), record);
                self.publish(&contents);
                return Ok(before);
            }
            let (removes, version) = (record.removed, contents.version(name));
            let stored = match removes {
                true => contents.store.remove(&record, version).await,
                false => contents.store.write(&record, version).await,
            };
            match stored {
                Ok(version) => {
                    contents.apply(Update { name: name.clone(), record: Some(record), version });
                    if removes {
                        contents.forget_oldest().await;
                    }
                    self.publish(&contents);
                    return Ok(before);
                }
                Err(refusal) => {
                    let action = if removes { "delete" } else { "save" };
                    let resolved = self.resolve_conflict(&mut contents, name, refusal).await;
                    resolved.map_err(|error| failed(action, name, error))?;
                }
            }
        }
        Err(WriteError::Changed(name.clone()))
    }

    /// Applies what another replica has written, so that the write can be repeated. Errors other than a conflict are
    /// returned.
    async fn resolve_conflict(
        &self,
        contents: &mut Contents,
        name: &StreamName,
        refusal: Refusal,
    ) -> Result<(), StoreError> {
        match refusal {
            Refusal::Conflict => self.confirm(contents, name).await.map(drop),
            Refusal::Failed(error) => Err(error),
        }
    }

    /// Applies what another replica has written. Returns whether this process knew the newest version already.
    async fn confirm(&self, contents: &mut Contents, name: &StreamName) -> Result<bool, StoreError> {
        let Some(update) = contents.store.get(name).await? else { return Ok(true) };
        let known = contents.version(name);
        contents.apply(update);
        self.publish(contents);
        Ok(contents.version(name) == known)
    }

    /// Publishes all definitions. A declared definition overrides a stored one of the same name.
    fn publish(&self, contents: &Contents) {
        let mut known = contents.stored.clone();
        known.extend(contents.declared.iter().map(|(name, record)| (name.clone(), Arc::clone(record))));
        self.known.send_if_modified(|now| {
            let changed = **now != known;
            *now = Arc::new(known);
            changed
        });
    }
}

fn failed(action: &'static str, name: &StreamName, error: StoreError) -> WriteError {
    WriteError::Store { action, name: name.clone(), source: Arc::new(error) }
}

fn given(first: Vec<StreamSpec>) -> Vec<Record> {
    first.into_iter().map(|spec| Record::given(spec, Origin::Stored)).collect()
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().keys()).finish()
    }
}

#[cfg(test)]
mod tests;
