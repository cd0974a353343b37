//! A stream may change its picture and sound while it runs. What lies between two changes is an epoch: segments of one
//! definition, numbered on through all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::spec::{Revision, StreamSpec};
use crate::timeline::UnixTime;

/// The segments of one definition.
#[derive(Debug)]
pub struct Epoch {
    /// How many changes there were before it: what EXT-X-DISCONTINUITY-SEQUENCE counts (RFC 8216bis 4.4.3.3).
    pub index: u64,
    /// Its first segment; 0 for one that has always been.
    pub from: u64,
    /// The definition.
    pub spec: StreamSpec,
    /// Names its media bytes.
    pub revision: Revision,
    /// When the change to it was written, or 1970.
    pub changed: UnixTime,
    until: AtomicU64,
}

/// The epochs of an output, oldest first. At least one.
pub type Epochs = Arc<Vec<Arc<Epoch>>>;

impl Epoch {
    /// Segments from `from` on that `spec` defines, without an end yet.
    pub fn new((index, from): (u64, u64), spec: StreamSpec, revision: Revision, changed: UnixTime) -> Self {
        Self { index, from, spec, revision, changed, until: AtomicU64::new(u64::MAX) }
    }

    /// The segment before which it ends; `None` if it is not known yet that it will.
    pub fn until(&self) -> Option<u64> {
        Some(self.until.load(Ordering::Relaxed)).filter(|until| *until < u64::MAX)
    }

    /// Whether segment `number` is of this epoch.
    pub fn contains(&self, number: u64) -> bool {
        number >= self.from && self.until().is_none_or(|until| number < until)
    }

    /// Ends it before segment `until`, or before it begins.
    pub(super) fn end(&self, until: u64) {
        self.until.fetch_min(until.max(self.from), Ordering::Relaxed);
    }
}

/// The epoch of segment `number`; the oldest that is known for what was before.
pub fn epoch_at(epochs: &[Arc<Epoch>], number: u64) -> &Arc<Epoch> {
    epochs.iter().rev().find(|epoch| epoch.from <= number).unwrap_or(&epochs[0])
}
