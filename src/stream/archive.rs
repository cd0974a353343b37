//! The archive: segments that have left the window, rendered again when they are requested. The stream is a function of
//! UTC, so the bytes are those that the live run published, or would have published.
//!
//! A render makes one track only, in blocks of neighbouring segments that an encoder renders with the least work. All
//! requests for a segment wait for the same render and get the segment as soon as it is complete. The number of renders
//! and of waiting blocks is limited, and so are the bytes of the cache, which is in memory, or in a directory if there is one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::catch_up_permits::cores;
use super::setting::Setting;
use crate::media::pipeline::{Job, Pause, PipelineError, Priority};
use crate::media::window::{Epoch, Output, Segment};
use block::{Block, Source, Watcher};
use cache::{Cache, Stored};
use directory::Directory;
use queue::Queue;

mod block;
mod cache;
mod directory;
mod queue;

/// Longest wait for a segment. A full queue takes less on a machine that renders ten times faster than real time.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between attempts of a caller that waits for a full queue.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Failed renders of a segment after which such a caller gives up.
const FAILURES: u32 = 3;

/// Past segments of all streams. Clones share the cache.
#[derive(Clone)]
pub struct Archive(Arc<Shared>);

struct Shared {
    setting: Arc<Setting>,
    /// Cancelled when the program ends.
    over: CancellationToken,
    /// Number of simultaneous renders.
    renders: usize,
    /// Where the cache stores segments, if not in memory.
    directory: Option<Directory>,
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    queue: Queue,
    /// Whether the last segment could not be written to the directory.
    failing: bool,
}

/// Why the archive has no segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is off.
    #[error("the archive is off (archive_bytes = 0)")]
    Off,
    /// A publisher has sent the stream, and nobody can encode its past again.
    #[error("the past of a stream that a publisher sends cannot be encoded again")]
    Published,
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
    /// An archive with a cache of `setting.archive_bytes` bytes, which is empty or has the segments of an earlier process in
    /// `setting.archive_dir`. Renders end when `over` is cancelled.
    pub fn new(setting: Arc<Setting>, over: CancellationToken) -> Self {
        // The other half of the cores is left to live streams and to connections.
        Self::with_renders((cores() / 2).max(1), setting, over)
    }

    fn with_renders(renders: usize, setting: Arc<Setting>, over: CancellationToken) -> Self {
        let shared = Arc::new(Shared::new(setting, renders, over));
        if let Some(directory) = shared.directory.clone() {
            let lists = Arc::clone(&shared);
            shared.setting.tasks.spawn_blocking(move || lists.list(&directory));
        }
        Self(shared)
    }

    /// Segment `number` of track `track`, an index in `epoch.spec` with video first, as the definition of `epoch`
    /// renders it. The segment may be of any time before now, within the epoch or not; a segment that is in a window is
    /// cheaper there ([`Output::past_epoch`]). The segments that follow are rendered ahead, so that a caller that reads
    /// on does not wait.
    ///
    /// # Errors
    /// [`ArchiveError`]. Nothing is rendered for a caller that no longer waits.
    pub async fn segment(&self, epoch: &Epoch, track: usize, number: u64) -> Result<Arc<Segment>, ArchiveError> {
        let segment = timeout(PATIENCE, self.rendered(epoch, track, number)).await;
        segment.unwrap_or(Err(ArchiveError::Failed { number }))
    }

    /// The same for a caller whose answer has begun, so that it can no longer be refused: waits for as long as the archive is busy,
    /// and has a segment whose render failed rendered again.
    ///
    /// # Errors
    /// [`ArchiveError`], but not [`ArchiveError::Busy`].
    pub async fn segment_at_last(
        &self,
        epoch: &Epoch,
        track: usize,
        number: u64,
    ) -> Result<Arc<Segment>, ArchiveError> {
        let mut failures = 0;
        loop {
            match self.rendered(epoch, track, number).await {
                Err(ArchiveError::Busy) => sleep(BUSY_WAIT).await,
                Err(ArchiveError::Failed { .. }) if failures < FAILURES => failures += 1,
                outcome => return outcome,
            }
        }
    }

    /// The segment, once it is rendered.
    async fn rendered(&self, epoch: &Epoch, track: usize, number: u64) -> Result<Arc<Segment>, ArchiveError> {
        let source = Source::of(epoch, track).ok_or(ArchiveError::Failed { number })?;
        let coming = loop {
            match self.find(epoch, (&source, track), number)? {
                Found::Here(segment) => return Ok(segment),
                Found::OnDisk(directory) => {
                    if let Some(segment) = self.0.read(directory, &source, number).await {
                        return Ok(segment);
                    }
                    // A segment that cannot be read is no longer found.
                }
                Found::Coming(progress) => break progress,
            }
        };
        let segment = coming.segment(number).await.ok_or(ArchiveError::Failed { number })?;
        self.0.state().cache.request(&source, number);
        Ok(segment)
    }

    fn find(&self, epoch: &Epoch, track: (&Source, usize), number: u64) -> Result<Found, ArchiveError> {
        let (source, _) = track;
        let setting = &self.0.setting;
        if setting.archive_bytes == 0 {
            return Err(ArchiveError::Off);
        }
        if epoch.spec.is_published() {
            return Err(ArchiveError::Published);
        }
        let end = epoch.spec.timeline.segment_at(setting.clock.now());
        if number >= end {
            return Err(ArchiveError::Future { number });
        }
        let mut state = self.0.state();
        let State { cache, queue, .. } = &mut *state;
        let block = |number, cache: &Cache| {
            let is_cached = |number| cache.contains(source, number);
            Block::from(track, epoch, (number, end), is_cached, self.0.over.child_token())
        };
        let found = match (cache.get(source, number), &self.0.directory) {
            (Some(Stored::Memory(segment)), _) => {
                setting.metrics.archive_hits.inc();
                Found::Here(segment)
            }
            (Some(Stored::Disk), Some(directory)) => Found::OnDisk(directory.clone()),
            (Some(Stored::Disk), None) | (None, _) => {
                let Some(block) = queue.request(source, number, || block(number, cache)) else {
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
                queue.read_ahead(source, next, || block(next, cache));
            }
        }
        self.0.begin(queue);
        Ok(found)
    }
}

