//! The default stream as ffprobe, ffmpeg and a reader of boxes see it: formats, exact times, and every picture and
//! every beep of a minute at its time, in HLS and in DASH.

use std::path::Path;
use std::sync::Arc;

use barstone::base::timeline::{Rate, UnixTime};
use barstone::media::signal::timecode;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::template::Template;
use crate::support::web::Web;
use crate::support::{LONG, ffmpeg, until};
use barstone::inspect::boxes::{Init, Segment, nal_types};

const FPS: u64 = 25;
const SEGMENT_FRAMES: u64 = 48;
const SIZE: (usize, usize) = (1280, 720);
/// Size of the stream whose truth is compared.
const SMALL: (usize, usize) = (320, 180);
const SAMPLE_RATE: u64 = 48_000;
const NAL_SLICE: u8 = 1;
const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;

async fn start() -> (Arc<Server>, Web) {
    let server = Server::shared();
    let web = Web::of(&server);
    web.playable("test").await;
    (server, web)
}

async fn probe(path: &str) -> Vec<Value> {
    let (_server, web) = start().await;
    let url = web.url(path);
    tokio::task::spawn_blocking(move || ffmpeg::probe(&url)).await.expect("ffprobe does not panic")
}

#[track_caller]
fn check_formats(streams: &[Value]) {
    let of_type = |kind: &str| {
        let mut found = streams.iter().filter(|stream| stream["codec_type"] == kind);
        found.next().unwrap_or_else(|| panic!("no {kind} in {streams:?}"))
    };
    let video = of_type("video");
    for (key, value) in [
        ("codec_name", "h264"),
        ("pix_fmt", "yuv420p"),
        ("bits_per_raw_sample", "8"),
        ("r_frame_rate", "25/1"),
        ("color_range", "tv"),
        ("color_space", "bt709"),
        ("sample_aspect_ratio", "1:1"),
    ] {
        assert_eq!(video[key], value, "{key}");
    }
    assert_eq!((&video["width"], &video["height"]), (&SIZE.0.into(), &SIZE.1.into()));
    let audio = of_type("audio");
    for (key, value) in [("codec_name", "aac"), ("profile", "LC"), ("sample_rate", "48000")] {
        assert_eq!(audio[key], value, "{key}");
    }
    assert_eq!(audio["channels"], 2);
}

#[tokio::test]
async fn ffprobe_reads_the_formats_from_the_multivariant_playlist() {
    check_formats(&probe("/live/test/hls.m3u8").await);
}

#[tokio::test]
async fn ffprobe_reads_the_formats_from_the_mpd() {
    check_formats(&probe("/live/test/dash.mpd").await);
}

/// The init segment and the newest `count` segments of a track.
async fn newest(web: &Web, track: &str, count: usize) -> (Init, Vec<(u64, Vec<u8>)>) {
    let playlist = web.playlist("test", track).await;
    let init = Init::parse(&web.media("test", track, &playlist.init()).await).expect("an init segment");
    let mut files = Vec::new();
    for segment in &playlist.segments[playlist.segments.len() - count..] {
        files.push((segment.number, web.media("test", track, &segment.uri).await.to_vec()));
    }
    (init, files)
}

#[track_caller]
fn check_continuous(segments: &[(u64, Segment)], ticks: u64) {
    let mut due = None;
    let mut sequence = 0;
    for (number, segment) in segments {
        assert_eq!(segment.start(), number * ticks, "segment {number} starts");
        assert_eq!(segment.duration(), ticks, "segment {number} lasts");
        for chunk in &segment.chunks {
            assert_eq!(chunk.start(), due.unwrap_or(chunk.start()), "a chunk of segment {number}");
            due = Some(chunk.start() + chunk.duration());
            assert!(chunk.sequence() > sequence, "sequence numbers rise in segment {number}");
            sequence = chunk.sequence();
        }
    }
}

