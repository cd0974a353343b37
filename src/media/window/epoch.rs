//! A stream may change its picture and sound while it runs. What lies between two changes is an epoch: segments of one
//! definition, numbered on through all of them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Depth, Window};
use crate::base::timeline::UnixTime;
use crate::definition::spec::{Revision, StreamSpec};

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
    /// What is past its end, for each track.
    rests: Vec<Window>,
}

/// How long a definition is rendered past its end. Players that address segments by number ask for those until they have
/// read the MPD again, which shaka-player does every three seconds, and may get one from a cache that is two seconds old.
const OVERLAP: Duration = Duration::from_secs(6);

/// The epochs of an output, oldest first. At least one.
pub type Epochs = Arc<Vec<Arc<Epoch>>>;

impl Epoch {
    /// Segments from `from` on that `spec` defines, without an end yet.
    pub fn new((index, from): (u64, u64), spec: StreamSpec, revision: Revision, changed: UnixTime) -> Self {
        let segments = spec.timeline.segments_in(OVERLAP) + 1;
        let depth = Depth { listed: segments, kept: segments, chunks: spec.timeline.chunks_per_segment() };
        let rests = spec.tracks().map(|_| Window::new(depth)).collect();
        Self { index, from, spec, revision, changed, until: AtomicU64::new(u64::MAX), rests }
    }

    /// Segments past its end that are rendered all the same, if it has an end.
    pub fn overlap(&self) -> Option<Range<u64>> {
        let until = self.until().filter(|until| *until > self.from)?;
        Some(until..until + self.spec.timeline.segments_in(OVERLAP) + 1)
    }

    /// The window of a track for segments past the end.
    pub fn rest(&self, track: usize) -> Option<&Window> {
        self.rests.get(track)
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

    /// Says that what is past the end will be rendered.
    pub(super) fn expect_overlap(&self) {
        if let Some(overlap) = self.overlap() {
            self.rests.iter().for_each(|rest| rest.expect(overlap.clone()));
        }
    }
}

/// The epoch of segment `number`; the oldest that is known for what was before.
pub fn epoch_at(epochs: &[Arc<Epoch>], number: u64) -> &Arc<Epoch> {
    epochs.iter().rev().find(|epoch| epoch.from <= number).unwrap_or(&epochs[0])
}
