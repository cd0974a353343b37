//! HLS: the multivariant playlist once, the playlists of one variant and its audio over time, and their segments.

use std::time::{Duration, Instant};

use futures_util::future::{OptionFuture, join_all};
use reqwest::Url;

use super::watch::{START, Watch, check_exchange};
use super::{Session, WITHIN, llhls};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::playlist::{Playlist, attribute, renditions, tags};
use crate::inspect::rules::{self, hls};

/// Time in which the requests for all renditions are answered.
const SLACK: Duration = Duration::from_secs(1);
/// Shortest time between two reloads, for target durations that are wrong.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);

/// Checks a multivariant or a media playlist.
pub(super) async fn check(session: &Session<'_>, first: &Exchange) {
    let text = first.reply.text();
    if tags(&text, "#EXT-X-STREAM-INF").is_empty() {
        check_exchange(session, first);
        run(&mut Watch::new(session, first.url.clone()), None).await;
        return;
    }
    session.counts.borrow_mut().manifests += 1;
    check_exchange(session, first);
    session.judge(first, hls::check_multivariant(&text));
    session.probe_manifest(first).await;
    let (played, others) = renditions(&text, &first.url);
    let all: Vec<_> = played.iter().chain(&others).cloned().collect();
    let mut watches: Vec<_> = played.into_iter().map(|url| Watch::new(session, url)).collect();
    let is_blocking = compare(session, &all).await;
    let images = tags(&text, "#EXT-X-I-FRAME-STREAM-INF").first().and_then(|(list, _)| attribute(list, "URI"));
    let images = images.filter(|_| is_blocking).and_then(|uri| first.url.join(&uri).ok());
    let images = OptionFuture::from(images.map(|url| check_images(session, url)));
    tokio::join!(join_all(watches.iter_mut().map(|watch| run(watch, Some(&all)))), images);
    let sums = sums(&watches);
    if sums.len() >= START {
        session.judge_at(&first.url, hls::check_rates(&text, 0, &sums));
    }
}

/// Requests an I-frame playlist, and its next version.
async fn check_images(session: &Session<'_>, url: Url) {
    let Some(first) = session.manifest(&Request::manifest(url.clone(), WITHIN)).await else { return };
    let playlist = Playlist::parse(&first.reply.text());
    if first.reply.status != 200 || playlist.ended {
        return;
    }
    let wanted = playlist.next();
    let next = Request::manifest(llhls::with_query(&url, &format!("_HLS_msn={wanted}")), WITHIN);
    if let Some(next) = session.manifest(&next).await {
        session.judge(&next, rules::llhls::check_iframes(&next.reply.text(), wanted));
    }
}

/// Compares the playlists of all renditions, requested simultaneously. Returns whether the server holds requests for them.
async fn compare(session: &Session<'_>, urls: &[Url]) -> bool {
    let requests: Vec<_> = urls.iter().map(|url| Request::manifest(url.clone(), WITHIN)).collect();
    let answers = join_all(requests.iter().map(|request| session.manifest(request))).await;
    let whole: Vec<_> = answers.iter().flatten().filter(|exchange| exchange.reply.status == 200).collect();
    let texts: Vec<_> = whole.iter().map(|exchange| exchange.reply.text()).collect();
    let Some(first) = whole.first() else { return false };
    session.judge(first, hls::check_renditions(&texts));
    // Each playlist may be from the moment of the request or of the arrival, or from before if a cache stored it.
    let ages = whole.iter().map(|exchange| exchange.ended.duration_since(exchange.began) + exchange.reply.oldest());
    let slack = SLACK + ages.max().unwrap_or_default();
    if texts.iter().all(|text| Playlist::parse(text).part_target.is_some()) {
        session.judge(first, rules::llhls::check_renditions(&texts, slack.as_micros() as u64));
    }
    texts.iter().all(|text| Playlist::parse(text).can_block())
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

/// Reloads the playlist and receives its segments until the time is over or the presentation has ended.
/// `renditions` are the URLs of all media playlists of the presentation.
async fn run(watch: &mut Watch<'_>, renditions: Option<&[Url]>) {
    let mut has_probed = false;
    while !watch.session.is_over() {
        let asked = Instant::now();
        let loaded = watch.load().await;
        let Some((exchange, playlist, changed)) = loaded else {
            watch.wait_until(asked + SHORTEST_WAIT * 2).await;
            continue;
        };
        if !has_probed {
            has_probed = true;
            watch.session.probe_manifest(&exchange).await;
        }
        let is_start = watch.received.is_empty();
        if (playlist.part_target.is_some() || !playlist.parts.is_empty()) && !playlist.ended {
            watch.session.counts.borrow_mut().low_latency = true;
            llhls::run(watch, &exchange, renditions.unwrap_or_default()).await;
            return;
        }
        watch.receive(&playlist, is_start).await;
        if playlist.ended {
            watch.session.counts.borrow_mut().ended = true;
            return;
        }
        let target = Duration::from_secs(playlist.target);
        let wait = if changed { target } else { target / 2 };
        watch.wait_until(asked + wait.max(SHORTEST_WAIT)).await;
    }
    watch.session.judge_at(&watch.url, watch.seen.check_pace(watch.loaded.sent));
}
