//! Frames, samples, chunks and segments on the UTC time line. All numbers are integers that count from
//! 1970-01-01T00:00:00Z, so every process computes the same ones. No function reads a clock.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

/// Samples per second of every audio track.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples in one AAC access unit (ISO/IEC 14496-3 4.5.2).
pub const AUDIO_FRAME_SAMPLES: u32 = 1024;

const NANOS: u128 = 1_000_000_000;
/// The customary clock of video (MPEG-TS). Whole frame rates in use divide it.
const VIDEO_TIMESCALE: u32 = 90_000;

/// A time in nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time `nanos` nanoseconds after 1970-01-01T00:00:00Z.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The time `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time `duration` before this one, at least 1970.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(as_nanos(duration)))
    }
}

impl std::ops::Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(as_nanos(duration)))
    }
}

/// Frames per second as a reduced fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    num: u32,
    den: u32,
}

impl Rate {
    /// `num`/`den` frames per second. `None` if either is zero.
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num as u64, den as u64) as u32;
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// Number of frames in [`Rate::den`] seconds.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// Number of seconds that [`Rate::num`] frames last.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Start of the frame `frame`, counted from 1970, rounded up to a nanosecond. [`Self::frame_at`] of the result is
    /// `frame`. Times end in the year 2554.
    pub fn frame_start(self, frame: u64) -> UnixTime {
        let nanos = (u128::from(frame) * u128::from(self.den) * NANOS).div_ceil(u128::from(self.num));
        UnixTime(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The frame that is visible at `time`.
    pub fn frame_at(self, time: UnixTime) -> u64 {
        (u128::from(time.0) * u128::from(self.num) / (u128::from(self.den) * NANOS)) as u64
    }

    /// Start of the frame `frame` in milliseconds since 1970, rounded down.
    pub fn frame_millis(self, frame: u64) -> u64 {
        (u128::from(frame) * u128::from(self.den) * 1000 / u128::from(self.num)) as u64
    }
}

impl fmt::Display for Rate {
    /// `25`, or `30000/1001` for a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            den => write!(f, "{}/{den}", self.num),
        }
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let digits = |part: &str| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse().map_err(|_| ()),
            false => Err(()),
        };
        Self::new(digits(num)?, digits(den)?).ok_or(())
    }
}

/// Kind of a track, which defines its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Video. Frame *i* at the rate *n/d* starts *i·d/n* seconds after 1970.
    Video,
    /// AAC frames of 1024 samples at 48 kHz. Frame *j* starts at sample 1024 *j* after 1970.
    Audio,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// The grid of a stream: the frames of each chunk and each segment.
///
/// Video segment *k* contains the frames *kF* to *(k+1)F* − 1, where *F* is [`Self::segment_frames`]. An audio segment
/// starts at the first audio frame that starts at or after the start of the video segment of the same number. Chunks
/// follow the same rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timeline {
    rate: Rate,
    segment_frames: u32,
    chunk_frames: u32,
}

impl Timeline {
    /// A grid of segments of `segment_frames` video frames and chunks of `chunk_frames` video frames.
    ///
    /// # Panics
    /// If either is zero or a chunk is longer than a segment. [`crate::definition::spec`] refuses such definitions.
    pub const fn new(rate: Rate, segment_frames: u32, chunk_frames: u32) -> Self {
        assert!(chunk_frames > 0 && chunk_frames <= segment_frames);
        Self { rate, segment_frames, chunk_frames }
    }

    /// Video frames per second.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// Video frames in a segment.
    pub const fn segment_frames(&self) -> u32 {
        self.segment_frames
    }

    /// Video frames in a chunk.
    pub const fn chunk_frames(&self) -> u32 {
        self.chunk_frames
    }

    /// Chunks in a segment. The last one may be shorter.
    pub const fn chunks_per_segment(&self) -> u32 {
        self.segment_frames.div_ceil(self.chunk_frames)
    }

    /// The segment at `time`.
    pub fn segment_at(&self, time: UnixTime) -> u64 {
        self.rate.frame_at(time) / u64::from(self.segment_frames)
    }

