//! Cache of rendered manifests: each is generated and compressed once per change and shared by all responses.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::base::format::Format;
use crate::base::timeline::UnixTime;
use crate::definition::condition::Conditions;
use crate::media::manifest::hls::Skip;
use crate::media::manifest::{Latency, Place, View, dash, hls};
use crate::media::window::{Granularity, Output, Segment};

/// A manifest of a stream. Tracks are named by their index in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Multivariant(Place, Latency),
    Media(usize, Skip),
    LowLatency(usize, Skip),
    Iframes(usize),
    Mpd(Place, Latency),
    /// Patch from the MPD that was published at this time.
    Patch(Place, Latency, UnixTime),
}

impl Kind {
    /// The format; `None` for I-frame playlists, which belong to both HLS formats.
    pub(super) fn format(self) -> Option<Format> {
        match self {
            Self::Multivariant(_, Latency::Normal) | Self::Media(..) => Some(Format::Hls),
            Self::Multivariant(_, Latency::Low) | Self::LowLatency(..) => Some(Format::LlHls),
            Self::Mpd(_, Latency::Normal) | Self::Patch(_, Latency::Normal, _) => Some(Format::Dash),
            Self::Mpd(_, Latency::Low) | Self::Patch(_, Latency::Low, _) => Some(Format::LlDash),
            Self::Iframes(_) => None,
        }
    }

    /// The granularity of changes in the windows that change the manifest.
    pub(super) fn granularity(self) -> Granularity {
        match self {
            Self::Multivariant(..) | Self::Media(..) | Self::Iframes(_) | Self::Mpd(..) | Self::Patch(..) => {
                Granularity::Segment
            }
            Self::LowLatency(..) => Granularity::Chunk,
        }
    }
}

/// The moment that a manifest shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// The present.
    Now(UnixTime),
    /// An earlier moment, under a fault.
    Then(UnixTime),
}

impl When {
    pub(super) fn time(self) -> UnixTime {
        match self {
            Self::Now(time) | Self::Then(time) => time,
        }
    }

    /// The stream at that moment.
    fn view<'a>(self, view: View<'a>, conditions: &'a Conditions) -> View<'a> {
        match self {
            Self::Now(now) => view.under(conditions, now),
            Self::Then(then) => view.back_at(conditions, then),
        }
    }

    /// Version of the content of a manifest.
    fn version(self, output: &Output, granularity: Granularity, conditions: &Conditions) -> Version {
        let listed = || self.view(View::of(output), conditions).fingerprint(granularity);
        match self {
            Self::Then(then) => (listed(), then),
            Self::Now(now) => {
                let windows = if conditions.is_timed() { listed() } else { output.version(granularity) };
                (windows, if dash::is_of_the_moment(conditions) { now } else { UnixTime::default() })
            }
        }
    }
}

/// A rendered manifest.
#[derive(Debug)]
pub(super) struct Rendered {
    /// The text, unless it is long and therefore stored compressed only.
    text: Option<Bytes>,
    pub(super) gzip: Bytes,
    pub(super) etag: String,
    pub(super) gzip_etag: String,
    /// End of the newest media that it lists.
    pub(super) modified: UnixTime,
    /// Whether it lists a presentation that is over and begins at a moment of its own.
    pub(super) is_vod: bool,
}

/// Length up to which a text is stored as it is. The playlist of a day has 5 MB, and compressed a twentieth of that.
const MAX_TEXT: usize = 1024 * 1024;
/// Limit of all manifests under conditions in bytes.
const MAX_CONDITIONED_BYTES: usize = 64 * 1024 * 1024;
/// Limit of manifests under conditions that are stored. Clients choose the conditions, so without a limit they could fill the
/// memory; with it, plain manifests are never affected.
const MAX_CONDITIONED: usize = 256;

impl Rendered {
    /// The text. A long one is decompressed.
    pub(super) fn text(&self) -> Bytes {
        match &self.text {
            Some(text) => text.clone(),
            None => {
                let mut text = Vec::new();
                GzDecoder::new(&*self.gzip).read_to_end(&mut text).expect("it was compressed here");
                text.into()
            }
        }
    }

    /// Number of bytes in memory.
    fn bytes(&self) -> usize {
        self.gzip.len() + self.text.as_ref().map_or(0, Bytes::len)
    }
}

/// The newest rendering of each manifest that was requested.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    plain: RwLock<HashMap<(u64, Kind), Arc<Slot>>>,
    conditioned: Mutex<Conditioned>,
}

/// Manifests under conditions, each with the number of the request that used it last.
#[derive(Debug, Default)]
struct Conditioned {
    slots: HashMap<(u64, Kind, Conditions), (u64, Arc<Slot>)>,
    requests: u64,
}

