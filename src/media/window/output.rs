//! All windows of one presentation of a stream, and the definitions whose media they hold.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{SetOnce, watch};

use super::epoch::{Epoch, Epochs, epoch_at};
use super::{Depth, Granularity, Live, Relay, Snapshot, Window};
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::spec::{BaseUrl, Revision, StreamSpec, TrackId};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The announced end of a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The last segment.
    pub last: u64,
    /// Time of the announcement.
    pub announced: UnixTime,
    /// Time at which players of the MPD continue with the next presentation; `None` if the stream stops.
    pub handover: Option<UnixTime>,
}

/// Outputs of earlier presentations whose playlists and segments are still served. All outputs of a stream share the
/// list.
#[derive(Clone, Default)]
pub struct Earlier(Arc<Mutex<Vec<Arc<Output>>>>);

/// One track of an [`Output`].
#[derive(Debug)]
pub struct Track {
    /// Name in URLs.
    pub id: TrackId,
    /// Video or audio.
    pub kind: Kind,
    /// Its media.
    pub window: Window,
    /// Its current group of pictures, if it is a video track.
    pub live: Live,
}

/// The media that one presentation of a stream publishes: shared by the run that fills it and by all readers.
#[derive(Debug)]
pub struct Output {
    /// Id that is unique in the process.
    pub id: u64,
    /// Number of the presentation, which is in the URLs of its media playlists.
    pub presentation: u64,
    /// The first definition. The name, the timeline, the window and the ids of the tracks are the same in all definitions of a
    /// presentation.
    pub spec: StreamSpec,
    /// URL of this server for its clients, if it differs from the address to listen on.
    pub public_url: Option<BaseUrl>,
    /// Tracks in the order of the definition, video first.
    pub tracks: Vec<Track>,
    /// Picture and sound of a publisher, if the definition says that one sends them.
    pub relay: Relay,
    epochs: watch::Sender<Epochs>,
    open: SetOnce<()>,
    /// Time of the last start of the stream, in nanoseconds since 1970.
    begun: AtomicU64,
    ending: OnceLock<Ending>,
    earlier: Earlier,
    /// Whether manifests of a later presentation are served.
    superseded: AtomicBool,
}

impl Output {
    /// An output with an empty window for each track of `spec`, which applies to all of the past.
    pub fn new(spec: StreamSpec, revision: Revision) -> Self {
        let epoch = Epoch::new((0, 0), spec, revision);
        Self::of(vec![epoch]).expect("there is an epoch")
    }

    /// An output with an empty window for each track of these definitions. Each definition ends where the next begins.
    /// `None` without a definition.
    pub fn of(epochs: Vec<Epoch>) -> Option<Self> {
        let epochs: Vec<_> = epochs.into_iter().map(Arc::new).collect();
        for pair in epochs.windows(2) {
            pair[0].end(&pair[1]);
        }
        let spec = epochs.first()?.spec.clone();
        let depth = Depth {
            listed: spec.window_segments(),
            kept: spec.kept_segments(),
            has_archive: spec.window > spec.memory_window(),
            chunks: spec.timeline.chunks_per_segment(),
        };
        let track = |(id, kind): (&TrackId, Kind)| {
            let (id, window, live) = (id.clone(), Window::new(depth), Live::default());
            Track { id, kind, window, live }
        };
        let tracks = spec.tracks().map(track).collect();
        let epochs = watch::Sender::new(Arc::new(epochs));
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (begun, ending) = (AtomicU64::new(0), OnceLock::new());
        let (presentation, public_url, open, earlier) = (0, None, SetOnce::new(), Earlier::default());
        let (superseded, relay) = (AtomicBool::new(false), Relay::default());
        Some(Self {
            id,
            presentation,
            spec,
            public_url,
            tracks,
            relay,
            epochs,
            open,
            begun,
            ending,
            earlier,
            superseded,
        })
    }

