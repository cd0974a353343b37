//! The reconciler: compares definitions, schedules and time with what runs, and instructs the supervisor of each stream.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::Instrument;

use super::Registry;
use super::entry::Entry;
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::definition::store::{Record, Records};
use crate::media::window::Earlier;
use crate::stream::audience::Audience;
use crate::stream::capacity::NoRoom;
use crate::stream::desired::{Desired, desired};
use crate::stream::instruction::{Instruction, Order};
use crate::stream::push::targets::Targets;
use crate::stream::supervisor::Supervisor;
use crate::stream::{EventKind, Phase, Status};

impl Registry {
    /// Sends each stream the instruction that follows from definitions and time. Returns how long the instructions are
    /// valid.
    pub(super) fn reconcile(&self) -> Option<Duration> {
        let mut streams = self.streams();
        let begun = self.begun.swap(true, Ordering::Relaxed);
        let (known, now) = (self.definitions.known(), self.setting.clock.now());
        self.remove_deleted(&mut streams, &known, now);
        let used = |name: &StreamName| streams.get(name).and_then(|entry| entry.activity.last(now));
        let all = desired(&known, now, used);
        for (name, record) in known.iter() {
            if !streams.contains_key(name) {
                streams.insert(name.clone(), self.spawn(record));
                if begun {
                    self.setting.events.publish(now, name, EventKind::Created);
                }
            }
        }
        let waiting = self.share_room(&all, &known, &streams);
        for (name, desired) in &all {
            let order = order(desired, &streams, waiting.get(name));
            if let (Some(entry), Some(record)) = (streams.get_mut(name), known.get(name)) {
                let is_replaced = entry.record.spec != record.spec;
                if is_replaced {
                    self.setting.events.publish(now, name, EventKind::Replaced);
                }
                entry.targets.retain(&record.spec.push);
                entry.record = Arc::clone(record);
                entry.want(Instruction { record: Arc::clone(record), order, decided: desired.decided });
                if is_replaced {
                    // The new definition may not have the fault.
                    entry.retry.notify_waiters();
                }
            }
        }
        let next = all.values().filter_map(|desired| desired.until).min()?;
        Some(next.saturating_since(now))
    }

    /// Ends the streams that have no definition any more, and forgets their metrics.
    fn remove_deleted(&self, streams: &mut BTreeMap<StreamName, Entry>, known: &Records, now: UnixTime) {
        let gone: Vec<_> = streams.keys().filter(|name| !known.contains_key(*name)).cloned().collect();
        let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        // A run may have counted since the stream was deleted. These counts are removed too, unless a new stream has
        // the name.
        let ended = removed.take_ended().filter(|name| !known.contains_key(name));
        ended.for_each(|name| self.setting.metrics.forget(name.as_str()));
        for name in gone {
            if let Some(entry) = streams.remove(&name) {
                entry.end();
                self.setting.metrics.forget(name.as_str());
                self.setting.events.publish(now, &name, EventKind::Removed);
                removed.add(name, entry.status.clone());
            }
        }
    }

    fn spawn(&self, record: &Arc<Record>) -> Entry {
        let span = tracing::info_span!("stream", stream = %record.spec.name);
        let over = self.over.child_token();
        let (status, seen) = watch::channel(Status::stopped(self.setting.clock.now()));
        let (instruction, instructions) =
            watch::channel(Instruction { record: Arc::clone(record), order: Order::Stop, decided: None });
        let (audience, targets) = (Arc::new(Audience::new()), Arc::<Targets>::default());
        let retry = Arc::<Notify>::default();
        let supervisor = Supervisor {
            setting: Arc::clone(&self.setting),
            targets: Arc::clone(&targets),
            instruction: instructions,
            status,
            over: over.clone(),
            phase_changed: Arc::clone(&self.phase_changed),
            retry: Arc::clone(&retry),
            ended: UnixTime::default(),
            earlier: Earlier::default(),
        };
        let phase_changed = Arc::clone(&self.phase_changed);
        let supervise = async move {
            supervisor.supervise().await;
            phase_changed.notify_one();
        };
        self.setting.tasks.spawn(supervise.instrument(span));
        let record = Arc::clone(record);
        Entry { record, instruction, status: seen, over, retry, audience, targets, activity: Arc::default() }
    }
}

/// A running stream continues when a stream that it requires does not run.
fn order(desired: &Desired, streams: &BTreeMap<StreamName, Entry>, no_room: Option<&NoRoom>) -> Order {
    let runs =
        |name: &&StreamName| streams.get(name).is_some_and(|entry| entry.status.borrow().phase == Phase::Running);
    if let Some(no_room) = no_room {
        return Order::RunInRoom(*no_room);
    }
    match desired.after.iter().find(|name| !runs(name)) {
        _ if !desired.running => Order::Stop,
        Some(first) => Order::RunAfter(first.clone()),
        None => Order::Run,
    }
}
