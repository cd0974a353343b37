//! Manifests under conditions, from the live server: MPDs are valid, and every link leads to media or to a manifest.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::{check_none, start};
use crate::support::playlist::Playlist;
use barstone::inspect::boxes::Segment;
use barstone::inspect::rules::{dash, hls, llhls, schema};

/// Conditions with which an MPD is still valid.
const MPD_CONDITIONS: [&str; 8] = [
    "delay=6s",
    "update-period=none",
    "update-period=10s",
    "utc-timing=http-head+http-iso+direct",
    "utc-timing=none",
    "clock-skew=-1m30s",
    "origin=2026-11-21T03:39:00Z",
    "clock-skew=5s,delay=8s,update-period=500ms,utc-timing=direct",
];

#[tokio::test]
async fn mpds_under_conditions_are_valid() {
    let (_server, web) = start().await;
    for conditions in MPD_CONDITIONS {
        for file in ["live/test/dash.mpd", "live/test/lldash.mpd", "dash/test.mpd"] {
            let reply = web.receive(&format!("/with/{conditions}/{file}")).await;
            assert_eq!((reply.status, reply.header("barstone-condition")), (200, conditions), "{file}");
            check_none(&schema::check(&reply.text()));
        }
    }
}

#[tokio::test]
async fn an_event_becomes_a_vod_by_the_rules() {
    let (_server, web) = start().await;
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let now = now.as_second();
    let event = format!("/with/from={},until={}/live/test", now - 20, now + 5);
    let (mut playlists, mut mpds): (Vec<String>, Vec<String>) = Default::default();
    let is_over = |texts: &[String], end: &str| texts.last().is_some_and(|text| text.contains(end));
    while !is_over(&playlists, "#EXT-X-ENDLIST") || !is_over(&mpds, "static") {
        playlists.push(web.text(&format!("{event}/v720/hls.m3u8")).await);
        mpds.push(web.text(&format!("{event}/dash.mpd")).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        playlists[0].contains("PLAYLIST-TYPE:EVENT") && mpds[0].contains("dynamic"),
        "{} {}",
        playlists[0],
        mpds[0]
    );
    playlists.iter().for_each(|text| check_none(&hls::check(text)));
    playlists.windows(2).for_each(|pair| check_none(&hls::check_reload(&pair[0], &pair[1])));
    mpds.iter().for_each(|text| check_none(&dash::check(text)));
    mpds.windows(2).for_each(|pair| check_none(&dash::check_reload(&pair[0], &pair[1])));
    let listed = Playlist::parse(playlists.last().expect("a playlist")).segments.clone();
    let micros: u64 = listed.iter().map(|segment| segment.micros).sum();
    let mpd = dash_mpd_core::parse(mpds.last().expect("an MPD")).expect("an MPD");
    assert_eq!(mpd.mediaPresentationDuration, Some(Duration::from_micros(micros)), "both have the same segments");
}

#[tokio::test]
async fn links_of_playlists_under_conditions_lead_to_what_is_there() {
    let (_server, web) = start().await;
    for (conditions, format) in [("no-deltas,no-hints", "llhls"), ("no-date-time", "hls"), ("delay=6s", "hls")] {
        let multivariant = format!("/with/{conditions}/live/test/{format}.m3u8");
        let text = web.text(&multivariant).await;
        let link = text.lines().find(|line| !line.starts_with('#')).expect("a rendition");
        let playlist = web.resolve(&multivariant, link);
        assert!(playlist.starts_with(&format!("/with/{conditions}/live/test/v720/")), "{playlist}");
        let media = web.text(&playlist).await;
        let file = media.lines().rfind(|line| !line.starts_with('#')).expect("a segment");
        let segment = web.resolve(&playlist, file);
        assert!(segment.starts_with("/live/test/v720/"), "{segment}");
        assert!(!web.fetch(&segment).await.is_empty());
        // None of the conditions changes a segment, so its URL under them redirects to the plain one.
        let moved = web.get(&format!("/with/{conditions}{segment}")).await;
        assert_eq!(web.resolve(&format!("/with/{conditions}{segment}"), moved.header("location")), segment);
    }
}

#[tokio::test]
async fn media_count_from_the_origin_and_differ_in_nothing_else() {
    let (_server, web) = start().await;
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let origin = now.as_second() as u64 - 40;
    // Segments of 1.92 s.
    let before = origin * 100 / 192;
    for (track, ticks) in [("v720", 172_800), ("a", 92_160)] {
        let path = format!("/with/origin={origin}/live/test/{track}/llhls.m3u8");
        let text = web.text(&path).await;
        check_none(&llhls::check(&text));
        let listed = Playlist::parse(&text);
        assert_eq!(listed.sequence, 0, "{text}");
        let last = listed.segments.last().expect("a segment");
        let url = web.resolve(&path, &last.uri);
        let reply = web.receive(&url).await;
        assert!(reply.header("barstone-condition").starts_with("origin="), "{url}");
        let file = |number: u64| format!("/{number}.m4s");
        let plain = format!("/live/{}", url.split_once("/live/").expect("media").1);
        let plain = plain.replace(&file(last.number), &file(last.number + before));
        let (counted, whole) = (reply.0.body, web.fetch(&plain).await);
        let segments = [&counted, &whole].map(|bytes| Segment::parse(bytes).expect("a segment"));
        assert_eq!(segments[0].start(), last.number * ticks);
        assert_eq!(segments[1].start(), (last.number + before) * ticks);
        let payload = |bytes: &[u8], segment: &Segment| -> Vec<u8> {
            segment.chunks.iter().flat_map(|chunk| bytes[chunk.mdat.clone()].to_vec()).collect()
        };
        assert_eq!(payload(&counted, &segments[0]), payload(&whole, &segments[1]));
        let chunks = segments[0].chunks.len() as u64;
        for (place, chunk) in segments[0].chunks.iter().enumerate() {
            assert_eq!(u64::from(chunk.sequence()), last.number * chunks + place as u64 + 1);
            assert!(chunk.prft.as_ref().is_none_or(|prft| prft.media_time == chunk.start()));
        }
        let mut parts = Vec::new();
        for chunk in 0..chunks {
            parts.extend_from_slice(&web.fetch(&url.replace(".m4s", &format!(".{chunk}.m4s"))).await);
        }
        assert_eq!(parts, counted, "the parts are the segment");
    }
}

#[tokio::test]
async fn ffmpeg_plays_under_conditions() {
    let (_server, web) = start().await;
    for path in [
        "/with/no-blocking,no-date-time,no-deltas,no-hints,no-reports/live/test/llhls.m3u8",
        "/with/delay=8s,utc-timing=http-head/live/test/dash.mpd",
        "/with/origin=-10m/live/test/hls.m3u8",
        "/with/origin=-10m/live/test/dash.mpd",
    ] {
        let url = web.url(path);
        let play = move || {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-nostdin", "-i", &url, "-t", "2", "-map", "0:v:0", "-f", "framecrc", "-"]);
            ffmpeg.stdin(Stdio::null()).output().expect("ffmpeg is installed")
        };
        let output = tokio::task::spawn_blocking(play).await.expect("a result");
        let frames = String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("0,")).count();
        assert_eq!(
            (output.status.success(), frames),
            (true, 50),
            "{path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
