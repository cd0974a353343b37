//! MPDs as a client reads them: where each segment is, and when it is available. Attributes of a SegmentTemplate are
//! inherited from Period to AdaptationSet to Representation (ISO/IEC 23009-1 5.3.9.1).

mod element;

use std::time::Duration;

use reqwest::Url;

pub use element::Element;

/// Most segments of a SegmentTimeline, far more than a day of them.
const MOST_SEGMENTS: usize = 100_000;

/// An MPD with what is needed to request its segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Mpd {
    /// Whether the type is dynamic.
    pub is_live: bool,
    /// `@availabilityStartTime` in microseconds since 1970.
    pub start: i128,
    /// `@minimumUpdatePeriod`.
    pub update: Option<Duration>,
    /// `@timeShiftBufferDepth`.
    pub depth: Option<Duration>,
    /// Scheme and value of each UTCTiming.
    pub timings: Vec<(String, String)>,
    /// The Periods.
    pub periods: Vec<Period>,
}

/// A Period.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// `@start`, or the end of the Period before.
    pub start: Duration,
    /// `@duration`.
    pub duration: Option<Duration>,
    /// One track for each representation.
    pub tracks: Vec<Track>,
}

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
    /// `@availabilityTimeOffset` in microseconds.
    pub early_micros: i128,
    /// `@availabilityTimeComplete` is not false.
    pub is_complete: bool,
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
    /// Its number.
    pub number: u64,
    /// Nominal start in ticks.
    pub time: u64,
    /// Nominal end in microseconds after the start of the Period.
    pub end_micros: i128,
}

impl Mpd {
    /// Reads an MPD that was received from `url`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, url: &Url) -> Result<Self, String> {
        let root = Element::parse(text)?;
        if root.name != "MPD" {
            return Err(format!("the root element is {}", root.name));
        }
        let base = based(url.clone(), &root);
        let mut periods: Vec<Period> = Vec::new();
        let mut due = Duration::ZERO;
        for element in root.children("Period") {
            let start = element.duration("start").unwrap_or(due);
            let duration = element.duration("duration");
            due = start + duration.unwrap_or_default();
            periods.push(Period { start, duration, tracks: tracks(element, &based(base.clone(), element)) });
        }
        let timing = |element: &Element| (element.attribute("schemeIdUri"), element.attribute("value"));
        let start = root.get("availabilityStartTime").and_then(|text| text.parse::<jiff::Timestamp>().ok());
        Ok(Self {
            is_live: root.get("type") == Some("dynamic"),
            start: start.map_or(0, |time| i128::from(time.as_microsecond())),
            update: root.duration("minimumUpdatePeriod"),
            depth: root.duration("timeShiftBufferDepth"),
            timings: root.children("UTCTiming").map(timing).collect(),
            periods,
        })
    }

    /// Whether segments are available before they are complete.
    pub fn is_low_latency(&self) -> bool {
        self.periods.iter().flat_map(|period| &period.tracks).any(|track| !track.is_complete)
    }

    /// The Period that is played at `micros` since 1970, or the last one before.
    pub fn period_at(&self, micros: i128) -> Option<&Period> {
        let begun = |period: &&Period| self.start + period.start.as_micros() as i128 <= micros;
        self.periods.iter().rev().find(begun).or(self.periods.first())
    }
}

/// The URL with the first BaseURL of the element.
fn based(url: Url, element: &Element) -> Url {
    let base = element.children("BaseURL").next().and_then(|base| url.join(base.text.trim()).ok());
    base.unwrap_or(url)
}

fn tracks(period: &Element, base: &Url) -> Vec<Track> {
    let mut tracks = Vec::new();
    for (place, set) in period.children("AdaptationSet").enumerate() {
        let base = based(base.clone(), set);
        for representation in set.children("Representation") {
            let levels = [representation, set, period];
            let templates: Vec<_> =
                levels.iter().filter_map(|level| level.children("SegmentTemplate").next()).collect();
            tracks.extend(track((place, representation), based(base.clone(), representation), &templates));
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
        early_micros: (early.clamp(0.0, 1e6) * 1e6) as i128,
        is_complete: get("availabilityTimeComplete") != Some("false"),
        bandwidth: representation.attribute("bandwidth"),
        media: get("media")?.to_owned(),
        initialization: get("initialization").unwrap_or_default().to_owned(),
    })
}

