//! The rules of HLS, DASH and CMAF, checked on the live server over reloads, and the headers of every kind of answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::playlist::Playlist;
use crate::support::server::Server;
use crate::support::template::Template;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};
use barstone::inspect::boxes::{Init, Segment};
use barstone::inspect::rules::{Violation, cmaf, dash, hls};

const WATCHED: Duration = Duration::from_secs(16);
const TRACKS: [&str; 2] = ["v720", "a"];

async fn start() -> (Arc<Server>, Web) {
    let server = Server::shared();
    let web = Web::of(&server);
    web.playable("test").await;
    (server, web)
}

/// Resolves when the past of a new stream is rendered.
async fn filled(web: &Web, (stream, track): (&str, &str)) {
    for segment in &web.playlist(stream, track).await.segments {
        web.media(stream, track, &segment.uri).await;
    }
}

#[track_caller]
fn check_none(violations: &[Violation]) {
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn media_playlists_keep_the_rules_over_reloads() {
    let (_server, web) = start().await;
    let began = Instant::now();
    let mut watches = TRACKS.map(|_| hls::Watch::default());
    let mut removed = Vec::new();
    while began.elapsed() < WATCHED {
        let mut playlists = Vec::new();
        for (track, watch) in TRACKS.iter().zip(&mut watches) {
            let reply = web.receive(&format!("/live/test/{track}/hls.m3u8")).await;
            check_none(&hls::check_headers(&reply));
            let gone = watch.previous().map(|text| hls::removed(text, &reply.text())).unwrap_or_default();
            removed.extend(gone.into_iter().map(|uri| format!("/live/test/{track}/{uri}")));
            check_none(&watch.see(&reply.text(), began.elapsed()));
            playlists.push(reply.text());
        }
        check_none(&hls::check_renditions(&playlists));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    check_none(&watches.iter().flat_map(|watch| watch.check_pace(began.elapsed())).collect::<Vec<_>>());
    assert!(removed.len() >= 10, "the window slides: {removed:?}");
    for uri in removed {
        check_none(&hls::check_removed(&uri, web.get(&uri).await.status));
    }
}

#[tokio::test]
async fn the_multivariant_playlist_keeps_the_rules_and_states_real_bit_rates() {
    let (_server, web) = start().await;
    let reply = web.receive("/live/test/hls.m3u8").await;
    check_none(&hls::check_headers(&reply));
    check_none(&hls::check_multivariant(&reply.text()));
    let mut all = Vec::new();
    for track in TRACKS {
        filled(&web, ("test", track)).await;
        let text = web.text(&format!("/live/test/{track}/hls.m3u8")).await;
        let segments = download(&web, track, &Playlist::parse(&text)).await;
        check_none(&hls::check_durations(&text, &segments.iter().map(|(_, _, micros)| *micros).collect::<Vec<_>>()));
        all.push(segments.iter().map(|(_, bytes, micros)| (*bytes as u64, *micros)).collect::<Vec<_>>());
    }
    let sum: Vec<_> = all[0].iter().zip(&all[1]).map(|(video, audio)| (video.0 + audio.0, video.1)).collect();
    check_none(&hls::check_rates(&reply.text(), 0, &sum));
}

/// Number, size and real duration in microseconds of every listed segment.
async fn download(web: &Web, track: &str, playlist: &Playlist) -> Vec<(u64, usize, u64)> {
    let init = Init::parse(&web.media("test", track, &playlist.init()).await).expect("an init segment");
    let mut segments = Vec::new();
    for segment in &playlist.segments {
        let began = Instant::now();
        let reply = web.get(&format!("/live/test/{track}/{}", segment.uri)).await;
        check_none(&hls::check_speed(segment, began.elapsed()));
        let answer = hls::Download { status: reply.status, length: reply.header("content-length") };
        check_none(&hls::check_download(segment, &answer, reply.body.len()));
        let duration = Segment::parse(&reply.body).expect("a segment").duration();
        segments.push((segment.number, reply.body.len(), duration * 1_000_000 / init.timescale()));
    }
    segments
}

#[tokio::test]
async fn the_mpd_keeps_the_rules_over_reloads() {
    let (_server, web) = start().await;
    let began = Instant::now();
    let mut previous: Option<String> = None;
    while began.elapsed() < WATCHED {
        let reply = web.receive("/live/test/dash.mpd").await;
        check_none(&dash::check_headers(&reply));
        check_none(&dash::check(&reply.text()));
        if let Some(previous) = previous {
            check_none(&dash::check_reload(&previous, &reply.text()));
        }
        previous = Some(reply.text());
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

#[tokio::test]
async fn segments_are_available_when_the_mpd_says_so_and_keep_the_rules() {
    let (_server, web) = start().await;
    let mpd = dash_mpd_core::parse(&web.text("/live/test/dash.mpd").await).expect("an MPD");
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let mut tracks = Vec::new();
    for template in Template::all(&mpd) {
        let init = Init::parse(&web.fetch(&format!("/live/test/{}", template.init())).await).expect("an init segment");
        check_none(&cmaf::check_init(&init));
        let mut files = Vec::new();
        for number in template.available(now.as_millisecond() as u64, 60_000) {
            let reply = web.get(&format!("/live/test/{}", template.segment(number))).await;
            check_none(&dash::check_available(number, reply.status));
            check_none(&cmaf::check_segment(&init, &reply.body));
            files.push((number, Segment::parse(&reply.body).expect("a segment")));
        }
        let segments: Vec<_> = files.iter().map(|(_, segment)| segment.clone()).collect();
        check_none(&cmaf::check_continuity(&init, &segments));
        check_none(&dash::check_addressing(&template.nominal(), init.timescale(), &files));
        let newest = files.last().expect("there are segments").0;
        let reply = web.get(&format!("/live/test/{}", template.segment(newest + 10))).await;
        check_none(&dash::check_unavailable(reply.status, true));
        // The archive renders what has left the window.
        let old = web.get(&format!("/live/test/{}", template.segment(1000))).await;
        assert_eq!(old.status, 200);
        check_none(&cmaf::check_segment(&init, &old.body));
        tracks.push((init, files));
    }
    let starts: Vec<_> = tracks.iter().map(|(init, files)| (init.timescale(), files[0].1.start())).collect();
    check_none(&cmaf::check_alignment(&starts));
}

#[tokio::test]
async fn renditions_of_a_ladder_switch_at_every_segment() {
    let (_server, web) = start().await;
    let definition = serde_json::json!({"name": "ladder", "audio": null, "video": [
        {"id": "high", "width": 480, "height": 270, "bitrate": 500_000},
        {"id": "low", "width": 320, "height": 180, "bitrate": 200_000}]});
    assert_eq!(web.json(Method::POST, "/api/v1/streams", &definition).await.status, 201);
    web.playable("ladder").await;
    let texts = [web.text("/live/ladder/high/hls.m3u8").await, web.text("/live/ladder/low/hls.m3u8").await];
    check_none(&hls::check_renditions(&texts));
    let last = texts.each_ref().map(|text| Playlist::parse(text).last().number);
    let last = last[0].min(last[1]);
    let mut tracks = Vec::new();
    for (track, text) in ["high", "low"].into_iter().zip(&texts) {
        let playlist = Playlist::parse(text);
        let init = Init::parse(&web.media("ladder", track, &playlist.init()).await).expect("an init segment");
        let mut segments = Vec::new();
        for segment in playlist.segments.iter().filter(|segment| (last - 3..=last).contains(&segment.number)) {
            segments.push(Segment::parse(&web.media("ladder", track, &segment.uri).await).expect("a segment"));
        }
        tracks.push((init, segments));
    }
    check_none(&cmaf::check_switching(&tracks));
    check_none(&dash::check(&web.text("/live/ladder/dash.mpd").await));
    let removed = send(web.request(Method::DELETE, "/api/v1/streams/ladder")).await;
    assert_eq!(removed.status, 204);
}

#[tokio::test]
async fn an_ended_presentation_never_changes_again() {
    let (_server, web) = start().await;
    let definition = serde_json::json!({"name": "ends", "audio": null, "video": [
        {"id": "v", "width": 320, "height": 180, "bitrate": 200_000}]});
    assert_eq!(web.json(Method::POST, "/api/v1/streams", &definition).await.status, 201);
    web.playable("ends").await;
    filled(&web, ("ends", "v")).await;
    let playlist = web.text("/live/ends/v/hls.m3u8").await;
    let mpd = web.text("/live/ends/dash.mpd").await;
    assert_eq!(send(web.request(Method::POST, "/api/v1/streams/ends/stop")).await.status, 200);
    let ended = until("it ends", LONG, async || {
        let text = web.text("/live/ends/v/hls.m3u8").await;
        Playlist::parse(&text).ended.then_some(text)
    });
    let ended = ended.await;
    check_none(&hls::check_reload(&playlist, &ended));
    check_none(&hls::check_reload(&ended, &web.text("/live/ends/v/hls.m3u8").await));
    let over = web.text("/live/ends/dash.mpd").await;
    check_none(&dash::check(&over));
    check_none(&dash::check_reload(&mpd, &over));
    assert_eq!(send(web.request(Method::DELETE, "/api/v1/streams/ends")).await.status, 204);
}
