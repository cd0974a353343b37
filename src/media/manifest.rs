//! Playlists and MPDs: text from a definition and snapshots of its windows. Pure: no clock, no HTTP and no disk.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::base::timeline::{Kind, UnixTime};
use crate::definition::condition::Conditions;
use crate::definition::spec::{BaseUrl, StreamName, StreamSpec, TrackId};
use crate::media::window::{Ending, Epoch, Epochs, Granularity, Output, Segment, Snapshot, epoch_at};
use cuts::Cuts;
use extent::{Bounds, Extent};
use jumps::Jumps;

pub mod cuts;
pub mod dash;
pub mod delay;
pub mod extent;
pub mod hls;
pub mod jumps;
pub mod lag;
pub mod latency;
mod patch;
pub mod path;
pub mod rewriting;

/// The state of an output at one moment, from which its manifests are rendered.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Number of the presentation.
    pub presentation: u64,
    /// The first definition: its name, timeline, window and tracks are those of the whole presentation.
    pub spec: &'a StreamSpec,
    /// URL at which clients find the server, if it differs from the address to listen on.
    pub public_url: Option<&'a BaseUrl>,
    /// The definitions, oldest first.
    pub epochs: Epochs,
    /// Window of each track of the definition, video first.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// When the stream was last started, or 1970.
    pub begun: UnixTime,
    /// The end, once it is announced.
    pub ending: Option<Ending>,
    /// Presentations before this one whose Periods the MPD may still list, oldest first.
    pub earlier: Vec<Self>,
    /// Part of the stream that manifests list.
    pub extent: Extent,
    /// Conditions of the request.
    pub conditions: &'a Conditions,
    /// Time in answers to clients. Only manifests under some conditions contain it.
    pub told: UnixTime,
}

impl<'a> View<'a> {
    /// The stream as it is now.
    pub fn of(output: &'a Output) -> Self {
        // Snapshots first: an epoch that is added meanwhile has no segments.
        let snapshots = output.snapshots();
        let (begun, ending) = (output.begun(), output.ending());
        let public_url = output.public_url.as_ref();
        let (presentation, spec, epochs) = (output.presentation, &output.spec, output.epochs());
        let (conditions, told) = (Conditions::NONE, UnixTime::default());
        let (earlier, extent) = (Vec::new(), Extent::of_stream(spec));
        Self { presentation, spec, public_url, epochs, snapshots, begun, ending, earlier, extent, conditions, told }
    }

    /// This view, restricted to the part of the window that is in memory.
    #[must_use]
    pub fn in_memory(self) -> Self {
        let segments = self.spec.memory_segments();
        let snapshots = self.snapshots.iter().map(|snapshot| Arc::new(snapshot.in_memory(segments))).collect();
        let extent = Extent { window: self.spec.memory_window(), ..self.extent };
        Self { snapshots, extent, ..self }
    }

    /// This view under conditions, at the time `now`.
    #[must_use]
    pub fn under(self, conditions: &'a Conditions, now: UnixTime) -> Self {
        let told = told(conditions, now);
        let extent = Extent::of(conditions, self.spec, now);
        if extent != Extent::of_stream(self.spec) {
            return Self { conditions, told, ..self.within(extent, now) };
        }
        let earlier = self.earlier.into_iter().map(|view| view.under(conditions, now)).collect();
        Self { earlier, conditions, told, ..self }
    }

    /// The part of the stream in `extent`, as manifests list it at `now`. The stream is as it is defined now; earlier presentations
    /// are not part of the view.
    fn within(self, extent: Extent, now: UnixTime) -> Self {
        let timeline = &self.spec.timeline;
        let end = self.last();
        let cut = |bounds: Bounds| Bounds { last: end.map_or(bounds.last, |end| end.min(bounds.last)), ..bounds };
        let extent = Extent { bounds: extent.bounds.map(cut), ..extent };
        let listing = |snapshot: &Arc<Snapshot>| {
            let listing = extent.listing(snapshot, timeline, now);
            Arc::new(snapshot.listing(listing.up_to(end, timeline.chunks_per_segment())))
        };
        let snapshots: Vec<_> = self.snapshots.iter().map(listing).collect();
        let last = extent.bounds.map(|bounds| bounds.last).or(end);
        let newest = snapshots.iter().map(|snapshot| snapshot.last_complete()).min().flatten();
        let is_announced = |last: &u64| newest.is_some_and(|newest| newest + 1 >= extent.announced(*last));
        let ending = last.filter(is_announced).map(|last| {
            let announced = timeline.segment_start(extent.announced(last)) + extent.shift;
            Ending { last, announced, handover: self.handover().filter(|_| extent.bounds.is_none()) }
        });
        let ending = if extent.leaves_window() { ending } else { self.ending };
        Self { snapshots, ending, earlier: Vec::new(), extent, ..self }
    }

