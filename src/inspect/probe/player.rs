//! Plays a URL with the demuxers and decoders of the installed GStreamer, and sends the pictures and the sound that a viewer
//! would get as events. The player shares no code with the pipelines that encode streams.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use gstreamer_video::VideoFrameExt;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::ProbeError;
use super::beeps;
use super::quality::Meter;
use super::strip::{Luma, Reader};
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::media::signal::Timecode;
pub(super) use feed::{Coding, Feed};

mod edit_list;
mod feed;
mod mpd_type;

/// Formats whose first plane is luma of 8 bits. The player converts pictures of other formats.
const FORMATS: [&str; 7] = ["I420", "NV12", "YV12", "NV21", "Y42B", "Y444", "GRAY8"];
/// Capacity of the queue of events. While the queue is full, the player waits.
const WAITING: usize = 64;
/// Time for the player to join its threads.
const TEARDOWN: Duration = Duration::from_secs(5);
/// Schemes of sources that send without a request. The player shows their pictures when they arrive.
const PUSHED_SCHEMES: [&str; 2] = ["udp:", "srt:"];
/// A decoder that drops the first samples, the delay of AAC, and gives their time to the samples that follow.
const EARLY_DECODER: &str = "faad";
/// Number of samples that this decoder drops.
const EARLY_SAMPLES: i64 = 1024;
/// Latest first presentation time in nanoseconds. If the first time is later, the player moves the timeline to its start,
/// because some files count from 1970.
const LONGEST_START: u64 = 60_000_000_000;

/// Events of the player.
#[derive(Debug)]
pub(super) enum Event {
    /// The first picture and sound can be played.
    Ready,
    Picture(Picture),
    Sound(Sound),
    /// The source has ended.
    Ended,
    /// The player has failed.
    Failed(String),
}

/// A decoded picture at the moment when the player shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// Time on the timeline of the player, in nanoseconds.
    pub(super) pts: i64,
    /// UTC at that moment.
    pub(super) at: UnixTime,
    pub(super) size: Size,
    pub(super) strip: Option<Timecode>,
}

/// Width and height in pixels, and the frame rate that the stream states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rate: (i32, i32),
}

/// Decoded sound.
#[derive(Debug)]
pub(super) struct Sound {
    /// Time of the first sample on the timeline of the player, in nanoseconds.
    pub(super) pts: i64,
    /// Interleaved samples of all channels.
    pub(super) samples: Vec<f32>,
    pub(super) channels: usize,
}

/// Numbers of encoded bytes that went into decoders.
#[derive(Debug, Clone, Default)]
struct Bytes {
    video: Arc<AtomicU64>,
    audio: Arc<AtomicU64>,
}

/// A player. Its owner must call [`Player::close`].
#[derive(Debug)]
pub(super) struct Player {
    pipeline: gst::Pipeline,
    sinks: [gst_app::AppSink; 2],
    pub(super) events: Receiver<Event>,
    bytes: Bytes,
    meter: Option<Meter>,
}

/// Where a pipeline puts what it decodes, and the events that come of it.
struct Outputs {
    pictures: gst_app::AppSink,
    sound: gst_app::AppSink,
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// By how many nanoseconds the sound is early.
    early: Arc<AtomicI64>,
    /// Presentation time in nanoseconds of the first picture that is shown.
    shown_from: Arc<AtomicU64>,
    meter: Option<Meter>,
}

impl Outputs {
    /// Initialises GStreamer.
    fn new(clock: &Clock, meter: Option<Meter>) -> Result<Self, ProbeError> {
        gst::init().map_err(|error| failed(&error))?;
        mpd_type::register().map_err(|error| failed(&error))?;
        let (sender, events) = mpsc::channel(WAITING);
        let (early, shown_from) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicU64::new(0)));
        let pictures = picture_sink(sender.clone(), clock.clone(), meter.clone(), Arc::clone(&shown_from));
        let sound = sound_sink(sender.clone(), Arc::clone(&early));
        Ok(Self { pictures, sound, sender, events, early, shown_from, meter })
    }
}

/// How fast the player plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// The source is live: the player plays in real time.
    Live,
    /// The source has an end: the player plays as fast as possible.
    Recorded,
}

impl Player {
    /// A player that opens `uri`. `meter` gets the pictures with a strip.
    ///
    /// # Errors
    /// [`ProbeError::Player`] if GStreamer or an element is missing.
    pub(super) fn open(uri: &str, clock: &Clock, meter: Option<Meter>) -> Result<Self, ProbeError> {
        let outputs = Outputs::new(clock, meter)?;
        let playbin = gst::ElementFactory::make("playbin3").property("uri", uri).build();
        let playbin = playbin.map_err(|error| failed(&error.message))?;
        playbin.set_property("video-sink", &outputs.pictures);
        playbin.set_property("audio-sink", &outputs.sound);
        playbin.set_property_from_str("flags", "video+audio");
        let pipeline = playbin.downcast::<gst::Pipeline>().expect("playbin3 is a pipeline");
        if PUSHED_SCHEMES.iter().any(|scheme| uri.starts_with(scheme)) {
            pipeline.connect("source-setup", false, |values| {
                values.get(1)?.get().ok().iter().for_each(remove_arrival_times);
                None
            });
        }
        Ok(Self::start(pipeline, outputs))
    }

