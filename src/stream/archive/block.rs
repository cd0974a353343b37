//! A block: neighbouring segments of one track that are rendered together.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::base::timeline::Kind;
use crate::definition::spec::{Revision, StreamName, StreamSpec, TrackId};
use crate::media::pipeline;
use crate::media::window::{Epoch, Segment};

/// What the bytes of a segment depend on, besides its number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) stream: StreamName,
    pub(super) revision: Revision,
    pub(super) track: TrackId,
}

/// Segments that are rendered together, and what is complete of them.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) source: Source,
    /// The definition, with this track alone.
    pub(super) spec: StreamSpec,
    pub(super) segments: Range<u64>,
    progress: watch::Sender<Progress>,
    /// Ends the render.
    pub(super) stop: CancellationToken,
}

/// Waits for segments of a block. A block without watchers is not rendered.
#[derive(Debug)]
pub(super) struct Watcher(watch::Receiver<Progress>);

#[derive(Debug, Default)]
struct Progress {
    complete: Vec<Arc<Segment>>,
    ended: bool,
}

impl Source {
    /// A track of the definition of an epoch. `None` if there is no such track.
    pub(super) fn of(epoch: &Epoch, index: usize) -> Option<Self> {
        let (track, _) = epoch.spec.tracks().nth(index)?;
        let (stream, revision, track) = (epoch.spec.name.clone(), epoch.revision.clone(), track.clone());
        Some(Self { stream, revision, track })
    }
}

impl Block {
    /// The block of track `track` of the definition from segment `number` on, up to segment `end` (exclusive) or the first
    /// that is cached.
    pub(super) fn from(
        (source, track): (&Source, usize),
        epoch: &Epoch,
        (number, end): (u64, u64),
        is_cached: impl Fn(u64) -> bool,
        stop: CancellationToken,
    ) -> Self {
        let size = pipeline::group(&epoch.spec, track);
        let group = number + 1..(number - number % size + size).min(end);
        let segments = number..group.clone().find(|next| is_cached(*next)).unwrap_or(group.end);
        let spec = alone(&epoch.spec, track, segments.end - segments.start);
        Self { source: source.clone(), spec, segments, progress: watch::Sender::default(), stop }
    }

    pub(super) fn contains(&self, source: &Source, number: u64) -> bool {
        self.segments.contains(&number) && self.source == *source
    }

    /// Whether the block begins where another one of the same track ends.
    pub(super) fn follows(&self, other: &Self) -> bool {
        self.segments.start == other.segments.end && self.source == other.source
    }

    /// Whether nobody waits for the block.
    pub(super) fn is_abandoned(&self) -> bool {
        self.progress.receiver_count() == 0
    }

    /// The complete segments.
    pub(super) fn complete(&self) -> Vec<Arc<Segment>> {
        self.progress.borrow().complete.clone()
    }

    /// Announces a complete segment.
    pub(super) fn publish(&self, segment: &Arc<Segment>) {
        self.progress.send_modify(|progress| progress.complete.push(Arc::clone(segment)));
    }

    /// Announces that no further segment will be complete.
    pub(super) fn end(&self) {
        self.progress.send_modify(|progress| progress.ended = true);
    }

    pub(super) fn watch(&self) -> Watcher {
        Watcher(self.progress.subscribe())
    }

    /// Duration of a segment.
    pub(super) fn duration(&self, number: u64) -> Duration {
        let kind = if self.spec.video.is_empty() { Kind::Audio } else { Kind::Video };
        self.spec.timeline.duration(kind, number)
    }
}

impl Watcher {
    /// Resolves with a segment once it is complete, or with `None` if it will not be.
    pub(super) async fn segment(mut self, number: u64) -> Option<Arc<Segment>> {
        let found = |progress: &Progress| progress.complete.iter().find(|segment| segment.number == number).cloned();
        // A block that is removed from the queue drops its sender.
        let progress = self.0.wait_for(|progress| progress.ended || found(progress).is_some()).await.ok()?;
        found(&progress)
    }
}

/// The definition reduced to one track, whose bytes stay the same, with a window of `segments` segments.
fn alone(spec: &StreamSpec, track: usize, segments: u64) -> StreamSpec {
    let video: Vec<_> = spec.video.get(track).cloned().into_iter().collect();
    let audio = spec.audio.clone().filter(|_| video.is_empty());
    let window = spec.timeline.segment_duration() * segments.try_into().unwrap_or(u32::MAX);
    StreamSpec { video, audio, window, ..spec.clone() }
}