#[tokio::test]
async fn video_segments_begin_with_an_idr_and_follow_each_other_exactly() {
    let (_server, web) = start().await;
    let (init, files) = newest(&web, "v720", 12).await;
    let ticks = SEGMENT_FRAMES * init.timescale() / FPS;
    let mut segments = Vec::new();
    for (number, file) in files {
        let segment = Segment::parse(&file).expect("a segment");
        assert_eq!(segment.chunks.len(), 8);
        let samples: Vec<_> = segment.chunks.iter().flat_map(|chunk| chunk.samples.clone()).collect();
        assert_eq!(samples.len() as u64, SEGMENT_FRAMES);
        for (index, sample) in samples.into_iter().enumerate() {
            let mut types = nal_types(&file[sample]).expect("NAL units");
            types.retain(|kind| *kind != NAL_SEI);
            let slice = if index == 0 { NAL_IDR } else { NAL_SLICE };
            assert!(
                !types.is_empty() && types.iter().all(|kind| *kind == slice),
                "{number}: sample {index}: {types:?}"
            );
        }
        segments.push((number, segment));
    }
    check_continuous(&segments, ticks);
}

#[tokio::test]
async fn audio_segments_follow_each_other_exactly() {
    let (_server, web) = start().await;
    let (init, files) = newest(&web, "a", 12).await;
    assert_eq!(init.timescale(), SAMPLE_RATE);
    let segments = files.iter().map(|(number, file)| (*number, Segment::parse(file).expect("a segment")));
    check_continuous(&segments.collect::<Vec<_>>(), SEGMENT_FRAMES * SAMPLE_RATE / FPS);
}

/// A piece of a track in one file, and the time of its first sample in ticks.
struct Part {
    file: std::path::PathBuf,
    timescale: u64,
    start: u64,
    segments: u64,
}

/// All segments of a media playlist that lists at least a minute.
async fn minute_of_hls(web: &Web, track: &str, directory: &Path) -> Part {
    let playlist = until("a minute is listed", LONG, async || {
        let playlist = web.playlist("test", track).await;
        let listed: u64 = playlist.segments.iter().map(|segment| segment.micros).sum();
        (listed >= 60_000_000 && !playlist.segments.iter().any(|segment| segment.gap)).then_some(playlist)
    });
    let playlist = playlist.await;
    let uris: Vec<_> = playlist.segments.iter().map(|segment| format!("/live/test/{track}/{}", segment.uri)).collect();
    collect(web, &format!("/live/test/{track}/{}", playlist.init()), &uris, directory.join(track)).await
}

/// All available segments of a representation.
async fn minute_of_dash(web: &Web, track: &str, directory: &Path) -> Part {
    let mpd = dash_mpd_core::parse(&web.text("/live/test/dash.mpd").await).expect("an MPD");
    let template = Template::all(&mpd).into_iter().find(|template| template.id == track).expect("the representation");
    let clock = mpd.UTCTiming[0].value.clone().expect("a URL");
    let now: jiff::Timestamp = web.text(&format!("/live/test/{clock}")).await.parse().expect("xs:dateTime");
    let depth = mpd.timeShiftBufferDepth.expect("@timeShiftBufferDepth").as_millis() as u64;
    let numbers = template.available(now.as_millisecond() as u64, depth);
    let uris: Vec<_> = numbers.map(|number| format!("/live/test/{}", template.segment(number))).collect();
    collect(web, &format!("/live/test/{}", template.init()), &uris, directory.join(track)).await
}

async fn collect(web: &Web, init: &str, uris: &[String], file: std::path::PathBuf) -> Part {
    let mut bytes = web.fetch(init).await.to_vec();
    let timescale = Init::parse(&bytes).expect("an init segment").timescale();
    let mut start = None;
    for uri in uris {
        let segment = web.fetch(uri).await;
        start = start.or_else(|| Some(Segment::parse(&segment).expect("a segment").start()));
        bytes.extend_from_slice(&segment);
    }
    std::fs::write(&file, bytes).expect("there is room");
    Part { file, timescale, start: start.expect("there are segments"), segments: uris.len() as u64 }
}

