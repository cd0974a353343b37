//! Which streams there are. It changes what is wanted; each stream's own task makes it so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::life::{Life, Wanted};
use super::{Phase, Render, Status, Turns};
use crate::metrics::Metrics;
use crate::spec::{StreamName, StreamSpec};
use crate::utc::Clock;
use crate::window::Output;

/// Most streams at once: past it a mistake is likelier than a machine that carries them.
const MAX_STREAMS: usize = 256;

/// What all streams share.
pub struct Setting {
    /// UTC.
    pub clock: Clock,
    /// Renders a job.
    pub render: Render,
    /// Versions of the encoder libraries, for revisions.
    pub encoders: String,
    /// Where windows are mirrored to, if anywhere.
    pub directory: Option<PathBuf>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Every task of every stream.
    pub tasks: TaskTracker,
    /// Who may catch up with UTC, and who may fill in the past.
    pub turns: Turns,
}

/// Why a stream could not be created or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name is taken.
    #[error("there is a stream {0} already")]
    Exists(StreamName),
    /// There is no such stream.
    #[error("there is no stream {0}")]
    Unknown(StreamName),
    /// There are as many as there may be.
    #[error("there are {MAX_STREAMS} streams, which is the most")]
    Full,
}

/// A stream as it is at one moment.
#[derive(Debug, Clone)]
pub struct StreamView {
    /// The definition.
    pub spec: StreamSpec,
    /// Its life.
    pub status: Status,
}

/// All streams by name.
pub struct Registry {
    setting: Arc<Setting>,
    over: CancellationToken,
    streams: Mutex<BTreeMap<StreamName, Entry>>,
}

struct Entry {
    wanted: watch::Sender<Wanted>,
    status: watch::Receiver<Status>,
    over: CancellationToken,
}

impl Registry {
    /// No streams; all that come end when `over` is cancelled.
    pub fn new(setting: Setting, over: CancellationToken) -> Self {
        Self { setting: Arc::new(setting), over, streams: Mutex::default() }
    }

    /// What all streams share.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// All streams, by name.
    pub fn list(&self) -> Vec<StreamView> {
        self.streams().values().map(Entry::view).collect()
    }

    /// One stream.
    pub fn get(&self, name: &StreamName) -> Result<StreamView, RegistryError> {
        self.with(name, Entry::view)
    }

    /// What one stream publishes, as soon as it does; `None` if it is not to run, or cannot.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`].
    pub async fn output(&self, name: &StreamName) -> Result<Option<Arc<Output>>, RegistryError> {
        if let Some(output) = self.with(name, |entry| entry.status.borrow().output.clone())? {
            return Ok(Some(output));
        }
        let (mut wanted, mut status) = self.with(name, |entry| (entry.wanted.subscribe(), entry.status.clone()))?;
        loop {
            {
                let status = status.borrow_and_update();
                let hopeless = !wanted.borrow_and_update().running || status.phase == Phase::Failed;
                if status.output.is_some() || hopeless {
                    return Ok(status.output.clone());
                }
            }
            tokio::select! {
                changed = status.changed() => if changed.is_err() { return Ok(None) },
                changed = wanted.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    /// Adds a stream, which runs if it is enabled.
    ///
    /// # Errors
    /// [`RegistryError::Exists`], [`RegistryError::Full`].
    pub fn create(&self, spec: StreamSpec) -> Result<StreamView, RegistryError> {
        let mut streams = self.streams();
        if streams.contains_key(&spec.name) {
            return Err(RegistryError::Exists(spec.name));
        }
        if streams.len() >= MAX_STREAMS {
            return Err(RegistryError::Full);
        }
        let name = spec.name.clone();
        let entry = self.spawn(spec);
        let view = entry.view();
        streams.insert(name, entry);
        Ok(view)
    }

    /// Replaces a definition or adds it; says whether it was added.
    ///
    /// # Errors
    /// [`RegistryError::Full`].
    pub fn replace(&self, spec: StreamSpec) -> Result<(StreamView, Change), RegistryError> {
        match self.create(spec.clone()) {
            Ok(view) => Ok((view, Change::Created)),
            Err(RegistryError::Exists(name)) => {
                let view = self.with(&name, |entry| {
                    entry.want(|wanted| *wanted = Wanted { running: spec.enabled, spec });
                    entry.view()
                })?;
                Ok((view, Change::Replaced))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a stream and forgets it.
    pub fn remove(&self, name: &StreamName) -> Result<(), RegistryError> {
        let entry = self.streams().remove(name).ok_or_else(|| RegistryError::Unknown(name.clone()))?;
        // Whoever waits for more is told that there is none.
        entry.want(|wanted| wanted.running = false);
        entry.over.cancel();
        self.setting.metrics.forget(name.as_str());
        Ok(())
    }

    /// Wants a stream to run; it may already.
    pub fn start(&self, name: &StreamName) -> Result<StreamView, RegistryError> {
        self.set_running(name, true)
    }

    /// Wants a stream not to run.
    pub fn stop(&self, name: &StreamName) -> Result<StreamView, RegistryError> {
        self.set_running(name, false)
    }

    fn set_running(&self, name: &StreamName, running: bool) -> Result<StreamView, RegistryError> {
        self.with(name, |entry| {
            entry.want(|wanted| {
                wanted.running = running;
                wanted.spec.enabled = running;
            });
            entry.view()
        })
    }

    fn with<T>(&self, name: &StreamName, act: impl FnOnce(&Entry) -> T) -> Result<T, RegistryError> {
        self.streams().get(name).map(act).ok_or_else(|| RegistryError::Unknown(name.clone()))
    }

    fn spawn(&self, spec: StreamSpec) -> Entry {
        let span = tracing::info_span!("stream", name = %spec.name);
        let over = self.over.child_token();
        let (status, seen) = watch::channel(Status::stopped(self.setting.clock.now()));
        let (wanted, wants) = watch::channel(Wanted { running: spec.enabled, spec });
        let life = Life { setting: Arc::clone(&self.setting), wanted: wants, status, over: over.clone() };
        self.setting.tasks.spawn(life.live().instrument(span));
        Entry { wanted, status: seen, over }
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<StreamName, Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Registry::replace`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no such stream before.
    Created,
    /// The stream has a new definition.
    Replaced,
}

impl Entry {
    fn view(&self) -> StreamView {
        StreamView { spec: self.wanted.borrow().spec.clone(), status: self.status.borrow().clone() }
    }

    /// Wakes the task only if something has changed.
    fn want(&self, change: impl FnOnce(&mut Wanted)) {
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.clone();
            change(wanted);
            *wanted != before
        });
    }
}
