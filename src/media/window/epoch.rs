//! A stream may change its picture and sound while it runs. What lies between two changes is an epoch: segments of one
//! definition, numbered on through all of them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// The Period that it belongs to.
    pub period: Period,
    /// When the description in the MPD last changed, up to and with it; 1970 if it never did.
    pub described: UnixTime,
    until: AtomicU64,
    /// Whether its Period ends with it.
    ends_period: AtomicBool,
    /// What is past its end, for each track.
    rests: Vec<Window>,
}

/// Epochs that follow each other and have the same init segments, so that a decoder plays them as one: a Period of the MPD.
/// All of its segments are published under one revision too, that of its first epoch, as a template cannot name another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Rises from Period to Period.
    pub number: u64,
    /// Its first segment.
    pub from: u64,
    /// The revision of its first epoch.
    pub path: Revision,
}

/// How long a definition is rendered past its end. Players that address segments by number ask for those until they have
/// read the MPD again, which shaka-player does every three seconds, and may get one from a cache that is two seconds old.
const OVERLAP: Duration = Duration::from_secs(6);

/// The epochs of an output, oldest first. At least one.
pub type Epochs = Arc<Vec<Arc<Epoch>>>;

impl Epoch {
    /// Segments from `from` on that `spec` defines, without an end yet, in a Period of their own.
    pub fn new((index, from): (u64, u64), spec: StreamSpec, revision: Revision) -> Self {
        let segments = spec.timeline.segments_in(OVERLAP) + 1;
        let depth = Depth { listed: segments, kept: segments, chunks: spec.timeline.chunks_per_segment() };
        let rests = spec.tracks().map(|_| Window::new(depth)).collect();
        let period = Period { number: index, from, path: revision.clone() };
        let (until, ends_period, described) = (AtomicU64::new(u64::MAX), AtomicBool::new(true), UnixTime::default());
        Self { index, from, spec, revision, period, described, until, ends_period, rests }
    }

    /// The same in this Period, as the MPD described it first at `described`.
    #[must_use]
    pub fn in_period(self, period: Period, described: UnixTime) -> Self {
        Self { period, described, ..self }
    }

    /// Whether its segments are published under `revision`.
    pub fn is_named(&self, revision: &str) -> bool {
        [&self.revision, &self.period.path].iter().any(|name| name.as_str() == revision)
    }

    /// Segments past its end that are rendered all the same, if its Period ends with it.
    pub fn overlap(&self) -> Option<Range<u64>> {
        let until = self.until().filter(|until| *until > self.from && self.ends_period.load(Ordering::Relaxed))?;
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

    /// Ends it where `next` begins, or before it begins.
    pub(super) fn end(&self, next: &Self) {
        let until = next.from.max(self.from);
        if self.until.fetch_min(until, Ordering::Relaxed) >= until {
            self.ends_period.store(self.period.number != next.period.number, Ordering::Relaxed);
        }
    }

    /// Ends it, and with it its Period, before segment `until`, or before it begins.
    pub(super) fn end_for_good(&self, until: u64) {
        let until = until.max(self.from);
        if self.until.fetch_min(until, Ordering::Relaxed) >= until {
            self.ends_period.store(true, Ordering::Relaxed);
        }
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