/// Checks every frame: the frame index in the strip is the presentation time times the rate, and the time in the strip
/// is that of the frame in milliseconds.
fn check_pictures(minute: &Part) {
    let rate = Rate::new(FPS as u32, 1).expect("a rate");
    let read = |luma: &[u8]| timecode::read(luma, SIZE.0, SIZE.0, SIZE.1);
    let frames = ffmpeg::frames(&minute.file, SIZE, read);
    assert_eq!(frames.len() as u64, minute.segments * SEGMENT_FRAMES);
    assert!(frames.len() as u64 >= 60 * FPS, "a minute, not {} frames", frames.len());
    for (count, (time, strip)) in frames.into_iter().enumerate() {
        let strip = strip.unwrap_or_else(|error| panic!("frame {count}: {error}"));
        assert_eq!(time * FPS, strip.frame * minute.timescale, "presentation time of frame {count}");
        assert_eq!(strip.frame, minute.start * FPS / minute.timescale + count as u64);
        assert_eq!(strip.time_ms, strip.frame * 1000 / FPS);
        assert_eq!(strip.time_ms, rate.frame_start(strip.frame).as_millis());
    }
}

/// Number of newest segments to decode.
const NEWEST: usize = 3;

#[tokio::test]
async fn every_portrait_picture_can_be_read() {
    const SIZES: [(usize, usize, u32); 3] = [(90, 160, 100_000), (360, 640, 600_000), (1440, 2560, 5_000_000)];
    let rendition = |(width, height, bitrate)| {
        format!("[[streams.video]]\nid = 'v{width}'\nwidth = {width}\nheight = {height}\nbitrate = {bitrate}\n")
    };
    let renditions = SIZES.map(rendition).concat();
    let server =
        Server::configured(&format!("[[streams]]\nname = 'test'\nwindow_seconds = 10\naudio = false\n{renditions}"));
    let (web, directory) = (Web::of(&server), TempDir::new().expect("a temporary directory"));
    web.playable("test").await;
    for (width, height, _) in SIZES {
        let track = format!("v{width}");
        let playlist = web.playlist("test", &track).await;
        let first = playlist.segments.len() - NEWEST;
        let uris = playlist.segments[first..].iter().map(|segment| format!("/live/test/{track}/{}", segment.uri));
        let init = format!("/live/test/{track}/{}", playlist.init());
        let part = collect(&web, &init, &uris.collect::<Vec<_>>(), directory.path().join(&track)).await;
        let read = |luma: &[u8]| timecode::read(luma, width, width, height).map(|strip| strip.frame);
        let found: Result<Vec<_>, _> =
            ffmpeg::frames(&part.file, (width, height), read).into_iter().map(|(_, frame)| frame).collect();
        let start = part.start * FPS / part.timescale;
        assert_eq!(found, Ok((start..start + NEWEST as u64 * SEGMENT_FRAMES).collect()), "{width}x{height}");
    }
}

/// Checks that every second has its beep and nothing else.
fn check_beeps(minute: &Part) {
    let samples = ffmpeg::samples(&minute.file);
    let frames = minute.segments * SEGMENT_FRAMES * SAMPLE_RATE / FPS;
    assert_eq!(samples.len() as u64, frames, "no sample is lost");
    let end = minute.start + frames;
    let mut checked = 0;
    // The decoder needs a frame to start, and the check of a beep starts before the beep.
    let margin = 4096;
    for second in (minute.start + margin).div_ceil(SAMPLE_RATE)..(end - margin) / SAMPLE_RATE {
        let from = (second * SAMPLE_RATE - minute.start) as usize;
        let to = (from + SAMPLE_RATE as usize - 2048).min(samples.len());
        check_beep(second, &samples[from - 2048..to], 2048);
        checked += 1;
    }
    assert!(checked >= 58, "{checked} beeps");
    let first = UnixTime::from_millis(minute.start * 1000 / SAMPLE_RATE);
    assert!(first.as_secs() > 1_700_000_000, "the clock of this machine");
}

