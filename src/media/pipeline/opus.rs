//! Opus for viewers that get sound over RTP. The sound follows from UTC and the beep, so one encoder serves all streams
//! with the same beep. It has a thread of its own, and runs only while somebody follows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_audio as gst_audio;

use super::{PipelineError, encoder};
use crate::base::timeline::{SAMPLE_RATE, UnixTime};
use crate::base::utc::Clock;
use crate::definition::spec::AudioSpec;
use crate::media::rtp;
use crate::media::signal::{CHANNELS, Tone};
use crate::media::window::sound::{Follower, Packet, Sender};

/// Bits per second.
const BITRATE: i32 = 128_000;
const PACKET_MILLIS: u64 = 20;
const PACKET_SAMPLES: u64 = SAMPLE_RATE as u64 * PACKET_MILLIS / 1000;
/// Delay of libopus and a decoder in samples. The encoder gets sound that is this many samples later, so that the decoded
/// beep starts on the second.
const LOOKAHEAD: u64 = 312;
/// Packets that are encoded before the first one that is sent: the encoder adapts to the sound for about a second.
const WARM_UP: u64 = 1000 / PACKET_MILLIS;
/// Delay behind UTC after which packets are skipped: the clock has jumped, or the machine was suspended.
const BEHIND: Duration = Duration::from_secs(1);
/// Maximum sleep. Afterwards the clock is read again, so that a clock step is noticed.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// Time in which the encoder returns a packet.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// Pitch and level of a beep.
type Beep = (u32, i32);
type Senders = HashMap<Beep, Sender>;

/// The encoders of the process, one for each beep that is followed. Clones share them.
#[derive(Debug, Clone)]
pub struct OpusEncoders {
    clock: Clock,
    senders: Arc<Mutex<Senders>>,
}

impl OpusEncoders {
    /// No encoder runs yet. `clock` paces the packets.
    pub fn new(clock: Clock) -> Self {
        Self { clock, senders: Arc::default() }
    }

    /// Number of encoders that run.
    pub fn running(&self) -> usize {
        lock(&self.senders).len()
    }

    /// Follows the sound of a track, packets of 20 ms that come when they are due. The first packet comes when the encoder
    /// has started and is on time. The sound ends if the encoder fails; the log says why.
    ///
    /// # Errors
    /// [`PipelineError`] if the encoder has no thread.
    pub fn follow(&self, audio: &AudioSpec) -> Result<Follower, PipelineError> {
        let beep = (audio.beep_hz, audio.beep_dbfs);
        let mut senders = lock(&self.senders);
        if let Some(sender) = senders.get(&beep) {
            return Ok(sender.follow());
        }
        let packets = Sender::default();
        let follower = packets.follow();
        let thread = EncoderThread {
            beep,
            clock: self.clock.clone(),
            senders: Arc::clone(&self.senders),
            packets: packets.clone(),
        };
        let started = std::thread::Builder::new().name("opus".to_owned()).spawn(move || thread.run());
        started.map_err(|error| failed(&error.to_string()))?;
        senders.insert(beep, packets);
        Ok(follower)
    }
}

/// The thread of one encoder.
struct EncoderThread {
    beep: Beep,
    clock: Clock,
    senders: Arc<Mutex<Senders>>,
    packets: Sender,
}

impl EncoderThread {
    fn run(self) {
        let (hz, dbfs) = self.beep;
        let ended = Encoder::start(Tone::new(hz, dbfs.into())).and_then(|mut encoder| self.publish(&mut encoder));
        if let Err(error) = ended {
            tracing::error!(%error, "sound over WebRTC has ended");
            lock(&self.senders).remove(&self.beep);
        }
    }

