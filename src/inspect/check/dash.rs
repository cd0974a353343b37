//! DASH: the MPD over time, and the segments of one representation of each set, each when it becomes available.

mod probe;
mod reload;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dash_mpd_core::ProducerReferenceTime;
use futures_util::future::join_all;
use mp4_atom::Emsg;
use reqwest::Url;

use super::media::Track as Media;
use super::{Session, WITHIN};
use crate::inspect::boxes::Segment;
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::manifest::{self, ClockOffset};
use crate::inspect::mpd::{Mpd, Period, Place, Track};
use crate::inspect::rules::{dash, http, lldash};

/// Segments behind the newest one at which a player starts.
const START: u64 = 2;
/// Time after the availability time at which a segment is requested, for clocks that differ a little.
const MARGIN: Duration = Duration::from_millis(150);
/// Segments of a Period that may be received before the MPD lists the Period.
const MOST_EARLY: u64 = 1000;
/// Time limit of a request for a growing segment, in addition to the segment's duration.
const PATIENCE: Duration = Duration::from_secs(10);

/// The presentation, which all tasks share.
struct Live<'a> {
    session: &'a Session<'a>,
    /// The text of the MPD.
    text: RefCell<String>,
    mpd: RefCell<Rc<Mpd>>,
    clock: ClockOffset,
    /// The events of all segments so far.
    events: RefCell<HashMap<dash::Key, Emsg>>,
}

/// Checks the presentation whose MPD is `first`.
pub(super) async fn check(session: &Session<'_>, first: &Exchange, mpd: Mpd) {
    let clock = clock_offset(session, first, &mpd).await;
    session.counts.borrow_mut().low_latency = mpd.is_low_latency();
    session.counts.borrow_mut().ended = !mpd.is_live;
    check_mpd(session, first, &mpd);
    session.probe_manifest(first).await;
    let (text, mpd) = (RefCell::new(first.reply.text()), RefCell::new(Rc::new(mpd)));
    let live = Live { session, clock, text, mpd, events: RefCell::default() };
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
    session.judge_time(exchange, "T8", http::check_prompt(exchange.headers_after));
    let violations = if mpd.is_low_latency() { lldash::check(&text) } else { dash::check(&text) };
    session.judge(exchange, violations);
    if let Some(period) = mpd.update.filter(|_| mpd.is_live) {
        session.judge(exchange, http::check_freshness(&exchange.reply, period));
    }
}

/// The clock of the server.
pub(super) async fn clock_offset(session: &Session<'_>, first: &Exchange, mpd: &Mpd) -> ClockOffset {
    let request = async |url| session.answer(&Request::manifest(url, WITHIN)).await;
    manifest::clock_offset(first, mpd, request).await
}

