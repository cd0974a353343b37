//! Low-latency HLS: blocking reloads, each with the part that the playlist hints at, and requests that a server must
//! refuse or answer in a certain way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::OptionFuture;
use reqwest::Url;
use reqwest::header::RANGE;

use super::watch::Watch;
use super::{Session, WITHIN};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::playlist::{Part, Playlist, attribute};
use crate::inspect::rules::llhls::{self, Asked};
use crate::inspect::rules::{hls, http};

/// Number of segments of which one is received as a whole, in addition to its parts.
const COMPARED: u64 = 3;
/// Time, in addition to three target durations, after which a blocking reload is aborted.
const PATIENCE: Duration = Duration::from_secs(10);
/// Wait after a request without a usable answer.
const PAUSE: Duration = Duration::from_millis(500);
/// Parts whose bytes are stored until their segment is whole.
const MOST_PARTS: usize = 100;
/// Pairs of a delta update and a whole playlist that are requested, until both have the same parts.
const MOST_UPDATES: usize = 10;
/// Requests for an answer that is due immediately, until one is prompt.
const MOST_ANSWERS: usize = 3;
/// Removed parts that are requested.
const MOST_REMOVED: usize = 3;

/// A low-latency playlist over time.
struct Live<'a, 'b> {
    watch: &'a mut Watch<'b>,
    seen: llhls::Watch,
    /// The whole playlist that was received last.
    held: String,
    renditions: &'a [Url],
    /// Bytes of parts by segment and index.
    parts: HashMap<(u64, u64), Bytes>,
    removed: usize,
    /// Time at which the held playlist was requested.
    requested: Duration,
    /// Time for which answers were awaited so far. The pace of the server is judged by it, so that time in which the
    /// checker is busy with media does not count.
    awaited: Duration,
}

/// Follows the playlist until the time is over or the presentation has ended.
pub(super) async fn run(watch: &mut Watch<'_>, first: &Exchange, renditions: &[Url]) {
    let (text, watch_began) = (first.reply.text(), watch.session.span(first).sent);
    let mut live = Live {
        watch,
        seen: llhls::Watch::default(),
        held: text,
        renditions,
        parts: HashMap::new(),
        removed: 0,
        requested: watch_began,
        awaited: Duration::ZERO,
    };
    live.start(first).await;
    let mut rounds = 0;
    while !live.session().is_over() && !Playlist::parse(&live.held).ended {
        live.reload().await;
        rounds += 1;
        // After the start, so that the first answers are those to a player's requests alone.
        if rounds == 3 {
            live.probe().await;
        }
    }
    let violations = live.seen.check_pace(live.awaited);
    live.session().judge_at(&live.watch.url, violations);
}

