//! A client of DASH. The client requests each segment as soon as the segment is available. With low latency, a segment is
//! available before its end, and the server sends the bytes as it encodes them.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Url;
use tokio::time::sleep;

use super::WITHIN;
use super::client::{Client, PAUSE};
use super::track::{Received, Track};
use crate::inspect::fetch::Exchange;
use crate::inspect::manifest::clock_offset;
use crate::inspect::mpd::{self, Element, Mpd, Period, Place};

/// Shortest time between two requests for the MPD.
const LEAST_UPDATE: Duration = Duration::from_millis(500);
/// Segments behind the live edge at which a client begins if the MPD states no delay.
const DELAY_SEGMENTS: u32 = 3;
/// Largest rounding error of times in MPDs.
const SLACK_MICROS: i128 = 1000;

/// An MPD as a client uses it.
struct Presentation<'a> {
    client: &'a Client<'a>,
    url: Url,
    mpd: RefCell<Mpd>,
    /// How many microseconds the clock of the server is ahead.
    ahead: i128,
    /// How far behind the live edge the client begins.
    delay: Option<Duration>,
}

/// A segment that a client requests.
struct Wanted {
    init: Option<Url>,
    url: Url,
    /// Availability time, start and end of the segment: microseconds since 1970 for a live presentation.
    available: i128,
    start: i128,
    end: i128,
}

/// Plays the first representation of each adaptation set.
pub(super) async fn play(client: &Client<'_>, first: &Exchange) {
    let text = first.reply.text();
    let Ok(mpd) = Mpd::parse(&text, &first.url) else { return client.fail("manifest") };
    let ahead = clock_offset(first, &mpd, async |url| client.manifest(&url, WITHIN).await).await.micros;
    let delay = Element::parse(&text).ok().and_then(|root| delay(&root));
    let presentation = Presentation { client, url: first.url.clone(), mpd: RefCell::new(mpd), ahead, delay };
    let sets = presentation.sets();
    let tracks = join_all(sets.into_iter().map(|set| presentation.follow(set)));
    tokio::select! {
        _ = tracks => {}
        () = presentation.update() => {}
    }
}

impl Presentation<'_> {
    /// Adaptation sets of the Period that is played.
    fn sets(&self) -> Vec<usize> {
        let mpd = self.mpd.borrow();
        let mut sets: Vec<_> =
            mpd.period_at(self.now()).map_or(&[][..], |period| &period.tracks).iter().map(|track| track.set).collect();
        sets.dedup();
        sets
    }

    /// UTC of the server in microseconds.
    fn now(&self) -> i128 {
        self.client.micros() + self.ahead
    }

    /// Loads the MPD after each `minimumUpdatePeriod`.
    async fn update(&self) {
        loop {
            let (is_live, update) = (self.mpd.borrow().is_live, self.mpd.borrow().update);
            let Some(update) = update.filter(|_| is_live) else { return std::future::pending().await };
            sleep(update.max(LEAST_UPDATE)).await;
            if let Some(answer) = self.client.manifest(&self.url, WITHIN).await {
                match Mpd::parse(&answer.reply.text(), &answer.url) {
                    Ok(mpd) => *self.mpd.borrow_mut() = mpd,
                    Err(_) => self.client.fail("manifest"),
                }
            }
        }
    }

    /// Plays an adaptation set until the presentation ends.
    async fn follow(&self, set: usize) {
        let mut at = self.beginning(set);
        let mut init = None;
        let mut track: Option<Track<'_>> = None;
        while let Some(wanted) = self.wanted(set, at).await {
            if wanted.init != init {
                init = wanted.init;
                if let Some(url) = init.clone() {
                    self.client.media(url, None, WITHIN).await;
                }
            }
            let skip = u64::try_from(at - wanted.start).unwrap_or_default();
            let track = track.get_or_insert_with(|| Track::new(self.client, skip));
            let early = Duration::from_micros(u64::try_from(wanted.available - self.now()).unwrap_or_default());
            let is_live = !early.is_zero();
            sleep(early).await;
            track.room().await;
            let micros = u64::try_from(wanted.end - wanted.start).unwrap_or_default();
            if wanted.end > self.now() {
                track.expect(Duration::from_micros(micros));
            }
            let answer = self.client.media(wanted.url, None, WITHIN + 2 * Duration::from_micros(micros)).await;
            if let Some(answer) = answer {
                let utc = Some(wanted.start - self.ahead).filter(|_| self.mpd.borrow().is_live);
                track.receive(&answer, Received { utc, micros, is_live });
            } else {
                sleep(PAUSE).await;
            }
            at = wanted.end;
        }
        track.into_iter().for_each(Track::ended);
    }

    /// Time at which a client begins.
    fn beginning(&self, set: usize) -> i128 {
        let mpd = self.mpd.borrow();
        if !mpd.is_live {
            return mpd.start;
        }
        let segment = mpd.period_at(self.now()).and_then(|period| {
            let track = period.tracks.iter().find(|track| track.set == set)?;
            let place = track.newest(self.now() - begins(&mpd, period))?;
            Some(Duration::from_micros(u64::try_from(place.end_micros - start_micros(track, &place)).ok()?))
        });
        let delay = self.delay.or(segment.map(|segment| segment * DELAY_SEGMENTS)).unwrap_or_default();
        self.now() - delay.as_micros() as i128
    }

    /// The segment at a time. If the MPD does not contain the segment yet, waits for a newer MPD. `None` at the end of the
    /// presentation.
    async fn wanted(&self, set: usize, at: i128) -> Option<Wanted> {
        loop {
            {
                let mpd = self.mpd.borrow();
                let period = mpd.period_at(at + SLACK_MICROS)?;
                let inside = at - begins(&mpd, period);
                let is_over = |duration: Duration| inside + SLACK_MICROS >= duration.as_micros() as i128;
                let track = period.tracks.iter().find(|track| track.set == set)?;
                let place = place_at(track, inside).filter(|_| !period.duration.is_some_and(is_over));
                match place.and_then(|place| Some((place, track.segment(&place)?))) {
                    Some((place, url)) => {
                        let start = begins(&mpd, period);
                        let end = start + place.end_micros;
                        let available = if mpd.is_live { end - track.early_micros } else { i128::MIN / 2 };
                        let start = start + start_micros(track, &place);
                        return Some(Wanted { init: track.init(), url, available, start, end });
                    }
                    None if !mpd.is_live || mpd.update.is_none() => return None,
                    None => {}
                }
            }
            sleep(PAUSE).await;
        }
    }
}