    /// This output on a server with this `public_url`.
    #[must_use]
    pub fn served_at(self, public_url: Option<BaseUrl>) -> Self {
        Self { public_url, ..self }
    }

    /// This output as presentation `number`, after those in `earlier`.
    #[must_use]
    pub fn in_presentation(self, number: u64, earlier: Earlier) -> Self {
        Self { presentation: number, earlier, ..self }
    }

    /// The outputs of earlier presentations that are still served, oldest first.
    pub fn earlier(&self) -> Vec<Arc<Self>> {
        self.earlier.lock().iter().filter(|other| other.presentation < self.presentation).cloned().collect()
    }

    /// The epochs that have segments in the windows, and later ones.
    pub fn epochs(&self) -> Epochs {
        self.epochs.borrow().clone()
    }

    /// The output whose MPD is served until this one is open, if it follows on one that players use.
    pub fn before(&self) -> Option<Arc<Self>> {
        let is_played =
            |before: &Arc<Self>| !before.superseded.load(Ordering::Relaxed) && before.last_complete().is_some();
        self.earlier().into_iter().rev().find(is_played).filter(|_| !self.is_open())
    }

    /// A receiver of all changes from now on.
    pub fn watch_epochs(&self) -> watch::Receiver<Epochs> {
        self.epochs.subscribe()
    }

    /// The window of segment `number` of a track that is requested under `revision`, which may be that of its Period.
    pub fn find(&self, track: usize, revision: &str, number: u64) -> Option<Window> {
        let epochs = self.epochs();
        let mut named = epochs.iter().filter(|epoch| epoch.is_named(revision));
        // Segments past the end of an epoch may belong to a later epoch of the same name.
        let epoch = named.clone().find(|epoch| epoch.contains(number));
        let window = |epoch: &Arc<Epoch>| self.window(track, epoch, number);
        epoch.and_then(window).or_else(|| named.find_map(window))
    }

    /// The epoch whose definition a segment has that has left the window or was skipped, requested under `revision`,
    /// which may be that of its Period. Segments before the first known epoch have the definition of the first, under
    /// its own revision only: under that of a Period which began earlier, another definition published them. `None` if
    /// the segment is in the window, or will be.
    pub fn past_epoch(&self, track: usize, revision: &str, number: u64) -> Option<Arc<Epoch>> {
        let snapshot = self.tracks.get(track)?.window.snapshot();
        if !snapshot.has_left(number) && !snapshot.is_skipped(number) {
            return None;
        }
        let epochs = self.epochs();
        let named = epochs.iter().find(|epoch| epoch.is_named(revision) && epoch.contains(number));
        let first = epochs.first().filter(|first| number < first.from && first.revision.as_str() == revision);
        named.or(first).cloned()
    }

    /// The epoch with the init segment that is requested under `revision`. All epochs of a Period have the same init segment, so
    /// an epoch whose encoders have configured is preferred.
    pub fn find_init(&self, track: usize, revision: &str) -> Option<Arc<Epoch>> {
        let (epochs, snapshot) = (self.epochs(), self.tracks.get(track)?.window.snapshot());
        let mut named = epochs.iter().filter(|epoch| epoch.is_named(revision));
        let known = named.clone().find(|epoch| snapshot.init(&epoch.revision).is_some());
        known.or_else(|| named.next()).cloned()
    }

    /// The window of segment `number` of an epoch: that of the track, or that of segments past the end of its Period.
    pub fn window(&self, track: usize, epoch: &Epoch, number: u64) -> Option<Window> {
        let past = epoch.overlap().is_some_and(|overlap| overlap.contains(&number));
        match epoch.contains(number) {
            true => self.tracks.get(track).map(|track| track.window.clone()),
            false => epoch.rest(track).filter(|_| past).cloned(),
        }
    }

    /// All windows that have segments: those of the tracks, and those past the ends of Periods.
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

    /// Changes to another definition at its first segment. Replaces announced changes that would take effect there or
    /// later. Returns `false` if a segment from there on is already published.
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

