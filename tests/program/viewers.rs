//! Viewers as the server counts them, compared with the real number of clients. All clients have the same address and
//! no user agent.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::playlist::Playlist;
use crate::support::server::Server;
use crate::support::template::Template;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

/// Clients of each format.
const EACH: u64 = 20;
/// Tolerance of the count, ten per cent.
const TOLERANCE: u64 = EACH / 10;
const FORMATS: [&str; 4] = ["hls", "llhls", "dash", "lldash"];
/// Segments of 1.92 s in three chunks, small enough for many clients on a busy machine.
const SMALL: &str = "[[streams]]\nname = \"test\"\nchunk_frames = 16\naudio = { bitrate = 48000 }\n\
    video = [{ id = \"v\", width = 320, height = 180, bitrate = 200000 }]\n";
const TRACKS: [&str; 2] = ["v", "a"];
const SEGMENT: Duration = Duration::from_millis(1920);

/// Reads a playlist once in a target duration, and every new segment in it.
async fn plays_hls(web: Web, track: &str) {
    let mut next = 0;
    loop {
        let read = Instant::now();
        let Some(playlist) = playlist(&web, &format!("{track}/hls.m3u8")).await else { continue };
        next = next.max(playlist.next().saturating_sub(3));
        for segment in playlist.segments.iter().filter(|segment| segment.number >= next) {
            media(&web, &format!("{track}/{}", segment.uri)).await;
        }
        next = playlist.next();
        sleep_until(read + Duration::from_secs(playlist.target)).await;
    }
}

/// Waits for each part, after one earlier segment.
async fn plays_llhls(web: Web, track: &str) {
    let Some(first) = playlist(&web, &format!("{track}/llhls.m3u8")).await else { return };
    media(&web, &format!("{track}/{}", first.last().uri)).await;
    let (mut segment, mut part) = (first.next(), 0);
    loop {
        let path = format!("{track}/llhls.m3u8?_HLS_msn={segment}&_HLS_part={part}");
        let Some(playlist) = playlist(&web, &path).await else { continue };
        for new in playlist.parts.iter().filter(|new| (new.segment, new.index) >= (segment, part)) {
            media(&web, &format!("{track}/{}", new.uri)).await;
        }
        (segment, part) = playlist.edge().map_or((segment, part), |(segment, part)| (segment, part + 1));
    }
}

/// Requests each segment when it is complete, starting some segments back.
async fn plays_dash(web: Web, track: &str) {
    let Some(template) = template(&web, "dash.mpd", track).await else { return };
    let mut number = now() / SEGMENT.as_millis() as u64 - 4;
    loop {
        sleep(Duration::from_millis(((number + 1) * SEGMENT.as_millis() as u64).saturating_sub(now()))).await;
        media(&web, &template.segment(number)).await;
        number += 1;
    }
}

/// Requests each segment when it begins.
async fn plays_lldash(web: Web, track: &str) {
    let Some(template) = template(&web, "lldash.mpd", track).await else { return };
    let mut number = now() / SEGMENT.as_millis() as u64;
    loop {
        sleep(Duration::from_millis((number * SEGMENT.as_millis() as u64).saturating_sub(now()))).await;
        media(&web, &template.segment(number)).await;
        number += 1;
    }
}

/// Reads the MPD repeatedly while the client plays.
async fn reads(web: &Web, mpd: &str) {
    loop {
        sleep(Duration::from_secs(2)).await;
        media(web, mpd).await;
    }
}

async fn plays(web: Web, format: &'static str) {
    let [video, audio] = TRACKS;
    let manifest = if format.ends_with("hls") { format!("{format}.m3u8") } else { format!("{format}.mpd") };
    media(&web, &manifest).await;
    let (one, other) = (web.clone(), web.clone());
    match format {
        "hls" => _ = tokio::join!(plays_hls(one, video), plays_hls(other, audio)),
        "llhls" => _ = tokio::join!(plays_llhls(one, video), plays_llhls(other, audio)),
        "dash" => _ = tokio::join!(plays_dash(one, video), plays_dash(other, audio), reads(&web, &manifest)),
        _ => _ = tokio::join!(plays_lldash(one, video), plays_lldash(other, audio), reads(&web, &manifest)),
    }
}

