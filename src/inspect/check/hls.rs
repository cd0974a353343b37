//! HLS: the multivariant playlist once, the playlists of one variant and its audio over time, and their segments.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Url;
use reqwest::header::RANGE;

use super::media::{Track, bytes_of};
use super::{Session, WITHIN, llhls};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::playlist::{Playlist, Segment, attribute, tags};
use crate::inspect::rules::{self, hls, http};

/// Segments from the end at which a player starts (RFC 8216bis 6.3.3).
const START: usize = 3;
/// Renditions beside the played ones whose playlists are compared.
const MOST_OTHERS: usize = 8;
/// Time in which the requests for all renditions are answered.
const SLACK: Duration = Duration::from_secs(1);
/// Removed segments that are requested.
const MOST_REMOVED: usize = 4;
/// Shortest time between two reloads, for target durations that are wrong.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);

/// A media playlist over time, and its media.
pub(super) struct Watch<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) url: Url,
    pub(super) seen: hls::Watch,
    pub(super) track: Track,
    received: HashSet<u64>,
    removed: usize,
    has_probed_range: bool,
}

/// Checks a multivariant or a media playlist.
pub(super) async fn check(session: &Session<'_>, first: &Exchange) {
    let text = first.reply.text();
    if tags(&text, "#EXT-X-STREAM-INF").is_empty() {
        Watch::new(session, first.url.clone()).run(None).await;
        return;
    }
    session.counts.borrow_mut().manifests += 1;
    check_exchange(session, first);
    session.judge(first, hls::check_multivariant(&text));
    session.probe_manifest(first).await;
    let (played, others) = renditions(&text, &first.url);
    let all: Vec<_> = played.iter().chain(&others).cloned().collect();
    let mut watches: Vec<_> = played.into_iter().map(|url| Watch::new(session, url)).collect();
    compare(session, &all).await;
    join_all(watches.iter_mut().map(|watch| watch.run(Some(&all)))).await;
    let sums = sums(&watches);
    if sums.len() >= START {
        session.judge_at(&first.url, hls::check_rates(&text, 0, &sums));
    }
}

/// URLs of the first variant and its audio, and those of others.
fn renditions(text: &str, base: &Url) -> (Vec<Url>, Vec<Url>) {
    let variants = tags(text, "#EXT-X-STREAM-INF");
    let url = |uri: &str| base.join(uri).ok();
    let group = variants.first().and_then(|(list, _)| attribute(list, "AUDIO"));
    let media = tags(text, "#EXT-X-MEDIA")
        .into_iter()
        .map(|(list, _)| list)
        .filter(|list| attribute(list, "TYPE").is_some_and(|kind| kind == "AUDIO" || kind == "VIDEO"));
    let mut sounds: Vec<_> = media.filter_map(|list| Some((list, url(&attribute(list, "URI")?)?))).collect();
    sounds.sort_by_key(|(list, _)| attribute(list, "DEFAULT").as_deref() != Some("YES"));
    let mut played: Vec<_> = variants.first().and_then(|(_, uri)| url(uri)).into_iter().collect();
    let sound = sounds.iter().find(|(list, _)| group.is_some() && attribute(list, "GROUP-ID") == group);
    played.extend(sound.map(|(_, url)| url.clone()));
    played.dedup();
    let mut others: Vec<Url> = Vec::new();
    for url in variants.iter().filter_map(|(_, uri)| url(uri)).chain(sounds.into_iter().map(|(_, url)| url)) {
        if !played.contains(&url) && !others.contains(&url) && others.len() < MOST_OTHERS {
            others.push(url);
        }
    }
    (played, others)
}

/// Compares the playlists of all renditions, requested simultaneously.
async fn compare(session: &Session<'_>, urls: &[Url]) {
    let requests: Vec<_> = urls.iter().map(|url| Request::manifest(url.clone(), WITHIN)).collect();
    let answers = join_all(requests.iter().map(|request| session.manifest(request))).await;
    let whole: Vec<_> = answers.iter().flatten().filter(|exchange| exchange.reply.status == 200).collect();
    let texts: Vec<_> = whole.iter().map(|exchange| exchange.reply.text()).collect();
    let Some(first) = whole.first() else { return };
    session.judge(first, hls::check_renditions(&texts));
    if texts.iter().all(|text| Playlist::parse(text).part_target.is_some()) {
        session.judge(first, rules::llhls::check_renditions(&texts, SLACK.as_micros() as u64));
    }
}