    /// Number of chunks since 1970 that have ended at `time`.
    pub fn chunks_until(&self, time: UnixTime) -> u64 {
        let (frame, segment_frames) = (self.rate.frame_at(time), u64::from(self.segment_frames));
        let (segment, within) = (frame / segment_frames, frame % segment_frames);
        segment * u64::from(self.chunks_per_segment()) + within / u64::from(self.chunk_frames)
    }

    /// Start of the segment `segment`, rounded up to a nanosecond.
    pub fn segment_start(&self, segment: u64) -> UnixTime {
        self.rate.frame_start(segment * u64::from(self.segment_frames))
    }

    /// Nominal duration of a segment in ticks of the video [`Timeline::timescale`].
    pub fn segment_ticks(&self) -> u64 {
        u64::from(self.segment_frames) * u64::from(self.frame_ticks(Kind::Video))
    }

    /// Nominal duration of a segment, rounded up to a nanosecond.
    pub fn segment_duration(&self) -> Duration {
        ticks_to_duration(self.segment_ticks(), self.timescale(Kind::Video))
    }

    /// Number of segments that cover `duration`.
    pub fn segments_in(&self, duration: Duration) -> u64 {
        let ticks = duration.as_nanos() * u128::from(self.timescale(Kind::Video));
        ticks.div_ceil(u128::from(self.segment_ticks()) * NANOS) as u64
    }

