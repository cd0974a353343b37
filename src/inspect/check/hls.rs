//! HLS: the multivariant playlist once, the playlists of one variant and its audio over time, and their segments.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Url;

use super::watch::{START, Watch, check_exchange};
use super::{Session, WITHIN, llhls};
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::playlist::{Playlist, attribute, tags};
use crate::inspect::rules::{self, hls};

/// Renditions beside the played ones whose playlists are compared.
const MOST_OTHERS: usize = 8;
/// Time in which the requests for all renditions are answered.
const SLACK: Duration = Duration::from_secs(1);
/// Shortest time between two reloads, for target durations that are wrong.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);

/// Checks a multivariant or a media playlist.
pub(super) async fn check(session: &Session<'_>, first: &Exchange) {
    let text = first.reply.text();
    if tags(&text, "#EXT-X-STREAM-INF").is_empty() {
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
    compare(session, &all).await;
    join_all(watches.iter_mut().map(|watch| run(watch, Some(&all)))).await;
    let sums = sums(&watches);
    if sums.len() >= START {
        session.judge_at(&first.url, hls::check_rates(&text, 0, &sums));
    }
}

/// URLs of the first variant and its audio, and those of others.
pub(super) fn renditions(text: &str, base: &Url) -> (Vec<Url>, Vec<Url>) {
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
    // The ends differ by as much as the answers do.
    let times = || whole.iter().map(|exchange| exchange.took);
    let slack = SLACK + times().max().unwrap_or_default().saturating_sub(times().min().unwrap_or_default());
    if texts.iter().all(|text| Playlist::parse(text).part_target.is_some()) {
        session.judge(first, rules::llhls::check_renditions(&texts, slack.as_micros() as u64));
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
        if playlist.part_target.is_some() && !playlist.ended {
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
    watch.session.judge_at(&watch.url, watch.seen.check_pace(watch.loaded));
}