/// Start of a Period in microseconds since 1970.
fn begins(mpd: &Mpd, period: &Period) -> i128 {
    mpd.start + period.start.as_micros() as i128
}

/// Start of a segment in microseconds after the start of its Period.
fn start_micros(track: &mpd::Track, place: &Place) -> i128 {
    (i128::from(place.time) - i128::from(track.nominal.offset)) * 1_000_000 / i128::from(track.nominal.timescale)
}

/// The segment at a time in microseconds after the start of the Period.
fn place_at(track: &mpd::Track, inside: i128) -> Option<Place> {
    let nominal = track.nominal;
    let ticks = (inside + SLACK_MICROS).max(0) * i128::from(nominal.timescale) / 1_000_000;
    let index = match &track.timeline {
        Some(entries) => {
            let time = ticks + i128::from(nominal.offset);
            let after = entries.partition_point(|entry| i128::from(entry.time) <= time);
            let entry = entries.get(after.saturating_sub(1))?;
            (time < i128::from(entry.time + entry.duration)).then_some(after.saturating_sub(1) as u64)?
        }
        None if nominal.duration == 0 => return None,
        None => u64::try_from(ticks / i128::from(nominal.duration)).ok()?,
    };
    track.place(nominal.start_number.checked_add(index)?)
}

/// How far behind the live edge the MPD wants clients: the target of the service description, or the suggested delay.
fn delay(root: &Element) -> Option<Duration> {
    let mut services = root.children("ServiceDescription");
    let target = services
        .find_map(|service| service.children("Latency").find_map(|latency| latency.get("target")?.parse().ok()));
    target.map(Duration::from_millis).or(root.duration("suggestedPresentationDelay"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(template: &str) -> mpd::Track {
        let text = format!(
            "<MPD type=\"dynamic\"><Period><AdaptationSet><Representation id=\"v\" bandwidth=\"9\">{template}\
             </Representation></AdaptationSet></Period></MPD>"
        );
        let mpd = Mpd::parse(&text, &Url::parse("http://host/x.mpd").unwrap()).unwrap();
        mpd.periods[0].tracks[0].clone()
    }

    #[test]
    fn a_segment_is_found_by_its_time() {
        let by_duration =
            track("<SegmentTemplate timescale=\"3\" duration=\"10\" startNumber=\"5\" media=\"$Number$\"/>");
        let found = |at| place_at(&by_duration, at).unwrap().number;
        assert_eq!([found(0), found(3_332_000), found(3_333_333), found(6_666_666)], [5, 5, 6, 7]);
        let timeline = "<SegmentTimeline><S t=\"100\" d=\"20\" r=\"1\"/></SegmentTimeline>";
        let listed = track(&format!(
            "<SegmentTemplate timescale=\"10\" presentationTimeOffset=\"100\" media=\"$Time$\">{timeline}</SegmentTemplate>"
        ));
        let found = |at| place_at(&listed, at).map(|place| place.time);
        assert_eq!(
            [found(0), found(1_900_000), found(2_000_000), found(4_000_000)],
            [Some(100), Some(100), Some(120), None]
        );
    }

    #[test]
    fn the_delay_is_the_target_or_the_suggested_one() {
        let of = |text: &str| delay(&Element::parse(text).unwrap());
        let service = "<ServiceDescription><Latency target=\"780\"/></ServiceDescription>";
        assert_eq!(
            of(&format!("<MPD suggestedPresentationDelay=\"PT6S\">{service}</MPD>")),
            Some(Duration::from_millis(780))
        );
        assert_eq!(of("<MPD suggestedPresentationDelay=\"PT6S\"/>"), Some(Duration::from_secs(6)));
        assert_eq!(of("<MPD/>"), None);
    }
}
