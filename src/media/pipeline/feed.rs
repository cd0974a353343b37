//! Produces the raw frames of one track. A frame is painted when the encoder requests it and UTC has reached its
//! time; frames of the past are painted as fast as the encoder accepts them. All of this runs on the encoder's own
//! thread, because handing a frame to another thread costs more than painting it.

use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gstreamer as gst;

use super::PipelineError;
use super::encoder::AAC_LOOKAHEAD;
use super::flow::{Flow, Stopped};
use super::job::Job;
use super::pace::{Pace, Verdict};
use crate::base::metrics::labels;
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, Kind, Timeline};
use crate::media::signal::{Painter, Tone};

/// Longest sleep; after it the clock is read again, so that a step of the clock is noticed.
const NAP: Duration = Duration::from_millis(500);
/// Delay of voaacenc and an AAC decoder in samples. The encoder is fed the sound of this many samples later, so that
/// the decoded beep starts on the second.
const AAC_DELAY_SAMPLES: u64 = 1600;
const CHANNELS: usize = 2;

/// Source of raw frames.
pub(super) enum Source {
    /// I420 pictures.
    Picture(Box<Pictures>),
    /// 1024 samples of interleaved 16-bit stereo.
    Sound(Tone),
}

/// A painter with a pool of its frames, which keep the unchanging part of the picture.
pub(super) struct Pictures {
    painter: Painter,
    used: Receiver<Vec<u8>>,
    give_back: Sender<Vec<u8>>,
}

/// A frame that returns to the pool of [`Pictures`] when the encoder releases it.
struct Frame {
    pixels: Vec<u8>,
    give_back: Sender<Vec<u8>>,
}

/// Which frames are produced, and when.
pub(super) struct Plan {
    pub(super) job: Job,
    pub(super) kind: Kind,
    /// The first, counted from 1970.
    pub(super) start: u64,
    /// Frames produced after the last one, for the encoder's lookahead.
    pub(super) lookahead: u64,
}

impl Plan {
    fn timeline(&self) -> &Timeline {
        &self.job.epoch.spec.timeline
    }

    /// The frame before which the plan ends, if that is known yet.
    fn end(&self) -> u64 {
        let end = self.job.end();
        end.map_or(u64::MAX, |until| self.timeline().segment(self.kind, until).start + self.lookahead)
    }
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
        // Once the run is over the pool is gone.
        let _ = self.give_back.send(std::mem::take(&mut self.pixels));
    }
}

/// The frames of a plan, in order.
pub(super) struct Feed {
    plan: Plan,
    source: Source,
    flow: Flow,
    next: u64,
    pace: Pace,
}

/// Why the feed ends before its plan is done.
pub(super) enum Halt {
    /// The run is stopping.
    Stopped,
    /// The run has failed.
    Failed(PipelineError),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl Feed {
    pub(super) fn new(plan: Plan, source: Source, flow: Flow) -> Self {
        let next = plan.start;
        let pace = Pace::new(plan.timeline().segment_duration(), plan.job.epoch.spec.window);
        Self { plan, source, flow, next, pace }
    }

    /// The next frame; blocks until it is due. `None` once the plan is done.
    ///
    /// # Errors
    /// [`PipelineError::Late`] if the run cannot keep up with UTC.
    pub(super) fn next(&mut self) -> Result<Option<gst::Buffer>, Halt> {
        self.flow.check()?;
        if self.next >= self.plan.end() {
            self.flow.finish();
            return Ok(None);
        }
        self.until_due(self.next)?;
        let mut buffer = self.source.frame(self.next);
        // Timestamps count from the run's first frame: x264enc overflows on Unix time.
        let since = self.next - self.plan.start;
        let stamped = buffer.get_mut().expect("nobody else has seen the buffer");
        stamped.set_pts(self.stamp(since));
        stamped.set_duration(self.stamp(since + 1).saturating_sub(self.stamp(since)));
        self.next += 1;
        self.flow.give();
        Ok(Some(buffer))
    }

    fn stamp(&self, since: u64) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.plan.timeline().frame_start(self.plan.kind, since).as_nanos())
    }

    fn until_due(&mut self, index: u64) -> Result<(), Halt> {
        let Plan { job, kind, .. } = &self.plan;
        let Some(clock) = &job.clock else { return Ok(()) };
        let timeline = self.plan.timeline();
        // Chunks are published whole, and waking the thread for every frame costs more than the frame. So sound is
        // produced a chunk at a time with its lookahead, and pictures in a few groups.
        let last = match kind {
            Kind::Video => last_of_group(timeline.chunk_of(*kind, index), index),
            Kind::Audio => timeline.chunk_of(*kind, index.saturating_sub(AAC_LOOKAHEAD)).end - 1,
        };
        let due = timeline.frame_start(*kind, last);
        loop {
            match self.pace.judge(due, clock.now()) {
                Verdict::Wait(wait) => self.flow.sleep(wait.min(NAP))?,
                Verdict::Go => return Ok(()),
                Verdict::Jumped(behind) => {
                    let stream = &job.epoch.spec.name;
                    tracing::warn!(%stream, %kind, millis = behind.as_millis(), "the clock has jumped; encoding the missing frames");
                    job.metrics.jumps.get_or_create(&labels(stream.as_str())).inc();
                    return Ok(());
                }
                Verdict::Late(behind) => return Err(Halt::Failed(PipelineError::Late { behind })),
            }
        }
    }
}

/// The last frame of the group of `frame` in its chunk. Groups halve: half of the frames, half of the rest and so on,
/// so that few frames are left to encode when the chunk ends.
fn last_of_group(chunk: Range<u64>, frame: u64) -> u64 {
    const LEAST: u64 = 2;
    let mut end = chunk.start;
    while end <= frame {
        let left = chunk.end - end;
        end += (left / 2).max(LEAST).min(left);
    }
    end - 1
}

#[cfg(test)]
mod tests {
    use super::last_of_group;

    #[test]
    fn groups_halve_towards_the_end_of_their_chunk() {
        let ends = |chunk: std::ops::Range<u64>| {
            chunk.clone().map(|frame| last_of_group(chunk.clone(), frame) + 1).collect::<Vec<_>>()
        };
        assert_eq!(ends(0..1), [1]);
        assert_eq!(ends(8..16), [12, 12, 12, 12, 14, 14, 16, 16]);
        assert_eq!(ends(5..10), [7, 7, 9, 9, 10]);
    }
}
