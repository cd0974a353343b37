//! Where definitions live: what is wanted, as opposed to what runs. Whoever writes comes here, and everybody who has to
//! act on a change watches [`Known`]. Streams that the configuration file declares are here too, and cannot be written.
//! They are kept in memory, in a directory, or in a bucket that replicas share.

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
mod error;
mod file;
mod record;
mod text;
mod write;

pub use bucket::Address;
pub use error::StoreError;
pub use record::{Before, Begin, Forgotten, NOTICE, Part, Record};
pub use write::{Change, Guard, WriteError};

use backend::Backend;
use bucket::{Bucket, Heads, Heard, News};
use error::Refusal;
use file::Files;
use record::in_millis;

/// The most streams that may be allowed: each is a file, and a row of every list.
pub const MAX_STREAMS: usize = 1024;
/// Streams that are allowed unless something else is said: past it a mistake is likelier than a machine that carries them.
pub const ALLOWED_STREAMS: usize = 256;

/// How often a write is tried when other replicas write the same definition.
const ATTEMPTS: u32 = 3;
/// Rest before the store is asked again after it has failed.
const REST: Duration = Duration::from_secs(1);

/// All definitions by name.
pub type Known = BTreeMap<StreamName, Arc<Record>>;

/// Where a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was written here, or is the one that there is without any configuration.
    Stored,
    /// The configuration file declares it.
    Declared,
}

/// The definitions, and where they are kept.
pub struct Definitions {
    known: watch::Sender<Arc<Known>>,
    /// The most that may be there for another to be created.
    allowed: AtomicUsize,
    /// Held while something is written, so that what is kept is what is known.
    kept: Mutex<Contents>,
}

/// What is known, by where it comes from.
struct Contents {
    store: Backend,
    stored: Known,
    /// Versions in the store of what it has, and of what it had.
    versions: HashMap<StreamName, u64>,
    /// As declared, or as has been said by hand since.
    declared: Known,
    /// As the configuration file says.
    file: Vec<StreamSpec>,
}

impl Definitions {
    /// Definitions that last as long as this value does.
    pub fn in_memory(first: Vec<StreamSpec>) -> Self {
        Self::of(given(first), Backend::Memory)
    }

