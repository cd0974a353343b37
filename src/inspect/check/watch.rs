//! A media playlist over time: its versions, its segments, and its removed segments.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::RANGE;

use super::media::{Track, bytes_of, take_range};
use super::{Session, WITHIN};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::playlist::{Playlist, Segment, attribute};
use crate::inspect::rules::{hls, http};

/// Segments from the end at which a player starts (RFC 8216bis 6.3.3).
pub(super) const START: usize = 3;
/// Removed segments that are requested.
const MOST_REMOVED: usize = 4;

/// A media playlist over time, and its media.
pub(super) struct Watch<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) url: Url,
    pub(super) seen: hls::Watch,
    pub(super) track: Track,
    /// Times of the last request for the playlist and of its answer.
    pub(super) loaded: hls::Span,
    pub(super) received: HashSet<u64>,
    /// Bytes of whole segments, and the time between the first and the last of each.
    downloaded: (u64, Duration),
    removed: usize,
    has_probed_range: bool,
}

/// Checks the headers of a playlist that was not requested to block.
pub(super) fn check_exchange(session: &Session<'_>, exchange: &Exchange) {
    session.judge(exchange, http::check_manifest(exchange.reply.status));
    session.judge_time(exchange, "T8", http::check_prompt(exchange.headers_after));
    if exchange.reply.status == 200 {
        session.judge(exchange, hls::check_headers(&exchange.reply));
        session.judge(exchange, http::check_origin(&exchange.reply));
    }
}

impl<'a> Watch<'a> {
    pub(super) fn new(session: &'a Session<'a>, url: Url) -> Self {
        Self {
            session,
            url,
            seen: hls::Watch::default(),
            track: Track::default(),
            loaded: Duration::ZERO.into(),
            received: HashSet::new(),
            downloaded: (0, Duration::ZERO),
            removed: 0,
            has_probed_range: false,
        }
    }

    pub(super) async fn wait_until(&self, moment: Instant) {
        tokio::time::sleep_until(moment.min(self.session.until).into()).await;
    }

    /// Requests the playlist and checks it. Says whether it has changed.
    pub(super) async fn load(&mut self) -> Option<(Exchange, Playlist, bool)> {
        let session = self.session;
        let exchange = session.manifest(&Request::manifest(self.url.clone(), WITHIN)).await?;
        check_exchange(session, &exchange);
        if exchange.reply.status != 200 {
            return None;
        }
        let text = exchange.reply.text();
        let playlist = Playlist::parse(&text);
        if !playlist.ended {
            let half = Duration::from_secs(playlist.target);
            session.judge(&exchange, http::check_freshness(&exchange.reply, half));
        }
        let changed = self.seen.previous() != Some(text.as_str());
        let mut gone = self.seen.previous().map(|previous| hls::removed(previous, &text)).unwrap_or_default();
        let before = self.seen.previous().map(Playlist::parse).unwrap_or_default();
        // A gap never had media.
        gone.retain(|uri| before.segments.iter().any(|segment| segment.uri == *uri && !segment.gap));
        let (requested, loaded) = (self.loaded.sent, session.span(&exchange));
        self.loaded = hls::Span { sent: loaded.sent.saturating_sub(exchange.reply.oldest()), ..loaded };
        session.judge(&exchange, self.seen.see(&text, self.loaded));
        self.check_removed(&gone, requested + Duration::from_micros(before.micros())).await;
        Some((exchange, playlist, changed))
    }

    /// Requests the first byte of segments that have just been removed, and are available `until` then at least.
    pub(super) async fn check_removed(&mut self, uris: &[String], until: Duration) {
        for uri in uris.iter().rev().take(MOST_REMOVED.saturating_sub(self.removed)) {
            let Ok(url) = self.url.join(uri) else { continue };
            self.removed += 1;
            let request = Request::media(url, WITHIN).with(RANGE, "bytes=0-0".into());
            let Some(exchange) = self.session.answer(&request).await else { continue };
            if self.session.span(&exchange).received > until {
                continue;
            }
            let status = if exchange.reply.status == 206 { 200 } else { exchange.reply.status };
            self.session.judge(&exchange, hls::check_removed(uri, status));
        }
    }

    /// Receives the segments that are new, the last ones at the start.
    pub(super) async fn receive(&mut self, playlist: &Playlist, is_start: bool) {
        let skipped = match is_start && !playlist.ended {
            true => playlist.segments.len().saturating_sub(START),
            false => 0,
        };
        for segment in &playlist.segments {
            self.session.counts.borrow_mut().ended |= playlist.ended;
            let is_new = self.received.insert(segment.number);
            let is_old = segment.number < playlist.sequence + skipped as u64;
            if is_new && !is_old && !self.session.is_over() {
                self.receive_segment(segment).await;
            }
        }
    }

    /// Time that the link needs for so many bytes, if it is as fast as it was for whole segments.
    pub(super) fn transfer(&self, bytes: usize) -> Duration {
        let (sum, took) = self.downloaded;
        took.mul_f64(bytes as f64 / sum.max(1) as f64)
    }

    /// Receives one segment, and its init segment if that is a new one.
    pub(super) async fn receive_segment(&mut self, segment: &Segment) -> Option<Exchange> {
        let session = self.session;
        if let Some(map) = segment.map.as_deref() {
            let uri = attribute(map, "URI").unwrap_or_default();
            let range = attribute(map, "BYTERANGE");
            if let Ok(url) = self.url.join(&uri) {
                self.track.load_init(session, &url, range.as_deref()).await;
            }
        }
        let mut request = Request::media(self.url.join(&segment.uri).ok()?, WITHIN);
        let range = segment.range.as_deref();
        if let Some(range) = range.and_then(bytes_of) {
            request = request.with(RANGE, range);
        }
        if segment.gap || (range.is_some() && request.headers.iter().all(|(name, _)| *name != RANGE)) {
            return None;
        }
        let mut exchange = session.media(&request).await?;
        let received = exchange.reply.body.len();
        if let Some(range) = range {
            take_range(session, &mut exchange, range);
        }
        let reply = &exchange.reply;
        let download = hls::Download { status: reply.status, length: reply.header("content-length") };
        session.judge(&exchange, hls::check_download(segment, &download, received));
        session.judge_time(&exchange, "H11", hls::check_speed(segment, exchange.took));
        if reply.status != 200 {
            return None;
        }
        self.downloaded.0 += received as u64;
        self.downloaded.1 += exchange.body_took;
        session.judge(&exchange, hls::check_media(&exchange.reply, exchange.redirects));
        session.judge(&exchange, http::check_origin(&exchange.reply));
        let place = (segment.number, !segment.discontinuity);
        if let Some(received) = self.track.receive(session, place, &exchange) {
            session.judge(&exchange, hls::check_duration(segment, received.micros, received.longest));
            let date = segment.date.parse::<jiff::Timestamp>().ok().map(|date| i128::from(date.as_microsecond()));
            if let Some((presented, date)) = received.presented.zip(date) {
                let violations = session.check_offset(segment.number, presented - date);
                session.judge(&exchange, violations);
            }
        }
        if !self.has_probed_range && range.is_none() {
            self.has_probed_range = true;
            session.probe_range(&exchange).await;
        }
        Some(exchange)
    }
}
