//! Requests for segments beside those that a player receives in order.

use super::{Grown, Live};
use crate::inspect::boxes::{Init, Segment};
use crate::inspect::check::WITHIN;
use crate::inspect::check::media::Track as Media;
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::mpd::{Mpd, Period, Place, Track};
use crate::inspect::rules::lldash::Growing;
use crate::inspect::rules::{cmaf, dash, lldash};

/// Distance from the newest segment to a segment that cannot be available yet.
const AHEAD: u64 = 10;
/// Events that are remembered.
const MOST_EVENTS: usize = 1000;
/// Other representations of a set that are compared with the received one.
const MOST_OTHERS: usize = 4;

impl Live<'_> {
    /// Requests a segment again that was received while it grew. The next segment has been received meanwhile, so that another
    /// replica that is behind has the whole segment, too.
    pub(super) async fn check_complete(&self, grown: &Grown) {
        let Some(whole) = self.session.media(&Request::media(grown.url.clone(), WITHIN)).await else { return };
        let growing = Growing { head: String::new(), pieces: vec![(grown.body.to_vec(), 0)] };
        self.session.judge(&whole, lldash::check_complete(&growing, &whole.reply));
    }

    /// Requests a segment that is not available yet, and the oldest segment that must be available.
    pub(super) async fn probe(&self, (track, begins): (&Track, i128), newest: Option<Place>, mpd: &Mpd) {
        let session = self.session;
        let Some(newest) = newest.filter(|_| mpd.is_live) else { return };
        let ahead = track.timeline.is_none().then(|| track.place(newest.number + AHEAD)).flatten();
        if let Some((url, place)) = ahead.and_then(|place| Some((track.segment(&place)?, place)))
            && let Some(answer) = session.answer(&Request::media(url, WITHIN)).await
            && self.span(&answer).1 < begins + place.end_micros - track.early_micros
        {
            session.judge(&answer, dash::check_unavailable(answer.reply.status, true));
        }
        let (Some(depth), length) = (mpd.depth, track.nominal.duration) else { return };
        let count = depth.as_micros() as u64 * track.nominal.timescale / 1_000_000 / length.max(1);
        let oldest = (newest.number.saturating_sub(count) + 1).max(track.nominal.start_number);
        let place = track.place(oldest).filter(|_| track.timeline.is_none() && oldest < newest.number);
        if let Some((url, place)) = place.and_then(|place| Some((track.segment(&place)?, place)))
            && let Some(answer) = session.media(&Request::media(url, WITHIN)).await
        {
            let end = begins + place.end_micros;
            self.check_available(&answer, oldest, (end, end + depth.as_micros() as i128));
            session.probe_range(&answer).await;
        }
    }

    /// Compares the segment of a track at a place, which `media` has received, with those of the other representations of its set.
    pub(super) async fn compare(&self, media: &Media, (track, place): (&Track, &Place), period: &Period) {
        let Some((init, segment)) = media.newest() else { return };
        let others = period.tracks.iter().filter(|other| other.set == track.set && other.id != track.id);
        for other in others.take(MOST_OTHERS) {
            let urls = other.init().zip(other.place(place.number).and_then(|place| other.segment(&place)));
            let Some((init_url, url)) = urls else { continue };
            let Some(first) = self.session.media(&Request::media(init_url, WITHIN)).await else { continue };
            let Some(second) = self.session.media(&Request::media(url, WITHIN)).await else { continue };
            if let (Ok(other_init), Ok(other)) = (Init::parse(&first.reply.body), Segment::parse(&second.reply.body)) {
                let tracks = [(init.clone(), vec![segment.clone()]), (other_init, vec![other])];
                self.session.judge(&second, cmaf::check_switching(&tracks));
            }
        }
    }

    /// Checks the events of the segment that `media` has received.
    pub(super) fn check_events(&self, track: &Track, media: &Media, exchange: &Exchange) {
        let Some((_, segment)) = media.newest().filter(|(_, segment)| !segment.events.is_empty()) else { return };
        let mut known = self.events.borrow_mut();
        self.session.judge(exchange, dash::check_events(&segment.events, &track.events, &known));
        for event in &segment.events {
            if known.len() < MOST_EVENTS {
                known.insert(dash::key(event), event.clone());
            }
        }
    }
}
