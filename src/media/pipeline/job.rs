//! The work of one run: the segments to render, and the windows to fill.

use std::fmt;
use std::sync::Arc;

use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::media::window::{Epoch, Output, Window};

/// Priority of the threads of a run.
#[derive(Debug, Clone, Default)]
pub enum Priority {
    /// That of the process.
    #[default]
    Normal,
    /// Below all other runs, so that those on time stay on time.
    Background(Pause),
}

/// Says before each frame of a run without a clock whether the run pauses for another one. By default, it never does.
#[derive(Clone, Default)]
pub struct Pause(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

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

impl Priority {
    /// Whether the run pauses.
    pub fn is_paused(&self) -> bool {
        match self {
            Self::Normal => false,
            Self::Background(Pause(pause)) => pause.as_ref().is_some_and(|pause| pause()),
        }
    }
}

impl Pause {
    /// A pause for as long as `pause` says so.
    pub fn new(pause: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(pause)))
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pause").finish_non_exhaustive()
    }
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