    /// This view with these segments of the track `track`, an index in the definition, which may not be in its window.
    #[must_use]
    pub fn with_past(self, track: usize, past: &[Arc<Segment>]) -> Self {
        let with_past = |(place, snapshot): (usize, &Arc<Snapshot>)| match place == track {
            true => Arc::new(snapshot.with_past(past)),
            false => Arc::clone(snapshot),
        };
        let snapshots = self.snapshots.iter().enumerate().map(with_past).collect();
        Self { snapshots, ..self }
    }

    /// A number that changes whenever a manifest of this granularity may change.
    pub fn fingerprint(&self, granularity: Granularity) -> u64 {
        let mut hasher = DefaultHasher::new();
        for snapshot in &self.snapshots {
            let edge = snapshot.edge().filter(|_| granularity == Granularity::Chunk);
            (snapshot.listed(), edge.map(|edge| (edge.segment, edge.chunk)), snapshot.ended()).hash(&mut hasher);
        }
        for epoch in &*self.epochs {
            let has_init = |snapshot: &Arc<Snapshot>| snapshot.init(&epoch.revision).is_some();
            (epoch.index, epoch.until(), self.snapshots.iter().all(has_init)).hash(&mut hasher);
        }
        (self.begun.as_nanos(), self.ending.map(|ending| ending.last)).hash(&mut hasher);
        hasher.finish()
    }

    /// This view after the views of those outputs, oldest first, that continue each other without a break.
    #[must_use]
    pub fn after(self, outputs: &'a [Arc<Output>]) -> Self {
        let mut earlier = Vec::new();
        let mut start = self.start();
        for view in outputs.iter().rev().map(|output| View::of(output)) {
            if view.handover() != Some(start) {
                break;
            }
            start = view.start();
            // A presentation may be replaced before it has a segment.
            if view.is_playable() {
                earlier.push(view);
            }
        }
        earlier.reverse();
        Self { earlier, ..self }
    }

    /// The stream under conditions as an MPD that was published at `time` described it; `None` if segments of that time are no longer
    /// known. Ends that were not announced at `time`, and earlier starts, are not part of the view.
    pub fn as_of(self, conditions: &'a Conditions, time: UnixTime) -> Option<Self> {
        // Times in an MPD are rounded down to milliseconds.
        let time = time + Duration::from_nanos(999_999);
        match conditions.shift() {
            // The clock determines which segments are listed.
            Some(_) => Some(self.under(conditions, time)),
            None => Some(self.until(time)?.under(conditions, time)),
        }
    }

    /// The stream under conditions as manifests listed it at `time`, however long ago.
    #[must_use]
    pub fn back_at(self, conditions: &'a Conditions, time: UnixTime) -> Self {
        match conditions.shift() {
            // The clock determines which segments are listed.
            Some(_) => self.under(conditions, time),
            None => self.back(time).under(conditions, time),
        }
    }

    fn back(self, time: UnixTime) -> Self {
        let chunks = self.spec.timeline.chunks_until(time);
        let snapshots = self.snapshots.iter().map(|snapshot| Arc::new(snapshot.up_to(chunks))).collect();
        let known = self.epochs.iter().enumerate().filter(|(place, epoch)| *place == 0 || epoch.described <= time);
        let epochs = Arc::new(known.map(|(_, epoch)| Arc::clone(epoch)).collect());
        let ending = self.ending.filter(|ending| ending.announced <= time);
        let earlier = self.earlier.into_iter().map(|view| view.back(time)).collect();
        Self { snapshots, epochs, ending, earlier, ..self }
    }