/// The truth of an interval, each line with its type.
async fn truth(web: &Web, path_and_query: &str) -> Vec<(String, Value)> {
    let text = web.text(path_and_query).await;
    let parse = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
    text.lines().map(parse).map(|line| (line["type"].as_str().expect("a type").to_owned(), line)).collect()
}

/// The segments of a track in a truth; each file must have the stated hash.
async fn proven(web: &Web, truth: &[(String, Value)], track: &str) -> Vec<String> {
    let segments = truth.iter().filter(|(kind, line)| kind == "segment" && line["track"] == track);
    let mut urls = Vec::new();
    for (_, line) in segments {
        let url = line["url"].as_str().expect("a path");
        let file = web.fetch(url).await;
        let hash: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&line["bytes"], &line["sha256"]), (&file.len().into(), &hash.into()), "{url}");
        assert_eq!(line["media_time"], Segment::parse(&file).expect("a segment").start(), "{url}");
        urls.push(url.to_owned());
    }
    urls
}

/// Checks that the pictures which ffmpeg decodes of `part` are the frames of a truth of a minute.
fn check_true_frames(part: &Part, truth: &[(String, Value)]) {
    let (width, height) = SMALL;
    let read = |luma: &[u8]| timecode::read(luma, width, width, height).expect("every strip is read");
    let decoded = ffmpeg::frames(&part.file, SMALL, read);
    let frames: Vec<_> = truth.iter().filter(|(kind, _)| kind == "frame").map(|(_, line)| line).collect();
    let of_decoded = decoded.iter().position(|(_, strip)| frames[0]["frame"] == strip.frame).expect("it is decoded");
    for (line, (time, strip)) in frames.iter().zip(&decoded[of_decoded..]) {
        let bits: String = strip.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((&line["frame"], &line["time_ms"]), (&strip.frame.into(), &strip.time_ms.into()));
        assert_eq!((&line["media_time"], &line["strip"]), (&(*time).into(), &bits.into()));
    }
    assert!(frames.len() as u64 == 60 * FPS && decoded.len() >= of_decoded + frames.len());
}

/// Checks that the sound which ffmpeg decodes of `part` has the beeps of a truth of a minute.
fn check_true_beeps(part: &Part, truth: &[(String, Value)]) {
    let samples = ffmpeg::samples(&part.file);
    let beeps: Vec<_> = truth.iter().filter(|(kind, _)| kind == "beep").map(|(_, line)| line).collect();
    assert_eq!(beeps.len(), 60);
    for beep in beeps {
        let zero = (beep["media_time"].as_u64().expect("samples") - part.start) as usize;
        let second = beep["sample"].as_u64().expect("samples") / SAMPLE_RATE;
        let (duration, pitch) = if second.is_multiple_of(60) { (0.5, 2000) } else { (0.1, 1000) };
        assert_eq!((&beep["duration"], &beep["frequency"]), (&duration.into(), &pitch.into()));
        let end = (zero + SAMPLE_RATE as usize - 2048).min(samples.len());
        check_beep(second, &samples[zero - 2048..end], 2048);
    }
}

#[tokio::test]
async fn the_truth_of_a_minute_is_what_ffmpeg_decodes() {
    let server = Server::shared();
    let web = Web::of(&server);
    let video = json!([{"id": "v", "width": SMALL.0, "height": SMALL.1, "bitrate": 400_000}]);
    let created = web.json(Method::POST, "/api/v1/streams", &json!({"name": "minute", "video": video})).await;
    assert_eq!(created.status, 201, "{}", created.text());
    web.playable("minute").await;
    let now: jiff::Timestamp = web.text("/time").await.trim().parse().expect("a time");
    // A fifth of a second before the first beep: the decoder needs a frame to start. No beep is cut off at the end.
    let time = |second: i64| jiff::Timestamp::from_millisecond(second * 1000 + 800).expect("a time");
    let query = format!("from={}&to={}&hashes=yes", time(now.as_second() - 71), time(now.as_second() - 11));
    let truth = truth(&web, &format!("/api/v1/streams/minute/truth?{query}")).await;
    let revision = truth[0].1["revision"].as_str().expect("the definition").to_owned();
    let directory = TempDir::new().expect("a temporary directory");
    let mut parts = Vec::new();
    for track in ["v", "a"] {
        let urls = proven(&web, &truth, track).await;
        assert!(urls.len() >= 32, "{track}");
        let init = format!("/live/minute/{track}/{revision}/init.mp4");
        parts.push(collect(&web, &init, &urls, directory.path().join(track)).await);
    }
    let checks = tokio::task::spawn_blocking(move || {
        check_true_frames(&parts[0], &truth);
        check_true_beeps(&parts[1], &truth);
    });
    checks.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
}

