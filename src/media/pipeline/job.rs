//! The work of one run: which segments it renders, and the windows that it fills.

use std::sync::Arc;

use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::media::window::{Epoch, Output, Window};

/// The work of one run.
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
    /// Paces frames that are not yet past; `None` renders as fast as possible.
    pub clock: Option<Clock>,
    /// Metrics of published chunks.
    pub metrics: Arc<Metrics>,
}

impl Job {
    /// The window of segment `number` of a track; `None` for segments before the epoch, which are rendered and not
    /// published.
    pub(super) fn window(&self, track: usize, number: u64) -> Option<Window> {
        self.output.window(track, &self.epoch, number).filter(|_| self.end().is_none_or(|end| number < end))
    }

    /// The segment before which the run ends, if that is known yet.
    pub(super) fn end(&self) -> Option<u64> {
        let epoch = self.epoch.overlap().map(|overlap| overlap.end).or(self.epoch.until());
        self.until.into_iter().chain(epoch).min()
    }
}
