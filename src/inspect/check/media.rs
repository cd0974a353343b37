//! Segments: delivery, boxes, durations and continuity.

use reqwest::Url;

use super::{Session, WITHIN};
use crate::inspect::boxes::{Init, Segment};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::rules::{Violation, cmaf, http};

/// First bytes of an MPEG transport stream packet.
const TRANSPORT_SYNC: u8 = 0x47;

/// The media of one track as it is received.
#[derive(Default)]
pub(super) struct Track {
    init: Option<(Url, Option<Init>)>,
    /// Number and boxes of the last segment.
    last: Option<(u64, Segment)>,
    /// Number, size and duration in microseconds of each segment.
    pub(super) sizes: Vec<(u64, u64, u64)>,
}

/// A segment that was received.
pub(super) struct Received {
    /// Duration by its samples, in microseconds.
    pub(super) micros: u64,
    /// Longest time between two pictures that a decoder can start at, in microseconds.
    pub(super) longest: u64,
    /// Earliest presentation time in microseconds; `None` with an edit list, which moves it.
    pub(super) presented: Option<i128>,
    /// Decode time of the first sample, in ticks.
    pub(super) start: u64,
    /// Ticks per second.
    pub(super) timescale: u64,
}

/// Checks that the transfer of media had no error.
pub(super) fn check_delivery(exchange: &Exchange) -> Vec<Violation> {
    let length = exchange.reply.header("content-length");
    let body = exchange.reply.body.len().to_string();
    match length.is_empty() || length == body || exchange.reply.status != 200 {
        true => Vec::new(),
        false => http::broken(exchange.url.path(), &format!("Content-Length is {length}, the body has {body} bytes")),
    }
}

impl Track {
    /// The init segment that is in force.
    pub(super) fn init(&self) -> Option<&Init> {
        self.init.as_ref().and_then(|(_, init)| init.as_ref())
    }

    /// The init segment that is in force and the last segment.
    pub(super) fn newest(&self) -> Option<(&Init, &Segment)> {
        self.init().zip(self.last.as_ref().map(|(_, segment)| segment))
    }

    /// Requests the init segment unless it is the last one.
    pub(super) async fn load_init(&mut self, session: &Session<'_>, url: &Url, range: Option<&str>) {
        if self.init.as_ref().is_some_and(|(known, _)| known == url) {
            return;
        }
        let mut request = Request::media(url.clone(), WITHIN);
        if let Some(range) = range.and_then(bytes_of) {
            request = request.with(reqwest::header::RANGE, range);
        }
        let Some(mut exchange) = session.media(&request).await else { return };
        if let Some(range) = range {
            take_range(session, &mut exchange, range);
        }
        let init = match Init::parse(&exchange.reply.body) {
            Ok(init) => Some(init),
            Err(error) => {
                let what = format!("init segment with status {}: {error}", exchange.reply.status);
                session.judge(&exchange, cmaf::unreadable("H14", &what));
                None
            }
        };
        session.judge(&exchange, init.as_ref().map(cmaf::check_init).unwrap_or_default());
        self.init = Some((url.clone(), init));
        self.last = None;
    }

    /// Checks the boxes of a whole segment. `None` for media other than fragmented MP4, and for what cannot be read.
    pub(super) fn receive(
        &mut self,
        session: &Session<'_>,
        (number, continues): (u64, bool),
        exchange: &Exchange,
    ) -> Option<Received> {
        let body = &exchange.reply.body;
        let init = self.init()?;
        if body.first() == Some(&TRANSPORT_SYNC) {
            return None;
        }
        let segment = match Segment::parse(body) {
            Ok(segment) => segment,
            Err(error) => {
                session.judge(exchange, cmaf::unreadable("C2", &error));
                self.last = None;
                return None;
            }
        };
        session.judge(exchange, cmaf::check_segment(init, body));
        let follows = self.last.as_ref().filter(|(last, _)| continues && last + 1 == number);
        if let Some((_, last)) = follows {
            session.judge(exchange, cmaf::check_continuity(init, &[last.clone(), segment.clone()]));
        }
        let timescale = init.timescale_of(segment.chunks[0].track()).max(1);
        let micros = |ticks: u64| (u128::from(ticks) * 1_000_000 / u128::from(timescale)) as u64;
        let received = Received {
            micros: micros(segment.duration()),
            longest: if init.is_video() { micros(segment.longest_between_sync()) } else { 0 },
            presented: (!init.is_edited()).then(|| segment.presented() * 1_000_000 / i128::from(timescale)),
            start: segment.start(),
            timescale,
        };
        self.sizes.push((number, body.len() as u64, received.micros));
        self.last = Some((number, segment));
        Some(received)
    }
}

/// Turns the answer to a request for the range `n@o` into an answer with these bytes alone. A server may answer with the whole file
/// (RFC 9110 14.2), but then players do not find the segment.
pub(super) fn take_range(session: &Session<'_>, exchange: &mut Exchange, range: &str) {
    match exchange.reply.status {
        206 => exchange.reply.status = 200,
        200 => {
            session.judge(exchange, http::whole_instead_of(range));
            let Some((from, length)) = range_of(range) else { return };
            let body = &exchange.reply.body;
            let clamped = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(body.len());
            exchange.reply.body = body.slice(clamped(from)..clamped(from.saturating_add(length)));
        }
        _ => {}
    }
}

/// First byte and length of `n@o`.
fn range_of(range: &str) -> Option<(u64, u64)> {
    let (length, from) = range.split_once('@')?;
    Some((from.parse().ok()?, length.parse().ok()?))
}

/// `n@o` of HLS as the value of a Range header.
pub(super) fn bytes_of(range: &str) -> Option<String> {
    let (from, length) = range_of(range)?;
    Some(format!("bytes={from}-{}", from.checked_add(length.checked_sub(1)?)?))
}