    fn until(&self, time: UnixTime) -> Option<Self> {
        let newest = self.spec.timeline.segment_at(time).checked_sub(1)?;
        let until = |snapshot: &Arc<Snapshot>| snapshot.as_of(newest).map(Arc::new);
        let snapshots = self.snapshots.iter().map(until).collect::<Option<_>>()?;
        let epochs: Vec<_> = self.epochs.iter().filter(|epoch| epoch.described <= time).cloned().collect();
        if epochs.is_empty() {
            return None;
        }
        let ending = self.ending.filter(|ending| ending.announced <= time);
        let earlier = self.earlier.iter().map(|view| view.until(time)).collect::<Option<_>>()?;
        Some(Self { snapshots, epochs: Arc::new(epochs), ending, earlier, ..self.clone() })
    }

    /// First segment of the first Period of the view.
    pub fn first_of_period(&self) -> u64 {
        self.epochs.first().map_or(0, |epoch| epoch.period.from)
    }

    /// Start of the first Period of the view.
    fn start(&self) -> UnixTime {
        self.spec.timeline.segment_start(self.first_of_period())
    }

    /// Whether every track has its init segment and a complete segment.
    pub fn is_playable(&self) -> bool {
        let revision = &self.current().revision;
        self.snapshots.iter().all(|snapshot| snapshot.init(revision).is_some() && snapshot.last_complete().is_some())
    }

    /// Whether an MPD can describe the view: every track has its init segment, and this or an earlier presentation has complete
    /// segments.
    pub fn is_described(&self) -> bool {
        let revision = &self.current().revision;
        let has_inits = self.snapshots.iter().all(|snapshot| snapshot.init(revision).is_some());
        self.is_playable() || (has_inits && !self.earlier.is_empty())
    }

    fn tracks(&self) -> impl Iterator<Item = (&TrackId, Kind, &Snapshot)> {
        self.spec.tracks().zip(&self.snapshots).map(|((id, kind), snapshot)| (id, kind, &**snapshot))
    }

    fn snapshot(&self, id: &TrackId) -> Option<&Snapshot> {
        self.tracks().find(|(track, ..)| *track == id).map(|(_, _, snapshot)| snapshot)
    }

    /// The epoch of segment `number`.
    fn epoch(&self, number: u64) -> &Epoch {
        epoch_at(&self.epochs, number)
    }

    /// The epoch of the newest segment.
    fn current(&self) -> &Epoch {
        self.epoch(self.last_complete().unwrap_or_default())
    }

    fn codec(&self, epoch: &Epoch, id: &TrackId) -> &str {
        self.snapshot(id).and_then(|snapshot| snapshot.init(&epoch.revision)).map_or("", |init| &init.codec)
    }

    /// The newest segment that is complete in every track.
    fn last_complete(&self) -> Option<u64> {
        self.snapshots.iter().map(|snapshot| snapshot.last_complete()).min().flatten()
    }

    /// The oldest segment that a playlist lists.
    fn first(&self) -> Option<u64> {
        self.snapshots.iter().filter_map(|snapshot| Some(*snapshot.listed()?.start())).min()
    }

    /// The last segment, once the end is announced.
    fn last(&self) -> Option<u64> {
        let ended = self.ended().then(|| self.last_complete()).flatten();
        ended.or(self.ending.map(|ending| ending.last))
    }

    /// Whether the presentation has a beginning and an end of its own, and is over: a VOD.
    pub fn is_vod(&self) -> bool {
        self.extent.bounds.is_some() && self.ended()
    }

    /// The first segment of the Period of `epoch`. The oldest definition that is known applies to everything before.
    fn first_of(&self, epoch: &Epoch) -> u64 {
        let is_oldest = epoch.period.number == self.epochs.first().map_or(0, |oldest| oldest.period.number);
        match self.extent.bounds {
            Some(bounds) if is_oldest => bounds.first,
            Some(bounds) => epoch.period.from.max(bounds.first),
            None if is_oldest && (self.conditions.is_timed() || self.extent.origin > 0) => self.extent.origin,
            None => epoch.period.from.max(self.extent.origin),
        }
    }