    /// The definitions in a state directory, which is created if it is not there. `first` are those of a directory in
    /// which there have never been any. A file that makes no sense is set aside and reported in the log.
    ///
    /// # Errors
    /// [`StoreError`] if the directory cannot be used, or another process uses it.
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
        Ok(Self::of(records, Backend::Files(Arc::new(files))))
    }

    /// The definitions in a bucket, which is made if it is not there. `first` are those of one in which there have never
    /// been any.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be reached.
    pub async fn join(address: &Address, first: Vec<StreamSpec>) -> Result<Self, StoreError> {
        let bucket = Arc::new(Bucket::open(address).await?);
        let definitions = Self::of(given(first), Backend::Bucket(Arc::clone(&bucket)));
        definitions.hear_all(&bucket).await?;
        Ok(definitions)
    }

    fn of(records: Vec<Record>, store: Backend) -> Self {
        let stored: Known = records.into_iter().map(|record| (record.spec.name.clone(), Arc::new(record))).collect();
        let known = watch::Sender::new(Arc::new(stored.clone()));
        let (versions, declared, file) = (HashMap::new(), Known::new(), Vec::new());
        let allowed = AtomicUsize::new(ALLOWED_STREAMS);
        Self { known, allowed, kept: Mutex::new(Contents { store, stored, versions, declared, file }) }
    }

    /// Lets nobody create another stream where there are so many; what is there stays.
    pub fn allow(&self, streams: usize) {
        self.allowed.store(streams, Ordering::Relaxed);
    }

    /// Hears of what other replicas write, for ever. While the store is away everything stays as it is.
    pub async fn follow(&self) {
        let Some(bucket) = self.kept.lock().await.store.shared() else { return std::future::pending().await };
        loop {
            let error = match self.hear_all(&bucket).await {
                Ok(news) => self.hear_on(&bucket, news).await,
                Err(error) => error,
            };
            tracing::info!(%error, "lost the connection to the store; reading all definitions again");
            tokio::time::sleep(REST).await;
        }
    }

    /// What the bucket has is what there is. A bucket that has lost everything gets it back.
    async fn hear_all(&self, bucket: &Bucket) -> Result<News, StoreError> {
        let mut kept = self.kept.lock().await;
        let mut heads = bucket.heads().await?;
        let known = kept.versions.values().copied().max().unwrap_or_default();
        // Another replica may have written something since.
        if heads.newest == 0 || heads.newest < known {
            for record in kept.stored.values() {
                // Another replica may have been first.
                _ = kept.store.write(record, 0).await;
            }
            heads = bucket.heads().await?;
        }
        let Heads { all, news, .. } = heads;
        (kept.stored, kept.versions) = (Known::new(), HashMap::new());
        all.into_iter().for_each(|heard| kept.hear(heard));
        self.publish(&kept);
        Ok(news)
    }

    async fn hear_on(&self, bucket: &Bucket, mut news: News) -> StoreError {
        loop {
            match bucket.next(&mut news).await {
                Ok(None) => {}
                Ok(Some(heard)) => {
                    let mut kept = self.kept.lock().await;
                    kept.hear(heard);
                    self.publish(&kept);
                }
                Err(error) => return error.into(),
            }
        }
    }

    /// Replaces what the configuration file declares. What it declares as before stays as it is, with what has been said by
    /// hand; what it declares otherwise follows on what it was, as a write would. A stream that was written under the same
    /// name gives way, and is kept.
    pub async fn declare(&self, declared: Vec<StreamSpec>, now: UnixTime) {
        let mut kept = self.kept.lock().await;
        let records = declared.iter().map(|spec| {
            let record = match kept.declared.get(&spec.name) {
                Some(record) if kept.file.contains(spec) => Arc::clone(record),
                // What was said by hand is over.
                Some(record) => {
                    Arc::new(Record { switched: UnixTime::default(), ..record.followed_by(spec.clone(), now) })
                }
                None => {
                    if kept.stored.contains_key(&spec.name) {
                        tracing::warn!(stream = %spec.name, "the configuration file declares this stream; the stored definition of the same name has no effect");
                    }
                    Arc::new(Record::given(spec.clone(), Origin::Declared))
                }
            };
            (spec.name.clone(), record)
        });
        kept.declared = records.collect();
        kept.file = declared;
        self.publish(&kept);
    }

    /// All definitions as they are now.
    pub fn known(&self) -> Arc<Known> {
        self.known.borrow().clone()
    }

    /// A receiver that sees every change from now on.
    pub fn watch(&self) -> watch::Receiver<Arc<Known>> {
        self.known.subscribe()
    }

    /// Writes a definition, which is kept when this resolves. The same one again changes nothing.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn put(&self, spec: StreamSpec, guard: &Guard, now: UnixTime) -> Result<Change, WriteError> {
        let (name, allowed) = (spec.name.clone(), self.allowed.load(Ordering::Relaxed));
        let next = |before: Option<&Arc<Record>>, count: usize| match before {
            Some(record) if record.origin == Origin::Declared => Err(WriteError::Declared(spec.name.clone())),
            Some(record) if record.spec == spec => Ok(None),
            Some(record) => Ok(Some(record.followed_by(spec.clone(), now))),
            None if count >= allowed => Err(WriteError::Full { allowed }),
            None => Ok(Some(Record { changed: in_millis(now), ..Record::given(spec.clone(), Origin::Stored) })),
        };
        let before = self.write(&name, guard, next).await?;
        Ok(if before.is_some() { Change::Replaced } else { Change::Created })
    }

    /// Says whether a stream is to run. One that is declared obeys until its declaration changes.
    ///
    /// # Errors
    /// [`WriteError::Unknown`], [`WriteError::Changed`], [`WriteError::Store`].
    pub async fn enable(
        &self,
        name: &StreamName,
        enabled: bool,
        (guard, now): (&Guard, UnixTime),
    ) -> Result<(), WriteError> {
        let next = |before: Option<&Arc<Record>>, _| {
            let mut record =
                before.map(|record| Record::clone(record)).ok_or_else(|| WriteError::Unknown(name.clone()))?;
            let control = &mut record.spec.control;
            // What the calendar has said since gives way to what is said now.
            if control.enabled == enabled && control.schedule.is_none() {
                return Ok(None);
            }
            control.enabled = enabled;
            (record.changed, record.switched) = (in_millis(now), in_millis(now));
            Ok(Some(record))
        };
        self.write(name, guard, next).await.map(drop)
    }

    /// Forgets a definition.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove(&self, name: &StreamName, guard: &Guard) -> Result<(), WriteError> {
        for _ in 0..ATTEMPTS {
            let mut kept = self.kept.lock().await;
            let before = kept.get(name).cloned();
            guard.check(before.as_ref(), name)?;
            let record = before.ok_or_else(|| WriteError::Unknown(name.clone()))?;
            if record.origin == Origin::Declared {
                return Err(WriteError::Declared(name.clone()));
            }
            match kept.store.remove(&record, kept.version(name)).await {
                Ok(()) => {
                    kept.stored.remove(name);
                    self.publish(&kept);
                    return Ok(());
                }
                Err(refusal) => {
                    self.learn(&mut kept, name, refusal).await.map_err(|error| failed("delete", name, error))?
                }
            }
        }
        Err(WriteError::Changed(name.clone()))
    }

    /// Writes what `next` makes of the record that there is, and of how many there are; nothing if that is `None`. Returns
    /// what was there before.
    async fn write(
        &self,
        name: &StreamName,
        guard: &Guard,
        next: impl Fn(Option<&Arc<Record>>, usize) -> Result<Option<Record>, WriteError>,
    ) -> Result<Option<Arc<Record>>, WriteError> {
        for _ in 0..ATTEMPTS {
            let mut kept = self.kept.lock().await;
            let before = kept.get(name).cloned();
            guard.check(before.as_ref(), name)?;
            let Some(record) = next(before.as_ref(), self.known.borrow().len())?.map(Arc::new) else {
                return Ok(before);
            };
            if record.origin == Origin::Declared {
                kept.declared.insert(name.clone(), record);
                self.publish(&kept);
                return Ok(before);
            }
            match kept.store.write(&record, kept.version(name)).await {
                Ok(version) => {
                    kept.hear(Heard { name: name.clone(), record: Some(record), version });
                    self.publish(&kept);
                    return Ok(before);
                }
                Err(refusal) => {
                    self.learn(&mut kept, name, refusal).await.map_err(|error| failed("save", name, error))?
                }
            }
        }
        Err(WriteError::Changed(name.clone()))
    }

    /// Hears what another replica has written, so that a write can be tried again.
    async fn learn(&self, kept: &mut Contents, name: &StreamName, refusal: Refusal) -> Result<(), StoreError> {
        let news = match refusal {
            Refusal::Behind => kept.store.get(name).await,
            Refusal::Failed(error) => Err(error),
        };
        news?.into_iter().for_each(|heard| kept.hear(heard));
        self.publish(kept);
        Ok(())
    }

    /// What is declared goes before what is stored.
    fn publish(&self, kept: &Contents) {
        let mut known = kept.stored.clone();
        known.extend(kept.declared.iter().map(|(name, record)| (name.clone(), Arc::clone(record))));
        self.known.send_if_modified(|now| {
            let changed = **now != known;
            *now = Arc::new(known);
            changed
        });
    }
}

impl Contents {
    fn get(&self, name: &StreamName) -> Option<&Arc<Record>> {
        self.declared.get(name).or_else(|| self.stored.get(name))
    }

    /// 0 for what there has never been.
    fn version(&self, name: &StreamName) -> u64 {
        self.versions.get(name).copied().unwrap_or_default()
    }

    /// What is older than what is known is no news.
    fn hear(&mut self, heard: Heard) {
        let Heard { name, record, version } = heard;
        if version > 0 && version <= self.version(&name) {
            return;
        }
        self.versions.insert(name.clone(), version);
        match record {
            Some(record) => _ = self.stored.insert(name, record),
            None => _ = self.stored.remove(&name),
        }
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
