//! All streams: their state, their output for requests, and writes of their definitions. The reconciler makes them run as
//! defined.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::capacity::NoRoom;
use super::instruction::epochs;
use super::setting::Setting;
use super::{Phase, Status, TargetView};
use crate::definition::spec::{StreamName, StreamSpec};
use crate::definition::store::{Change, Definitions, Precondition, Record, WriteError};
use crate::media::directory;
use crate::media::window::Output;
use crate::stream::audience::Figures;

mod activity;
mod admission;
mod entry;
mod reconciler;
mod removed;
mod viewers;

pub use activity::ActiveOutput;
use entry::Entry;
use removed::Removed;
pub use viewers::{Admission, Refusal};

/// Interval of reconciliations without another cause. A clock step is noticed within this time.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);

/// Time without a reconciliation after which the reconciler counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(15);
/// Time for an immediate reconciliation, which is due after a suspension. It is shorter than a health check waits.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Time that an answer of the API waits for the supervisor, as long as a pipeline may take to end its threads.
const SETTLING: Duration = Duration::from_secs(5);

/// State of a stream at one moment.
#[derive(Debug, Clone)]
pub struct StreamView {
    /// The definition.
    pub record: Arc<Record>,
    /// Whether the stream should run now.
    pub wanted: bool,
    /// Phase, output and history.
    pub status: Status,
    /// Viewers of the stream.
    pub viewers: Figures,
    /// State of its push targets.
    pub targets: Vec<TargetView>,
}

/// The stream does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no stream {0}")]
pub struct Unknown(pub StreamName);

/// Why a requested stream cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// The stream does not exist.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The stream should run and waits for capacity.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// All streams by name.
pub struct Registry {
    setting: Arc<Setting>,
    archive: Archive,
    definitions: Arc<Definitions>,
    over: CancellationToken,
    streams: Mutex<BTreeMap<StreamName, Entry>>,
    removed: Mutex<Removed>,
    /// Held while capacity is promised and the definition is not written yet.
    claims: tokio::sync::Mutex<()>,
    /// Whether the streams that existed at the start are known; they cause no events.
    begun: AtomicBool,
    /// Notified when a stream changes its phase, or when media of an on-demand stream is requested.
    phase_changed: Arc<Notify>,
    /// Time of the last reconciliation.
    reconciled: watch::Sender<Instant>,
}

impl Registry {
    /// The streams of `definitions`. All end when `over` is cancelled.
    pub fn new(setting: Setting, definitions: Definitions, over: CancellationToken) -> Self {
        let setting = Arc::new(setting);
        let registry = Self {
            archive: Archive::new(Arc::clone(&setting), over.clone()),
            setting,
            definitions: Arc::new(definitions),
            over,
            streams: Mutex::default(),
            removed: Mutex::default(),
            claims: tokio::sync::Mutex::default(),
            begun: AtomicBool::new(false),
            phase_changed: Arc::default(),
            reconciled: watch::Sender::new(Instant::now()),
        };
        registry.reconcile();
        registry
    }

    /// What all streams share.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Past segments of all streams.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The definitions.
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Reconciles streams, counts viewers, and removes files of streams that are no longer written. Resolves when all
    /// streams have ended.
    pub async fn maintain(&self) {
        let Setting { directory, clock, .. } = &*self.setting;
        tokio::select! {
            () = self.reconcile_on() => {}
            () = directory::remove_abandoned(directory.clone(), clock.clone()) => {}
            () = self.count_on() => {}
            () = self.definitions.follow() => {}
            () = self.setting.trimmer.run() => {}
            () = self.over.cancelled() => {}
        }
    }

    async fn count_on(&self) {
        loop {
            tokio::time::sleep(viewers::COUNT).await;
            self.count_viewers();
        }
    }

    async fn reconcile_on(&self) {
        let mut known = self.definitions.watch();
        let mut capacity = self.setting.capacity.subscribe();
        loop {
            known.borrow_and_update();
            let next = self.reconcile().unwrap_or(RECONCILE_INTERVAL).min(RECONCILE_INTERVAL);
            self.reconciled.send_replace(Instant::now());
            tokio::select! {
                _ = known.changed() => {}
                _ = capacity.changed() => {}
                () = self.phase_changed.notified() => {}
                () = tokio::time::sleep(next) => {}
            }
        }
    }

    /// Whether the reconciler works: the lock can be taken, tasks run, and timers fire.
    pub async fn is_alive(&self) -> bool {
        let mut times = self.reconciled.subscribe();
        let is_recent = |reconciled: &Instant| reconciled.elapsed() < STUCK_AFTER;
        // The sender is part of the registry, which outlives the wait.
        timeout(AT_ONCE, times.wait_for(is_recent)).await.is_ok()
    }

    /// All streams in order of their names.
    pub fn list(&self) -> Vec<StreamView> {
        self.streams().values().map(Entry::view).collect()
    }