#[tokio::test]
async fn the_truth_of_the_past_has_the_hashes_of_the_archive() {
    let (_server, web) = start().await;
    let origin = web.get("/with/origin=-2h/api/v1/streams/test/truth").await;
    let location = web.resolve("/with/origin=-2h/api/v1/streams/test/truth", origin.header("location"));
    let truth = truth(&web, &format!("{location}?from=-1h&to=-59m56s&hashes=yes")).await;
    for track in ["v720", "a"] {
        let urls = proven(&web, &truth, track).await;
        assert!(urls.len() >= 3 && urls.iter().all(|url| url.starts_with("/with/origin=")), "{urls:?}");
    }
}

/// Checks one second of audio, which starts at `zero` of `samples`.
fn check_beep(second: u64, samples: &[i16], zero: usize) {
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
    assert!((3000..6000).contains(&peak), "second {second}: peak {peak}, where -18 dBFS is 4125");
    let sounds = |sample: &i16| sample.unsigned_abs() > peak / 10;
    let first = samples.iter().position(sounds).expect("there is a peak");
    let last = samples.iter().rposition(sounds).expect("there is a peak");
    assert!(first.abs_diff(zero) <= 96, "second {second}: the beep begins {} samples late", first as i64 - zero as i64);
    let (milliseconds, pitch) = if second.is_multiple_of(60) { (500, 2000) } else { (100, 1000) };
    let length = (last - first) * 1000 / SAMPLE_RATE as usize;
    assert!((milliseconds - 6..milliseconds + 6).contains(&length), "second {second}: the beep lasts {length} ms");
    // The middle of the beep, without its fades.
    let middle = &samples[zero + 480..zero + 48 * milliseconds - 480];
    let crossings = middle.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    let expected = 2 * pitch * middle.len() / SAMPLE_RATE as usize;
    assert!(crossings.abs_diff(expected) <= 1, "second {second}: {crossings} zero crossings, not {expected}");
    // The codec rings for a frame or two.
    let after = &samples[zero + 48 * milliseconds + 2048..];
    let loudest = after.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
    assert!(loudest <= peak / 50, "second {second}: {loudest} where silence should be");
}

async fn check(minute: Part, check: fn(&Part)) {
    tokio::task::spawn_blocking(move || check(&minute)).await.unwrap_or_else(|error| {
        std::panic::resume_unwind(error.into_panic());
    });
}

#[tokio::test]
async fn in_a_minute_of_hls_every_picture_and_beep_is_at_its_time() {
    let (_server, web) = start().await;
    let directory = TempDir::new().expect("a temporary directory");
    check(minute_of_hls(&web, "v720", directory.path()).await, check_pictures).await;
    check(minute_of_hls(&web, "a", directory.path()).await, check_beeps).await;
}

#[tokio::test]
async fn in_a_minute_of_dash_every_picture_and_beep_is_at_its_time() {
    let (_server, web) = start().await;
    let directory = TempDir::new().expect("a temporary directory");
    check(minute_of_dash(&web, "v720", directory.path()).await, check_pictures).await;
    check(minute_of_dash(&web, "a", directory.path()).await, check_beeps).await;
}
