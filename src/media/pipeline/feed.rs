//! Produces the raw frames of one track. A frame is painted when the encoder requests it and UTC has reached its
//! time; frames of the past are painted as fast as the encoder accepts them. All of this runs on the encoder's own
//! thread, because handing a frame to another thread costs more than painting it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gstreamer as gst;

use super::PipelineError;
use super::encoder::{AAC_LOOKAHEAD, LeadIn};
use super::flow::{Flow, Stopped};
use super::job::Job;
use super::pace::{Pace, Verdict};
use super::published::Published;
use crate::base::metrics::labels;
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, Kind, Timeline, UnixTime};
use crate::media::signal::{Overlay, Painter, Tone};

/// Maximum sleep. Afterwards the clock is read again, so that a clock step is noticed.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// Time after which a run that pauses asks again.
const PAUSE: Duration = Duration::from_millis(5);
/// Delay of voaacenc and an AAC decoder in samples. The encoder gets audio that is this many samples later, so that the
/// decoded beep starts on the second.
const AAC_DELAY_SAMPLES: u64 = 1600;
const CHANNELS: usize = 2;

/// Source of raw frames.
pub(super) enum Source {
    /// I420 pictures.
    Picture(Box<Pictures>),
    /// Pictures of a publisher.
    Published(Box<PublishedPictures>),
    /// 1024 samples of interleaved 16-bit stereo.
    Sound(Tone),
    /// Sound of a publisher.
    PublishedSound(Arc<Published>),
}

/// A painter and a pool of its frames, which contain the constant part of the picture.
pub(super) struct Pictures {
    painter: Painter,
    used: Receiver<Vec<u8>>,
    give_back: Sender<Vec<u8>>,
}

/// Pictures of a publisher in the size of a rendition. Bars replace them while there are none.
pub(super) struct PublishedPictures {
    pub(super) published: Arc<Published>,
    /// Index of the rendition.
    pub(super) rendition: usize,
    pub(super) timeline: Timeline,
    /// Paints the bars.
    pub(super) painter: Painter,
    /// Paints over the pictures of the publisher.
    pub(super) overlay: Overlay,
}

/// A frame that returns to the pool of [`Pictures`] when the encoder releases it.
struct Pixels {
    pixels: Vec<u8>,
    give_back: Sender<Vec<u8>>,
}

/// The frames to produce, and their pace.
pub(super) struct Plan {
    pub(super) job: Job,
    /// Index of the track in the output.
    pub(super) track: usize,
    pub(super) kind: Kind,
    /// The first frame, counted from 1970.
    pub(super) lead_in: LeadIn,
    /// Additional frames at the end, for the lookahead of the encoder.
    pub(super) lookahead: u64,
}

impl Plan {
    fn timeline(&self) -> &Timeline {
        &self.job.epoch.spec.timeline
    }

    /// Time at which frame `index` is produced. Chunks are published whole, and waking the thread for every frame costs
    /// more than the frame. Audio is therefore produced in chunks with its lookahead, and pictures in a few groups, unless
    /// somebody follows the track picture by picture.
    pub(super) fn due(&self, index: u64) -> UnixTime {
        let timeline = self.timeline();
        let last = match self.kind {
            Kind::Video if self.job.output.tracks[self.track].live.followed() => index,
            // Its picture is the newest one at its time.
            Kind::Video if self.job.epoch.spec.is_published() => index,
            Kind::Video => last_of_group(timeline.chunk_of(self.kind, index), index),
            Kind::Audio => timeline.chunk_of(self.kind, index.saturating_sub(AAC_LOOKAHEAD)).end - 1,
        };
        timeline.frame_start(self.kind, last)
    }

    /// End of the frames (exclusive); `u64::MAX` while it is unknown.
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
            Self::Published(pictures) => pictures.frame(index),
            Self::Sound(tone) => sound(index, |first, samples| tone.fill(first, samples)),
            Self::PublishedSound(published) => sound(index, |first, samples| published.sound().read(first, samples)),
        }
    }
}

