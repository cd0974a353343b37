//! The definitions by source: stored, declared, and the counters of streams that do not exist. The caller locks them
//! during a write.

use std::collections::HashMap;
use std::sync::Arc;

use super::backend::Backend;
use super::bucket::Update;
use super::error::Refusal;
use super::{MAX_STREAMS, Origin, Record, Records};
use crate::base::timeline::UnixTime;
use crate::definition::spec::{StreamName, StreamSpec};

/// Limit of deleted streams whose counters are stored. The counters of the earliest deletion are removed first.
pub(super) const MAX_REMOVED: usize = MAX_STREAMS;

/// The definitions by source, and the store.
pub(super) struct Contents {
    pub(super) store: Backend,
    pub(super) stored: Records,
    /// Counters of streams that do not exist, and of streams that another process has declared.
    pub(super) removed: Records,
    /// Version in the store of each definition, removed definitions included.
    pub(super) versions: HashMap<StreamName, u64>,
    /// Declared definitions, with starts and stops applied since they were declared.
    pub(super) declared: Records,
    /// Definitions as the configuration file contains them.
    pub(super) file: Vec<StreamSpec>,
}

impl Contents {
    pub(super) fn get(&self, name: &StreamName) -> Option<&Arc<Record>> {
        self.declared.get(name).or_else(|| self.stored.get(name))
    }

    /// Version of a definition in the store, or 0 if there has never been one.
    pub(super) fn version(&self, name: &StreamName) -> u64 {
        self.versions.get(name).copied().unwrap_or_default()
    }

    /// Applies a write of any replica, unless a newer one has been applied.
    pub(super) fn apply(&mut self, update: Update) {
        let Update { name, record, version } = update;
        if version > 0 && version <= self.version(&name) {
            return;
        }
        self.versions.insert(name.clone(), version);
        self.stored.remove(&name);
        self.removed.remove(&name);
        match record {
            Some(record) if record.removed => _ = self.removed.insert(name, record),
            Some(record) => _ = self.stored.insert(name, record),
            None => {}
        }
    }

    /// The record of a definition in the configuration file.
    pub(super) fn declare(&self, spec: &StreamSpec, now: UnixTime) -> Arc<Record> {
        match (self.declared.get(&spec.name), self.removed.get(&spec.name)) {
            (Some(record), _) if self.file.contains(spec) => Arc::clone(record),
            // Starts and stops by hand no longer apply.
            (Some(record), _) => {
                Arc::new(Record { switched: UnixTime::default(), ..record.followed_by(spec.clone(), now) })
            }
            (None, removed) => {
                if self.stored.contains_key(&spec.name) {
                    tracing::warn!(stream = %spec.name, "the configuration file declares this stream; the stored definition of the same name has no effect");
                }
                Arc::new(match removed {
                    Some(record) => record.revived(spec.clone(), (Origin::Declared, now)),
                    None => Record::given(spec.clone(), Origin::Declared),
                })
            }
        }
    }

    /// Stores the counters of a declared stream, for a later process with another declaration of the stream. Logs a failure.
    pub(super) async fn count(&mut self, record: &Record) {
        let counters = Arc::new(record.counters());
        if let Err(Refusal::Failed(error)) = self.store.count(&counters).await {
            tracing::warn!(stream = %record.spec.name, %error, "cannot store the counters of a declared stream");
        }
        self.removed.insert(record.spec.name.clone(), counters);
    }

    /// Deletes the counters of the stream that was deleted first, if there are too many.
    pub(super) async fn forget_oldest(&mut self) {
        if self.removed.len() <= MAX_REMOVED {
            return;
        }
        let Some(oldest) = self.removed.values().min_by_key(|record| record.changed).cloned() else { return };
        // If this fails, the next deletion tries again.
        if self.store.forget(&oldest, self.version(&oldest.spec.name)).await.is_ok() {
            self.removed.remove(&oldest.spec.name);
        }
    }
}