    /// Start of the media at presentation time 0 of the MPD.
    fn zero(&self) -> UnixTime {
        let first = self.extent.bounds.map_or(self.extent.origin, |bounds| bounds.first);
        self.spec.timeline.segment_start(first)
    }

    /// The number of a segment in manifests and URLs.
    fn number(&self, segment: u64) -> u64 {
        segment.saturating_sub(self.extent.origin)
    }

    /// End of the newest media that a manifest of this granularity lists.
    pub fn ends(&self, granularity: Granularity) -> Option<UnixTime> {
        let timeline = &self.spec.timeline;
        let snapshots = self.snapshots.iter();
        match granularity {
            Granularity::Segment => {
                let newest = snapshots.filter_map(|snapshot| snapshot.last_complete()).max()?;
                Some(timeline.segment_start(newest + 1) + self.extent.shift)
            }
            Granularity::Chunk => {
                let edge = snapshots.filter_map(|snapshot| snapshot.edge()).max()?;
                Some(timeline.chunk_span(edge.segment, edge.chunk).end + self.extent.shift)
            }
        }
    }

    /// Where the presentation is cut into Periods, or by discontinuities.
    fn cuts(&self) -> Option<Cuts<'_>> {
        Cuts::of(self.conditions, self.spec, self.extent.origin)
    }

    /// Ticks by which the timestamps of a segment are later, in a timescale.
    fn jump(&self, segment: u64, timescale: u32) -> u64 {
        let jumps = Jumps::of(self.conditions, self.spec, self.extent.origin);
        jumps.map_or(0, |jumps| jumps.ticks(segment, timescale))
    }

    fn ended(&self) -> bool {
        self.snapshots.iter().all(|snapshot| snapshot.ended())
    }

    /// Moment at which players of the MPD continue with the next presentation.
    fn handover(&self) -> Option<UnixTime> {
        self.ending?.handover
    }
}

/// Time in answers to clients at `now`.
pub fn told(conditions: &Conditions, now: UnixTime) -> UnixTime {
    conditions.clock_skew().map_or(now, |skew| skew.after(now))
}

/// Directory of a stream's manifest. Relative URLs in the manifest depend on the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// `/live/{stream}/`, beside the tracks.
    Stream,
    /// `/hls/` or `/dash/`, the short forms.
    Short,
}

impl Place {
    /// Relative path from this place to the directory of the stream's tracks, for resources that `kept` conditions change.
    /// The manifest is under `own` conditions.
    fn to_stream(self, name: &StreamName, own: &Conditions, kept: &Conditions) -> String {
        match (self, own.is_empty()) {
            (Self::Stream, true) => String::new(),
            (Self::Short, true) => format!("../{}/", path::stream_directory(name)),
            (_, false) => format!("{}{}/", self.to_root(own, kept), path::stream_directory(name)),
        }
    }

    /// Relative path from this place to the root of the server, or to the root of the `kept` conditions.
    fn to_root(self, own: &Conditions, kept: &Conditions) -> String {
        path::to_root(self.depth(), own, kept)
    }

    /// Directories between the root and this place.
    fn depth(self) -> usize {
        match self {
            Self::Stream => 2,
            Self::Short => 1,
        }
    }
}

/// Whether a manifest has low latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Latency {
    /// Whole segments.
    Normal,
    /// Chunks as soon as they are encoded.
    Low,
}

/// RFC 3339 in UTC with milliseconds, rounded down.
pub fn date_time(time: UnixTime) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(time.as_millis() as i64).unwrap_or(jiff::Timestamp::MAX);
    format!("{timestamp:.3}")
}

/// Seconds with as many decimals as they need, at most six.
fn seconds(duration: Duration) -> String {
    let micros = (duration.as_nanos() + 500) / 1000;
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let trimmed = text.trim_end_matches('0');
    trimmed.strip_suffix('.').unwrap_or(trimmed).to_owned()
}

#[cfg(test)]
mod tests;