/// Frame `index` of sound. `fill` fills samples from the one with the given number on.
fn sound(index: u64, fill: impl Fn(u64, &mut [i16])) -> gst::Buffer {
    let mut samples = [0_i16; AUDIO_FRAME_SAMPLES as usize * CHANNELS];
    fill(index * u64::from(AUDIO_FRAME_SAMPLES) + AAC_DELAY_SAMPLES, &mut samples);
    gst::Buffer::from_slice(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>())
}

impl Pictures {
    fn frame(&self, index: u64) -> gst::Buffer {
        let mut pixels = self.used.try_recv().unwrap_or_else(|_| self.painter.blank());
        self.painter.paint(&mut pixels, index);
        gst::Buffer::from_slice(Pixels { pixels, give_back: self.give_back.clone() })
    }
}

impl PublishedPictures {
    fn frame(&self, index: u64) -> gst::Buffer {
        let shown = self.published.picture(self.rendition, self.timeline.frame_start(Kind::Video, index));
        let pixels = shown.as_ref().and_then(|picture| picture.map_readable().ok());
        let pixels = match pixels.filter(|pixels| pixels.len() >= self.painter.layout().size()) {
            Some(picture) => {
                let mut pixels = picture.to_vec();
                self.overlay.paint(&mut pixels, index);
                pixels
            }
            None => {
                let mut pixels = self.painter.blank();
                self.painter.paint(&mut pixels, index);
                pixels
            }
        };
        gst::Buffer::from_slice(pixels)
    }
}

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        &self.pixels
    }
}

impl Drop for Pixels {
    fn drop(&mut self) {
        // The pool is gone once the run is over.
        let _ = self.give_back.send(std::mem::take(&mut self.pixels));
    }
}

/// Produces the frames of a plan in order.
pub(super) struct Feed {
    plan: Plan,
    source: Source,
    flow: Flow,
    next: u64,
    pace: Pace,
}

/// A raw frame for the encoder.
pub(super) struct Frame {
    pub(super) buffer: gst::Buffer,
    /// Whether it must become an IDR picture, though the encoder would make none of it.
    pub(super) is_early_idr: bool,
}

/// Why a feed ends before its plan is complete.
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
        let next = plan.lead_in.start;
        let pace = Pace::new(plan.timeline().segment_duration(), plan.job.epoch.spec.memory_window());
        Self { plan, source, flow, next, pace }
    }

    /// The next frame. Blocks until it is due. `None` at the end of the plan.
    ///
    /// # Errors
    /// [`PipelineError::Late`] if the run cannot keep up with UTC.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Halt> {
        self.flow.check()?;
        if self.next >= self.plan.end() {
            self.flow.finish();
            return Ok(None);
        }
        self.until_due(self.next)?;
        let mut buffer = self.source.frame(self.next);
        // Timestamps count from the first frame of the run, because x264enc overflows on Unix time.
        let since = self.next - self.plan.lead_in.start;
        let stamped = buffer.get_mut().expect("nobody else has seen the buffer");
        stamped.set_pts(self.stamp(since));
        stamped.set_duration(self.stamp(since + 1).saturating_sub(self.stamp(since)));
        let is_early_idr = self.plan.lead_in.early_idrs.contains(&self.next);
        self.next += 1;
        self.flow.give();
        Ok(Some(Frame { buffer, is_early_idr }))
    }

    fn stamp(&self, since: u64) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.plan.timeline().frame_start(self.plan.kind, since).as_nanos())
    }

    fn until_due(&mut self, index: u64) -> Result<(), Halt> {
        let Plan { job, kind, .. } = &self.plan;
        let Some(clock) = &job.clock else {
            while job.priority.is_paused() {
                self.flow.sleep(PAUSE)?;
            }
            return Ok(());
        };
        loop {
            match self.pace.judge(self.plan.due(index), clock.now()) {
                Verdict::Wait(wait) => self.flow.sleep(wait.min(MAX_SLEEP))?,
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

/// Last frame of the group that contains `frame`. Each group has half of the remaining frames of the chunk, so that few
/// frames are left to encode when the chunk ends.
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