    /// Sends packets while somebody follows.
    fn publish(&self, encoder: &mut Encoder) -> Result<(), PipelineError> {
        let mut next = packet_at(self.clock.now());
        (next.saturating_sub(WARM_UP)..next).try_for_each(|packet| encoder.encode(packet).map(drop))?;
        // The packets that became due meanwhile are late. A receiver that dates sound by the arrival of the first packet would
        // play all sound as late as that packet.
        let mut is_on_time = false;
        while !self.is_over() {
            let (due, now) = (due(next), self.clock.now());
            if now < due {
                is_on_time = true;
                std::thread::sleep(due.saturating_since(now).min(MAX_SLEEP));
                continue;
            }
            if now.saturating_since(due) > BEHIND {
                next = packet_at(now);
                continue;
            }
            let payload = encoder.encode(next)?;
            if is_on_time {
                // Without a follower the next turn ends the thread.
                self.packets.send(Packet { timestamp: rtp::timestamp(due, SAMPLE_RATE), due, payload });
            }
            next += 1;
        }
        Ok(())
    }

    /// Whether nobody follows any more. Then the next follower starts another encoder.
    fn is_over(&self) -> bool {
        let mut senders = lock(&self.senders);
        let is_over = !self.packets.followed();
        if is_over {
            senders.remove(&self.beep);
        }
        is_over
    }
}

/// `appsrc ! opusenc ! appsink`, which is stopped when it is dropped.
struct Encoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
    tone: Tone,
    encoded: u64,
}

impl Encoder {
    fn start(tone: Tone) -> Result<Self, PipelineError> {
        let opus = encoder::make("opusenc", "sound")?;
        opus.set_property("bitrate", BITRATE);
        opus.set_property_from_str("bitrate-type", "cbr");
        opus.set_property_from_str("frame-size", &PACKET_MILLIS.to_string());
        let caps = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, SAMPLE_RATE, CHANNELS as u32)
            .build()
            .and_then(|info| info.to_caps())
            .map_err(|error| failed(&error.to_string()))?;
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        let elements = [source.upcast_ref(), &opus, sink.upcast_ref()];
        let linked = pipeline.add_many(elements).and_then(|()| gst::Element::link_many(elements));
        linked.map_err(|error| failed(&error.to_string()))?;
        let encoder = Self { pipeline, source, sink, tone, encoded: 0 };
        super::state::start(&encoder.pipeline)?;
        Ok(encoder)
    }

    /// Encodes the packet `packet`, counted from 1970.
    fn encode(&mut self, packet: u64) -> Result<Arc<[u8]>, PipelineError> {
        let mut samples = [0_i16; PACKET_SAMPLES as usize * CHANNELS];
        self.tone.fill(packet * PACKET_SAMPLES + LOOKAHEAD, &mut samples);
        let bytes = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>();
        let mut buffer = gst::Buffer::from_slice(bytes);
        let stamped = buffer.get_mut().expect("nobody else has seen the buffer");
        stamped.set_pts(gst::ClockTime::from_mseconds(self.encoded * PACKET_MILLIS));
        stamped.set_duration(gst::ClockTime::from_mseconds(PACKET_MILLIS));
        self.encoded += 1;
        self.source.push_buffer(buffer).map_err(|error| failed(&error.to_string()))?;
        let sample = self.sink.try_pull_sample(TIMEOUT);
        let bytes = sample.as_ref().and_then(|sample| sample.buffer()?.map_readable().ok());
        bytes.map(|bytes| bytes.as_slice().into()).ok_or_else(|| failed("gave no packet"))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // A pipeline that does not stop keeps its thread.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn lock(senders: &Mutex<Senders>) -> MutexGuard<'_, Senders> {
    senders.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(message: &str) -> PipelineError {
    PipelineError::Element { element: "opusenc-sound".to_owned(), message: message.to_owned() }
}

/// The packet at a time, counted from 1970.
fn packet_at(time: UnixTime) -> u64 {
    time.as_millis() / PACKET_MILLIS
}

fn due(packet: u64) -> UnixTime {
    UnixTime::from_millis(packet * PACKET_MILLIS)
}
