//! DASH: the MPD over time, and the segments of one representation of each set, each when it becomes available.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Url;

use super::media::{Received, Track as Media};
use super::{Session, WITHIN};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::mpd::{Mpd, Period, Place, Track};
use crate::inspect::rules::lldash::Growing;
use crate::inspect::rules::{cmaf, dash, http, lldash};

/// Segments behind the newest one at which a player starts.
const START: u64 = 2;
/// Segments ahead of the newest one that cannot be available yet.
const AHEAD: u64 = 10;
/// Time after the availability time at which a segment is requested, for clocks that differ a little.
const MARGIN: Duration = Duration::from_millis(150);
/// Shortest time between two requests for the MPD.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Time of a request for a segment that grows beside its duration.
const PATIENCE: Duration = Duration::from_secs(10);

/// The presentation, which all tasks share.
struct Live<'a> {
    session: &'a Session<'a>,
    mpd: RefCell<Rc<Mpd>>,
    /// Time of the server minus that of this host, in microseconds.
    offset: i128,
}

/// Checks the presentation whose MPD is `first`.
pub(super) async fn check(session: &Session<'_>, first: &Exchange, mpd: Mpd) {
    let offset = clock_offset(session, first, &mpd).await;
    session.counts.borrow_mut().low_latency = mpd.is_low_latency();
    session.counts.borrow_mut().ended = !mpd.is_live;
    check_mpd(session, first, &mpd);
    session.probe_manifest(first).await;
    let live = Live { session, offset, mpd: RefCell::new(Rc::new(mpd)) };
    let mpd = live.mpd();
    let period = if mpd.is_live { mpd.period_at(live.now()) } else { mpd.periods.first() };
    let mut tracks: Vec<Track> = period.map(|period| period.tracks.clone()).unwrap_or_default();
    tracks.dedup_by_key(|track| track.set);
    let media = join_all(tracks.iter().map(|track| live.follow(track)));
    match mpd.is_live {
        true => {
            tokio::join!(live.reload(first), media);
        }
        false => {
            media.await;
        }
    }
}

fn check_mpd(session: &Session<'_>, exchange: &Exchange, mpd: &Mpd) {
    let text = exchange.reply.text();
    session.counts.borrow_mut().manifests += 1;
    session.judge(exchange, dash::check_headers(&exchange.reply));
    session.judge(exchange, http::check_prompt(exchange.headers_after));
    let violations = if mpd.is_low_latency() { lldash::check(&text) } else { dash::check(&text) };
    session.judge(exchange, violations);
    if let Some(period) = mpd.update.filter(|_| mpd.is_live) {
        session.judge(exchange, http::check_freshness(&exchange.reply, period));
    }
}

/// How far the clock of the server is ahead, by the first UTCTiming that can be read.
pub(super) async fn clock_offset(session: &Session<'_>, first: &Exchange, mpd: &Mpd) -> i128 {
    for (scheme, value) in &mpd.timings {
        let asked = (Instant::now(), session.fetcher.now());
        let text = match scheme.as_str() {
            "urn:mpeg:dash:utc:direct:2014" => value.clone(),
            "urn:mpeg:dash:utc:http-xsdate:2014" | "urn:mpeg:dash:utc:http-iso:2014" => {
                let Ok(url) = first.url.join(value.split(' ').next().unwrap_or_default()) else { continue };
                let Some(answer) = session.answer(&Request::manifest(url, WITHIN)).await else { continue };
                answer.reply.text()
            }
            _ => continue,
        };
        let Ok(time) = text.trim().parse::<jiff::Timestamp>() else { continue };
        let now = asked.1.as_nanos() as i128 / 1000 + asked.0.elapsed().as_micros() as i128 / 2;
        return i128::from(time.as_microsecond()) - now;
    }
    0
}