    /// One stream.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn get(&self, name: &StreamName) -> Result<StreamView, Unknown> {
        self.with(name, Entry::view)
    }

    /// One stream, after its supervisor has acted on its instruction: after a start or a stop it has the resulting
    /// phase. Waits five seconds at most.
    ///
    /// # Errors
    /// [`Unknown`].
    pub async fn settled(&self, name: &StreamName) -> Result<StreamView, Unknown> {
        let (wanted, mut status) =
            self.with(name, |entry| (entry.instruction.borrow().clone(), entry.status.clone()))?;
        // If the stream is removed or the time is up, the current state is the answer.
        _ = timeout(SETTLING, status.wait_for(|status| wanted.is_carried_out(status))).await;
        self.get(name)
    }

    /// Record of one stream.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn record(&self, name: &StreamName) -> Result<Arc<Record>, Unknown> {
        self.with(name, |entry| Arc::clone(&entry.record))
    }

    /// The output of a stream as the stream is defined now. No call starts a stream: one that does not run has empty windows.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn published(&self, name: &StreamName) -> Result<Arc<Output>, Unknown> {
        let (record, output) =
            self.with(name, |entry| (Arc::clone(&entry.record), entry.status.borrow().output.clone()))?;
        let is_current = |output: &Arc<Output>| {
            let newest = output.epochs().last().is_some_and(|epoch| epoch.spec.publishes_as(&record.spec));
            newest && output.presentation == record.presentation
        };
        let defined = || Output::of(epochs(&record, &self.setting.encoders)).map(Arc::new);
        Ok(output.filter(is_current).or_else(defined).expect("a record has a definition"))
    }

    /// Resolves when this process knows the presentation `number` of a stream. Another replica may know it earlier.
    pub async fn knows(&self, name: &StreamName, number: u64) {
        let Ok(mut wanted) = self.with(name, |entry| entry.instruction.subscribe()) else { return };
        // The sender is gone when the stream is removed.
        _ = wanted.wait_for(|wanted| wanted.record.presentation >= number).await;
    }

    /// The output of a stream, as soon as it exists. `None` if the stream should not run, or cannot. A call starts an
    /// on-demand stream, which runs while any returned value exists.
    ///
    /// # Errors
    /// [`Unplayable`].
    pub async fn output(&self, name: &StreamName) -> Result<Option<ActiveOutput>, Unplayable> {
        let (request, audience, is_on_demand, mut wanted, mut status) = self.with(name, |entry| {
            let request = entry.activity.begin(&self.setting.clock);
            let audience = Arc::clone(&entry.audience);
            (request, audience, entry.is_on_demand(), entry.instruction.subscribe(), entry.status.clone())
        })?;
        if is_on_demand && !wanted.borrow().is_to_run() {
            self.reconcile();
        }
        loop {
            {
                let status = status.borrow_and_update();
                let wanted = wanted.borrow_and_update();
                if let Some(no_room) = wanted.no_room() {
                    return Err(no_room.into());
                }
                let hopeless = !wanted.is_to_run() || status.phase == Phase::Failed;
                let is_newest =
                    |output: &Output| output.presentation >= wanted.record.presentation && !output.is_to_end();
                let fresh = status.output.as_ref().filter(|output| hopeless || is_newest(output));
                if fresh.is_some() || hopeless {
                    return Ok(fresh.cloned().map(|output| ActiveOutput::new(output, audience, request)));
                }
            }
            tokio::select! {
                changed = status.changed() => if changed.is_err() { return Ok(None) },
                changed = wanted.changed() => if changed.is_err() { return Ok(None) },
            }
        }
    }

    /// Writes a definition.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn put(&self, spec: StreamSpec, precondition: Precondition) -> Result<(StreamView, Change), WriteError> {
        let (name, now) = (spec.name.clone(), self.setting.clock.now());
        let change =
            self.write(move |definitions| async move { definitions.put(spec, &precondition, now).await }).await?;
        let view = self.get(&name).map_err(|Unknown(name)| WriteError::Unknown(name))?;
        Ok((view, change))
    }

    /// Deletes a definition and ends its stream.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove(&self, name: &StreamName, precondition: Precondition) -> Result<(), WriteError> {
        let (name, now) = (name.clone(), self.setting.clock.now());
        self.write(move |definitions| async move { definitions.remove(&name, &precondition, now).await }).await
    }

    /// Sets by hand whether a stream should run. If it should and its last run failed, the next run begins immediately, on
    /// this replica.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn enable(
        &self,
        name: &StreamName,
        enabled: bool,
        precondition: Precondition,
    ) -> Result<StreamView, WriteError> {
        let (which, now) = (name.clone(), self.setting.clock.now());
        let write = move |definitions: Arc<Definitions>| async move {
            definitions.enable(&which, enabled, (&precondition, now)).await
        };
        self.write(write).await?;
        if enabled {
            self.retry(name).await;
        }
        self.get(name).map_err(|Unknown(name)| WriteError::Unknown(name))
    }

    /// Ends the delay after a failed run. Resolves when the supervisor has begun the next run.
    async fn retry(&self, name: &StreamName) {
        let waiting = self.with(name, |entry| {
            let mut status = entry.status.clone();
            status.mark_unchanged();
            let waits = entry.waits_for_retry();
            entry.retry.notify_waiters();
            waits.then_some(status)
        });
        if let Ok(Some(mut status)) = waiting {
            _ = timeout(SETTLING, status.changed()).await;
        }
    }

    /// Runs a write to its end even if the caller does not wait, then reconciles.
    async fn write<T, F>(&self, write: impl FnOnce(Arc<Definitions>) -> F) -> Result<T, WriteError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WriteError>> + Send + 'static,
    {
        let done = self.setting.tasks.spawn(write(Arc::clone(&self.definitions))).await;
        let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.reconcile();
        done
    }

    fn with<T>(&self, name: &StreamName, act: impl FnOnce(&Entry) -> T) -> Result<T, Unknown> {
        self.streams().get(name).map(act).ok_or_else(|| Unknown(name.clone()))
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<StreamName, Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