    /// A player of pictures and sound that the caller receives.
    ///
    /// # Errors
    /// [`ProbeError::Player`] if GStreamer or an element is missing.
    pub(super) fn fed(clock: &Clock, meter: Option<Meter>) -> Result<(Self, Feed), ProbeError> {
        let outputs = Outputs::new(clock, meter)?;
        let fed = Feed::open([&outputs.pictures, &outputs.sound], Arc::clone(&outputs.shown_from));
        let (pipeline, feed) = fed.map_err(|error| failed(&error))?;
        Ok((Self::start(pipeline, outputs), feed))
    }

    fn start(pipeline: gst::Pipeline, outputs: Outputs) -> Self {
        let Outputs { pictures, sound, sender, events, early, meter, .. } = outputs;
        let bytes = Bytes::default();
        edit_list::apply(&pipeline);
        watch_decoders(&pipeline, &bytes, early);
        pipeline.bus().expect("a pipeline has a bus").set_sync_handler(move |_, message| {
            if let Some(event) = judge(message) {
                // If the probe is over, nobody receives it.
                let _ = sender.blocking_send(event);
            }
            gst::BusSyncReply::Drop
        });
        let player = Self { pipeline, sinks: [pictures, sound], events, bytes, meter };
        player.set_state(gst::State::Paused);
        player
    }

    /// Starts playback with the first picture. Called after [`Event::Ready`], or for sources that send without a request.
    pub(super) fn play(&self) -> Pace {
        let duration = self.pipeline.query_duration::<gst::ClockTime>().filter(|duration| !duration.is_zero());
        let pace = if duration.is_some() && !self.is_pushed() { Pace::Recorded } else { Pace::Live };
        let starts = self.sinks.iter().filter_map(|sink| running_time(&sink.try_pull_preroll(gst::ClockTime::ZERO)?));
        let start = starts.min().and_then(|start| u64::try_from(start).ok()).filter(|start| *start > LONGEST_START);
        for sink in &self.sinks {
            sink.set_property("sync", pace == Pace::Live && !self.is_pushed());
            sink.set_property("ts-offset", -start.map_or(0, |start| start as i64));
        }
        if let Some(meter) = self.meter.as_ref().filter(|_| pace == Pace::Recorded) {
            meter.skip_nothing();
        }
        self.set_state(gst::State::Playing);
        pace
    }

    /// Whether the source sends without a request, so that no [`Event::Ready`] comes.
    pub(super) fn is_pushed(&self) -> bool {
        matches!(self.pipeline.state(gst::ClockTime::ZERO).0, Ok(gst::StateChangeSuccess::NoPreroll))
    }

    /// Encoded bytes of video and audio that went into decoders.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.bytes.video.load(Ordering::Relaxed), self.bytes.audio.load(Ordering::Relaxed))
    }

    /// Begins a change of state. The player reports an error as an event.
    fn set_state(&self, state: gst::State) {
        self.pipeline.call_async(move |pipeline| _ = pipeline.set_state(state));
    }

    /// Stops, and waits until the threads have ended.
    pub(super) async fn close(mut self) {
        self.events.close();
        let down = self.pipeline.call_async_future(|pipeline| _ = pipeline.set_state(gst::State::Null));
        // If the player hangs, it ends with the program.
        let _ = tokio::time::timeout(TEARDOWN, down).await;
    }
}

fn failed(error: &dyn Display) -> ProbeError {
    ProbeError::Player(error.to_string())
}

/// The event that a message of the pipeline means.
fn judge(message: &gst::MessageRef) -> Option<Event> {
    match message.view() {
        gst::MessageView::AsyncDone(_) => Some(Event::Ready),
        gst::MessageView::Eos(_) => Some(Event::Ended),
        gst::MessageView::Error(error) => {
            let element = error.src().map_or_else(|| "player".into(), |source| source.name());
            Some(Event::Failed(format!("{element}: {}", error.error())))
        }
        gst::MessageView::Element(_) => {
            let missing = message.structure().filter(|structure| structure.name() == "missing-plugin")?;
            let name = missing.get::<String>("name").unwrap_or_default();
            Some(Event::Failed(format!("GStreamer has no plugin for it: {name}")))
        }
        _ => None,
    }
}