/// Version of the windows or of their listed part, and the moment if the text depends on it, else 1970.
type Version = (u64, UnixTime);

/// One manifest of one output.
#[derive(Debug)]
struct Slot {
    output: Weak<Output>,
    /// The rendering with the version of the windows that it shows and, if its text depends on it, the time. The first request
    /// that finds it out of date renders it again while the others wait.
    newest: Mutex<Option<(Version, Arc<Rendered>)>>,
    /// Bytes of the rendering.
    bytes: AtomicUsize,
}

impl Manifests {
    /// The manifest under conditions, as it is or was at a moment. `past` are segments whose parts a low-latency playlist lists as
    /// byte ranges, if they may not be in the window. `None` if the stream is not playable yet, or has no such track.
    pub(super) fn get(
        &self,
        output: &Arc<Output>,
        kind: Kind,
        conditions: &Conditions,
        (when, past): (When, &[Arc<Segment>]),
    ) -> Option<Arc<Rendered>> {
        let slot = match conditions.is_empty() {
            true => self.plain_slot(output, kind),
            false => self.conditioned_slot(output, kind, conditions),
        };
        let rendered = Self::newest(&slot, output, (kind, conditions), (when, past));
        if !conditions.is_empty() {
            let mut all = self.conditioned.lock().unwrap_or_else(PoisonError::into_inner);
            all.limit(MAX_CONDITIONED_BYTES);
        }
        rendered
    }

    /// The rendering in `slot`, rendered again if it is out of date.
    fn newest(
        slot: &Slot,
        output: &Arc<Output>,
        (kind, conditions): (Kind, &Conditions),
        (when, past): (When, &[Arc<Segment>]),
    ) -> Option<Arc<Rendered>> {
        let mut newest = slot.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let version = when.version(output, kind.granularity(), conditions);
        if let Some((_, rendered)) = newest.as_ref().filter(|(made_from, _)| *made_from == version) {
            return Some(Arc::clone(rendered));
        }
        let earlier = output.earlier();
        let view = when.view(View::of(output).after(&earlier), conditions);
        let view = if let Kind::LowLatency(track, _) = kind { view.with_past(track, past) } else { view };
        let is_there = match kind {
            Kind::Mpd(..) | Kind::Patch(..) => view.is_described(),
            Kind::Multivariant(..) | Kind::Media(..) | Kind::LowLatency(..) | Kind::Iframes(_) => view.is_playable(),
        };
        let then = match kind {
            Kind::Patch(.., before) => Some(View::of(output).after(&earlier).as_of(conditions, before)?),
            _ => None,
        };
        let rendered = Arc::new(if is_there { render(&view, then.as_ref(), kind)? } else { return None });
        slot.bytes.store(rendered.bytes(), Ordering::Relaxed);
        *newest = Some((version, Arc::clone(&rendered)));
        Some(rendered)
    }

    fn plain_slot(&self, output: &Arc<Output>, kind: Kind) -> Arc<Slot> {
        let key = (output.id, kind);
        if let Some(slot) = self.plain.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(slot);
        }
        let mut all = self.plain.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, slot| slot.output.strong_count() > 0);
        Arc::clone(all.entry(key).or_insert_with(|| Slot::of(output)))
    }

    fn conditioned_slot(&self, output: &Arc<Output>, kind: Kind, conditions: &Conditions) -> Arc<Slot> {
        let mut all = self.conditioned.lock().unwrap_or_else(PoisonError::into_inner);
        all.requests += 1;
        let request = all.requests;
        let key = (output.id, kind, conditions.clone());
        if let Some((used, slot)) = all.slots.get_mut(&key) {
            *used = request;
            return Arc::clone(slot);
        }
        all.slots.retain(|_, (_, slot)| slot.output.strong_count() > 0);
        if all.slots.len() >= MAX_CONDITIONED {
            all.remove_oldest();
        }
        let slot = Slot::of(output);
        all.slots.insert(key, (request, Arc::clone(&slot)));
        slot
    }
}

impl Conditioned {
    /// Removes the least recently used manifests until all together have at most `bytes` bytes or only one is left.
    fn limit(&mut self, bytes: usize) {
        let size = |slots: &HashMap<_, (u64, Arc<Slot>)>| -> usize {
            slots.values().map(|(_, slot)| slot.bytes.load(Ordering::Relaxed)).sum()
        };
        while self.slots.len() > 1 && size(&self.slots) > bytes {
            self.remove_oldest();
        }
    }

    fn remove_oldest(&mut self) {
        let oldest = self.slots.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
        oldest.and_then(|key| self.slots.remove(&key));
    }
}

