//! The work of one run: the segments to render, and the windows to fill.

use std::sync::Arc;

use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::media::window::{Epoch, Output, Window};

/// Priority of the threads of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// That of the process.
    #[default]
    Normal,
    /// Below all other runs, so that those on time stay on time.
    Background,
}

/// The work of one run.
#[derive(Debug, Clone)]
pub struct Job {
    /// Windows to fill.
    pub output: Arc<Output>,
    /// The definition and its end.
    pub epoch: Arc<Epoch>,
    /// The first segment.
    pub from: u64,
    /// End of the run (exclusive), if it is before the end of the epoch.
    pub until: Option<u64>,
    /// Clock that paces frames. `None` renders as fast as possible.
    pub clock: Option<Clock>,
    /// Priority of the encoders.
    pub priority: Priority,
    /// Metrics of published chunks.
    pub metrics: Arc<Metrics>,
}

impl Job {
    /// Window of the segment `number` of a track. `None` for segments before the epoch, which are rendered and not
    /// published.
    pub(super) fn window(&self, track: usize, number: u64) -> Option<Window> {
        self.output.window(track, &self.epoch, number).filter(|_| self.end().is_none_or(|end| number < end))
    }

    /// End of the run (exclusive), if it is known.
    pub(super) fn end(&self) -> Option<u64> {
        let epoch = self.epoch.overlap().map(|overlap| overlap.end).or(self.epoch.until());
        self.until.into_iter().chain(epoch).min()
    }
}
