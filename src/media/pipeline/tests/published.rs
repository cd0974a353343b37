//! Pictures and sound of publishers, encoded like the test signal and read by demuxers and decoders of others.

use std::time::Duration;

use super::live::{Receiver, live_job};
use super::*;
use crate::base::timeline::Kind;
use crate::media::rtp::{self, ParameterSets, VideoCodec};
use crate::media::signal::{self, Layout, Overlay, timecode};
use crate::media::window::live::Relayed;
use crate::media::window::relay::Publication;
use crate::media::window::sound::Packet;

/// Luma of a picture of a publisher: light grey, which the bars have nowhere at the right edge.
const SENT: u8 = 200;
/// Samples in a packet of sound.
const PACKET: u32 = 960;

/// The samples of a pipeline of which every picture is a square of [`SENT`].
fn encoded(encoder: &str) -> gst::Sample {
    let grey = u32::from_be_bytes([0xff, 215, 215, 215]);
    let receiver = Receiver::new(&format!(
        "videotestsrc num-buffers=1 pattern=solid-color foreground-color={grey} \
         ! video/x-raw,format=I420,width=180,height=180,framerate=25/1,colorimetry=bt709 ! {encoder} ! appsink name=out sync=false \
         appsrc name=in ! fakesink"
    ));
    receiver.samples().remove(0)
}

fn bytes(buffer: &gst::BufferRef) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// An IDR picture as a publisher sends it.
fn picture(is_h264: bool) -> (VideoCodec, Vec<Arc<[u8]>>) {
    if !is_h264 {
        let sample = encoded("vp8enc deadline=1");
        return (VideoCodec::Vp8, vec![[&[0x10][..], &bytes(sample.buffer().unwrap())].concat().into()]);
    }
    let sample = encoded("x264enc tune=zerolatency byte-stream=false ! video/x-h264,profile=constrained-baseline");
    let record = sample.caps().unwrap().structure(0).unwrap().get::<gst::Buffer>("codec_data").unwrap();
    let parameters = ParameterSets::of(&bytes(&record)).unwrap();
    let codec = VideoCodec::H264(parameters.profile_level_id);
    (codec, rtp::payloads(&bytes(sample.buffer().unwrap()), Some(&parameters)))
}

/// Two seconds of a tone as packets of Opus.
fn tone() -> Vec<Arc<[u8]>> {
    let receiver = Receiver::new(
        "audiotestsrc num-buffers=100 samplesperbuffer=960 freq=1000 ! audio/x-raw,rate=48000,channels=2 ! opusenc \
         ! appsink name=out sync=false appsrc name=in ! fakesink",
    );
    receiver.samples().iter().map(|sample| bytes(sample.buffer().unwrap()).into()).collect()
}

/// A segment of a track with its init segment.
fn file(output: &Output, track: usize, number: u64) -> Vec<u8> {
    let snapshot = output.tracks[track].window.snapshot();
    let init = &snapshot.init(&output.epoch(0).revision).unwrap().media;
    [init, &segment(output, track, number)].iter().flat_map(|media| media.pieces().concat()).collect()
}

/// The first picture of a segment and the number of its frame, which is in the strip.
fn first_picture(output: &Output, number: u64) -> (Vec<u8>, u64) {
    let receiver = Receiver::new(
        "appsrc name=in ! qtdemux ! h264parse ! openh264dec ! video/x-raw,format=I420 ! appsink name=out sync=false",
    );
    receiver.give(file(output, 0, number));
    let samples = receiver.samples();
    let picture = bytes(samples[0].buffer().unwrap());
    let timeline = output.spec.timeline;
    let strip = timecode::read(&picture, 320, 320, 180).unwrap();
    assert_eq!(strip.frame, timeline.segment(Kind::Video, number).start);
    (picture, strip.frame)
}

/// Luma at the centre, at the left edge and where the clock would be, in the first picture of a segment.
fn shown(output: &Output, number: u64) -> [u8; 3] {
    let (picture, _) = first_picture(output, number);
    let mean = |(x, y): (usize, usize)| {
        let pixels = &picture[y * 320 + x..][..8];
        (pixels.iter().map(|luma| u32::from(*luma)).sum::<u32>() / 8) as u8
    };
    [(156, 90), (4, 90), (156, 157)].map(mean)
}

/// Mean difference between the luma of a picture in the area of the clock and that of a clock over the picture of the publisher.
fn difference_from_clock(output: &Output, picture: &[u8], frame: u64) -> usize {
    let spec = &output.spec;
    let overlay = Overlay::strip_and_clock(&signal::Picture::of(spec, &spec.video[0]));
    let mut expected = vec![SENT; Layout::new(320, 180).size()];
    overlay.paint(&mut expected, frame);
    let (columns, rows) = overlay.clock_area().unwrap();
    let pixels: Vec<usize> = rows.flat_map(|y| columns.clone().map(move |x| y * 320 + x)).collect();
    let differences = pixels.iter().map(|&place| usize::from(picture[place].abs_diff(expected[place])));
    differences.sum::<usize>() / pixels.len()
}