impl Live<'_> {
    fn mpd(&self) -> Rc<Mpd> {
        self.mpd.borrow().clone()
    }

    /// Time of the server in microseconds since 1970.
    fn now(&self) -> i128 {
        self.session.fetcher.now().as_nanos() as i128 / 1000 + self.offset
    }

    /// Requests the MPD whenever it may have changed.
    async fn reload(&self, first: &Exchange) {
        let session = self.session;
        let mut previous = first.reply.text();
        loop {
            let Some(wait) = self.mpd().update else { return };
            let next = Instant::now() + wait.max(SHORTEST_WAIT);
            if next >= session.until {
                return;
            }
            tokio::time::sleep_until(next.into()).await;
            let Some(answer) = session.answer(&Request::manifest(first.asked.clone(), WITHIN)).await else { continue };
            session.judge(&answer, http::check_manifest(answer.reply.status));
            if answer.reply.status != 200 {
                continue;
            }
            let text = answer.reply.text();
            let mpd = match Mpd::parse(&text, &answer.url) {
                Ok(mpd) => mpd,
                Err(error) => {
                    session.judge(&answer, cmaf::unreadable("D0", &error));
                    continue;
                }
            };
            check_mpd(session, &answer, &mpd);
            session.judge(&answer, dash::check_reload(&previous, &text));
            session.judge(&answer, dash::check_timelines(&self.mpd(), &mpd));
            previous = text;
            *self.mpd.borrow_mut() = Rc::new(mpd);
        }
    }

    /// Receives the segments of a track, the first ones from a little behind the newest.
    async fn follow(&self, track: &Track) {
        let session = self.session;
        let mut media = Media::default();
        let mut next: Option<u64> = None;
        while !session.is_over() {
            let mpd = self.mpd();
            let Some((period, current)) = self.current(&mpd, track) else { return };
            let since = self.now() - mpd.start - period.start.as_micros() as i128;
            let newest = if mpd.is_live { current.newest(since) } else { current.place(u64::MAX) };
            if next.is_none() {
                self.probe(current, newest, &mpd).await;
            }
            let first = current.nominal.start_number;
            let number =
                next.unwrap_or_else(|| newest.map_or(first, |place| place.number.saturating_sub(START).max(first)));
            let place = current.place(number).filter(|place| !ends_before(period, place) || mpd.is_live);
            let Some(place) = place else {
                // The timeline does not list it yet, or the presentation is over.
                if !mpd.is_live || mpd.update.is_none() {
                    return;
                }
                tokio::time::sleep(MARGIN).await;
                continue;
            };
            let available = place.end_micros - current.early_micros;
            if mpd.is_live && available > since {
                let wait = Duration::from_micros(u64::try_from(available - since).unwrap_or_default()) + MARGIN;
                if Instant::now() + wait >= session.until {
                    return;
                }
                tokio::time::sleep(wait).await;
            }
            if let Some(url) = current.init() {
                media.load_init(session, &url, None).await;
            }
            let begins = mpd.start + period.start.as_micros() as i128;
            self.receive(&mut media, (current, &place), begins).await;
            next = Some(number + 1);
        }
    }

    /// The Period of now, and the track in it that continues `track`.
    fn current<'m>(&self, mpd: &'m Mpd, track: &Track) -> Option<(&'m Period, &'m Track)> {
        let period = if mpd.is_live { mpd.period_at(self.now())? } else { mpd.periods.first()? };
        let found = period.tracks.iter().find(|other| other.set == track.set && other.id == track.id);
        Some((period, found.or_else(|| period.tracks.iter().find(|other| other.set == track.set))?))
    }

    async fn receive(&self, media: &mut Media, (track, place): (&Track, &Place), begins: i128) {
        let session = self.session;
        let Some(url) = track.segment(place) else { return };
        let length = Duration::from_micros(track.nominal.duration * 1_000_000 / track.nominal.timescale);
        let asked = self.now();
        let Some(exchange) = session.media(&Request::media(url.clone(), WITHIN.max(length * 2 + PATIENCE))).await
        else {
            return;
        };
        session.judge(&exchange, dash::check_available(place.number, exchange.reply.status));
        session.judge(&exchange, dash::check_media(&exchange.reply));
        if exchange.reply.status != 200 {
            return;
        }
        let Some(received) = media.receive(session, (place.number, true), &exchange) else { return };
        session.judge(&exchange, dash::check_time(&track.nominal, place, (received.start, received.timescale)));
        if !track.is_complete {
            let grows = asked < begins + place.end_micros;
            self.receive_growing((track, begins, grows), (&url, &exchange), &received).await;
        }
    }

    /// Checks a low-latency segment as it came, and once more when it is complete.
    async fn receive_growing(
        &self,
        (track, begins, grows): (&Track, i128, bool),
        (url, exchange): (&Url, &Exchange),
        received: &Received,
    ) {
        let session = self.session;
        let sent = exchange.moment.as_nanos() as i128 / 1000 + self.offset;
        let offset = i128::from(track.nominal.offset) * 1_000_000 / i128::from(track.nominal.timescale);
        let timing = lldash::Timing { origin: begins - offset, sent, timescale: received.timescale };
        if grows {
            session.judge(exchange, lldash::check_pace(&exchange.reply.body, &exchange.arrivals, &timing));
        }
        let Some(whole) = session.media(&Request::media(url.clone(), WITHIN)).await else { return };
        let arrived = (exchange.reply.body.to_vec(), 0);
        let growing = Growing { head: String::new(), pieces: vec![arrived] };
        session.judge(&whole, lldash::check_complete(&growing, &whole.reply));
    }

    /// Requests a segment that is not there yet, and the oldest one that has to be.
    async fn probe(&self, track: &Track, newest: Option<Place>, mpd: &Mpd) {
        let session = self.session;
        let Some(newest) = newest.filter(|_| mpd.is_live) else { return };
        let ahead = track.timeline.is_none().then(|| track.place(newest.number + AHEAD)).flatten();
        if let Some(url) = ahead.and_then(|place| track.segment(&place))
            && let Some(answer) = session.answer(&Request::media(url, WITHIN)).await
        {
            session.judge(&answer, dash::check_unavailable(answer.reply.status, true));
        }
        let (Some(depth), length) = (mpd.depth, track.nominal.duration) else { return };
        let count = depth.as_micros() as u64 * track.nominal.timescale / 1_000_000 / length.max(1);
        let oldest = (newest.number.saturating_sub(count) + 1).max(track.nominal.start_number);
        let place = track.place(oldest).filter(|_| track.timeline.is_none() && oldest < newest.number);
        if let Some(url) = place.and_then(|place| track.segment(&place))
            && let Some(answer) = session.media(&Request::media(url, WITHIN)).await
        {
            session.judge(&answer, dash::check_available(oldest, answer.reply.status));
            session.probe_range(&answer).await;
        }
    }
}

/// Whether the segment starts after the end of its Period.
fn ends_before(period: &Period, place: &Place) -> bool {
    period.duration.is_some_and(|duration| place.end_micros > duration.as_micros() as i128 + 1_000_000)
}
