//! Epochs: a stream may change its picture and audio while it runs. An epoch is the segments of one definition between
//! two changes. Segment numbers continue from epoch to epoch.

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
    /// Number of epochs before it, which EXT-X-DISCONTINUITY-SEQUENCE counts (RFC 8216bis 4.4.3.3).
    pub index: u64,
    /// First segment; 0 for an epoch without a beginning.
    pub from: u64,
    /// The definition.
    pub spec: StreamSpec,
    /// Name of its media bytes.
    pub revision: Revision,
    /// The Period that it belongs to.
    pub period: Period,
    /// Time of the last change of the description in the MPD, up to and including this epoch; 1970 without a change.
    pub described: UnixTime,
    until: AtomicU64,
    /// Whether its Period ends with this epoch.
    ends_period: AtomicBool,
    /// Windows of the segments past its end, one for each track.
    rests: Vec<Window>,
}

/// Consecutive epochs with the same init segments, which a decoder plays without a new setup: a Period of the MPD. All
/// its segments are published under the revision of its first epoch too, because a template can name only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Number of the Period, which rises.
    pub number: u64,
    /// First segment.
    pub from: u64,
    /// Revision of its first epoch.
    pub path: Revision,
}

/// Time for which a definition is rendered past its end. Players that address segments by number request those until
/// they reload the MPD. shaka-player reloads every three seconds, and may get an MPD from a cache that is two seconds
/// old.
const OVERLAP: Duration = Duration::from_secs(6);

/// The epochs of an output, oldest first, at least one.
pub type Epochs = Arc<Vec<Arc<Epoch>>>;

impl Epoch {
    /// An epoch of `spec` from segment `from`, without an end, in a Period of its own.
    pub fn new((index, from): (u64, u64), spec: StreamSpec, revision: Revision) -> Self {
        let segments = spec.timeline.segments_in(OVERLAP) + 1;
        let depth =
            Depth { listed: segments, kept: segments, has_archive: false, chunks: spec.timeline.chunks_per_segment() };
        let rests = spec.tracks().map(|_| Window::new(depth)).collect();
        let period = Period { number: index, from, path: revision.clone() };
        let (until, ends_period, described) = (AtomicU64::new(u64::MAX), AtomicBool::new(true), UnixTime::default());
        Self { index, from, spec, revision, period, described, until, ends_period, rests }
    }

    /// This epoch in another Period, first described by the MPD at `described`.
    #[must_use]
    pub fn in_period(self, period: Period, described: UnixTime) -> Self {
        Self { period, described, ..self }
    }

    /// Whether its segments are published under `revision`.
    pub fn is_named(&self, revision: &str) -> bool {
        [&self.revision, &self.period.path].iter().any(|name| name.as_str() == revision)
    }

    /// Segments past its end that are rendered too, if its Period ends with it.
    pub fn overlap(&self) -> Option<Range<u64>> {
        let until = self.until().filter(|until| *until > self.from && self.ends_period.load(Ordering::Relaxed))?;
        Some(until..until + self.spec.timeline.segments_in(OVERLAP) + 1)
    }

    /// Window of a track for segments past the end.
    pub fn rest(&self, track: usize) -> Option<&Window> {
        self.rests.get(track)
    }

    /// End of the epoch (exclusive); `None` if the end is not known.
    pub fn until(&self) -> Option<u64> {
        Some(self.until.load(Ordering::Relaxed)).filter(|until| *until < u64::MAX)
    }

    /// Whether segment `number` is of this epoch.
    pub fn contains(&self, number: u64) -> bool {
        number >= self.from && self.until().is_none_or(|until| number < until)
    }

    /// Ends the epoch where `next` begins, or before its own first segment.
    pub(super) fn end(&self, next: &Self) {
        let until = next.from.max(self.from);
        if self.until.fetch_min(until, Ordering::Relaxed) >= until {
            self.ends_period.store(self.period.number != next.period.number, Ordering::Relaxed);
        }
    }

    /// Ends the epoch and its Period before segment `until`, or before its first segment.
    pub(super) fn end_for_good(&self, until: u64) {
        let until = until.max(self.from);
        if self.until.fetch_min(until, Ordering::Relaxed) >= until {
            self.ends_period.store(true, Ordering::Relaxed);
        }
    }

    /// Announces that segments past the end will be rendered.
    pub(super) fn expect_overlap(&self) {
        if let Some(overlap) = self.overlap() {
            self.rests.iter().for_each(|rest| rest.expect(overlap.clone()));
        }
    }
}

/// The epoch of segment `number`; for segments before all epochs the oldest one.
pub fn epoch_at(epochs: &[Arc<Epoch>], number: u64) -> &Arc<Epoch> {
    epochs.iter().rev().find(|epoch| epoch.from <= number).unwrap_or(&epochs[0])
}
