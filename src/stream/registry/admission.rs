//! Encoding capacity: which streams may run.

use std::collections::BTreeMap;

use tokio::sync::MutexGuard;

use super::{Entry, Registry};
use crate::definition::spec::{StreamName, StreamSpec};
use crate::definition::store::Records;
use crate::stream::capacity::{Capacity, Claim, NoRoom};
use crate::stream::desired::Desired;

impl Registry {
    /// As [`Self::check_room`], and reserves the capacity until the guard is dropped. The caller writes the
    /// definition meanwhile.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn claim_room(&self, spec: &StreamSpec) -> Result<MutexGuard<'_, ()>, NoRoom> {
        let claim = self.claims.lock().await;
        // Definitions that were written and have not taken effect yet count as running.
        self.reconcile();
        self.check_room(spec)?;
        Ok(claim)
    }

    /// Whether there is capacity for a definition that would run immediately. Any other definition waits for capacity
    /// when its time comes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn check_room(&self, spec: &StreamSpec) -> Result<(), NoRoom> {
        let capacity = *self.setting.capacity.borrow();
        let control = &spec.control;
        let waits = !control.enabled || control.schedule.is_some() || control.on_demand.is_some();
        if waits || matches!(capacity, Capacity::Unlimited | Capacity::Unmeasured { .. }) {
            return Ok(());
        }
        let streams = self.streams();
        let taken = |entry: &Entry| if entry.is_settled() { entry.record.spec.pixels_per_second() } else { 0 };
        let (wanted, own) = (spec.pixels_per_second(), streams.get(&spec.name).map_or(0, taken));
        if wanted <= own {
            return Ok(());
        }
        capacity.check(wanted, streams.values().map(taken).sum::<u64>() - own)
    }

    /// The streams that should run and have to wait for capacity.
    pub(super) fn share_room(
        &self,
        all: &BTreeMap<StreamName, Desired>,
        known: &Records,
        streams: &BTreeMap<StreamName, Entry>,
    ) -> BTreeMap<StreamName, NoRoom> {
        let running = all.iter().filter(|(_, desired)| desired.running);
        let claims = running.filter_map(|(name, desired)| Some((name, desired, known.get(name)?, streams.get(name)?)));
        let claims = claims.map(|(name, desired, record, entry)| Claim {
            name,
            pixels: record.spec.pixels_per_second(),
            settled: entry.is_settled(),
            after: !desired.after.is_empty(),
        });
        let capacity = *self.setting.capacity.borrow();
        let (used, waiting) = capacity.share(claims.collect());
        self.setting.metrics.tell_pixels(used, capacity.most());
        waiting
    }
}
