//! Where definitions live: what is wanted, as opposed to what runs. Whoever writes comes here, and everybody who has to
//! act on a change watches [`Known`]. Streams that the configuration file declares are here too, and cannot be written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::spec::{StreamName, StreamRequest, StreamSpec};
use crate::timeline::UnixTime;

mod file;

pub use file::FileError;

use file::Files;

/// Most streams at once: past it a mistake is likelier than a machine that carries them.
pub const MAX_STREAMS: usize = 256;

/// How long before it takes effect a change is known at least: players that look for it once a segment have seen it by then.
const NOTICE: Duration = Duration::from_secs(2);

/// All definitions by name.
pub type Known = BTreeMap<StreamName, Arc<Record>>;

/// A definition as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The definition.
    pub spec: StreamSpec,
    /// When it was last written, or 1970 for one that nobody has written.
    pub changed: UnixTime,
    /// The first segment of this definition; 0 if the stream did not run when it was written.
    pub from: u64,
    /// Definitions before it that a stream may still show segments of, oldest first. Each ends where the next begins.
    pub before: Vec<Before>,
    /// How many there were before these.
    pub forgotten: u64,
    /// When it was last said by hand whether the stream runs, or 1970.
    pub switched: UnixTime,
    /// Who may change it.
    pub origin: Origin,
}

/// A definition that a stream had.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The definition.
    pub spec: StreamSpec,
    /// Its first segment.
    pub from: u64,
    /// When it was written.
    pub changed: UnixTime,
}

/// Where a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was written here, or is the one that there is without any configuration.
    Stored,
    /// The configuration file declares it.
    Declared,
}

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
    #[error("there are {MAX_STREAMS} streams, which is the most")]
    Full,
    /// It could not be kept.
    #[error("the definition could not be kept")]
    Store(#[source] Arc<FileError>),
}

/// The store of definitions.
pub struct Definitions {
    known: watch::Sender<Arc<Known>>,
    /// Held while something is written, so that what is on disk is what is known.
    files: Mutex<Option<Arc<Files>>>,
    /// As the configuration file says, whatever has been said by hand since.
    declared: Mutex<Vec<StreamSpec>>,
}

impl Record {
    /// A definition that nobody has written.
    pub fn given(spec: StreamSpec, origin: Origin) -> Self {
        Self {
            spec,
            changed: UnixTime::default(),
            from: 0,
            before: Vec::new(),
            forgotten: 0,
            switched: UnixTime::default(),
            origin,
        }
    }

    /// The same stream with another definition, which players go over to at a segment that is decided here: as near as can be, and
    /// far enough for them and for other replicas to hear of it.
    fn followed_by(&self, spec: StreamSpec, now: UnixTime) -> Self {
        let timeline = &spec.timeline;
        let current = timeline.segment_at(now);
        let mut next = Self { changed: in_millis(now), ..self.clone() };
        if self.spec.control.enabled != spec.control.enabled {
            next.switched = next.changed;
        }
        if !self.spec.control.enabled || !self.spec.goes_over_to(&spec) {
            // What is not played has no past to show.
            if !self.spec.publishes_as(&spec) {
                (next.from, next.before, next.forgotten) = (0, Vec::new(), 0);
            }
        } else if !self.spec.publishes_as(&spec) {
            let from = timeline.segment_at(now + NOTICE) + 1;
            // One that has not begun never does.
            if self.from < from {
                next.before.push(Before { spec: self.spec.clone(), from: self.from, changed: self.changed });
                next.from = from;
            }
            let oldest = current.saturating_sub(spec.kept_segments());
            let until = |place: usize| next.before.get(place + 1).map_or(next.from, |after| after.from);
            let gone = (0..next.before.len()).take_while(|place| until(*place) <= oldest).count();
            next.before.drain(..gone);
            next.forgotten += gone as u64;
        }
        Self { spec, ..next }
    }

    /// Differs whenever the definition does: a strong entity tag without its quotes (RFC 9110 8.8.3).
    pub fn tag(&self) -> String {
        let request = serde_json::to_string(&StreamRequest::from(&self.spec)).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64_with_seed(request.as_bytes(), self.changed.as_nanos()))
    }
}

impl Definitions {
    /// Definitions that last as long as this value does.
    pub fn in_memory(first: Vec<StreamSpec>) -> Self {
        Self::of(first.into_iter().map(|spec| Record::given(spec, Origin::Stored)), None)
    }

    /// The definitions in a state directory, which is created if it is not there. `first` are those of a directory in
    /// which there have never been any. A file that makes no sense is set aside and reported in the log.
    ///
    /// # Errors
    /// [`FileError`] if the directory cannot be used, or another process uses it.
    pub fn open(directory: &Path, first: Vec<StreamSpec>) -> Result<Self, FileError> {
        let files = Files::open(directory)?;
        let records = match files.is_new() {
            true => {
                let given: Vec<_> = first.into_iter().map(|spec| Record::given(spec, Origin::Stored)).collect();
                given.iter().try_for_each(|record| files.write(record))?;
                given
            }
            false => files.read()?,
        };
        Ok(Self::of(records, Some(files)))
    }

