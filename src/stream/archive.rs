//! The archive: segments that have left the window, rendered again when they are requested. The stream is a function of
//! UTC, so the bytes are those that the live run published, or would have published.
//!
//! A render makes one track only, in blocks of neighbouring segments that an encoder renders with the least work. All
//! requests for a segment wait for the same render and get the segment as soon as it is complete. The number of renders
//! and of waiting blocks is limited, and so are the bytes of the cache.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::catch_up_permits::cores;
use super::setting::Setting;
use crate::media::pipeline::{Job, PipelineError, Priority};
use crate::media::window::{Epoch, Output, Segment};
use block::{Block, Source, Watcher};
use cache::Cache;
use queue::Queue;

mod block;
mod cache;
mod queue;

/// Longest wait for a segment. A full queue takes less on a machine that renders ten times faster than real time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Past segments of all streams. Clones share the cache.
#[derive(Clone)]
pub struct Archive(Arc<Shared>);

struct Shared {
    setting: Arc<Setting>,
    /// Cancelled when the program ends.
    over: CancellationToken,
    /// Number of simultaneous renders.
    renders: usize,
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    queue: Queue,
}

/// Why the archive has no segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is off.
    #[error("the archive is off (archive_bytes = 0)")]
    Off,
    /// The segment has not ended yet.
    #[error("segment {number} has not ended yet")]
    Future {
        /// Number of the segment.
        number: u64,
    },
    /// Too many blocks wait to be rendered.
    #[error("the archive renders as many past segments as it can; try again in a few seconds")]
    Busy,
    /// The render failed, or took too long.
    #[error("segment {number} of the past could not be rendered; try again, and see the log")]
    Failed {
        /// Number of the segment.
        number: u64,
    },
}

impl Archive {
    /// An archive with an empty cache of `setting.archive_bytes` bytes. Renders end when `over` is cancelled.
    pub fn new(setting: Arc<Setting>, over: CancellationToken) -> Self {
        // The other half of the cores is left to live streams and to connections.
        Self(Arc::new(Shared::new(setting, (cores() / 2).max(1), over)))
    }

    /// Segment `number` of track `track`, an index in `epoch.spec` with video first, as the definition of `epoch`
    /// renders it. The segment may be of any time before now, within the epoch or not; a segment that is in a window is
    /// cheaper there ([`Output::past_epoch`]). The segments that follow are rendered ahead, so that a caller that reads
    /// on does not wait.
    ///
    /// # Errors
    /// [`ArchiveError`]. Nothing is rendered for a caller that no longer waits.
    pub async fn segment(&self, epoch: &Epoch, track: usize, number: u64) -> Result<Arc<Segment>, ArchiveError> {
        let source = Source::of(epoch, track).ok_or(ArchiveError::Failed { number })?;
        let coming = match self.find(epoch, &source, number)? {
            Found::Here(segment) => return Ok(segment),
            Found::Coming(progress) => progress,
        };
        match timeout(PATIENCE, coming.segment(number)).await {
            Ok(Some(segment)) => {
                self.0.state().cache.request(&source, number);
                Ok(segment)
            }
            Ok(None) | Err(_) => Err(ArchiveError::Failed { number }),
        }
    }

    fn find(&self, epoch: &Epoch, source: &Source, number: u64) -> Result<Found, ArchiveError> {
        let setting = &self.0.setting;
        if setting.archive_bytes == 0 {
            return Err(ArchiveError::Off);
        }
        let end = epoch.spec.timeline.segment_at(setting.clock.now());
        if number >= end {
            return Err(ArchiveError::Future { number });
        }
        let mut state = self.0.state();
        let State { cache, queue } = &mut *state;
        let found = match cache.get(source, number) {
            Some(segment) => {
                setting.metrics.archive_hits.inc();
                Found::Here(segment)
            }
            None => {
                let block = queue.request(source, number, || Block::around(source, epoch, number, end));
                let Some(block) = block else {
                    setting.metrics.archive_refused.inc();
                    return Err(ArchiveError::Busy);
                };
                Found::Coming(block.watch())
            }
        };
        // A caller that has read the previous segment reads on; any other may.
        let reads_on = number.checked_sub(1).is_some_and(|previous| cache.was_requested(source, previous));
        let ahead = if reads_on { 2 } else { 1 };
        for next in (number + 1..=number + ahead).take_while(|next| *next < end) {
            if !cache.contains(source, next) {
                queue.read_ahead(source, next, || Block::around(source, epoch, next, end));
            }
        }
        while let Some(block) = queue.begin(self.0.renders) {
            let shared = Arc::clone(&self.0);
            setting.tasks.spawn(async move { shared.work(block).await });
        }
        Ok(found)
    }
}

/// Where a segment is.
enum Found {
    Here(Arc<Segment>),
    /// In a block that is being rendered, or will be.
    Coming(Watcher),
}

impl Shared {
    fn new(setting: Arc<Setting>, renders: usize, over: CancellationToken) -> Self {
        let state = State { cache: Cache::new(setting.archive_bytes), queue: Queue::default() };
        Self { setting, over, renders, state: Mutex::new(state) }
    }

    /// Renders `first` and then the waiting blocks.
    async fn work(&self, first: Arc<Block>) {
        let mut next = Some(first);
        while let Some(block) = next {
            let rendered = self.render(&block).await;
            if let Err(error) = &rendered {
                tracing::warn!(stream = %block.spec.name, segments = ?block.segments, %error, "cannot render the past");
            }
            block.end();
            let mut state = self.state();
            if self.over.is_cancelled() {
                // Ends the waits for them.
                state.queue.clear();
            }
            state.queue.end(&block);
            next = state.queue.begin(self.renders);
        }
        // The threads of the encoders are gone.
        self.setting.trimmer.request();
    }

    async fn render(&self, block: &Block) -> Result<(), PipelineError> {
        let metrics = &self.setting.metrics;
        metrics.archive_renders.inc();
        let output = Arc::new(Output::new(block.spec.clone(), block.source.revision.clone()));
        let mut snapshots = output.tracks[0].window.subscribe();
        let job = Job {
            epoch: output.epoch(block.segments.start),
            output: Arc::clone(&output),
            from: block.segments.start,
            until: Some(block.segments.end),
            clock: None,
            priority: Priority::Background,
            // Metrics of streams count what is live.
            metrics: Arc::default(),
        };
        let mut run = (self.setting.render)(job, self.over.child_token());
        let mut next = block.segments.start;
        loop {
            let ended = tokio::select! {
                ended = &mut run => Some(ended),
                // The output outlives the wait.
                _ = snapshots.changed() => None,
            };
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            while let Some(segment) = snapshot.segment(next).filter(|segment| segment.whole.is_some()) {
                self.publish(block, segment);
                next += 1;
            }
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn publish(&self, block: &Block, segment: &Arc<Segment>) {
        let metrics = &self.setting.metrics;
        let held = {
            let mut state = self.state();
            state.cache.insert(&block.source, Arc::clone(segment));
            state.cache.bytes()
        };
        metrics.archive_bytes.set(held.try_into().unwrap_or(i64::MAX));
        metrics.archive_seconds.inc_by(block.duration(segment.number).as_secs_f64());
        block.publish(segment);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
