//! Two origins of one presentation: are their manifests and segments the same?

use std::cell::Cell;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::dash::clock_offset;
use super::{Session, WITHIN};
use crate::inspect::difference;
use crate::inspect::fetch::{Exchange, Fetcher, Request};
use crate::inspect::mpd::Mpd;
use crate::inspect::playlist::{Playlist, attribute, renditions, tags};
use crate::inspect::rules::origins::{self, Listed};

/// Time between two comparisons.
const PERIOD: Duration = Duration::from_secs(2);
/// Segments of each track that are compared at the start.
const START: usize = 2;

/// The other origin.
#[derive(Debug)]
pub struct Other<'a> {
    /// The URL of its manifest.
    pub url: Url,
    /// The client for it.
    pub fetcher: &'a Fetcher,
}

/// Compares both origins until the time is over.
pub(super) async fn compare(session: &Session<'_>, other: &Other<'_>, first: &Exchange) {
    let pair = Pair { session, other, offset: Cell::new(0) };
    let Some((one, two)) = pair.manifests(&first.url, &other.url).await else { return };
    let took = one.took.max(two.took);
    session.note(origins::clock_offset(&one.reply, &two.reply, took));
    let text = one.reply.text();
    if let Ok(mpd) = Mpd::parse(&text, &one.url) {
        pair.offset.set(clock_offset(session, &one, &mpd).await.micros);
    }
    if tags(&text, "#EXT-X-STREAM-INF").is_empty() {
        return pair.watch(&one.url, &two.url).await;
    }
    session.judge(&two, origins::check_texts(&text, &two.reply.text()));
    let (mine, theirs) = (renditions(&text, &one.url).0, renditions(&two.reply.text(), &two.url).0);
    join_all(mine.iter().zip(&theirs).map(|(one, two)| pair.watch(one, two))).await;
}

struct Pair<'a> {
    session: &'a Session<'a>,
    other: &'a Other<'a>,
    /// Time of the server minus that of this host, in microseconds.
    offset: Cell<i128>,
}

impl Pair<'_> {
    /// Requests a manifest from both simultaneously.
    async fn manifests(&self, one: &Url, two: &Url) -> Option<(Exchange, Exchange)> {
        let (one, two) = (Request::manifest(one.clone(), WITHIN), Request::manifest(two.clone(), WITHIN));
        let (one, two) = tokio::join!(self.session.answer(&one), self.theirs(&two));
        one.zip(two).filter(|(one, two)| one.reply.status == 200 && two.reply.status == 200)
    }

    /// Requests from the other origin. An answer with an error is a finding.
    async fn theirs(&self, request: &Request) -> Option<Exchange> {
        let problem = match self.other.fetcher.fetch(request).await {
            Ok(answer) if answer.reply.status == 200 => return Some(answer),
            Ok(answer) => format!("status {}", answer.reply.status),
            Err(error) => error.to_string(),
        };
        self.session.judge_at(&request.url, origins::missing(request.url.path(), &problem));
        None
    }

    /// Compares a manifest and its segments again and again.
    async fn watch(&self, one: &Url, two: &Url) {
        let mut compared = HashSet::new();
        while !self.session.is_over() {
            let next = Instant::now() + PERIOD;
            if let Some((one, two)) = self.manifests(one, two).await {
                let (mine, theirs) = (listed(&one, self.offset.get()), listed(&two, self.offset.get()));
                let apart =
                    [&one, &two].map(|answer| answer.ended.duration_since(answer.began) + answer.reply.oldest());
                self.session.judge(&two, origins::check_lists(&mine, &theirs, apart[0].max(apart[1])));
                let is_start = compared.is_empty();
                let both = mine.iter().filter_map(|segment| {
                    let other = theirs.iter().find(|other| other.key == segment.key)?;
                    Some((segment.url.clone(), other.url.clone()))
                });
                let mut new: Vec<_> = both.filter(|(url, _)| !compared.contains(url)).collect();
                compared.extend(new.iter().map(|(url, _)| url.clone()));
                let files = new.split_off(if is_start { new.len().saturating_sub(START) } else { 0 });
                for (one, two) in inits(&one, &two).into_iter().filter(|_| is_start).chain(files) {
                    self.compare_files(one, two).await;
                }
            }
            tokio::time::sleep_until(next.min(self.session.until).into()).await;
        }
    }

    async fn compare_files(&self, one: Url, two: Url) {
        let (one, two) = (Request::media(one, WITHIN), Request::media(two, WITHIN));
        let (one, two) = tokio::join!(self.session.media(&one), self.theirs(&two));
        let Some((one, two)) = one.zip(two) else { return };
        let hash = |body: &Bytes| Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let hashes = [hash(&one.reply.body), hash(&two.reply.body)];
        let violations = origins::check_files(&hashes, || difference::describe(&one.reply.body, &two.reply.body));
        self.session.judge(&two, violations);
    }
}

/// The segments of a media playlist, or of an MPD with a timeline or the newest ones of one without.
fn listed(exchange: &Exchange, offset: i128) -> Vec<Listed> {
    let text = exchange.reply.text();
    let Ok(mpd) = Mpd::parse(&text, &exchange.url) else { return of_playlist(&text, &exchange.url) };
    let now = exchange.moment.as_nanos() as i128 / 1000 + offset;
    let Some(period) = mpd.period_at(now) else { return Vec::new() };
    let since = now - mpd.start - period.start.as_micros() as i128;
    let mut all = Vec::new();
    for track in &period.tracks {
        let Some(newest) = track.newest(since - track.early_micros) else { continue };
        for number in newest.number.saturating_sub(START as u64)..newest.number {
            let Some(place) = track.place(number) else { continue };
            let Some(url) = track.segment(&place) else { continue };
            let micros = (place.end_micros - place.start_micros) as u64;
            let what = format!("number {}, time {}, duration {micros} µs", place.number, place.time);
            all.push(Listed { key: format!("{} {}", track.id, place.time), url, what, micros });
        }
    }
    all
}

fn of_playlist(text: &str, base: &Url) -> Vec<Listed> {
    let each = Playlist::parse(text).segments.into_iter().filter(|segment| !segment.gap && segment.range.is_none());
    let listed = each.filter_map(|segment| {
        let url = base.join(&segment.uri).ok()?;
        let what = format!("EXTINF {} µs, date {}, {}", segment.micros, segment.date, segment.identity().0);
        Some(Listed { key: segment.number.to_string(), url, what, micros: segment.micros })
    });
    listed.collect()
}

/// URLs of the init segments of both.
fn inits(one: &Exchange, two: &Exchange) -> Vec<(Url, Url)> {
    let of = |exchange: &Exchange| -> Vec<Url> {
        let text = exchange.reply.text();
        match Mpd::parse(&text, &exchange.url) {
            Ok(mpd) => mpd.periods.last().map(|period| period.tracks.iter().filter_map(|track| track.init()).collect()),
            Err(_) => {
                let playlist = Playlist::parse(&text);
                let map = playlist.segments.last().and_then(|segment| attribute(segment.map.as_deref()?, "URI"));
                Some(map.and_then(|uri| exchange.url.join(&uri).ok()).into_iter().collect())
            }
        }
        .unwrap_or_default()
    };
    of(one).into_iter().zip(of(two)).collect()
}
