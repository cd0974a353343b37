//! All windows of one stream, with the definition that they hold the media of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{SetOnce, watch};

use super::epoch::{Epoch, Epochs, epoch_at};
use super::{Depth, Granularity, Snapshot, Window};
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::spec::{BaseUrl, Revision, StreamSpec, TrackId};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// An end that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The last segment.
    pub last: u64,
    /// When it was announced.
    pub announced: UnixTime,
}

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
    /// The first definition: what never changes is the same in all, which is the name, the timeline, the window and the
    /// tracks' ids.
    pub spec: StreamSpec,
    /// Where clients find the server, if not where it listens.
    pub public_url: Option<BaseUrl>,
    /// Video first, in the order of the definition.
    pub tracks: Vec<Track>,
    epochs: watch::Sender<Epochs>,
    open: SetOnce<()>,
    /// When it was said that the stream runs, in nanoseconds since 1970.
    begun: AtomicU64,
    ending: OnceLock<Ending>,
}

impl Output {
    /// Empty windows for every track of `spec`, which has always been the definition.
    pub fn new(spec: StreamSpec, revision: Revision) -> Self {
        let epoch = Epoch::new((0, 0), spec, revision);
        Self::of(vec![epoch]).expect("there is an epoch")
    }

    /// Empty windows for every track of these definitions, of which each ends where the next begins; `None` if there is none.
    pub fn of(epochs: Vec<Epoch>) -> Option<Self> {
        let epochs: Vec<_> = epochs.into_iter().map(Arc::new).collect();
        for pair in epochs.windows(2) {
            pair[0].end(&pair[1]);
        }
        let spec = epochs.first()?.spec.clone();
        let depth = Depth {
            listed: spec.window_segments(),
            kept: spec.kept_segments(),
            chunks: spec.timeline.chunks_per_segment(),
        };
        let tracks =
            spec.tracks().map(|(id, kind)| Track { id: id.clone(), kind, window: Window::new(depth) }).collect();
        let epochs = watch::Sender::new(Arc::new(epochs));
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (begun, ending) = (AtomicU64::new(0), OnceLock::new());
        Some(Self { id, spec, public_url: None, tracks, epochs, open: SetOnce::new(), begun, ending })
    }

    /// The same output of a server that clients find there.
    #[must_use]
    pub fn served_at(self, public_url: Option<BaseUrl>) -> Self {
        Self { public_url, ..self }
    }

    /// The epochs, as far as they are known and not forgotten.
    pub fn epochs(&self) -> Epochs {
        self.epochs.borrow().clone()
    }

    /// A receiver that sees every change from now on.
    pub fn watch_epochs(&self) -> watch::Receiver<Epochs> {
        self.epochs.subscribe()
    }

    /// Where segment `number` of a track is that is asked for under `revision`, which may be that of its Period.
    pub fn find(&self, track: usize, revision: &str, number: u64) -> Option<Window> {
        let epochs = self.epochs();
        let mut named = epochs.iter().filter(|epoch| epoch.is_named(revision));
        // What is past the end of an epoch may be of a later one of the same name.
        let epoch = named.clone().find(|epoch| epoch.contains(number));
        let window = |epoch: &Arc<Epoch>| self.window(track, epoch, number);
        epoch.and_then(window).or_else(|| named.find_map(window))
    }

    /// The epoch that has the init segment which is asked for under `revision`: as it is the same for all of a Period, one
    /// whose encoders have said what they make, if there is one.
    pub fn find_init(&self, track: usize, revision: &str) -> Option<Arc<Epoch>> {
        let (epochs, snapshot) = (self.epochs(), self.tracks.get(track)?.window.snapshot());
        let mut named = epochs.iter().filter(|epoch| epoch.is_named(revision));
        let known = named.clone().find(|epoch| snapshot.init(&epoch.revision).is_some());
        known.or_else(|| named.next()).cloned()
    }

    /// Where the segments of an epoch are: in the track's window, and those past the end of its Period.
    pub fn window(&self, track: usize, epoch: &Epoch, number: u64) -> Option<Window> {
        let past = epoch.overlap().is_some_and(|overlap| overlap.contains(&number));
        match epoch.contains(number) {
            true => self.tracks.get(track).map(|track| track.window.clone()),
            false => epoch.rest(track).filter(|_| past).cloned(),
        }
    }