    fn of(records: impl IntoIterator<Item = Record>, files: Option<Files>) -> Self {
        let known = records.into_iter().map(|record| (record.spec.name.clone(), Arc::new(record))).collect();
        Self {
            known: watch::Sender::new(Arc::new(known)),
            files: Mutex::new(files.map(Arc::new)),
            declared: Mutex::default(),
        }
    }

    /// Replaces what the configuration file declares. What it declares as before stays as it is, with what has been said by
    /// hand. A stream that was written under the same name gives way, and is kept.
    pub async fn declare(&self, declared: Vec<StreamSpec>) {
        let files = self.files.lock().await;
        let mut before = self.declared.lock().await;
        let as_before = |name: &StreamName| {
            let mut specs = declared.iter().filter(|spec| spec.name == *name);
            specs.any(|spec| before.contains(spec))
        };
        let mut known: Known = Known::clone(&self.known.borrow());
        known.retain(|name, record| record.origin == Origin::Stored || as_before(name));
        for record in files.iter().filter_map(|files| files.read().ok()).flatten() {
            known.entry(record.spec.name.clone()).or_insert_with(|| Arc::new(record));
        }
        for spec in declared.iter().filter(|spec| !before.contains(spec)) {
            let record = Arc::new(Record::given(spec.clone(), Origin::Declared));
            if known.insert(spec.name.clone(), record).is_some() {
                tracing::warn!(stream = %spec.name, "the configuration file declares it, and goes before what was made otherwise");
            }
        }
        *before = declared;
        self.known.send_if_modified(|now| {
            let changed = **now != known;
            *now = Arc::new(known);
            changed
        });
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
        let files = self.files.lock().await;
        let known = self.known();
        let before = known.get(&spec.name);
        guard.check(before, &spec.name)?;
        match before {
            Some(record) if record.origin == Origin::Declared => return Err(WriteError::Declared(spec.name)),
            Some(record) if record.spec == spec => return Ok(Change::Replaced),
            None if known.len() >= MAX_STREAMS => return Err(WriteError::Full),
            Some(_) | None => {}
        }
        let change = if before.is_some() { Change::Replaced } else { Change::Created };
        let record = match before {
            Some(record) => record.followed_by(spec, now),
            None => Record { changed: in_millis(now), ..Record::given(spec, Origin::Stored) },
        };
        let record = Arc::new(record);
        on_disk(files.as_ref(), Arc::clone(&record), |files, record| files.write(record)).await?;
        self.known.send_modify(|known| _ = Arc::make_mut(known).insert(record.spec.name.clone(), record));
        Ok(change)
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
        let files = self.files.lock().await;
        let before = self.known().get(name).cloned();
        guard.check(before.as_ref(), name)?;
        let mut record = before.map(Arc::unwrap_or_clone).ok_or_else(|| WriteError::Unknown(name.clone()))?;
        let control = &mut record.spec.control;
        // What the calendar has said since gives way to what is said now.
        if control.enabled == enabled && control.schedule.is_none() {
            return Ok(());
        }
        control.enabled = enabled;
        record.changed = in_millis(now);
        record.switched = record.changed;
        let record = Arc::new(record);
        if record.origin == Origin::Stored {
            on_disk(files.as_ref(), Arc::clone(&record), |files, record| files.write(record)).await?;
        }
        self.known.send_modify(|known| _ = Arc::make_mut(known).insert(name.clone(), record));
        Ok(())
    }

    /// Forgets a definition.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove(&self, name: &StreamName, guard: &Guard) -> Result<(), WriteError> {
        let files = self.files.lock().await;
        let before = self.known().get(name).cloned();
        guard.check(before.as_ref(), name)?;
        let record = before.ok_or_else(|| WriteError::Unknown(name.clone()))?;
        if record.origin == Origin::Declared {
            return Err(WriteError::Declared(name.clone()));
        }
        on_disk(files.as_ref(), record, |files, record| files.remove(&record.spec.name)).await?;
        self.known.send_modify(|known| _ = Arc::make_mut(known).remove(name));
        Ok(())
    }
}

impl Guard {
    fn check(&self, before: Option<&Arc<Record>>, name: &StreamName) -> Result<(), WriteError> {
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

/// As fine as it is kept, so that a restart changes nothing.
fn in_millis(time: UnixTime) -> UnixTime {
    UnixTime::from_millis(time.as_millis())
}

/// Does what takes a disk its time where it holds up nobody. It is done even if nobody waits for it any more.
async fn on_disk(
    files: Option<&Arc<Files>>,
    record: Arc<Record>,
    act: impl FnOnce(&Files, &Record) -> Result<(), FileError> + Send + 'static,
) -> Result<(), WriteError> {
    let Some(files) = files.cloned() else { return Ok(()) };
    let done = tokio::task::spawn_blocking(move || act(&files, &record)).await;
    let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    done.map_err(|error| WriteError::Store(Arc::new(error)))
}

impl fmt::Debug for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().keys()).finish()
    }
}

#[cfg(test)]
mod tests;