fn now() -> u64 {
    barstone::base::utc::Clock::system().now().as_millis()
}

async fn media(web: &Web, path: &str) {
    // A player continues after a refusal.
    send(web.request(Method::GET, &format!("/live/test/{path}"))).await;
}

async fn playlist(web: &Web, path: &str) -> Option<Playlist> {
    let reply = web.get(&format!("/live/test/{path}")).await;
    (reply.status == 200).then(|| Playlist::parse(&reply.text()))
}

async fn template(web: &Web, mpd: &str, track: &str) -> Option<Template> {
    let reply = web.get(&format!("/live/test/{mpd}")).await;
    let mpd = dash_mpd_core::parse(&reply.text()).ok()?;
    Template::all(&mpd).into_iter().find(|template| template.id == track)
}

async fn viewers(web: &Web) -> Value {
    web.get("/api/v1/streams/test").await.json()["viewers"].clone()
}

/// Whether the count of each format is near the expected one.
fn is_near(viewers: &Value, expected: [u64; 4]) -> bool {
    let near = |(format, expected): (&str, u64)| {
        let tolerance = if expected == 0 { 0 } else { TOLERANCE };
        viewers["by_format"][format].as_u64().expect("a number").abs_diff(expected) <= tolerance
    };
    FORMATS.into_iter().zip(expected).all(near)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_counted_by_their_requests() {
    let server = Server::configured(SMALL);
    let web = Web::of(&server);
    web.playable("test").await;
    let mut players = FORMATS.map(|format| (format, JoinSet::new()));
    for (format, players) in &mut players {
        for _ in 0..EACH {
            players.spawn(plays(Web::of(&server), format));
        }
    }
    let counted = async |expected| Some(viewers(&web).await).filter(|viewers| is_near(viewers, expected));
    let mut steady = 0;
    // A single right count may be a coincidence.
    until("all are counted for ten seconds", LONG, async || {
        steady = if counted([EACH; 4]).await.is_some() { steady + 1 } else { 0 };
        sleep(Duration::from_secs(1)).await;
        (steady == 10).then_some(())
    })
    .await;
    let labels = "barstone_viewers{stream=\"test\",format=\"llhls\"} ";
    assert!(web.text("/metrics").await.lines().any(|line| line.starts_with(labels) && !line.ends_with(" 0")));
    // Clients that left are no longer counted.
    players[1].1.shutdown().await;
    players[2].1.shutdown().await;
    until("two formats are gone", LONG, async || counted([EACH, 0, 0, EACH]).await).await;
    for (_, players) in &mut players {
        players.shutdown().await;
    }
    let figures = until("all are gone", LONG, async || counted([0; 4]).await).await;
    let (peak, most) = (figures["peak"].as_u64().expect("a number"), EACH * 4);
    assert!(peak.abs_diff(most) <= most / 10, "{figures}");
    assert!(figures["peak_at"].is_string() && figures["average"].as_f64() > Some(1.0), "{figures}");
    assert!(figures["bytes"].as_u64() > Some(1_000_000), "{figures}");
}

#[tokio::test]
async fn at_the_viewer_limit_playing_clients_continue() {
    let server = Server::configured(&format!("{SMALL}max_viewers = 2\noverflow_url = \"http://other.example\"\n"));
    let web = Web::of(&server);
    until("it is let in", LONG, async || (web.get("/live/test/hls.m3u8").await.status == 200).then_some(())).await;
    let mut players = JoinSet::new();
    players.spawn(plays(Web::of(&server), "llhls"));
    let playing = async || (viewers(&web).await["current"] == 1).then_some(());
    until("one plays", LONG, playing).await;
    let full = async || Some(web.get("/live/test/llhls.m3u8?x=1").await).filter(|reply| reply.status == 302);
    let reply = until("it is full", LONG, full).await;
    assert_eq!(reply.header("location"), "http://other.example/live/test/llhls.m3u8?x=1");
    let before = viewers(&web).await["bytes"].as_u64();
    until("it goes on", LONG, async || (viewers(&web).await["bytes"].as_u64() > before).then_some(())).await;
    players.shutdown().await;
    let room = async || (web.get("/live/test/dash.mpd").await.status == 200).then_some(());
    until("there is room again", LONG, room).await;
}