/// Loudness of the sound of a segment, the mean of the magnitudes of its samples.
fn loudness(output: &Output, number: u64) -> u64 {
    let receiver = Receiver::new(
        "appsrc name=in ! qtdemux ! faad ! audioconvert ! audio/x-raw,format=S16LE ! appsink name=out sync=false",
    );
    receiver.give(file(output, 1, number));
    let sound: Vec<u8> = receiver.samples().iter().flat_map(|sample| bytes(sample.buffer().unwrap())).collect();
    let samples =
        sound.chunks_exact(2).map(|sample| u64::from(i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs()));
    samples.sum::<u64>() / (sound.len() as u64 / 2)
}

/// Resolves when a segment that is complete from now on is `as_expected`. Until then, `act` is called for every chunk.
async fn until(output: &Output, what: &str, mut act: impl FnMut(), as_expected: impl Fn(u64) -> bool) {
    let waited = async {
        let mut windows = [output.tracks[0].window.subscribe(), output.tracks[1].window.subscribe()];
        let mut checked = output.last_complete();
        loop {
            act();
            let [pictures, sound] = &mut windows;
            tokio::select! {
                changed = pictures.changed() => changed.unwrap(),
                changed = sound.changed() => changed.unwrap(),
            }
            let complete = output.last_complete();
            if complete > checked && complete.is_some_and(&as_expected) {
                return;
            }
            checked = complete;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap_or_else(|_| panic!("{what}"));
}

/// A publisher of one picture and a tone.
struct Publisher {
    publication: Publication,
    clock: crate::base::utc::Clock,
    tone: Vec<Arc<[u8]>>,
    packets: u32,
}

impl Publisher {
    fn start(job: &Job, is_h264: bool) -> Self {
        let (codec, payloads) = picture(is_h264);
        let mut publication = job.output.relay.publish().unwrap();
        publication.set_codec(codec);
        let clock = job.clock.clone().unwrap();
        publication.add_picture(Relayed { is_idr: true, timestamp: 0, arrived: clock.now(), payloads });
        Self { publication, clock, tone: tone(), packets: 0 }
    }

    /// Sends 200 ms of sound, for a chunk.
    fn speak(&mut self) {
        for _ in 0..10 {
            let payload = Arc::clone(&self.tone[self.packets as usize % self.tone.len()]);
            let (timestamp, due) = (self.packets * PACKET, self.clock.now());
            self.publication.add_sound(Packet { timestamp, due, payload });
            self.packets += 1;
        }
    }
}

/// A stream of a publisher with segments of a second.
fn published(change: &Value) -> Arc<Output> {
    let mut definition = small("a", "ultrafast");
    for (key, value) in [("source", json!("publish")), ("segment_frames", 25.into()), ("chunk_frames", 5.into())] {
        definition[key] = value;
    }
    definition.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    output(definition)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_over_the_picture_of_a_publisher_if_the_definition_says_so() {
    let output = published(&json!({"publish_clock": true}));
    let (stop, job) = (CancellationToken::new(), live_job(&output, SEGMENT, None));
    let has_clock = |number| {
        let (picture, frame) = first_picture(&output, number);
        let difference = |frame| difference_from_clock(&output, &picture, frame);
        // Three hours, three minutes and three seconds later.
        picture[90 * 320 + 156].abs_diff(SENT) < 6 && difference(frame) * 2 < difference(frame + 10_983 * 25)
    };
    let seen = async {
        let mut publisher = Publisher::start(&job, true);
        until(&output, "the clock", || publisher.speak(), has_clock).await;
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(run(job.clone(), stop.clone()), seen);
    assert_eq!(ran, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_publishers_send_is_encoded_with_the_strip_and_without_publisher_there_are_bars() {
    let output = published(&json!({}));
    let (stop, job) = (CancellationToken::new(), live_job(&output, SEGMENT, None));
    let has_bars = |number| shown(&output, number)[0] < SENT / 2 && loudness(&output, number) < 10;
    let has_picture = |number| {
        let [centre, edge, clock] = shown(&output, number);
        [centre, clock].iter().all(|luma| luma.abs_diff(SENT) < 6) && edge < 24 && loudness(&output, number) > 500
    };
    let published = async {
        until(&output, "bars", || {}, has_bars).await;
        for is_h264 in [true, false] {
            let mut publisher = Publisher::start(&job, is_h264);
            until(&output, "a picture with borders, and a tone", || publisher.speak(), has_picture).await;
            drop(publisher);
            until(&output, "bars again", || {}, has_bars).await;
        }
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(run(job.clone(), stop.clone()), published);
    assert_eq!(ran, Ok(()));
    let rate = u64::from(output.spec.video[0].bitrate);
    let length = |number| segment(&output, 0, number).len();
    let complete = output.tracks[0].window.snapshot();
    assert!(complete.complete().all(|(number, _)| length(number) * 8 <= rate), "no segment has more than its bitrate");
}