/// The segments of a timeline. A repeat without end is left out: its segments depend on the time.
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
            Some(entries) => entries.get(usize::try_from(index).ok()?).map(|entry| (entry.time, entry.duration))?,
            None => {
                (self.nominal.offset.checked_add(index.checked_mul(self.nominal.duration)?)?, self.nominal.duration)
            }
        };
        let end = i128::from(time) + i128::from(duration) - i128::from(self.nominal.offset);
        Some(Place { number, time, end_micros: end * 1_000_000 / i128::from(self.nominal.timescale) })
    }

    /// The newest segment that is available `micros` after the start of the Period.
    pub fn newest(&self, micros: i128) -> Option<Place> {
        match &self.timeline {
            Some(entries) => self.place(self.nominal.start_number + entries.len().checked_sub(1)? as u64),
            None if self.nominal.duration == 0 => None,
            None => {
                let ticks = (micros + self.early_micros) * i128::from(self.nominal.timescale) / 1_000_000;
                let count = u64::try_from(ticks / i128::from(self.nominal.duration)).ok()?;
                self.place((self.nominal.start_number + count).checked_sub(1)?)
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(template: &str) -> Mpd {
        let text = format!(
            r#"<MPD type="dynamic" availabilityStartTime="1970-01-01T00:00:10Z"><BaseURL>a/</BaseURL><Period start="PT5S">
            <AdaptationSet><SegmentTemplate timescale="10" startNumber="7"/><Representation id="v" bandwidth="9">
            {template}</Representation></AdaptationSet></Period></MPD>"#
        );
        Mpd::parse(&text, &Url::parse("http://host/x/m.mpd").unwrap()).unwrap()
    }

    #[test]
    fn segments_are_where_the_template_says() {
        let mpd = parse(r#"<SegmentTemplate media="$RepresentationID$-$Number%05d$.m4s" duration="20"/>"#);
        let track = &mpd.periods[0].tracks[0];
        let newest = track.newest(7_000_000).unwrap();
        assert_eq!((newest.number, newest.time, newest.end_micros), (9, 40, 6_000_000));
        assert_eq!(track.segment(&newest).unwrap().as_str(), "http://host/x/a/v-00009.m4s");
        assert_eq!((mpd.start, track.init()), (10_000_000, None));
        assert_eq!(track.newest(1_999_999).map(|place| place.number), Some(6).filter(|_| false));
    }

    #[test]
    fn a_timeline_repeats_and_continues() {
        let mpd = parse(
            r#"<SegmentTemplate media="$Time$-$Bandwidth$.m4s" initialization="$RepresentationID$.mp4" presentationTimeOffset="100">
            <SegmentTimeline><S t="100" d="20" r="1"/><S d="5"/></SegmentTimeline></SegmentTemplate>"#,
        );
        let track = &mpd.periods[0].tracks[0];
        let newest = track.newest(0).unwrap();
        assert_eq!((newest.number, newest.time, newest.end_micros), (9, 140, 4_500_000));
        assert_eq!(track.segment(&newest).unwrap().path(), "/x/a/140-9.m4s");
        assert_eq!(track.init().unwrap().path(), "/x/a/v.mp4");
    }

    #[test]
    fn bombs_and_broken_texts_are_refused() {
        let url = Url::parse("http://host/").unwrap();
        for text in [
            "<!DOCTYPE MPD [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MPD>&b;</MPD>".to_owned(),
            "<MPD>&b;</MPD>".to_owned(),
            "<MPD>".repeat(1000),
            "<MPD><Period></MPD>".to_owned(),
            "<html/>".to_owned(),
            String::new(),
        ] {
            assert!(Mpd::parse(&text, &url).is_err(), "{text:.60}");
        }
    }
}