/// Where a segment is.
enum Found {
    Here(Arc<Segment>),
    OnDisk(Directory),
    /// In a block that is being rendered, or will be.
    Coming(Watcher),
}

impl Shared {
    fn new(setting: Arc<Setting>, renders: usize, over: CancellationToken) -> Self {
        let state = State { cache: Cache::new(setting.archive_bytes), queue: Queue::default(), failing: false };
        let directory = setting.archive_dir.clone().filter(|_| setting.archive_bytes > 0).map(Directory::at);
        Self { setting, over, renders, directory, state: Mutex::new(state) }
    }

    /// Starts the renders of blocks whose turn it is.
    fn begin(self: &Arc<Self>, queue: &mut Queue) {
        while let Some(block) = queue.begin(self.renders) {
            self.setting.tasks.spawn(Arc::clone(self).work(block));
        }
    }

    /// Renders a block, and then starts the renders of the blocks that waited meanwhile.
    async fn work(self: Arc<Self>, block: Arc<Block>) {
        if let Err(error) = self.render(&block).await {
            tracing::warn!(stream = %block.spec.name, segments = ?block.segments, %error, "cannot render past segments");
        }
        block.end();
        self.write(&block).await;
        let mut state = self.state();
        if self.over.is_cancelled() {
            // Ends the waits for them.
            state.queue.clear();
        }
        state.queue.end(&block);
        self.begin(&mut state.queue);
        if state.queue.is_idle() {
            // The threads of the encoders are gone.
            self.setting.trimmer.request();
        }
    }

    async fn render(self: &Arc<Self>, block: &Arc<Block>) -> Result<(), PipelineError> {
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
            priority: Priority::Background(self.pause(block)),
            // Metrics of streams count what is live.
            metrics: Arc::default(),
        };
        let mut run = (self.setting.render)(job, block.stop.clone());
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

    /// Pauses the render of a block while others come first.
    fn pause(self: &Arc<Self>, block: &Arc<Block>) -> Pause {
        let (shared, block) = (Arc::clone(self), Arc::clone(block));
        Pause::new(move || shared.state().queue.is_paused(&block))
    }

    fn publish(&self, block: &Block, segment: &Arc<Segment>) {
        let bytes = if self.directory.is_some() { directory::length(segment) } else { cache::weight(segment) };
        let stored = Stored::Memory(Arc::clone(segment));
        self.change(|cache| cache.insert(&block.source, segment.number, (stored, bytes)));
        self.setting.metrics.archive_seconds.inc_by(block.duration(segment.number).as_secs_f64());
        block.publish(segment);
    }

    /// Lists the segments of an earlier process.
    fn list(&self, directory: &Directory) {
        match directory.list() {
            Ok(found) => found.into_iter().for_each(|directory::Found { source, number, bytes }| {
                self.change(|cache| cache.insert(&source, number, (Stored::Disk, bytes)));
            }),
            Err(error) => tracing::warn!(%error, "cannot list the archive directory"),
        }
    }

    /// A segment from its file. A segment whose file cannot be read leaves the cache.
    async fn read(&self, directory: Directory, source: &Source, number: u64) -> Option<Arc<Segment>> {
        let of = source.clone();
        let read = spawn_blocking(move || directory.read(&of, number)).await.ok().flatten();
        match &read {
            Some(_) => _ = self.setting.metrics.archive_hits.inc(),
            None => self.change(|cache| cache.remove(source, number)),
        }
        read.map(Arc::new)
    }

    /// Moves the segments of a block from memory to the directory, if there is one. Requests that waited for the segments have
    /// been answered by then.
    async fn write(&self, block: &Block) {
        let Some(directory) = self.directory.clone() else { return };
        let source = block.source.clone();
        let (obsolete, segments) = {
            let mut state = self.state();
            let is_stored = |segment: &Arc<Segment>| state.cache.contains(&source, segment.number);
            let segments: Vec<_> = block.complete().into_iter().filter(is_stored).collect();
            (state.cache.take_obsolete(), segments)
        };
        let task = spawn_blocking(move || {
            obsolete.iter().for_each(|(source, number)| directory.remove(source, *number));
            let write = |segment: Arc<Segment>| (segment.number, directory.write(&source, &segment));
            segments.into_iter().map(write).collect::<Vec<_>>()
        });
        for (number, written) in task.await.unwrap_or_default() {
            self.change(|cache| match written {
                Ok(()) => cache.move_to_disk(&block.source, number),
                Err(_) => cache.remove(&block.source, number),
            });
            let was_failing = std::mem::replace(&mut self.state().failing, written.is_err());
            match written {
                Err(error) if !was_failing => {
                    tracing::warn!(%error, "cannot write to the archive directory; past segments are rendered for each request");
                }
                Ok(()) if was_failing => tracing::info!("writing to the archive directory again"),
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Changes the cache, and reports its size.
    fn change(&self, change: impl FnOnce(&mut Cache)) {
        let bytes = {
            let mut state = self.state();
            change(&mut state.cache);
            state.cache.bytes()
        };
        self.setting.metrics.archive_bytes.set(bytes.try_into().unwrap_or(i64::MAX));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
