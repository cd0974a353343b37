//! Pictures one by one and sound, read by depacketizers and decoders of others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::FutureExt;
use gst::prelude::*;
use gstreamer_app as gst_app;

use super::super::encoder::LeadIn;
use super::super::feed::Plan;
use super::super::opus::OpusEncoders;
use super::*;
use crate::base::timeline::{SAMPLE_RATE, UnixTime};
use crate::base::utc::Clock;
use crate::media::cmaf::unpadded;
use crate::media::signal::{CHANNELS, Tone};
use crate::media::window::Epoch;
use crate::media::window::live::{Follower, Picture};
use crate::media::window::sound::Packet;

/// A clock that shows `start` now.
fn clock_from(start: UnixTime) -> Clock {
    let since = Instant::now();
    Clock::from_fn(move || start + since.elapsed())
}

/// A run in real time that has just begun segment `from`.
pub(super) fn live_job(output: &Arc<Output>, from: u64, until: Option<u64>) -> Job {
    let (output, epoch) = (Arc::clone(output), output.epoch(from));
    let clock = Some(clock_from(output.spec.timeline.segment_start(from)));
    Job { output, epoch, from, until, clock, priority: Priority::Normal, metrics: Arc::default() }
}

/// Frames of a segment of one second.
const FRAMES: u64 = 25;

/// The shortest segments.
fn short() -> Arc<Output> {
    let mut definition = small("a", "ultrafast");
    definition["segment_frames"] = FRAMES.into();
    definition["chunk_frames"] = 5.into();
    output(definition)
}

/// All pictures up to frame `end`.
async fn follow(mut follower: Follower, end: u64) -> Vec<Arc<Picture>> {
    let mut pictures: Vec<Arc<Picture>> = Vec::new();
    while pictures.last().is_none_or(|last| last.frame + 1 < end) {
        follower.changed().await.unwrap();
        let group = follower.group();
        pictures.extend(group.iter().flat_map(|group| group.after(pictures.last())).cloned().collect::<Vec<_>>());
    }
    pictures
}

