//! All windows of one stream, with the definition that they hold the media of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::SetOnce;

use super::{Depth, Grain, Snapshot, Window};
use crate::spec::{Revision, StreamSpec, TrackId};
use crate::timeline::Kind;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// One track of an [`Output`].
#[derive(Debug)]
pub struct Track {
    /// Name in URLs.
    pub id: TrackId,
    /// Video or audio.
    pub kind: Kind,
    /// Its media.
    pub window: Window,
}

/// What a stream publishes: shared by the run that fills it and everybody who reads it.
#[derive(Debug)]
pub struct Output {
    /// Tells this output from every other of the process.
    pub id: u64,
    /// The definition.
    pub spec: StreamSpec,
    /// Names the media bytes.
    pub revision: Revision,
    /// Video first, in the order of the definition.
    pub tracks: Vec<Track>,
    open: SetOnce<()>,
}

impl Output {
    /// Empty windows for every track of `spec`.
    pub fn new(spec: StreamSpec, revision: Revision) -> Self {
        let depth = Depth {
            listed: spec.window_segments(),
            kept: spec.kept_segments(),
            chunks: spec.timeline.chunks_per_segment(),
        };
        let tracks =
            spec.tracks().map(|(id, kind)| Track { id: id.clone(), kind, window: Window::new(depth) }).collect();
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), spec, revision, tracks, open: SetOnce::new() }
    }

    /// Says that the newest segments are there, so that what manifests list never goes back; from then on they are served.
    pub fn open(&self) {
        // A later run of the same output finds it open.
        let _ = self.open.set(());
    }

    /// Resolves when manifests may be served.
    pub async fn opened(&self) {
        self.open.wait().await;
    }

    /// The track with this name.
    pub fn track(&self, id: &TrackId) -> Option<&Track> {
        self.tracks.get(self.place(id)?)
    }

    /// Where the track with this name stands in [`Output::tracks`].
    pub fn place(&self, id: &TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.id == *id)
    }

    /// One snapshot of each track, in the order of [`Output::tracks`].
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        self.tracks.iter().map(|track| track.window.snapshot()).collect()
    }

    /// Differs whenever what manifests of this grain say may have changed.
    pub fn version(&self, grain: Grain) -> u64 {
        // Each of the versions only rises, by less than this in any time that matters.
        const STRIDE: u64 = 1_000_000_007;
        self.tracks
            .iter()
            .fold(0, |mixed: u64, track| mixed.wrapping_mul(STRIDE).wrapping_add(track.window.version(grain)))
    }

    /// The newest segment that is complete in every track.
    pub fn last_complete(&self) -> Option<u64> {
        let complete = self.tracks.iter().map(|track| track.window.snapshot().last_complete());
        complete.min().flatten()
    }

    /// Whether the presentation is over.
    pub fn ended(&self) -> bool {
        self.tracks.iter().all(|track| track.window.snapshot().ended())
    }

    /// Ends the presentation with the newest segment that is complete in every track.
    pub fn end(&self) {
        self.open();
        if let Some(last) = self.last_complete() {
            self.tracks.iter().for_each(|track| track.window.end(last));
        }
    }
}
