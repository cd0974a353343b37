//! The rules of low-latency HLS and DASH, checked on the live server. This file checks all four manifests for a minute.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::playlist::Playlist;
use crate::support::server::Server;
use crate::support::web::Web;
use barstone::inspect::rules::llhls::{self, Asked, Exchange};
use barstone::inspect::rules::{Violation, dash, hls, lldash};

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

mod blocking;
mod conditions;
mod definitions;
mod media;

const WATCHED: Duration = Duration::from_secs(62);
const TRACKS: [&str; 2] = ["v720", "a"];
/// Time limit of an immediate answer, on a loaded machine.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn start() -> (Arc<Server>, Web) {
    let server = Server::shared();
    let web = Web::of(&server);
    web.playable("test").await;
    (server, web)
}

fn llhls_of(track: &str) -> String {
    format!("/live/test/{track}/llhls.m3u8")
}

#[track_caller]
fn check_none(violations: &[Violation]) {
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn all_four_manifests_keep_the_rules_for_a_minute() {
    let (_server, web) = start().await;
    tokio::join!(
        watch_hls(&web, TRACKS[0]),
        watch_hls(&web, TRACKS[1]),
        watch_llhls(&web, TRACKS[0]),
        watch_llhls(&web, TRACKS[1]),
        watch_renditions(&web),
        watch_mpd(&web, "dash.mpd", dash::check),
        watch_mpd(&web, "lldash.mpd", lldash::check),
    );
}

async fn watch_hls(web: &Web, track: &str) {
    let began = Instant::now();
    let mut watch = hls::Watch::default();
    while began.elapsed() < WATCHED {
        let reply = web.receive(&format!("/live/test/{track}/hls.m3u8")).await;
        check_none(&hls::check_headers(&reply));
        check_none(&watch.see(&reply.text(), began.elapsed()));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    check_none(&watch.check_pace(began.elapsed()));
}

/// Reloads as a player does: each request blocks until the next part, and skips known segments.
async fn watch_llhls(web: &Web, track: &str) {
    let began = Instant::now();
    let mut watch = llhls::Watch::default();
    let reply = web.receive(&llhls_of(track)).await;
    check_none(&llhls::check_caching(Asked::Playlist, Playlist::parse(&reply.text()).target, &reply));
    let mut held = reply.text();
    check_none(&watch.see(&held, began.elapsed()));
    let (mut removed, mut updates) = (Vec::new(), 0);
    while began.elapsed() < WATCHED {
        let before = Playlist::parse(&held);
        let (segment, part) = before.edge().map(|(segment, part)| (segment, part + 1)).expect("parts");
        let asked = Instant::now();
        let path = format!("{}?_HLS_msn={segment}&_HLS_part={part}&_HLS_skip=YES", llhls_of(track));
        let reply = web.receive(&path).await;
        let took = asked.elapsed();
        check_none(&hls::check_headers(&reply));
        check_none(&llhls::check_gzip(&reply));
        check_none(&llhls::check_caching(Asked::Blocking, before.target, &reply));
        updates += u32::from(Playlist::parse(&reply.text()).skipped.is_some());
        let text = llhls::reconstruct(&held, &reply.text()).expect("the update reaches what is known");
        let (status, text) = (reply.status, text.as_str());
        let (segment, part) = (Some(segment), Some(part));
        check_none(&llhls::check_answer(&Exchange { segment, part, before: &held, status, text, took }));
        check_none(&watch.see(text, began.elapsed()));
        let after = Playlist::parse(text);
        let gone = before.parts.iter().filter(|part| !after.parts.contains(part));
        removed.extend(gone.map(|part| (part.uri.clone(), Instant::now())));
        held = text.to_owned();
    }
    check_none(&watch.check_pace(began.elapsed()));
    assert!(updates > 0, "no update leaves anything out");
    assert!(removed.len() > 50, "parts leave the playlist: {}", removed.len());
    let target = Duration::from_secs(3 * Playlist::parse(&held).target);
    for (uri, since) in removed.into_iter().rev() {
        let status = web.get(&format!("/live/test/{track}/{uri}")).await.status;
        // Afterwards the part may have expired.
        if since.elapsed() > target {
            break;
        }
        check_none(&llhls::check_removed_part(&uri, status));
    }
}

async fn watch_renditions(web: &Web) {
    let began = Instant::now();
    let texts = async || {
        let [video, audio] = TRACKS.map(llhls_of);
        let (video, audio) = tokio::join!(web.text(&video), web.text(&audio));
        [video, audio]
    };
    let slack = AT_ONCE.as_micros() as u64;
    while began.elapsed() < WATCHED {
        let before = texts().await;
        let now = texts().await;
        check_none(&hls::check_renditions(&now));
        check_none(&llhls::check_renditions(&now, slack));
        for (own, other) in [(0, 1), (1, 0)] {
            let edge = Playlist::parse(&before[other]).edge().expect("parts");
            check_none(&llhls::check_report(&now[own], &format!("../{}/llhls.m3u8", TRACKS[other]), edge));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn watch_mpd(web: &Web, file: &str, check: impl Fn(&str) -> Vec<Violation>) {
    let began = Instant::now();
    let mut previous: Option<String> = None;
    while began.elapsed() < WATCHED {
        let reply = web.receive(&format!("/live/test/{file}")).await;
        check_none(&dash::check_headers(&reply));
        check_none(&check(&reply.text()));
        if let Some(previous) = previous {
            check_none(&dash::check_reload(&previous, &reply.text()));
        }
        previous = Some(reply.text());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn playlists_come_over_http_2() {
    let (_server, web) = start().await;
    let output = Command::new("curl")
        .args(["--silent", "--http2-prior-knowledge", "--output", "/dev/null", "--write-out", "%{http_version}"])
        .arg(web.url(&llhls_of("v720")))
        .output()
        .expect("curl is installed");
    check_none(&llhls::check_protocol(&format!("HTTP/{}", String::from_utf8_lossy(&output.stdout)), true));
}
