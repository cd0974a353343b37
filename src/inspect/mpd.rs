//! MPDs as a client reads them.

mod element;
mod patch;
mod track;

use std::time::Duration;

use reqwest::Url;

pub use element::Element;
pub use patch::{difference, patched};
pub use track::{Entry, Nominal, Place, Track};
use track::{based, tracks};

/// An MPD with what is needed to request its segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Mpd {
    /// Whether the type is dynamic.
    pub is_live: bool,
    /// `@availabilityStartTime` in microseconds since 1970.
    pub start: i128,
    /// `@minimumUpdatePeriod`.
    pub update: Option<Duration>,
    /// `@mediaPresentationDuration`.
    pub duration: Option<Duration>,
    /// `@timeShiftBufferDepth`.
    pub depth: Option<Duration>,
    /// Scheme and value of each UTCTiming.
    pub timings: Vec<(String, String)>,
    /// The first Location, from which updates are requested.
    pub location: Option<Url>,
    /// The PatchLocation.
    pub patch: Option<PatchLocation>,
    /// The Periods.
    pub periods: Vec<Period>,
}

/// Where a patch of an MPD is (ISO/IEC 23009-1 5.15).
#[derive(Debug, Clone, PartialEq)]
pub struct PatchLocation {
    /// URL of the patch.
    pub url: Url,
    /// End of the availability of the patch, in microseconds since 1970: the sum of `@publishTime` and `@ttl`.
    pub until: Option<i128>,
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

impl Mpd {
    /// Reads an MPD that was received from `url`.
    ///
    /// # Errors
    /// A text with the error of the XML, or with the name of another root element.
    pub fn parse(text: &str, url: &Url) -> Result<Self, String> {
        let root = Element::parse(text)?;
        if root.name != "MPD" {
            return Err(format!("the root element is {}", root.name));
        }
        let base = based(url.clone(), &root);
        let mut periods: Vec<Period> = Vec::new();
        let mut due = Some(Duration::ZERO);
        for element in root.children("Period") {
            // A Period whose start nobody knows is announced, and not played yet (ISO/IEC 23009-1 5.3.2.1).
            let Some(start) = element.duration("start").or(due) else { continue };
            let duration = element.duration("duration");
            due = duration.map(|duration| start + duration);
            periods.push(Period { start, duration, tracks: tracks(element, &based(base.clone(), element)) });
        }
        let timing = |element: &Element| (element.attribute("schemeIdUri"), element.attribute("value"));
        Ok(Self {
            is_live: root.get("type") == Some("dynamic"),
            start: moment(&root, "availabilityStartTime").unwrap_or_default(),
            update: root.duration("minimumUpdatePeriod"),
            duration: root.duration("mediaPresentationDuration"),
            depth: root.duration("timeShiftBufferDepth"),
            timings: root.children("UTCTiming").map(timing).collect(),
            location: root.children("Location").find_map(|location| url.join(location.text.trim()).ok()),
            patch: root.children("PatchLocation").find_map(|location| patch_location(&root, location, url)),
            periods,
        })
    }

    /// Whether segments are available before they are complete.
    pub fn is_low_latency(&self) -> bool {
        self.periods.iter().flat_map(|period| &period.tracks).any(|track| !track.is_complete)
    }

    /// Duration of the Period at an index; `None` if its end is not known.
    pub fn length(&self, index: usize) -> Option<Duration> {
        let period = self.periods.get(index)?;
        let next = self.periods.get(index + 1).and_then(|next| next.start.checked_sub(period.start));
        let end = self.duration.and_then(|duration| duration.checked_sub(period.start));
        period.duration.or(next).or(end)
    }

    /// The Period that is played at `micros` since 1970, or the last one before.
    pub fn period_at(&self, micros: i128) -> Option<&Period> {
        let begun = |period: &&Period| self.start + period.start.as_micros() as i128 <= micros;
        self.periods.iter().rev().find(begun).or(self.periods.first())
    }
}

/// The value of an attribute that is a moment, in microseconds since 1970.
fn moment(element: &Element, name: &str) -> Option<i128> {
    element.get(name)?.parse::<jiff::Timestamp>().ok().map(|time| i128::from(time.as_microsecond()))
}

fn patch_location(root: &Element, location: &Element, url: &Url) -> Option<PatchLocation> {
    let ttl = location.get("ttl").and_then(|text| text.parse::<f64>().ok()).map(|seconds| (seconds * 1e6) as i128);
    let until = moment(root, "publishTime").zip(ttl).map(|(published, ttl)| published.saturating_add(ttl));
    Some(PatchLocation { url: url.join(location.text.trim()).ok()?, until })
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
    fn an_open_timeline_goes_on() {
        let mpd = parse(
            r#"<SegmentTemplate media="$Time$.m4s"><SegmentTimeline><S t="100" d="20"/><S d="10" r="-1"/></SegmentTimeline></SegmentTemplate>"#,
        );
        let track = &mpd.periods[0].tracks[0];
        // 16 s are 160 ticks: segments end at 120, 130, 140, 150 and 160.
        let newest = track.newest(16_000_000).unwrap();
        assert_eq!((newest.number, newest.time, newest.end_micros), (11, 150, 16_000_000));
        assert_eq!([100, 120, 121, 130, 150].map(|time| track.number_at(time)), [7, 8, 9, 9, 11].map(Some));
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
