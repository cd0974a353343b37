//! The tracks of a Period: where each segment is, and when it is available. Attributes of a SegmentTemplate are inherited from
//! Period to AdaptationSet to Representation (ISO/IEC 23009-1 5.3.9.1).

use reqwest::Url;

use super::Element;

/// Scheme of a set whose timestamps continue from the Period before.
const CONTINUITY: &str = "urn:mpeg:dash:period-continuity:2015";
/// Most segments of a SegmentTimeline, far more than a day of them.
const MOST_SEGMENTS: usize = 100_000;

/// A representation that is addressed by a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Place of the AdaptationSet in its Period.
    pub set: usize,
    /// `Representation@id`.
    pub id: String,
    /// URL that templates are relative to.
    pub base: Url,
    /// Times and numbers of its segments.
    pub nominal: Nominal,
    /// The segments of a SegmentTimeline.
    pub timeline: Option<Vec<Entry>>,
    /// Whether the last segment of the timeline repeats without end.
    pub is_open: bool,
    /// `@availabilityTimeOffset` in microseconds.
    pub early_micros: i128,
    /// `@availabilityTimeComplete` is not false.
    pub is_complete: bool,
    /// Whether timestamps continue from the Period before (ISO/IEC 23009-1 5.3.2.4).
    pub is_continuous: bool,
    /// Scheme and value of each InbandEventStream; a value may be missing.
    pub events: Vec<(String, Option<String>)>,
    bandwidth: String,
    media: String,
    initialization: String,
}

/// Times and numbers of segments by a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nominal {
    /// Ticks per second.
    pub timescale: u64,
    /// Duration of a segment in ticks; 0 with a SegmentTimeline.
    pub duration: u64,
    /// Number of the first segment.
    pub start_number: u64,
    /// `@presentationTimeOffset` in ticks.
    pub offset: u64,
}

/// A segment of a SegmentTimeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Start in ticks.
    pub time: u64,
    /// Duration in ticks.
    pub duration: u64,
}

/// A segment of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the segment.
    pub number: u64,
    /// Nominal start in ticks.
    pub time: u64,
    /// Nominal start in microseconds after the start of the Period.
    pub start_micros: i128,
    /// Nominal end in microseconds after the start of the Period.
    pub end_micros: i128,
}

impl Place {
    /// Middle of the segment in microseconds after the start of the Period. The segment belongs to the Period that contains it.
    pub const fn middle(&self) -> i128 {
        (self.start_micros + self.end_micros) / 2
    }
}

impl Track {
    /// URL of the init segment. `None` if segments need none.
    pub fn init(&self) -> Option<Url> {
        if self.initialization.is_empty() {
            return None;
        }
        self.base.join(&self.filled(&self.initialization, None)).ok()
    }

    /// URL of a segment.
    pub fn segment(&self, place: &Place) -> Option<Url> {
        self.base.join(&self.filled(&self.media, Some(place))).ok()
    }

    /// The segment with this number.
    pub fn place(&self, number: u64) -> Option<Place> {
        let index = number.checked_sub(self.nominal.start_number)?;
        let (time, duration) = match &self.timeline {
            Some(entries) => {
                let last = entries.last()?;
                // An open timeline repeats its last segment.
                let more = index.saturating_sub(entries.len() as u64 - 1);
                match entries.get(usize::try_from(index).ok()?) {
                    Some(entry) => (entry.time, entry.duration),
                    None if self.is_open => (last.time.checked_add(more.checked_mul(last.duration)?)?, last.duration),
                    None => return None,
                }
            }
            None => {
                (self.nominal.offset.checked_add(index.checked_mul(self.nominal.duration)?)?, self.nominal.duration)
            }
        };
        let start = i128::from(time) - i128::from(self.nominal.offset);
        let micros = |ticks: i128| ticks * 1_000_000 / i128::from(self.nominal.timescale);
        let (start_micros, end_micros) = (micros(start), micros(start + i128::from(duration)));
        Some(Place { number, time, start_micros, end_micros })
    }

    /// The newest segment that is available `micros` after the start of the Period.
    pub fn newest(&self, micros: i128) -> Option<Place> {
        let (first, base, duration) = match self.timeline.as_deref() {
            None => (self.nominal.start_number, self.nominal.offset, self.nominal.duration),
            Some(entries) => {
                let last = entries.last()?;
                let number = self.nominal.start_number + entries.len() as u64 - 1;
                if !self.is_open {
                    return self.place(number);
                }
                (number, last.time, last.duration)
            }
        };
        if duration == 0 {
            return None;
        }
        let ticks = (micros + self.early_micros) * i128::from(self.nominal.timescale) / 1_000_000;
        let since = ticks + i128::from(self.nominal.offset) - i128::from(base);
        let count = u64::try_from(since / i128::from(duration)).ok()?;
        self.place((first + count).checked_sub(1)?)
    }

