//! Blocking reloads and delta updates: which requests block until when, and which are refused.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::{AT_ONCE, check_none, llhls_of, start};
use crate::support::playlist::Playlist;
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};
use barstone::inspect::rules::llhls::{self, Asked, Exchange};

#[tokio::test]
async fn a_delta_update_expands_to_the_whole_playlist() {
    let (_server, web) = start().await;
    let path = llhls_of("v720");
    let mut held = web.text(&path).await;
    for skip in ["YES", "v2", "YES", "v2"] {
        // The whole playlist, if it is the same before and after the update, is the one that the update abbreviates.
        let same = until("nothing changes meanwhile", LONG, async || {
            let whole = web.text(&path).await;
            let update = web.text(&format!("{path}?_HLS_skip={skip}")).await;
            (whole == web.text(&path).await).then_some((whole, update))
        });
        let (whole, update) = same.await;
        assert!(update.contains("#EXT-X-SKIP:"), "{update}");
        assert_eq!(update.contains("RECENTLY-REMOVED-DATERANGES=\"\""), skip == "v2");
        check_none(&llhls::check_update(&update, &held, &whole));
        held = whole;
    }
}

/// Requests a playlist with `_HLS_msn` and `_HLS_part` relative to the newest segment and part of a playlist received
/// just before.
async fn ask(web: &Web, path: &str, (ahead, part): (i64, Option<u64>)) -> (String, Reply) {
    let before = web.text(path).await;
    let segment = Playlist::parse(&before).next().strict_add_signed(ahead);
    let query = part.map_or(String::new(), |part| format!("&_HLS_part={part}"));
    let asked = Instant::now();
    let reply = web.receive(&format!("{path}?_HLS_msn={segment}{query}")).await;
    let (status, text, took) = (reply.status, reply.text(), asked.elapsed());
    let exchange = Exchange { segment: Some(segment), part, before: &before, status, text: &text, took };
    check_none(&llhls::check_answer(&exchange));
    check_none(&llhls::check_caching(Asked::Blocking, Playlist::parse(&before).target, &reply));
    (before, reply)
}

#[tokio::test]
async fn blocking_requests_are_answered_when_they_can_be() {
    let (_server, web) = start().await;
    let path = llhls_of("v720");
    // Relative to the segment being made: one that is listed, this one, one of its parts, one part too many, the next
    // segment.
    for wanted in
        [(-1, None), (-1, Some(2)), (-200, None), (-200, Some(0)), (0, None), (0, Some(3)), (0, Some(6)), (1, None)]
    {
        let (_, reply) = ask(&web, &path, wanted).await;
        assert_eq!(reply.status, 200, "{wanted:?}");
    }
    // Beyond the limit of what may be requested, in segments or in parts.
    for wanted in [(3, None), (40, None), (2, Some(3)), (1_000_000, Some(0))] {
        let (_, reply) = ask(&web, &path, wanted).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("too_far_ahead")), "{wanted:?}");
    }
    let (before, reply) = ask(&web, "/live/test/v720/iframes.m3u8", (0, None)).await;
    check_none(&llhls::check_iframes(&reply.text(), Playlist::parse(&before).next()));
}

#[tokio::test]
async fn invalid_directives_are_refused_and_unknown_ones_ignored() {
    let (_server, web) = start().await;
    let path = llhls_of("a");
    for query in ["_HLS_part=0", "_HLS_msn=x", "_HLS_msn=", "_HLS_msn=-1", "_HLS_msn=1&_HLS_part=x", "_HLS_skip=NO"] {
        let asked = Instant::now();
        let reply = web.get(&format!("{path}?{query}")).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("bad_directive")), "{query}");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(asked.elapsed() < AT_ONCE, "{query}");
    }
    let stale = Playlist::parse(&web.text(&path).await).sequence;
    for odd in [
        format!("_HLS_part=0&_HLS_msn={stale}"),
        format!("session=7&_HLS_msn={stale}&_HLS_future=1&_HLS_part=0&x"),
        format!("_HLS_msn={stale}"),
    ] {
        // The answers without unknown parameters, before and after, must be equal for a comparison.
        let plain = format!("{path}?_HLS_msn={stale}&_HLS_part=0");
        let same = until("nothing changes meanwhile", LONG, async || {
            let before = web.get(&plain).await;
            let reply = web.get(&format!("{path}?{odd}")).await;
            (before.body == web.get(&plain).await.body).then_some((before, reply))
        });
        let (before, reply) = same.await;
        check_none(&llhls::check_parameters((before.status, &before.text()), (reply.status, &reply.text())));
    }
}