impl Slot {
    fn of(output: &Arc<Output>) -> Arc<Self> {
        Arc::new(Self { output: Arc::downgrade(output), newest: Mutex::default(), bytes: AtomicUsize::new(0) })
    }
}

/// Renders a manifest, or a patch of the MPD of `then`.
fn render(view: &View<'_>, then: Option<&View<'_>>, kind: Kind) -> Option<Rendered> {
    let id = |track: usize| Some(view.spec.tracks().nth(track)?.0);
    let text = match kind {
        Kind::Multivariant(place, latency) => hls::multivariant(view, place, latency),
        Kind::LowLatency(track, skip) => hls::low_latency(view, id(track)?, skip)?,
        Kind::Media(track, skip) => hls::media(view, id(track)?, skip)?,
        Kind::Iframes(track) => hls::iframes(view, id(track)?)?,
        Kind::Mpd(place, latency) => dash::mpd(view, place, latency)?,
        Kind::Patch(place, latency, before) => dash::patch(view, then?, (place, latency), before)?,
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).ok()?;
    let gzip = gzip.finish().ok()?;
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    Some(Rendered {
        text: Some(text).filter(|text| text.len() <= MAX_TEXT).map(Bytes::from),
        gzip: gzip.into(),
        etag: format!("\"{hash:016x}\""),
        gzip_etag: format!("\"{hash:016x}-gzip\""),
        is_vod: view.is_vod(),
        modified: view.ends(kind.granularity()).or_else(|| view.earlier.last()?.ends(kind.granularity()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::{StreamRequest, StreamSpec};
    use crate::media::window::fixture::{initialise, publish, publish_chunks};

    const SEGMENT: u64 = 935_016_890;
    const NOW: (When, &[Arc<Segment>]) = (When::Now(UnixTime::from_nanos(0)), &[]);

    /// With one segment of each track.
    fn output() -> Arc<Output> {
        let spec = StreamSpec::try_from(StreamRequest::named("test")).unwrap();
        let revision = spec.revision("");
        let output = Arc::new(Output::new(spec, revision));
        initialise(&output);
        publish(&output, [SEGMENT]);
        output
    }

    #[test]
    fn a_manifest_is_rendered_once_for_each_change_of_its_grain() {
        let output = output();
        let manifests = Manifests::default();
        let kinds = [Kind::Media(0, Skip::No), Kind::LowLatency(0, Skip::No), Kind::Mpd(Place::Stream, Latency::Low)];
        let all = || kinds.map(|kind| manifests.get(&output, kind, Conditions::NONE, NOW).unwrap());
        let before = all();
        let same = |other: &[Arc<Rendered>; 3]| [0, 1, 2].map(|place| Arc::ptr_eq(&before[place], &other[place]));
        assert_eq!(same(&all()), [true; 3]);
        publish_chunks(&output, SEGMENT + 1, 0..1);
        assert_eq!(same(&all()), [true, false, true]);
        drop(output);
        assert_eq!(manifests.plain.read().unwrap().values().filter(|slot| slot.output.strong_count() > 0).count(), 0);
    }

    #[test]
    fn a_flood_of_conditions_takes_bounded_memory() {
        let output = output();
        let manifests = Manifests::default();
        let get = |conditions: &Conditions| manifests.get(&output, Kind::Media(0, Skip::No), conditions, NOW).unwrap();
        let plain = get(Conditions::NONE);
        let kept = Conditions::parse("no-date-time").unwrap();
        let first = get(&kept);
        for millis in 6000..6000 + 2 * MAX_CONDITIONED {
            get(&Conditions::parse(&format!("delay={millis}ms")).unwrap());
            assert!(Arc::ptr_eq(&first, &get(&kept)), "what is in use stays");
        }
        assert_eq!(manifests.conditioned.lock().unwrap().slots.len(), MAX_CONDITIONED);
        assert!(Arc::ptr_eq(&plain, &get(Conditions::NONE)));
        let mut all = manifests.conditioned.lock().unwrap();
        all.limit(3 * first.bytes());
        assert!((1..=3).contains(&all.slots.len()), "{}", all.slots.len());
    }

    #[test]
    fn a_long_playlist_is_stored_compressed() {
        let manifests = Manifests::default();
        let conditions = Conditions::parse("window=6h").unwrap();
        let day = manifests.get(&output(), Kind::Media(0, Skip::No), &conditions, NOW).unwrap();
        assert!(day.bytes() < 200_000, "{}", day.bytes());
        assert_eq!(day.text().iter().filter(|byte| **byte == b'\n').count(), 8 + 3 * 11_250);
    }
}
