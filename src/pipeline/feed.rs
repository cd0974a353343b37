//! The thread that makes the raw frames of one track, each when UTC reaches its time, and hands them to the
//! encoder. Frames of the past are made as fast as the encoder takes them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gstreamer as gst;

use super::PipelineError;
use super::flow::{Blocked, Flow};
use crate::signal::{Painter, Tone};
use crate::timeline::{AUDIO_FRAME_SAMPLES, Kind, Timeline};
use crate::utc::Clock;

/// Longest sleep, so that a step of the clock is noticed.
const NAP: Duration = Duration::from_millis(500);
/// Sound comes out of voaacenc and any AAC decoder this many samples late, so it is fed the sound of so many
/// samples later.
const AAC_DELAY_SAMPLES: u64 = 1600;
const CHANNELS: usize = 2;
/// voaacenc gives a frame when it has seen the one after it.
const AAC_LOOKAHEAD: u64 = 1;

/// Makes the raw frame of an index.
pub(super) enum Source {
    /// I420 pictures.
    Picture(Box<Pictures>),
    /// 1024 samples of interleaved 16-bit stereo.
    Sound(Tone),
}

/// A painter with its used frames, which keep the picture that never changes.
pub(super) struct Pictures {
    painter: Painter,
    used: Receiver<Vec<u8>>,
    give_back: Sender<Vec<u8>>,
}

/// A frame that returns to [`Pictures`] when the encoder has let go of it.
struct Frame {
    pixels: Vec<u8>,
    give_back: Sender<Vec<u8>>,
}

/// Which frames are made, and when.
pub(super) struct Plan {
    pub(super) timeline: Timeline,
    pub(super) kind: Kind,
    /// Indices since 1970; the end is far away for a live run.
    pub(super) frames: Range<u64>,
    /// Paces frames that are not yet past; `None` never waits.
    pub(super) clock: Option<Clock>,
}

impl Source {
    pub(super) fn picture(painter: Painter) -> Self {
        let (give_back, used) = channel();
        Self::Picture(Box::new(Pictures { painter, used, give_back }))
    }

    fn frame(&self, index: u64) -> gst::Buffer {
        match self {
            Self::Picture(pictures) => pictures.frame(index),
            Self::Sound(tone) => {
                let mut samples = [0_i16; AUDIO_FRAME_SAMPLES as usize * CHANNELS];
                tone.fill(index * u64::from(AUDIO_FRAME_SAMPLES) + AAC_DELAY_SAMPLES, &mut samples);
                gst::Buffer::from_slice(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>())
            }
        }
    }
}

impl Pictures {
    fn frame(&self, index: u64) -> gst::Buffer {
        let mut pixels = self.used.try_recv().unwrap_or_else(|_| self.painter.blank());
        self.painter.paint(&mut pixels, index);
        gst::Buffer::from_slice(Frame { pixels, give_back: self.give_back.clone() })
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.pixels
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // Nobody takes frames back once the run is over.
        let _ = self.give_back.send(std::mem::take(&mut self.pixels));
    }
}

/// Feeds `push` until the plan is done or the run stops.
pub(super) fn feed(
    plan: &Plan,
    source: &Source,
    flow: &Flow,
    mut push: impl FnMut(gst::Buffer) -> Result<(), PipelineError>,
    element: &str,
) -> Result<(), PipelineError> {
    let stamp = |index: u64| gst::ClockTime::from_nseconds(plan.timeline.frame_start(plan.kind, index).as_nanos());
    let mut pace = Pace { plan, flow, on_time: false };
    for index in plan.frames.clone() {
        match pace.until_due(index).and_then(|()| flow.enter().map_err(Interrupt::Blocked)) {
            Ok(()) => {}
            Err(Interrupt::Blocked(Blocked::Stopped)) => return Ok(()),
            Err(Interrupt::Blocked(Blocked::Stalled(waited))) => {
                return Err(PipelineError::Stalled { element: element.to_owned(), waited });
            }
            Err(Interrupt::Late(behind)) => return Err(PipelineError::Late { behind }),
        }
        let mut buffer = source.frame(index);
        // The encoder sees times since the run's first frame: it cannot count as far as from 1970.
        let since = index - plan.frames.start;
        let stamped = buffer.get_mut().expect("nobody else has seen the buffer");
        stamped.set_pts(stamp(since));
        stamped.set_duration(stamp(since + 1).saturating_sub(stamp(since)));
        push(buffer)?;
    }
    Ok(())
}

enum Interrupt {
    Blocked(Blocked),
    Late(Duration),
}

struct Pace<'a> {
    plan: &'a Plan,
    flow: &'a Flow,
    on_time: bool,
}

impl Pace<'_> {
    fn until_due(&mut self, index: u64) -> Result<(), Interrupt> {
        let Some(clock) = &self.plan.clock else { return Ok(()) };
        let Plan { timeline, kind, .. } = self.plan;
        // Nobody gets a part of a chunk, so its sound is made at once, with what the encoder wants to see after it: a thread
        // that wakes for every frame of 21 ms costs more than the encoder.
        let last = match kind {
            Kind::Video => index,
            Kind::Audio => timeline.last_audio_frame_of_chunk(index.saturating_sub(AAC_LOOKAHEAD)),
        };
        let due = timeline.frame_start(*kind, last);
        loop {
            let now = clock.now();
            let wait = due.saturating_since(now);
            if wait.is_zero() {
                let behind = now.saturating_since(due);
                if self.on_time && behind > self.plan.timeline.segment_duration() {
                    return Err(Interrupt::Late(behind));
                }
                return Ok(());
            }
            self.on_time = true;
            self.flow.sleep(wait.min(NAP)).map_err(Interrupt::Blocked)?;
        }
    }
}
