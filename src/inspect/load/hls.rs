//! A client of HLS. If the playlist has parts and blocking reload, the client plays with low latency: each reload waits for the
//! next part, and the client simultaneously requests the hinted part.

use std::time::Duration;

use futures_util::future::{OptionFuture, join_all};
use reqwest::Url;
use tokio::time::{Instant, sleep, sleep_until};

use super::WITHIN;
use super::client::{Client, PAUSE};
use super::track::{Received, Track};
use crate::inspect::fetch::Exchange;
use crate::inspect::playlist::{Playlist, attribute, is_playlist, renditions};

/// Plays the first variant and its audio, or a media playlist.
pub(super) async fn play(client: &Client<'_>, first: &Exchange) {
    let text = first.reply.text();
    let playlists = match renditions(&text, &first.url).0 {
        none if none.is_empty() => vec![first.url.clone()],
        played => played,
    };
    join_all(playlists.iter().map(|url| follow(client, url))).await;
}

/// A segment or a part that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    uri: String,
    range: Option<String>,
    micros: u64,
    utc: Option<i128>,
    gap: bool,
    /// Segment and part that follow.
    next: (u64, u64),
}

/// Plays a media playlist until it ends.
async fn follow(client: &Client<'_>, url: &Url) {
    let mut playlist = first_playlist(client, url).await;
    if let Some(init) = playlist.segments.last().and_then(|segment| attribute(segment.map.as_deref()?, "URI"))
        && let Ok(init) = url.join(&init)
    {
        client.media(init, None, WITHIN).await;
    }
    let (mut next, skip) = beginning(&playlist);
    let mut track = Track::new(client, skip);
    let mut is_live = false;
    let mut hinted: Option<(String, Option<Exchange>)> = None;
    loop {
        let (before, loaded) = (next, Instant::now());
        for item in items(&playlist, next) {
            next = item.next;
            if item.gap {
                continue;
            }
            let kept = hinted.take_if(|(uri, _)| *uri == item.uri).and_then(|(_, answer)| answer);
            let answer = match (kept, url.join(&item.uri)) {
                (Some(answer), _) => Some(answer),
                (None, Ok(url)) => {
                    track.room().await;
                    client.media(url, item.range.as_deref(), WITHIN + Duration::from_micros(item.micros)).await
                }
                (None, Err(_)) => None,
            };
            if let Some(answer) = answer {
                track.receive(&answer, Received { utc: item.utc, micros: item.micros, is_live });
            }
        }
        if hinted.take().is_some_and(|(uri, _)| is_broken((&uri, before), &playlist)) {
            client.fail("hint not kept");
        }
        if playlist.ended {
            return track.ended();
        }
        is_live = true;
        let reload = reload(client, url, &playlist, next);
        let target = Duration::from_secs(playlist.target.max(1));
        let found = if playlist.can_block() {
            let hint = playlist.hinted_part();
            let media = hint.as_ref().and_then(|uri| url.join(uri).ok());
            let media = media.map(|url| client.media(url, None, 3 * target + WITHIN));
            let (found, answer) = tokio::join!(reload, OptionFuture::from(media));
            hinted = hint.map(|uri| (uri, answer.flatten()));
            found
        } else {
            // RFC 8216bis 6.3.4: a target duration after a playlist that has changed, half of it after one that has not.
            sleep_until(loaded + if next == before { target / 2 } else { target }).await;
            reload.await
        };
        match found {
            Some(found) => playlist = found,
            None => sleep(PAUSE).await,
        }
    }
}

async fn first_playlist(client: &Client<'_>, url: &Url) -> Playlist {
    loop {
        match playlist(client, url, WITHIN).await {
            Some(playlist) => return playlist,
            None => sleep(PAUSE).await,
        }
    }
}

/// Loads the playlist again. With blocking reload, the server answers when the playlist contains the segment or part `next`.
async fn reload(client: &Client<'_>, url: &Url, playlist: &Playlist, next: (u64, u64)) -> Option<Playlist> {
    let mut url = url.clone();
    let target = Duration::from_secs(playlist.target.max(1));
    if playlist.can_block() {
        let mut query = url.query_pairs_mut();
        query.append_pair("_HLS_msn", &next.0.to_string());
        if playlist.part_target.is_some() {
            query.append_pair("_HLS_part", &next.1.to_string());
        }
        if playlist.control("CAN-SKIP-UNTIL").is_some() {
            query.append_pair("_HLS_skip", "YES");
        }
    }
    self::playlist(client, &url, 3 * target + WITHIN).await
}

/// A media playlist; `None` after an error, which is counted.
async fn playlist(client: &Client<'_>, url: &Url, within: Duration) -> Option<Playlist> {
    let text = client.manifest(url, within).await?.reply.text();
    if !is_playlist(&text) {
        client.fail("manifest");
        return None;
    }
    Some(Playlist::parse(&text))
}

/// Whether a playlist lists another URI for the segment and part number of a hinted part.
fn is_broken((uri, place): (&str, (u64, u64)), playlist: &Playlist) -> bool {
    playlist.parts.iter().any(|part| (part.segment, part.index) == place && part.uri != uri)
}

