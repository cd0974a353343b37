//! A window as it was some time ago.

use std::sync::Arc;

use super::{Edge, Snapshot};

impl Snapshot {
    /// The window as it was when `chunks` chunks since 1970 had been published at most, however long ago. Segments that have left it
    /// since are listed as available, as they were then.
    #[must_use]
    pub fn up_to(&self, chunks: u64) -> Self {
        let per_segment = u64::from(self.depth.chunks);
        let (complete, open) = (chunks / per_segment, (chunks % per_segment) as usize);
        let first = complete.saturating_sub(self.depth.listed);
        let mut then = self.clone();
        if first < self.first && !self.depth.has_archive {
            then.expected = first..self.expected.end.max(self.first);
            (first..self.first).for_each(|_| then.slots.push_front(None));
            then.first = first;
        }
        then.slots.truncate((complete + u64::from(open > 0)).saturating_sub(then.first) as usize);
        let newest = then.slots.back_mut().and_then(Option::as_mut);
        if let Some(newest) = newest.filter(|newest| newest.number == complete) {
            *newest = Arc::new(newest.up_to(open));
        }
        let newest = chunks.checked_sub(1);
        let edge = newest.map(|newest| Edge { segment: newest / per_segment, chunk: (newest % per_segment) as u32 });
        then.last_complete = self.last_complete.min(complete.checked_sub(1));
        then.edge = self.edge.min(edge);
        then.ended = self.ended && then.edge == self.edge;
        then
    }
}