/// Bytes and microseconds of the segments that all watched tracks have.
fn sums(watches: &[Watch<'_>]) -> Vec<(u64, u64)> {
    let Some((first, others)) = watches.split_first() else { return Vec::new() };
    let sum = |&(number, bytes, micros): &(u64, u64, u64)| {
        let of = |watch: &Watch<'_>| watch.track.sizes.iter().find(|(other, ..)| *other == number).map(|found| found.1);
        let rest: Option<u64> = others.iter().map(of).sum();
        Some((bytes + rest?, micros))
    };
    first.track.sizes.iter().filter_map(sum).collect()
}

/// Checks the headers of a playlist that was not requested to block.
fn check_exchange(session: &Session<'_>, exchange: &Exchange) {
    session.judge(exchange, http::check_manifest(exchange.reply.status));
    session.judge(exchange, http::check_prompt(exchange.headers_after));
    if exchange.reply.status == 200 {
        session.judge(exchange, hls::check_headers(&exchange.reply));
        session.judge(exchange, http::check_origin(&exchange.reply));
    }
}

impl<'a> Watch<'a> {
    fn new(session: &'a Session<'a>, url: Url) -> Self {
        Self {
            session,
            url,
            seen: hls::Watch::default(),
            track: Track::default(),
            received: HashSet::new(),
            removed: 0,
            has_probed_range: false,
        }
    }

    /// Reloads the playlist and receives its segments until the time is over or the presentation has ended.
    /// `renditions` are the URLs of all media playlists of the presentation.
    async fn run(&mut self, renditions: Option<&[Url]>) {
        let mut has_probed = false;
        while !self.session.is_over() {
            let asked = Instant::now();
            let loaded = self.load().await;
            let Some((exchange, playlist, changed)) = loaded else {
                self.wait_until(asked + SHORTEST_WAIT * 2).await;
                continue;
            };
            if !has_probed {
                has_probed = true;
                self.session.probe_manifest(&exchange).await;
            }
            let is_start = self.received.is_empty();
            if playlist.part_target.is_some() && !playlist.ended {
                self.session.counts.borrow_mut().low_latency = true;
                llhls::run(self, &exchange, renditions.unwrap_or_default()).await;
                return;
            }
            self.receive(&playlist, is_start).await;
            if playlist.ended {
                self.session.counts.borrow_mut().ended = true;
                return;
            }
            let target = Duration::from_secs(playlist.target);
            let wait = if changed { target } else { target / 2 };
            self.wait_until(asked + wait.max(SHORTEST_WAIT)).await;
        }
        self.session.judge_at(&self.url, self.seen.check_pace(self.session.elapsed()));
    }

    async fn wait_until(&self, moment: Instant) {
        tokio::time::sleep_until(moment.min(self.session.until).into()).await;
    }

    /// Requests the playlist and checks it. Says whether it has changed.
    async fn load(&mut self) -> Option<(Exchange, Playlist, bool)> {
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
        let gone = self.seen.previous().map(|previous| hls::removed(previous, &text)).unwrap_or_default();
        session.judge(&exchange, self.seen.see(&text, session.elapsed()));
        self.check_removed(&gone).await;
        Some((exchange, playlist, changed))
    }

    /// Requests the first byte of segments that have just been removed.
    pub(super) async fn check_removed(&mut self, uris: &[String]) {
        for uri in uris.iter().rev().take(MOST_REMOVED.saturating_sub(self.removed)) {
            let Ok(url) = self.url.join(uri) else { continue };
            self.removed += 1;
            let request = Request::media(url, WITHIN).with(RANGE, "bytes=0-0".into());
            let Some(exchange) = self.session.answer(&request).await else { continue };
            let status = if exchange.reply.status == 206 { 200 } else { exchange.reply.status };
            self.session.judge(&exchange, hls::check_removed(uri, status));
        }
    }

    /// Receives the segments that are new, the last ones at the start.
    async fn receive(&mut self, playlist: &Playlist, is_start: bool) {
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
        if range.is_some() && exchange.reply.status == 206 {
            exchange.reply.status = 200;
        }
        let reply = &exchange.reply;
        let download =
            hls::Download { status: reply.status, length: reply.header("content-length"), took: exchange.took };
        session.judge(&exchange, hls::check_download(segment, &download, reply.body.len()));
        if reply.status != 200 {
            return None;
        }
        session.judge(&exchange, hls::check_media(&exchange.reply, exchange.redirects));
        session.judge(&exchange, http::check_origin(&exchange.reply));
        let place = (segment.number, !segment.discontinuity);
        if let Some(received) = self.track.receive(session, place, &exchange) {
            session.judge(&exchange, hls::check_duration(segment, received.micros, received.longest));
        }
        if !self.has_probed_range && range.is_none() {
            self.has_probed_range = true;
            session.probe_range(&exchange).await;
        }
        Some(exchange)
    }
}