/// Resolves when there is no group, soon after the end of a run.
async fn until_gone(mut follower: Follower) {
    let gone = async {
        while follower.group().is_some() {
            follower.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
}

#[tokio::test]
async fn published_bytes_are_the_same_with_and_without_followers() {
    let (followed, other) = (short(), short());
    let segments = SEGMENT..SEGMENT + 2;
    let track = &followed.tracks[0];
    let end = segments.end * FRAMES;
    let (ran, pictures, rendered) = tokio::join!(
        run(live_job(&followed, segments.start, Some(segments.end + 1)), CancellationToken::new()),
        follow(track.live.follow(), end),
        render(&other, segments.start, segments.end),
    );
    assert_eq!((ran, rendered), (Ok(()), Ok(())));
    assert!(!track.live.followed());
    let mut published = Vec::new();
    for number in segments.clone() {
        assert!((0..2).all(|track| segment(&followed, track, number) == segment(&other, track, number)), "{number}");
        let snapshot = track.window.snapshot();
        let chunks = &snapshot.segment(number).unwrap().chunks;
        published.extend(chunks.iter().flat_map(|chunk| unpadded(&chunk.media).unwrap()));
    }
    let frames = pictures.iter().map(|picture| picture.frame);
    assert!(frames.eq(segments.start * FRAMES..end), "every picture once");
    assert!(pictures.iter().all(|picture| picture.is_idr() == picture.frame.is_multiple_of(FRAMES)));
    let (read, record) = depacketize(&pictures);
    assert!(read.iter().map(Vec::as_slice).eq(published.iter().map(AsRef::as_ref)), "what a receiver reads");
    let snapshot = track.window.snapshot();
    let init = snapshot.init(&followed.epoch(0).revision).unwrap();
    let crate::media::cmaf::Configuration::Avc { record: own, .. } = &init.configuration else { panic!("H.264") };
    assert_eq!(record[1..4], own[1..4]);
    until_gone(track.live.follow()).await;
}

/// Access units and the decoder configuration that a receiver gets from the payloads of pictures.
fn depacketize(pictures: &[Arc<Picture>]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let caps =
        "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96,packetization-mode=(string)1";
    let receiver = Receiver::new(&format!(
        "appsrc name=in format=time caps={caps} ! rtph264depay ! video/x-h264,stream-format=avc,alignment=au ! appsink name=out sync=false"
    ));
    let mut sequence = 0_u16;
    for picture in pictures {
        for (index, payload) in picture.payloads().iter().enumerate() {
            let marker = if index + 1 == picture.payloads().len() { 0x80 } else { 0 };
            let (number, timestamp) = (sequence.to_be_bytes(), picture.timestamp.to_be_bytes());
            let header = [&[0x80, marker | 96][..], &number, &timestamp, &[0, 0, 0, 1]].concat();
            receiver.give([&header[..], payload].concat());
            sequence += 1;
        }
    }
    let samples = receiver.samples();
    let record = samples[0].caps().unwrap().structure(0).unwrap().get::<gst::Buffer>("codec_data").unwrap();
    let bytes = |buffer: &gst::BufferRef| buffer.map_readable().unwrap().to_vec();
    (samples.iter().map(|sample| bytes(sample.buffer().unwrap())).collect(), bytes(&record))
}

/// A pipeline from `in` to `out`.
pub(super) struct Receiver {
    pipeline: gst::Element,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Receiver {
    pub(super) fn new(description: &str) -> Self {
        let pipeline = gst::parse::launch(description).unwrap();
        let bin = pipeline.downcast_ref::<gst::Bin>().unwrap();
        let source = bin.by_name("in").unwrap().downcast().unwrap();
        let sink = bin.by_name("out").unwrap().downcast().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, source, sink }
    }

    pub(super) fn give(&self, bytes: Vec<u8>) {
        self.source.push_buffer(gst::Buffer::from_slice(bytes)).unwrap();
    }

    pub(super) fn samples(self) -> Vec<gst::Sample> {
        self.source.end_of_stream().unwrap();
        let samples = std::iter::from_fn(|| self.sink.pull_sample().ok()).collect();
        self.pipeline.set_state(gst::State::Null).unwrap();
        samples
    }
}

#[tokio::test]
async fn a_run_of_the_past_shows_no_pictures() {
    let output = short();
    let mut follower = output.tracks[0].live.follow();
    render(&output, SEGMENT, SEGMENT + 1).await.unwrap();
    assert!(follower.group().is_none());
    assert_eq!(follower.changed().now_or_never(), None);
}

#[tokio::test]
async fn the_pictures_of_an_epoch_end_where_the_next_begins() {
    let output = short();
    let next = output.epoch(0).spec.clone();
    let next = crate::definition::spec::StreamSpec { title: "next".to_owned(), ..next };
    let revision = next.revision("");
    let job = live_job(&output, SEGMENT, None);
    assert!(output.change(Epoch::new((1, SEGMENT + 1), next, revision)));
    let stop = CancellationToken::new();
    let mut follower = output.tracks[0].live.follow();
    let rest = job.epoch.rest(0).unwrap().clone();
    let (ran, ()) = tokio::join!(run(job, stop.clone()), async {
        let mut past = rest.subscribe();
        past.wait_for(|snapshot| snapshot.edge().is_some()).await.unwrap();
        let group = follower.group().unwrap();
        assert_eq!(group.newest().frame, SEGMENT * FRAMES + 24);
        stop.cancel();
    });
    assert_eq!(ran, Ok(()));
    until_gone(follower).await;
}

#[test]
fn frames_of_a_track_that_is_followed_are_due_one_by_one() {
    let output = short();
    let plan = |track: usize| {
        let kind = output.tracks[track].kind;
        let start = output.spec.timeline.segment(kind, SEGMENT).start;
        Plan {
            job: live_job(&output, SEGMENT, None),
            track,
            kind,
            lead_in: LeadIn { start, early_idrs: Vec::new() },
            lookahead: 0,
        }
    };
    let due = |frames: std::ops::Range<u64>| -> Vec<u64> {
        let (plan, start) = (plan(0), output.spec.timeline.segment_start(SEGMENT));
        frames.map(|frame| plan.due(SEGMENT * FRAMES + frame).saturating_since(start).as_millis() as u64 / 40).collect()
    };
    assert_eq!(due(0..6), [1, 1, 3, 3, 4, 6]);
    let follower = output.tracks[0].live.follow();
    assert_eq!(due(0..6), [0, 1, 2, 3, 4, 5]);
    let sound = plan(1);
    let followed = sound.due(sound.lead_in.start);
    drop(follower);
    assert_eq!((due(0..3), sound.due(sound.lead_in.start)), (vec![1, 1, 3], followed));
}

#[tokio::test]
async fn the_decoded_beep_starts_on_the_second() {
    probe().unwrap();
    let second = 1_795_232_429;
    // A busy machine may begin to encode late, but begins before the second.
    let encoders = OpusEncoders::new(clock_from(UnixTime::from_millis(second * 1000 - 2900)));
    let output = output(json!({"name": "a", "video": [], "audio": {}}));
    let audio = output.spec.audio.clone().unwrap();
    let mut follower = encoders.follow(&audio).unwrap();
    let mut other = encoders.follow(&audio).unwrap();
    let mut packets: Vec<Arc<Packet>> = Vec::new();
    packets.push(follower.next().await.unwrap());
    assert!(Arc::ptr_eq(&packets[0], &other.next().await.unwrap()), "one encoder for all");
    let end = UnixTime::from_millis(second * 1000 + 300);
    while packets.last().unwrap().due < end {
        packets.push(follower.next().await.unwrap());
    }
    let first = packets[0].due.as_millis() * 48;
    for (index, packet) in (0..).zip(&packets) {
        assert_eq!(packet.timestamp, (first + index * 960) as u32);
        assert_eq!(packet.payload.len(), 320, "a constant bitrate");
    }
    let decoded = decode(&packets);
    assert_eq!(decoded.len(), packets.len() * 960);
    let tone = Tone::new(audio.beep_hz, audio.beep_dbfs.into());
    let alike = |lag: i64| -> i64 {
        let mut expected = vec![0_i16; decoded.len() * CHANNELS];
        tone.fill((first as i64 + lag) as u64, &mut expected);
        let products =
            expected.chunks(CHANNELS).zip(&decoded).map(|(pair, sample)| i64::from(pair[0]) * i64::from(*sample));
        products.sum()
    };
    let best = (-480..480).max_by_key(|lag| alike(*lag)).unwrap();
    assert!(best.abs() <= 2, "{best} samples late");
    assert!(first < second * u64::from(SAMPLE_RATE), "the beep is within");
    drop((follower, other));
    let deadline = Instant::now() + Duration::from_secs(30);
    while encoders.running() > 0 {
        assert!(Instant::now() < deadline, "the encoder ends when nobody follows");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_first_packet_of_sound_is_on_time() {
    probe().unwrap();
    let (begin, began, is_read) = (UnixTime::from_millis(1_795_232_428_000), Instant::now(), AtomicBool::new(false));
    let adapted = begin + Duration::from_millis(300);
    // The encoder reads the clock before it adapts to the sound, and afterwards.
    let tell = move || if is_read.swap(true, Ordering::Relaxed) { adapted + began.elapsed() } else { begin };
    let encoders = OpusEncoders::new(Clock::from_fn(tell));
    let audio = output(json!({"name": "a", "video": [], "audio": {}})).spec.audio.clone().unwrap();
    let mut follower = encoders.follow(&audio).unwrap();
    assert!(follower.next().await.unwrap().due > adapted);
}

/// The left channel.
fn decode(packets: &[Arc<Packet>]) -> Vec<i16> {
    let decoder = Receiver::new(
        "appsrc name=in format=time caps=audio/x-opus,channel-mapping-family=0,channels=2,rate=48000 ! opusdec \
         ! audio/x-raw,format=S16LE,rate=48000,channels=2 ! appsink name=out sync=false",
    );
    packets.iter().for_each(|packet| decoder.give(packet.payload.to_vec()));
    let bytes = decoder
        .samples()
        .iter()
        .flat_map(|sample| sample.buffer().unwrap().map_readable().unwrap().to_vec())
        .collect::<Vec<_>>();
    bytes.chunks(2 * CHANNELS).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