impl Live<'_> {
    fn mpd(&self) -> Rc<Mpd> {
        self.mpd.borrow().clone()
    }

    /// Time that the server has reached, in microseconds since 1970.
    fn now(&self) -> i128 {
        self.session.fetcher.now().as_nanos() as i128 / 1000 + self.clock.micros - self.clock.error
    }

    /// The moments between which the server answered: one that it had reached at the request, and one that it had not reached
    /// when the answer arrived.
    fn span(&self, exchange: &Exchange) -> (i128, i128) {
        let ((sent, received), ClockOffset { micros, error }) = (exchange.span(), self.clock);
        (sent + micros - error, received + micros + error)
    }

    /// Checks the status of a segment that is available between two moments, if the answer is from this time.
    fn check_available(&self, exchange: &Exchange, number: u64, (from, to): (i128, i128)) {
        let (sent, received) = self.span(exchange);
        if from <= sent && received <= to {
            self.session.judge(exchange, dash::check_available(number, exchange.reply.status));
        }
    }

    /// The ProducerReferenceTime of a track, if the MPD has one, in the timescale of the track.
    fn reference(&self, period: &Period, track: &Track) -> Option<ProducerReferenceTime> {
        let mpd = dash_mpd_core::parse(&self.text.borrow()).ok()?;
        let found = mpd.periods.into_iter().find(|other| other.start == Some(period.start))?;
        found.adaptations.into_iter().nth(track.set)?.ProducerReferenceTime.into_iter().next()
    }

    /// Receives the segments of a track, the first ones from a little behind the newest, Period after Period.
    async fn follow(&self, track: &Track) {
        let session = self.session;
        let (mut media, mut grown, mut received) = (Media::default(), None::<Grown>, 0);
        let mut next: Option<Next> = None;
        while !session.is_over() {
            let mpd = self.mpd();
            let Some((index, period, current)) = self.current(&mpd, track, next) else { return };
            let begins = mpd.start + period.start.as_micros() as i128;
            let since = self.now() - begins;
            let newest = if mpd.is_live { current.newest(since) } else { None };
            if received == 0 {
                self.probe((current, begins), newest, &mpd).await;
            }
            let first = current.nominal.start_number;
            let start = newest.map_or(first, |place| place.number.saturating_sub(START).max(first));
            let followed = next.filter(|next| next.period == period.start);
            let followed = followed.map_or(start, |next| current.number_at(next.time).unwrap_or(next.number));
            // Segments of low latency that are complete meanwhile are left out, as players do that fall behind.
            let edge = newest.filter(|place| received > START && !current.is_complete && followed + 1 < place.number);
            let number = edge.map_or(followed, |place| place.number);
            received += u64::from(edge.is_some());
            let length = mpd.length(index).map(|length| length.as_micros() as i128);
            let place = current.place(number);
            let Some(place) = place.filter(|place| length.is_none_or(|length| place.middle() < length)) else {
                let is_over = place.is_some() || !mpd.is_live || length.is_some_and(|length| length <= since);
                let due = period.start.as_micros() as i128 + place.map_or(0, |place| place.middle());
                match mpd.periods.get(index + 1).filter(|_| is_over).and_then(|later| Next::first(later, track, due)) {
                    Some(later) => next = Some(later),
                    None if !mpd.is_live || mpd.update.is_none() => return,
                    // The timeline does not list it yet, or the next Period.
                    None => tokio::time::sleep(MARGIN).await,
                }
                continue;
            };
            let available = place.end_micros - current.early_micros + MARGIN.as_micros() as i128;
            if mpd.is_live && available > since {
                let wait = Duration::from_micros(u64::try_from(available - since).unwrap_or_default());
                if Instant::now() + wait >= session.until {
                    return;
                }
                tokio::time::sleep(wait).await;
            }
            if let Some(url) = current.init() {
                media.load_init(session, &url, None).await;
            }
            received += 1;
            let continues = next.is_none_or(|next| next.continues && next.period == period.start);
            let new = self.receive(&mut media, (current, &place, period), (received, continues), &mpd).await;
            if let Some(before) = std::mem::replace(&mut grown, new) {
                self.check_complete(&before).await;
            }
            if received == 1 {
                self.compare(&media, (current, &place), period).await;
            }
            let time = place.time + 1;
            next = Some(Next { period: period.start, number: number + 1, time, continues: true });
        }
    }

    /// The Period that is followed, and the track in it that continues `track`: the Period of `next`, or that of now if this is the
    /// start or the MPD has it no longer.
    fn current<'m>(&self, mpd: &'m Mpd, track: &Track, next: Option<Next>) -> Option<(usize, &'m Period, &'m Track)> {
        let of_next = next.and_then(|next| mpd.periods.iter().find(|period| period.start == next.period));
        let of_now = || if mpd.is_live { mpd.period_at(self.now()) } else { mpd.periods.first() };
        let period = of_next.or_else(of_now)?;
        let index = mpd.periods.iter().position(|other| other.start == period.start)?;
        Some((index, period, counterpart(period, track)?))
    }

    /// Receives a segment: the `number`-th one, which continues the one before or not. A low-latency segment is returned.
    async fn receive(
        &self,
        media: &mut Media,
        (track, place, period): (&Track, &Place, &Period),
        (number, continues): (u64, bool),
        mpd: &Mpd,
    ) -> Option<Grown> {
        let session = self.session;
        let begins = mpd.start + period.start.as_micros() as i128;
        let depth = mpd.depth.filter(|_| mpd.is_live).map_or(i128::MAX / 2, |depth| depth.as_micros() as i128);
        let url = track.segment(place)?;
        let length = Duration::from_micros(track.nominal.duration * 1_000_000 / track.nominal.timescale);
        let exchange = session.media(&Request::media(url.clone(), WITHIN.max(length * 2 + PATIENCE))).await?;
        let end = begins + place.end_micros;
        self.check_available(&exchange, place.number, (end - track.early_micros, end.saturating_add(depth)));
        session.judge(&exchange, dash::check_media(&exchange.reply));
        if exchange.reply.status != 200 {
            return None;
        }
        let received = media.receive(session, (number, continues), &exchange)?;
        self.check_events(track, media, &exchange);
        session.judge(&exchange, dash::check_time(&track.nominal, place, (received.start, received.timescale)));
        if track.is_complete {
            return None;
        }
        let offset = i128::from(track.nominal.offset) * 1_000_000 / i128::from(track.nominal.timescale);
        let sent = exchange.span().0 + self.clock.micros;
        let timing = lldash::Timing {
            origin: begins - offset,
            sent,
            answered: sent + exchange.headers_after.as_micros() as i128,
            error: self.clock.error,
            timescale: received.timescale,
        };
        let grew = self.span(&exchange).0 + 2 * self.clock.error < end;
        let pace = grew.then(|| lldash::check_pace(&exchange.reply.body, &exchange.arrivals, &timing));
        if let Some(violations) = pace.flatten() {
            session.judge_time(&exchange, "E11", violations);
        }
        if let (Some(reference), Ok(segment)) = (self.reference(period, track), Segment::parse(&exchange.reply.body)) {
            session.judge(&exchange, lldash::check_segment(&reference, received.timescale, &segment));
        }
        Some(Grown { url, body: exchange.reply.body })
    }
}

/// A low-latency segment that was received while it grew.
struct Grown {
    url: Url,
    body: Bytes,
}

/// The next segment of a track.
#[derive(Clone, Copy)]
struct Next {
    /// Start of its Period.
    period: Duration,
    number: u64,
    /// Start of the segment in ticks, or a time between the start of the segment before and this start.
    time: u64,
    /// Whether the timestamps of the segment continue those of the segment before.
    continues: bool,
}

impl Next {
    /// The first segment of a Period whose end is not before `due`, in microseconds after the start of the presentation. Earlier
    /// segments were received when the end of the Period before was not known yet.
    fn first(period: &Period, track: &Track, due: i128) -> Option<Self> {
        let track = counterpart(period, track)?;
        let due = due - period.start.as_micros() as i128;
        let is_early = |number: &u64| track.place(*number).is_some_and(|place| place.end_micros < due);
        let first = track.nominal.start_number;
        let number = (first..first.saturating_add(MOST_EARLY)).find(|number| !is_early(number))?;
        let time = track.place(number).map_or(0, |place| place.time);
        Some(Self { period: period.start, number, time, continues: track.is_continuous })
    }
}

/// The track of a Period that continues `track`.
fn counterpart<'p>(period: &'p Period, track: &Track) -> Option<&'p Track> {
    let same = |other: &&Track| other.set == track.set && other.id == track.id;
    period.tracks.iter().find(same).or_else(|| period.tracks.iter().find(|other| other.set == track.set))
}