    /// All windows that there are segments in now: those of the tracks, and what is past the ends of Periods.
    pub fn windows(&self) -> Vec<Window> {
        let epochs = self.epochs();
        let ended = epochs.iter().filter(|epoch| epoch.overlap().is_some());
        let rests = ended.flat_map(|epoch| (0..self.tracks.len()).filter_map(|track| epoch.rest(track).cloned()));
        self.tracks.iter().map(|track| track.window.clone()).chain(rests).collect()
    }

    /// The epoch of a segment.
    pub fn epoch(&self, number: u64) -> Arc<Epoch> {
        Arc::clone(epoch_at(&self.epochs.borrow(), number))
    }

    /// Goes over to another definition at its first segment. Whether that can be: nothing from there on may be published
    /// yet. A change that has yet to come gives way to one at the same segment or before it.
    pub fn change(&self, epoch: Epoch) -> bool {
        let next = self.tracks.iter().map(|track| track.window.snapshot().next()).max().unwrap_or_default();
        if next > epoch.from {
            return false;
        }
        let oldest = self.tracks.iter().map(|track| track.window.snapshot().first()).min().unwrap_or_default();
        self.epochs.send_modify(|epochs| {
            epochs.iter().for_each(|before| before.end(&epoch));
            if let Some(before) = epochs.iter().rev().find(|before| before.from < epoch.from) {
                before.expect_overlap();
            }
            let left =
                epochs.iter().filter(|before| before.until().is_some_and(|until| until > before.from.max(oldest)));
            *epochs = Arc::new(left.cloned().chain([Arc::new(epoch)]).collect());
        });
        self.tracks.iter().for_each(|track| track.window.touch());
        true
    }

    /// Says when it was said that the stream runs: what was published before is older. The latest word counts.
    pub fn began(&self, said: UnixTime) {
        if self.begun.fetch_max(said.as_nanos(), Ordering::Relaxed) < said.as_nanos() {
            self.tracks.iter().for_each(|track| track.window.touch());
        }
    }

    /// When it was last said that the stream runs, or 1970.
    pub fn begun(&self) -> UnixTime {
        UnixTime::from_nanos(self.begun.load(Ordering::Relaxed))
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

    /// Where the track with this name stands in [`Output::tracks`].
    pub fn place(&self, id: &TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.id == *id)
    }

    /// One snapshot of each track, in the order of [`Output::tracks`].
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        self.tracks.iter().map(|track| track.window.snapshot()).collect()
    }

    /// Differs whenever what manifests of this granularity say may have changed.
    pub fn version(&self, granularity: Granularity) -> u64 {
        // Each of the versions only rises, by less than this in any time that matters.
        const STRIDE: u64 = 1_000_000_007;
        self.tracks
            .iter()
            .fold(0, |mixed: u64, track| mixed.wrapping_mul(STRIDE).wrapping_add(track.window.version(granularity)))
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

    /// Announces that the presentation ends with segment `last`, or with the last one that has begun, if that is later. What
    /// comes after it is rendered for a while all the same, for players that have not heard of it. Says which one it is.
    pub fn end_after(&self, last: u64, announced: UnixTime) -> u64 {
        let newest = |track: &Track| track.window.snapshot().edge().map(|edge| edge.segment);
        let last = self.tracks.iter().filter_map(newest).chain([last]).max().unwrap_or(last);
        let Ending { last, .. } = *self.ending.get_or_init(|| Ending { last, announced });
        self.epochs().iter().for_each(|epoch| epoch.end_for_good(last + 1));
        self.epoch(last).expect_overlap();
        self.tracks.iter().for_each(|track| track.window.end_after(last));
        last
    }

    /// The end, once it is announced.
    pub fn ending(&self) -> Option<Ending> {
        self.ending.get().copied()
    }

    /// Whether the presentation is over, or its end is announced.
    pub fn is_to_end(&self) -> bool {
        self.ending().is_some() || self.ended()
    }

    /// Ends the presentation with the newest segment that is complete in every track. Nothing comes after it.
    pub fn end(&self) {
        self.open();
        if self.ended() {
            return;
        }
        let last = self.last_complete();
        self.tracks.iter().for_each(|track| track.window.end(last));
    }
}