    /// Number of the first segment of the timeline that starts at `time`, in ticks, or later. With `$Time$`, the number of a segment
    /// may change from one MPD to the next. `None` without a timeline.
    pub fn number_at(&self, time: u64) -> Option<u64> {
        let entries = self.timeline.as_deref()?;
        let last = entries.last()?;
        let index = entries.partition_point(|entry| entry.time < time) as u64;
        let after = time.saturating_sub(last.time).div_ceil(last.duration.max(1));
        let more = if self.is_open && index == entries.len() as u64 { after.saturating_sub(1) } else { 0 };
        Some(self.nominal.start_number + index + more)
    }

    fn filled(&self, template: &str, place: Option<&Place>) -> String {
        let mut text = String::new();
        for (index, part) in template.split('$').enumerate() {
            let (name, width) = part.split_once("%0").unwrap_or((part, ""));
            let width: usize = width.trim_end_matches(['d', 'u']).parse().unwrap_or_default();
            let width = width.min(20);
            let number = |value: u64| format!("{value:0width$}");
            match (index % 2 == 1, name, place) {
                (true, "RepresentationID", _) => text += &self.id,
                (true, "Bandwidth", _) => text += &self.bandwidth,
                (true, "Number", Some(place)) => text += &number(place.number),
                (true, "Time", Some(place)) => text += &number(place.time),
                (true, "", _) => text.push('$'),
                (_, _, _) => text += part,
            }
        }
        text
    }
}

/// The tracks of a Period whose URLs are relative to `base`.
pub(super) fn tracks(period: &Element, base: &Url) -> Vec<Track> {
    let mut tracks = Vec::new();
    for (place, set) in period.children("AdaptationSet").enumerate() {
        let base = based(base.clone(), set);
        let is_continuous =
            set.children("SupplementalProperty").any(|each| each.get("schemeIdUri") == Some(CONTINUITY));
        let event = |each: &Element| (each.attribute("schemeIdUri"), each.get("value").map(str::to_owned));
        for representation in set.children("Representation") {
            let levels = [representation, set, period];
            let templates: Vec<_> =
                levels.iter().filter_map(|level| level.children("SegmentTemplate").next()).collect();
            let track = track((place, representation), based(base.clone(), representation), &templates);
            let events = [set, representation].into_iter().flat_map(|of| of.children("InbandEventStream")).map(event);
            let events = events.collect();
            tracks.extend(track.map(|track| Track { is_continuous, events, ..track }));
        }
    }
    tracks
}

/// A track whose template has the attributes of `templates`, the innermost first.
fn track((set, representation): (usize, &Element), base: Url, templates: &[&Element]) -> Option<Track> {
    let get = |name: &str| templates.iter().find_map(|template| template.get(name));
    let number = |name: &str| get(name).and_then(|text| text.parse::<f64>().ok()).map(|number| number as u64);
    let timeline = templates.iter().find_map(|template| template.children("SegmentTimeline").next());
    let early: f64 = get("availabilityTimeOffset").and_then(|text| text.parse().ok()).unwrap_or_default();
    Some(Track {
        set,
        id: representation.attribute("id"),
        base,
        nominal: Nominal {
            timescale: number("timescale").unwrap_or(1).max(1),
            duration: number("duration").unwrap_or_default(),
            start_number: number("startNumber").unwrap_or(1),
            offset: number("presentationTimeOffset").unwrap_or_default(),
        },
        timeline: timeline.map(entries),
        is_open: timeline
            .and_then(|timeline| timeline.children("S").last()?.get("r"))
            .is_some_and(|r| r.starts_with('-')),
        early_micros: (early.clamp(0.0, 1e6) * 1e6) as i128,
        is_complete: get("availabilityTimeComplete") != Some("false"),
        is_continuous: false,
        events: Vec::new(),
        bandwidth: representation.attribute("bandwidth"),
        media: get("media")?.to_owned(),
        initialization: get("initialization").unwrap_or_default().to_owned(),
    })
}

/// The segments of a timeline. The last one may repeat without end, and is here once.
fn entries(timeline: &Element) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for element in timeline.children("S") {
        let number = |name: &str| element.get(name).and_then(|text| text.parse::<u64>().ok());
        let due = entries.last().map_or(0, |last| last.time.saturating_add(last.duration));
        let mut time = number("t").unwrap_or(due);
        let duration = number("d").unwrap_or_default();
        for _ in 0..=number("r").unwrap_or_default() {
            if entries.len() >= MOST_SEGMENTS {
                return entries;
            }
            entries.push(Entry { time, duration });
            time = time.saturating_add(duration);
        }
    }
    entries
}

/// The URL with the first BaseURL of the element.
pub(super) fn based(url: Url, element: &Element) -> Url {
    let base = element.children("BaseURL").next().and_then(|base| url.join(base.text.trim()).ok());
    base.unwrap_or(url)
}