/// The segment and part at which a client begins, and how many of its microseconds the client skips.
fn beginning(playlist: &Playlist) -> ((u64, u64), u64) {
    let first = (playlist.sequence, 0);
    if playlist.ended {
        return (first, 0);
    }
    let target = playlist.target * 1_000_000;
    let hold_back = match playlist.part_target {
        Some(part) => playlist.control("PART-HOLD-BACK").unwrap_or(3 * part),
        None => playlist.control("HOLD-BACK").unwrap_or(3 * target),
    };
    let newest = playlist.next();
    let in_parts: u64 = playlist.parts.iter().filter(|part| part.segment == newest).map(|part| part.micros).sum();
    if in_parts >= hold_back {
        return ((newest, 0), in_parts - hold_back);
    }
    let mut behind = in_parts;
    for segment in playlist.segments.iter().rev() {
        behind += segment.micros;
        if behind >= hold_back {
            return ((segment.number, 0), behind - hold_back);
        }
    }
    (first, 0)
}

/// All segments and parts of the playlist, from a segment and part on.
fn items(playlist: &Playlist, (segment, part): (u64, u64)) -> Vec<Item> {
    let mut items = Vec::new();
    let mut utc = None;
    for whole in &playlist.segments {
        let start = micros(&whole.date).or(utc);
        utc = start.map(|start| start + i128::from(whole.micros));
        let next = (whole.number + 1, 0);
        let from = if whole.number == segment { part } else { 0 };
        if whole.number < segment {
            continue;
        }
        if from == 0 {
            let (uri, range) = (whole.uri.clone(), whole.range.clone());
            items.push(Item { uri, range, micros: whole.micros, utc: start, gap: whole.gap, next });
            continue;
        }
        let mut rest = parts(playlist, whole.number, (from, start));
        if let Some(last) = rest.last_mut() {
            last.next = next;
        } else {
            // All parts were received before the segment was whole.
            items.extend(items.is_empty().then(|| skip_to(next)));
        }
        items.extend(rest);
    }
    let newest = playlist.next();
    let from = if newest == segment { part } else { 0 };
    if newest >= segment {
        items.extend(parts(playlist, newest, (from, utc)));
    }
    items
}

/// Parts of a segment from the part with the index `from` on, which begins at `utc`.
fn parts(playlist: &Playlist, segment: u64, (from, utc): (u64, Option<i128>)) -> Vec<Item> {
    let mut at = utc;
    let mut items = Vec::new();
    for part in playlist.parts.iter().filter(|part| part.segment == segment) {
        if part.index >= from {
            let next = (segment, part.index + 1);
            let (uri, range) = (part.uri.clone(), part.range.clone());
            items.push(Item { uri, range, micros: part.micros, utc: at, gap: part.gap, next });
        }
        at = at.map(|start| start + i128::from(part.micros));
    }
    items
}

/// An item without media, which leads to `next`.
fn skip_to(next: (u64, u64)) -> Item {
    Item { uri: String::new(), range: None, micros: 0, utc: None, gap: true, next }
}

/// EXT-X-PROGRAM-DATE-TIME in microseconds since 1970.
fn micros(date: &str) -> Option<i128> {
    date.parse::<jiff::Timestamp>().ok().map(|time| i128::from(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n\
        #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\n\
        #EXTINF:2,\n7.m4s\n#EXT-X-PART:DURATION=1,URI=\"8.0.m4s\"\n#EXT-X-PART:DURATION=1,URI=\"8.1.m4s\"\n#EXTINF:2,\n8.m4s\n\
        #EXT-X-PART:DURATION=0.5,URI=\"9.0.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"9.1.m4s\"\n";

    #[track_caller]
    fn check(next: (u64, u64), expected: &[(&str, i128, (u64, u64))]) {
        let found = items(&Playlist::parse(TEXT), next);
        let found: Vec<_> =
            found.iter().map(|item| (item.uri.as_str(), item.utc.unwrap_or_default() / 1000, item.next)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn whole_segments_come_first_and_then_parts() {
        check((7, 0), &[("7.m4s", 10_000, (8, 0)), ("8.m4s", 12_000, (9, 0)), ("9.0.m4s", 14_000, (9, 1))]);
        check((8, 1), &[("8.1.m4s", 13_000, (9, 0)), ("9.0.m4s", 14_000, (9, 1))]);
        check((8, 2), &[("", 0, (9, 0)), ("9.0.m4s", 14_000, (9, 1))]);
        check((9, 1), &[]);
    }

    #[test]
    fn a_hint_is_broken_by_another_part_in_its_place() {
        let playlist = Playlist::parse(TEXT);
        let is_broken = |uri, place| is_broken((uri, place), &playlist);
        assert!(!is_broken("9.0.m4s", (9, 0)) && is_broken("other.m4s", (9, 0)));
        assert!(!is_broken("9.1.m4s", (9, 1)) && !is_broken("5.0.m4s", (5, 0)), "not listed yet, or no longer");
    }

    #[test]
    fn a_client_begins_behind_the_edge_by_the_hold_back() {
        let playlist = Playlist::parse(TEXT);
        assert_eq!(beginning(&playlist), ((8, 0), 1_000_000));
        assert_eq!(playlist.hinted_part().as_deref(), Some("9.1.m4s"));
        let plain = TEXT.replace("#EXT-X-PART-INF:PART-TARGET=0.5\n", "").replace("PART-", "");
        assert_eq!(beginning(&Playlist::parse(&plain)).0, (8, 0));
        assert_eq!(beginning(&Playlist::parse(&format!("{TEXT}#EXT-X-ENDLIST\n"))), ((7, 0), 0));
    }
}
