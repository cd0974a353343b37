//! Players that are not browsers: GStreamer, ffmpeg and mpv play HLS and DASH, plain and with low latency, and presentations of
//! another moment and single files, without a missing picture or a gap in the audio.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gstreamer::prelude::*;
use gstreamer::{Buffer, ClockTime, Element, ElementFactory, MessageType, MessageView, State};
use reqwest::Method;
use serde_json::json;

use crate::support::LONG;
use crate::support::server::Server;
use crate::support::web::{Web, send};

const MANIFESTS: [&str; 4] = ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"];
const FILES: [&str; 2] = ["stream.mp4", "stream.ts"];
/// Length of a play, at least two segments.
const SECONDS: usize = 5;
const PICTURES: usize = SECONDS * 25;
const SOUNDS: usize = SECONDS * 48_000 / 1024;

/// Presentation times, in seconds, of what a player has shown.
#[derive(Debug, Default)]
struct Played {
    pictures: Vec<f64>,
    /// Times of audio frames of 1024 samples.
    sounds: Vec<f64>,
}

#[tokio::test]
async fn gstreamer_plays_every_url() {
    gstreamer::init().expect("GStreamer is installed");
    check("gstreamer", play_in_gstreamer).await;
}

#[tokio::test]
async fn ffmpeg_plays_every_url() {
    let play = |url: &str| {
        let mut command = Command::new("ffmpeg");
        // ffmpeg opens the representations of LL-DASH one after another, so the sound may begin a segment later.
        command.args(["-v", "info", "-nostats", "-nostdin", "-i", url, "-t", &(SECONDS + 5).to_string()]);
        command.args(["-vf", "showinfo", "-af", "ashowinfo", "-f", "null", "-"]);
        parse_frames(command)
    };
    check("ffmpeg", play).await;
}

#[tokio::test]
async fn mpv_plays_every_url() {
    let play = |url: &str| {
        let mut command = Command::new("mpv");
        // Times count from the first frame, because lavfi prints few digits of those since 1970.
        command.args(["--no-config", "--vo=null", "--ao=null", &format!("--frames={}", PICTURES + 25)]);
        command.args(["--vf=lavfi=[setpts=PTS-STARTPTS,showinfo]", "--af=lavfi=[asetpts=PTS-STARTPTS,ashowinfo]"]);
        command.args(["--msg-level=all=warn,ffmpeg=v", url]);
        parse_frames(command)
    };
    check("mpv", play).await;
}

/// URLs below the server: manifests and files of the live stream, and manifests of an event that goes on and of a VOD.
async fn paths(web: &Web, name: &str) -> Vec<String> {
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let now = now.as_second();
    let event = format!("from={},until={}", now - 40, now + 600);
    let vod = format!("from={},until={}", now - 600, now - 580);
    let live = MANIFESTS.into_iter().chain(FILES).map(|file| format!("/live/{name}/{file}"));
    let of = |conditions: String| ["hls.m3u8", "dash.mpd"].map(|file| format!("/with/{conditions}/live/{name}/{file}"));
    live.chain(of(event)).chain(of(vod)).collect()
}

/// Plays every manifest of a stream with a small picture, all simultaneously.
async fn check(name: &str, play: impl Fn(&str) -> Played + Copy + Send + Sync + 'static) {
    let server = Server::shared();
    let web = Web::of(&server);
    let video = json!([{"id": "v", "width": 320, "height": 180, "bitrate": 400_000}]);
    let made = web.json(Method::POST, "/api/v1/streams", &json!({"name": name, "video": video})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    web.playable(name).await;
    let play = |path: String| {
        let url = web.url(&path);
        (path, tokio::task::spawn_blocking(move || play(&url)))
    };
    let plays: Vec<_> = paths(&web, name).await.into_iter().map(play).collect();
    for (manifest, play) in plays {
        let played = play.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        check_continuous(&format!("pictures of {manifest}"), &played.pictures, PICTURES, 1.0 / 25.0);
        check_continuous(&format!("sound of {manifest}"), &played.sounds, SOUNDS, 1024.0 / 48_000.0);
    }
    assert_eq!(send(web.request(Method::DELETE, &format!("/api/v1/streams/{name}"))).await.status, 204);
}

/// Checks that the first `count` of `times` are `step` seconds apart.
#[track_caller]
fn check_continuous(what: &str, times: &[f64], count: usize, step: f64) {
    assert!(times.len() >= count, "{what}: {} of {count}", times.len());
    for pair in times[..count].windows(2) {
        assert!((pair[1] - pair[0] - step).abs() < 0.002, "{what}: {} s after {} s", pair[1], pair[0]);
    }
}

/// Parses the lines of the ffmpeg filters `showinfo` and `ashowinfo`, one for each frame.
fn parse_frames(mut command: Command) -> Played {
    let output = command.stdin(Stdio::null()).output().expect("it is installed");
    let log = [output.stdout, output.stderr].concat();
    let log = String::from_utf8_lossy(&log);
    assert!(output.status.success(), "{log}");
    let times = |filter: &str| {
        let lines = log.lines().filter(|line| line.contains(filter));
        let values = lines.filter_map(|line| line.split_once("pts_time:")?.1.split_whitespace().next()?.parse().ok());
        values.collect()
    };
    Played { pictures: times("Parsed_showinfo"), sounds: times("Parsed_ashowinfo") }
}

fn play_in_gstreamer(url: &str) -> Played {
    let played = Arc::new(Mutex::new(Played::default()));
    let player = ElementFactory::make("playbin3").property("uri", url).build().expect("playbin3");
    player.set_property("video-sink", sink(&played, |played| &mut played.pictures));
    player.set_property("audio-sink", sink(&played, |played| &mut played.sounds));
    let bus = player.bus().expect("a pipeline has a bus");
    player.set_state(State::Playing).expect("it starts");
    let deadline = Instant::now() + LONG;
    let is_done = || {
        let played = played.lock().expect("no sink panics");
        played.pictures.len() >= PICTURES && played.sounds.len() >= SOUNDS
    };
    while !is_done() {
        let types = [MessageType::Error, MessageType::Eos, MessageType::Element];
        let message = bus.timed_pop_filtered(ClockTime::from_mseconds(100), &types);
        let problem = message.and_then(|message| match message.view() {
            MessageView::Error(error) => Some(format!("{}: {:?}", error.error(), error.debug())),
            MessageView::Eos(_) => Some("the end of a live stream".into()),
            _ => message.structure().filter(|news| news.name() == "missing-plugin").map(ToString::to_string),
        });
        let problem = problem.or_else(|| (Instant::now() > deadline).then(|| "it takes too long".into()));
        if let Some(problem) = problem {
            player.set_state(State::Null).expect("it stops");
            panic!("{url}: {problem}, after {:?}", played.lock().expect("no sink panics"));
        }
    }
    player.set_state(State::Null).expect("it stops");
    std::mem::take(&mut *played.lock().expect("no sink panics"))
}

/// A sink that plays in real time and records the presentation time of each buffer.
fn sink(played: &Arc<Mutex<Played>>, times: fn(&mut Played) -> &mut Vec<f64>) -> Element {
    let sink = ElementFactory::make("fakesink").property("sync", true).property("signal-handoffs", true);
    let sink = sink.build().expect("fakesink");
    let played = Arc::clone(played);
    sink.connect("handoff", false, move |values| {
        let buffer = values[1].get::<Buffer>().expect("the second argument is the buffer");
        let time = Duration::from(buffer.pts().unwrap_or_default());
        times(&mut played.lock().expect("no other sink panics")).push(time.as_secs_f64());
        None
    });
    sink
}