impl<'b> Live<'_, 'b> {
    fn session(&self) -> &'b Session<'b> {
        self.watch.session
    }

    async fn start(&mut self, first: &Exchange) {
        let (text, session) = (self.held.clone(), self.session());
        let playlist = Playlist::parse(&text);
        session.judge(first, self.seen.see(&text, self.awaited));
        session.judge(first, llhls::check_caching(Asked::Playlist, playlist.target, &first.reply));
        session.judge(first, llhls::check_gzip(&first.reply));
        session.judge(first, llhls::check_protocol(&first.version, first.url.scheme() == "https"));
        if let Some(segment) = playlist.segments.last() {
            self.watch.receive_segment(segment).await;
        }
    }

    /// Sends a blocking reload, and simultaneously the request for the hinted part.
    async fn reload(&mut self) {
        let session = self.session();
        let before = Playlist::parse(&self.held);
        let (segment, part) = next_part(&before);
        let patience = Duration::from_secs(3 * before.target.min(60)) + PATIENCE;
        let mut request = Request::manifest(self.watch.url.clone(), patience);
        let is_blocking = before.can_block();
        match is_blocking {
            true => request.url = with_query(&self.watch.url, &directives(Some(segment), part)),
            false => tokio::time::sleep(Duration::from_micros(before.part_target.unwrap_or(500_000))).await,
        }
        let edges = session.edges.borrow().clone();
        let hint = self.hinted(&before, patience);
        let hinted = OptionFuture::from(hint.as_ref().map(|(request, _)| session.media(request)));
        let began = Instant::now();
        let (answer, hinted) = tokio::join!(session.manifest(&request), hinted);
        let Some(answer) = answer else { return tokio::time::sleep(PAUSE).await };
        let text = answer.reply.text();
        if is_blocking {
            let (status, took) = (answer.reply.status, answer.took);
            let exchange =
                llhls::Exchange { segment: Some(segment), part, before: &self.held, status, text: &text, took };
            session.judge(&answer, llhls::check_answer(&exchange));
            session.judge(&answer, llhls::check_caching(Asked::Blocking, before.target, &answer.reply));
        } else {
            session.judge(&answer, http::check_manifest(answer.reply.status));
        }
        let awaited = self.awaited;
        self.awaited += answer.took;
        if answer.reply.status != 200 {
            return tokio::time::sleep(PAUSE).await;
        }
        session.judge(&answer, hls::check_headers(&answer.reply));
        session.judge(&answer, llhls::check_gzip(&answer.reply));
        session.judge(&answer, self.seen.see(&text, hls::Span { sent: awaited, received: self.awaited }));
        let requested = std::mem::replace(&mut self.requested, session.span(&answer).sent);
        self.check_reports(&answer, &text, &edges);
        let after = Playlist::parse(&text);
        if let (Some((_, uri)), Some(hinted)) = (hint, hinted.flatten()) {
            self.receive_hinted((&uri, &hinted), (&after, answer.headers_after));
        }
        self.receive_new(&before, (&after, answer.ended)).await;
        self.check_removed(&before, &after, requested).await;
        if let Some(edge) = after.edge() {
            session.edges.borrow_mut().insert(self.watch.url.clone(), edge);
        }
        self.held = text;
        if is_blocking && after.edge() == before.edge() {
            // The server did not hold the request. The request for the hinted part may have taken as long as a part.
            let part = Duration::from_micros(after.part_target.unwrap_or(500_000));
            tokio::time::sleep_until((began + part).into()).await;
        }
    }

    /// The request for the hinted part, and its URI.
    fn hinted(&self, playlist: &Playlist, patience: Duration) -> Option<(Request, String)> {
        let uri = playlist.hinted_part()?;
        Some((Request::media(self.watch.url.join(&uri).ok()?, patience), uri))
    }

    /// Checks a part that was requested when it was hinted. The playlist that lists the part arrived `listed_after` that
    /// request.
    fn receive_hinted(&mut self, (uri, answer): (&str, &Exchange), (after, listed_after): (&Playlist, Duration)) {
        let session = self.session();
        let Some(part) = after.parts.iter().find(|part| part.uri == uri) else { return };
        if part.gap {
            return;
        }
        session.judge(answer, llhls::check_hinted(uri, &answer.reply));
        self.check_times(part, answer, listed_after);
        session.judge(answer, llhls::check_caching(Asked::Media, after.target, &answer.reply));
        self.receive_part(part, answer);
    }

    /// Checks when the bytes of a part arrived. The playlist that lists the part arrived `listed_after` the request.
    fn check_times(&self, part: &Part, answer: &Exchange, listed_after: Duration) {
        if answer.reply.status != 200 {
            return;
        }
        let session = self.session();
        let times = llhls::Times {
            first: answer.first_byte_after(),
            spread: answer.body_took,
            listed_after,
            duration: Duration::from_micros(part.micros),
            transfer: self.watch.transfer(answer.reply.body.len()),
        };
        // An answer that is not early says nothing: the checker may have requested the part late.
        let early = llhls::check_hint_pace(&part.uri, &times);
        if !early.is_empty() {
            session.judge_time(answer, "early parts", early);
        }
        // The checker receives more parts of a prompt rendition than of a slow one.
        let of_rendition = |kind| format!("{kind} of {}", self.watch.url);
        session.judge_time(answer, &of_rendition("slow parts"), llhls::check_part_speed(&part.uri, &times));
        session.judge_time(answer, &of_rendition("late parts"), llhls::check_part_start(&part.uri, &times));
    }

    fn receive_part(&mut self, part: &Part, answer: &Exchange) {
        if answer.reply.status != 200 {
            return;
        }
        if let Some(init) = self.watch.track.init() {
            self.session().judge(answer, llhls::check_part(part, init, &answer.reply.body));
        }
        if self.parts.len() < MOST_PARTS {
            self.parts.insert((part.segment, part.index), answer.reply.body.clone());
        }
    }

    /// Receives what has been listed since `before` and was not hinted: other parts, and some segments as a whole.
    /// The playlist `after` arrived at a moment. Parts that take longer than they last are left out, as players do that fall behind.
    async fn receive_new(&mut self, before: &Playlist, (after, listed): (&Playlist, Instant)) {
        let session = self.session();
        // Parts that are no longer listed are available for three target durations.
        let until = listed + Duration::from_secs(3 * after.target.min(60));
        let is_new = |part: &&Part| Some((part.segment, part.index)) > before.edge();
        let target = Duration::from_secs(after.target.clamp(1, 60));
        for part in after.parts.iter().filter(is_new) {
            if session.is_over() || listed.elapsed() > target {
                break;
            }
            if part.gap || part.range.is_some() || self.parts.contains_key(&(part.segment, part.index)) {
                continue;
            }
            let Ok(url) = self.watch.url.join(&part.uri) else { continue };
            let Some(answer) = session.media(&Request::media(url, WITHIN)).await else { continue };
            if answer.ended < until {
                session.judge(&answer, llhls::check_listed_part(&part.uri, answer.reply.status));
            }
            self.check_times(part, &answer, Duration::ZERO);
            self.receive_part(part, &answer);
        }
        for segment in after.segments.iter().filter(|segment| segment.number >= before.next()) {
            let parts: Vec<_> = after.parts.iter().filter(|part| part.segment == segment.number).collect();
            let bytes = parts.iter().map(|part| self.parts.remove(&(part.segment, part.index)));
            let bytes: Option<Vec<Bytes>> = bytes.collect();
            self.parts.retain(|(number, _), _| *number > segment.number);
            if segment.number % COMPARED != 0 {
                continue;
            }
            let Some(whole) = self.watch.receive_segment(segment).await else { continue };
            if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                let bytes: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
                session.judge(&whole, llhls::check_parts(&parts, &bytes, &whole.reply.body));
            }
        }
    }

    /// Requests the first byte of segments and parts that have just been removed.
    /// They were listed when `before` was `requested`.
    async fn check_removed(&mut self, before: &Playlist, after: &Playlist, requested: Duration) {
        let gone = before.segments.iter().filter(|segment| segment.number < after.sequence && !segment.gap);
        let gone: Vec<_> = gone.map(|segment| segment.uri.clone()).collect();
        self.watch.check_removed(&gone, requested + Duration::from_micros(before.micros())).await;
        let until = requested + Duration::from_secs(3 * before.target.min(60));
        let is_gone =
            |part: &&Part| part.range.is_none() && !part.gap && !after.parts.iter().any(|other| other.uri == part.uri);
        for part in before.parts.iter().filter(is_gone).take(MOST_REMOVED.saturating_sub(self.removed)) {
            if self.session().began.elapsed() > until {
                break;
            }
            self.removed += 1;
            let Ok(url) = self.watch.url.join(&part.uri) else { continue };
            let request = Request::media(url, WITHIN).with(RANGE, "bytes=0-0".into());
            let Some(answer) = self.session().answer(&request).await else { continue };
            if self.session().span(&answer).received > until {
                continue;
            }
            let status = if answer.reply.status == 206 { 200 } else { answer.reply.status };
            self.session().judge(&answer, llhls::check_removed_part(&part.uri, status));
        }
    }

    /// Checks the reports of renditions whose newest part was known when the playlist was requested.
    fn check_reports(&self, answer: &Exchange, text: &str, edges: &HashMap<Url, (u64, u64)>) {
        let playlist = Playlist::parse(text);
        for url in self.renditions.iter().filter(|url| **url != self.watch.url) {
            let leads = |list: &&String| {
                let uri = attribute(list, "URI");
                uri.and_then(|uri| self.watch.url.join(&uri).ok()).is_some_and(|found| found.path() == url.path())
            };
            let uri = playlist.reports.iter().find(leads).and_then(|list| attribute(list, "URI"));
            let edge = edges.get(url).copied().unwrap_or_default();
            let violations = llhls::check_report(text, uri.as_deref().unwrap_or(url.path()), edge);
            // On a busy machine one rendition falls behind now and then.
            self.session().judge_time(answer, "L18", violations);
        }
    }

    /// Requests that no player sends, or not at this moment. Each answer is prescribed.
    async fn probe(&mut self) {
        let before = Playlist::parse(&self.held);
        let (Some(control), Some(last)) = (&before.control, before.segments.last()) else { return };
        if before.can_block() {
            for (segment, part) in [
                (None, Some(0)),
                (Some(before.next() + 10), None),
                (Some(last.number), None),
                (Some(before.sequence.saturating_sub(5)), None),
            ] {
                self.probe_answer(segment, part).await;
            }
            self.probe_parameters(last.number).await;
        }
        if attribute(control, "CAN-SKIP-UNTIL").is_some() {
            self.probe_update().await;
        }
    }

    async fn probe_answer(&self, segment: Option<u64>, part: Option<u64>) {
        let session = self.session();
        let url = with_query(&self.watch.url, &directives(segment, part));
        let mut quickest: Option<Exchange> = None;
        // A server that holds this request holds it each time.
        for _ in 0..MOST_ANSWERS {
            let Some(answer) = session.manifest(&Request::manifest(url.clone(), WITHIN)).await else { return };
            let is_prompt = answer.took <= PAUSE;
            if quickest.as_ref().is_none_or(|other| answer.took < other.took) {
                quickest = Some(answer);
            }
            if is_prompt {
                break;
            }
        }
        let Some(answer) = quickest else { return };
        let (status, took, text) = (answer.reply.status, answer.took, answer.reply.text());
        let exchange = llhls::Exchange { segment, part, before: &self.held, status, text: &text, took };
        session.judge(&answer, llhls::check_answer(&exchange));
    }

    /// Sends the same request twice, the second time with parameters in another order and an unknown one. The playlist may change in
    /// between.
    async fn probe_parameters(&self, listed: u64) {
        let session = self.session();
        let url = |query: &str| Request::manifest(with_query(&self.watch.url, query), WITHIN);
        let (plain, odd) =
            (url(&format!("_HLS_msn={listed}&_HLS_part=0")), url(&format!("a=b&_HLS_part=0&_HLS_msn={listed}")));
        let (plain, odd) = tokio::join!(session.manifest(&plain), session.manifest(&odd));
        let (Some(plain), Some(odd)) = (plain, odd) else { return };
        let (one, two) = (plain.reply.text(), odd.reply.text());
        let moved = Playlist::parse(&one).edge() != Playlist::parse(&two).edge();
        if !moved || plain.reply.status != odd.reply.status {
            let same = (plain.reply.status, one.as_str());
            session.judge(&odd, llhls::check_parameters(same, (odd.reply.status, &two)));
        }
    }

    /// A delta update and the whole playlist, both with the next part. One of them may have later parts too, and then both are
    /// requested again.
    async fn probe_update(&self) {
        let session = self.session();
        let mut held = Playlist::parse(&self.held);
        for _ in 0..MOST_UPDATES {
            let (segment, part) = next_part(&held);
            let wanted = held.can_block().then(|| directives(Some(segment), part));
            let skip = wanted.iter().map(String::as_str).chain(["_HLS_skip=YES"]).collect::<Vec<_>>().join("&");
            let update = Request::manifest(with_query(&self.watch.url, &skip), WITHIN);
            let whole = wanted.map_or_else(|| self.watch.url.clone(), |wanted| with_query(&self.watch.url, &wanted));
            let whole = Request::manifest(whole, WITHIN);
            let (update, whole) = tokio::join!(session.manifest(&update), session.manifest(&whole));
            let (Some(update), Some(whole)) = (update, whole) else { return };
            let (short, long) = (update.reply.text(), whole.reply.text());
            if llhls::ends_alike(&short, &long) {
                return session.judge(&update, llhls::check_delta(&short, &long));
            }
            held = Playlist::parse(&long);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The part after those of a playlist; a segment alone if it has no part.
fn next_part(playlist: &Playlist) -> (u64, Option<u64>) {
    let next = playlist.edge().map(|(segment, part)| (segment, Some(part + 1)));
    next.unwrap_or((playlist.next(), None))
}

fn directives(segment: Option<u64>, part: Option<u64>) -> String {
    let segment = segment.map(|segment| format!("_HLS_msn={segment}"));
    let part = part.map(|part| format!("_HLS_part={part}"));
    segment.into_iter().chain(part).collect::<Vec<_>>().join("&")
}

/// The URL with more parameters after its own.
pub(super) fn with_query(url: &Url, query: &str) -> Url {
    let mut url = url.clone();
    let query = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
    url.set_query(Some(&query));
    url
}