/// Removes the arrival times that a source gives to its buffers. With these times, the demuxer of MPEG-TS moves the timeline
/// during the first seconds, while it estimates the clock of the sender.
fn remove_arrival_times(source: &gst::Element) {
    let Some(pad) = source.static_pad("src") else { return };
    let offset = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let start = offset.fetch_add(buffer.size() as u64, Ordering::Relaxed);
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::NONE);
                buffer.set_dts(gst::ClockTime::NONE);
                buffer.set_offset(start);
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Segment => {
                *event = gst::event::Segment::new(&gst::FormattedSegment::<gst::format::Bytes>::new());
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Counts the bytes that go into decoders, and stores in `early` by how many nanoseconds the sound of a decoder is early.
fn watch_decoders(pipeline: &gst::Pipeline, bytes: &Bytes, early: Arc<AtomicI64>) {
    let bytes = bytes.clone();
    pipeline.connect_deep_element_added(move |_, _, element| {
        let class = element.factory().and_then(|factory| factory.metadata("klass").map(str::to_owned));
        let class = class.filter(|class| class.contains("Decoder") && !class.contains("Bin")).unwrap_or_default();
        let counter = match (class.contains("Video"), class.contains("Audio")) {
            (true, _) => &bytes.video,
            (_, true) => &bytes.audio,
            _ => return,
        };
        let (Some(pad), counter, early) = (element.static_pad("sink"), Arc::clone(counter), Arc::clone(&early)) else {
            return;
        };
        let is_early = element.factory().is_some_and(|factory| factory.name() == EARLY_DECODER);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let size = info.buffer().map_or(0, |buffer| buffer.size());
            counter.fetch_add(size as u64, Ordering::Relaxed);
            let caps = pad.current_caps().filter(|_| is_early);
            if let Some(rate) =
                caps.and_then(|caps| caps.structure(0)?.get::<i32>("rate").ok()).filter(|rate| *rate > 0)
            {
                early.store(EARLY_SAMPLES * 1_000_000_000 / i64::from(rate), Ordering::Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Presentation time of a sample without the offset of its segment, in nanoseconds.
fn running_time(sample: &gst::Sample) -> Option<i64> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(sample.buffer()?.pts()?)?;
    i64::try_from(time.nseconds()).ok()
}

fn sink(
    caps: &gst::Caps,
    events: Sender<Event>,
    mut read: impl FnMut(&gst::Sample) -> Option<Event> + Send + 'static,
) -> gst_app::AppSink {
    let new_sample = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        match read(&sample).map(|event| events.blocking_send(event)) {
            Some(Err(_)) => Err(gst::FlowError::Eos),
            Some(Ok(())) | None => Ok(gst::FlowSuccess::Ok),
        }
    };
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(new_sample).build();
    gst_app::AppSink::builder().caps(caps).max_buffers(1).callbacks(callbacks).build()
}

fn picture_sink(
    events: Sender<Event>,
    clock: Clock,
    meter: Option<Meter>,
    shown_from: Arc<AtomicU64>,
) -> gst_app::AppSink {
    let caps = gst::Caps::builder("video/x-raw").field("format", gst::List::new(FORMATS)).build();
    let mut reader = Reader::default();
    sink(&caps, events, move |sample| {
        let at = clock.now();
        if sample.buffer()?.pts()?.nseconds() < shown_from.load(Ordering::Relaxed) {
            return None;
        }
        let info = gst_video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
        let (width, height) = (info.width(), info.height());
        let luma = Luma {
            pixels: frame.plane_data(0).ok()?,
            stride: usize::try_from(frame.plane_stride()[0]).ok()?,
            width: width as usize,
            height: height as usize,
        };
        let size = Size { width, height, rate: (info.fps().numer(), info.fps().denom()) };
        let strip = reader.read(luma, at);
        if let (Some(meter), Some(strip), Some(signal)) = (&meter, strip, reader.signal(luma)) {
            meter.add(signal, strip);
        }
        Some(Event::Picture(Picture { pts: running_time(sample)?, at, size, strip }))
    })
}

fn sound_sink(events: Sender<Event>, early: Arc<AtomicI64>) -> gst_app::AppSink {
    let caps = gst::Caps::builder("audio/x-raw").field("format", "F32LE").field("layout", "interleaved");
    let caps = caps.field("rate", beeps::RATE as i32).build();
    sink(&caps, events, move |sample| {
        let channels: i32 = sample.caps()?.structure(0)?.get("channels").ok()?;
        let bytes = sample.buffer()?.map_readable().ok()?;
        let samples =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        let pts = running_time(sample)? + early.load(Ordering::Relaxed);
        Some(Event::Sound(Sound { pts, samples, channels: usize::try_from(channels).ok()? }))
    })
}
