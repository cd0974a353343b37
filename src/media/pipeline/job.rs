//! What a run renders, and where it is published.

use std::sync::Arc;

use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::media::window::{Epoch, Output, Window};

/// What a run renders.
#[derive(Debug, Clone)]
pub struct Job {
    /// The windows that are filled.
    pub output: Arc<Output>,
    /// The definition, and where it ends.
    pub epoch: Arc<Epoch>,
    /// The first segment.
    pub from: u64,
    /// The segment before which the run ends, where that is not the end of the epoch.
    pub until: Option<u64>,
    /// Paces what is not yet past; `None` renders as fast as it can.
    pub clock: Option<Clock>,
    /// Counts what is published.
    pub metrics: Arc<Metrics>,
}

impl Job {
    /// Where segment `number` of a track is published; what it renders before its epoch begins is not.
    pub(super) fn window(&self, track: usize, number: u64) -> Option<Window> {
        self.output.window(track, &self.epoch, number).filter(|_| self.end().is_none_or(|end| number < end))
    }

    /// The segment before which it ends, as far as that is known now.
    pub(super) fn end(&self) -> Option<u64> {
        let epoch = self.epoch.overlap().map(|overlap| overlap.end).or(self.epoch.until());
        self.until.into_iter().chain(epoch).min()
    }
}