#[tokio::test]
async fn missing_resources_are_refused_immediately() {
    let (_server, web) = start().await;
    for (path, age) in [("/live/none/v720/llhls.m3u8", 1), ("/live/test/none/llhls.m3u8", 8)] {
        let asked = Instant::now();
        let reply = web.get(&format!("{path}?_HLS_msn=5&_HLS_part=1")).await;
        assert_eq!((reply.status, reply.header("cache-control")), (404, format!("public, max-age={age}").as_str()));
        assert!(asked.elapsed() < AT_ONCE, "{path}: {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn blocked_requests_are_answered_when_the_stream_stops() {
    let (_server, web) = start().await;
    let definition = serde_json::json!({"name": "halts", "audio": null, "video": [
        {"id": "v", "width": 320, "height": 180, "bitrate": 200_000}]});
    assert_eq!(web.json(Method::POST, "/api/v1/streams", &definition).await.status, 201);
    web.playable("halts").await;
    let path = "/live/halts/v/llhls.m3u8";
    assert_eq!(send(web.request(Method::POST, "/api/v1/streams/halts/stop")).await.status, 200);
    let announced = async || {
        let mpd = dash_mpd_core::parse(&web.text("/live/halts/dash.mpd").await).expect("an MPD");
        mpd.mediaPresentationDuration
    };
    let end = until("the end is announced", LONG, announced).await;
    // The segment after the last one will never exist. It is requested as soon as that is allowed.
    let wanted = end.as_millis() as u64 / 1920;
    let near = async || {
        let playlist = Playlist::parse(&web.text(path).await);
        (playlist.next() + 1 >= wanted).then_some(())
    };
    until("the end is near", LONG, near).await;
    let reply = web.receive(&format!("{path}?_HLS_msn={wanted}&_HLS_skip=YES")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let last = Playlist::parse(&reply.text());
    assert!(last.ended && last.skipped.is_none() && last.next() == wanted, "{}", reply.text());
    check_none(&llhls::check(&reply.text()));
    let text = reply.text();
    let again = web.receive(&format!("{path}?_HLS_msn={}", wanted + 50)).await;
    let (segment, status, took) = (Some(wanted + 50), again.status, Duration::ZERO);
    let exchange = Exchange { segment, part: None, before: &text, status, text: &again.text(), took };
    check_none(&llhls::check_answer(&exchange));
    assert_eq!(send(web.request(Method::DELETE, "/api/v1/streams/halts")).await.status, 204);
}

#[tokio::test]
async fn clients_may_disconnect_while_they_wait() {
    let (server, web) = start().await;
    let path = llhls_of("v720");
    let next = Playlist::parse(&web.text(&path).await).next() + 1;
    let waiting = || async {
        let last = format!("{path}?_HLS_msn={next}");
        tokio::time::timeout(Duration::from_millis(50), web.get(&last)).await.is_err()
    };
    let left = futures_util::future::join_all((0..50).map(|_| waiting())).await;
    assert!(left.iter().any(|left| *left), "somebody leaves early");
    let (_, reply) = ask(&web, &path, (0, Some(5))).await;
    assert_eq!(reply.status, 200);
    assert!(!server.log().iter().any(|line| line.contains("panicked")), "{:?}", server.log());
}