    /// Ticks per second of the timestamps of a track.
    pub fn timescale(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Audio => SAMPLE_RATE,
            Kind::Video
                if (u64::from(VIDEO_TIMESCALE) * u64::from(self.rate.den)).is_multiple_of(u64::from(self.rate.num)) =>
            {
                VIDEO_TIMESCALE
            }
            Kind::Video => self.rate.num,
        }
    }

    /// Duration of one frame in ticks of [`Timeline::timescale`], exact.
    pub fn frame_ticks(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Audio => AUDIO_FRAME_SAMPLES,
            Kind::Video => {
                let ticks = u64::from(self.timescale(kind)) * u64::from(self.rate.den) / u64::from(self.rate.num);
                ticks as u32
            }
        }
    }

    /// Ticks of a track from 1970 to the start of the segment `segment`, rounded for audio.
    pub fn ticks_until(&self, kind: Kind, segment: u64) -> u64 {
        let ticks = u128::from(segment) * u128::from(self.segment_ticks()) * u128::from(self.timescale(kind));
        let per_second = u128::from(self.timescale(Kind::Video));
        ((ticks + per_second / 2) / per_second) as u64
    }

    /// Frames of the segment `segment`.
    pub fn segment(&self, kind: Kind, segment: u64) -> Range<u64> {
        let first = segment * u64::from(self.segment_frames);
        self.frames(kind, first..first + u64::from(self.segment_frames))
    }

    /// The segment whose first frame has the timestamp `ticks`, in ticks of [`Timeline::timescale`]; `None` if no segment
    /// starts there.
    pub fn segment_from(&self, kind: Kind, ticks: u64) -> Option<u64> {
        let frame_ticks = u64::from(self.frame_ticks(kind));
        let frame = ticks / frame_ticks;
        let segment = self.video_frame_at(kind, frame) / u64::from(self.segment_frames);
        let starts = ticks.is_multiple_of(frame_ticks) && self.segment(kind, segment).start == frame;
        starts.then_some(segment)
    }

    /// Frames of the chunk `chunk`, counted from 0, of the segment `segment`.
    pub fn chunk(&self, kind: Kind, segment: u64, chunk: u32) -> Range<u64> {
        let start = segment * u64::from(self.segment_frames);
        let first = u64::from(chunk) * u64::from(self.chunk_frames);
        let end = (first + u64::from(self.chunk_frames)).min(u64::from(self.segment_frames));
        self.frames(kind, start + first..start + end)
    }

    /// Start and end of a video chunk. The audio chunk of the same number starts and ends within one audio frame after
    /// them.
    pub fn chunk_span(&self, segment: u64, chunk: u32) -> Range<UnixTime> {
        let frames = self.chunk(Kind::Video, segment, chunk);
        self.rate.frame_start(frames.start)..self.rate.frame_start(frames.end)
    }

    /// Frames of the chunk that contains `frame`.
    pub fn chunk_of(&self, kind: Kind, frame: u64) -> Range<u64> {
        let on_screen = self.video_frame_at(kind, frame);
        let segment = on_screen / u64::from(self.segment_frames);
        let chunk = on_screen % u64::from(self.segment_frames) / u64::from(self.chunk_frames);
        self.chunk(kind, segment, chunk as u32)
    }

    /// The video frame that is visible when `frame` starts.
    fn video_frame_at(&self, kind: Kind, frame: u64) -> u64 {
        match kind {
            Kind::Video => frame,
            Kind::Audio => {
                let scaled = u128::from(frame) * u128::from(AUDIO_FRAME_SAMPLES) * u128::from(self.rate.num);
                (scaled / (u128::from(self.rate.den) * u128::from(SAMPLE_RATE))) as u64
            }
        }
    }

    /// Duration of a segment: exact for video, within one audio frame of the nominal duration for audio.
    pub fn duration(&self, kind: Kind, segment: u64) -> Duration {
        let frames = self.segment(kind, segment);
        ticks_to_duration((frames.end - frames.start) * u64::from(self.frame_ticks(kind)), self.timescale(kind))
    }

    /// Duration of a chunk: exact for video, within one audio frame for audio.
    pub fn chunk_duration(&self, kind: Kind, segment: u64, chunk: u32) -> Duration {
        let frames = self.chunk(kind, segment, chunk);
        ticks_to_duration((frames.end - frames.start) * u64::from(self.frame_ticks(kind)), self.timescale(kind))
    }

    /// Upper bound of [`Timeline::chunk_duration`] over all chunks.
    pub fn longest_chunk(&self, kind: Kind) -> Duration {
        self.longest(kind, u64::from(self.chunk_frames))
    }

    /// Upper bound of [`Timeline::duration`] over all segments.
    pub fn longest_segment(&self, kind: Kind) -> Duration {
        self.longest(kind, u64::from(self.segment_frames))
    }

    /// Upper bound of the duration of a chunk or segment of `video_frames` video frames.
    fn longest(&self, kind: Kind, video_frames: u64) -> Duration {
        let ticks = video_frames * u64::from(self.frame_ticks(Kind::Video));
        match kind {
            Kind::Video => ticks_to_duration(ticks, self.timescale(Kind::Video)),
            Kind::Audio => {
                let samples = u128::from(ticks) * u128::from(SAMPLE_RATE);
                let frame = u128::from(self.timescale(Kind::Video)) * u128::from(AUDIO_FRAME_SAMPLES);
                ticks_to_duration(samples.div_ceil(frame) as u64 * u64::from(AUDIO_FRAME_SAMPLES), SAMPLE_RATE)
            }
        }
    }

    /// Start of the frame `frame`, counted from 1970, rounded up to a nanosecond.
    pub fn frame_start(&self, kind: Kind, frame: u64) -> UnixTime {
        match kind {
            Kind::Video => self.rate.frame_start(frame),
            Kind::Audio => {
                let nanos = u128::from(frame) * u128::from(AUDIO_FRAME_SAMPLES) * NANOS;
                UnixTime(u64::try_from(nanos.div_ceil(u128::from(SAMPLE_RATE))).unwrap_or(u64::MAX))
            }
        }
    }

    /// Frames of a track that start during the video frames `video`.
    pub fn frames(&self, kind: Kind, video: Range<u64>) -> Range<u64> {
        match kind {
            Kind::Video => video,
            Kind::Audio => self.audio_frame_from(video.start)..self.audio_frame_from(video.end),
        }
    }

    /// The first audio frame that starts with or after a video frame.
    fn audio_frame_from(&self, video_frame: u64) -> u64 {
        let samples = u128::from(video_frame) * u128::from(self.rate.den) * u128::from(SAMPLE_RATE);
        samples.div_ceil(u128::from(self.rate.num) * u128::from(AUDIO_FRAME_SAMPLES)) as u64
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn ticks_to_duration(ticks: u64, timescale: u32) -> Duration {
    let nanos = (u128::from(ticks) * NANOS).div_ceil(u128::from(timescale));
    Duration::from_nanos(nanos as u64)
}

fn as_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