    /// Sets the time of a start; the latest one counts. The MPD is not published before it.
    pub fn began(&self, decided: UnixTime) {
        if self.begun.fetch_max(decided.as_nanos(), Ordering::Relaxed) < decided.as_nanos() {
            self.tracks.iter().for_each(|track| track.window.touch());
        }
    }

    /// When the stream was last started, or 1970.
    pub fn begun(&self) -> UnixTime {
        UnixTime::from_nanos(self.begun.load(Ordering::Relaxed))
    }

    /// Opens the output: manifests are served from now on. The newest segments must be complete, so that the end of
    /// playlists never moves back.
    pub fn open(&self) {
        self.earlier().iter().for_each(|before| before.superseded.store(true, Ordering::Relaxed));
        // Another run of the same output may have opened it.
        let _ = self.open.set(());
    }

    /// Whether the output is open, so that manifests are served.
    pub fn is_open(&self) -> bool {
        self.open.initialized()
    }

    /// Resolves when the output is open.
    pub async fn opened(&self) {
        self.open.wait().await;
    }

    /// Index in [`Output::tracks`] of the track with this name.
    pub fn place(&self, id: &TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.id == *id)
    }

    /// A snapshot of each track, in the order of [`Output::tracks`].
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        self.tracks.iter().map(|track| track.window.snapshot()).collect()
    }

    /// A number that changes whenever manifests of this granularity may have changed.
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

    /// Announces that the presentation ends with segment `last`, or with the newest segment that has begun if that is
    /// later. Later segments are rendered for a while, for players that have not read the announcement. Returns the
    /// last segment.
    pub fn end_after(&self, last: u64, announced: UnixTime) -> u64 {
        self.announce(Ending { last, announced, handover: None })
    }

    /// As [`Self::end_after`], with the segment that covers the time before `at`, when players of the MPD go on with the next
    /// presentation.
    pub fn hand_over(&self, at: UnixTime, announced: UnixTime) -> u64 {
        let last = self.spec.timeline.segment_at(at.saturating_sub(Duration::from_nanos(1)));
        self.announce(Ending { last, announced, handover: Some(at) })
    }

    fn announce(&self, ending: Ending) -> u64 {
        let newest = |track: &Track| track.window.snapshot().edge().map(|edge| edge.segment);
        let last = self.tracks.iter().filter_map(newest).chain([ending.last]).max().unwrap_or(ending.last);
        let Ending { last, .. } = *self.ending.get_or_init(|| Ending { last, ..ending });
        self.epochs().iter().for_each(|epoch| epoch.end_for_good(last + 1));
        self.epoch(last).expect_overlap();
        self.tracks.iter().for_each(|track| track.window.end_after(last));
        last
    }

    /// The announced end.
    pub fn ending(&self) -> Option<Ending> {
        self.ending.get().copied()
    }

    /// Whether the presentation is over or its end is announced.
    pub fn is_to_end(&self) -> bool {
        self.ending().is_some() || self.ended()
    }

    /// Whether another presentation follows this one.
    pub fn is_handed_over(&self) -> bool {
        self.ending().is_some_and(|ending| ending.handover.is_some())
    }

    /// Ends the presentation with the newest segment that is complete in every track.
    pub fn end(&self) {
        // Requests for manifests must not wait any longer.
        let _ = self.open.set(());
        if self.ended() {
            return;
        }
        let last = self.last_complete();
        self.tracks.iter().for_each(|track| track.window.end(last));
    }
}

impl Earlier {
    /// Adds the output of a presentation that another follows.
    pub fn add(&self, output: Arc<Output>) {
        self.lock().push(output);
    }

    /// Removes an output whose playlists and segments are no longer served.
    pub fn remove(&self, output: &Output) {
        self.lock().retain(|other| other.id != output.id);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Output>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers only: each of the outputs refers to the list.
impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter().map(|output| output.presentation)).finish()
    }
}
