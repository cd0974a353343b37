//! Stream definitions. [`StreamRequest`] is the form of JSON and TOML, not yet validated. [`StreamSpec`] is the
//! validated form that the rest of the program uses.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::base::timeline::{Kind, Timeline};

mod audience;
mod frame_rate;
mod level;
mod limits;
pub mod object;
mod push;
mod quantizer;
mod ranges;
mod refusal;
mod request;
mod schedule;
mod serde_errors;
mod validate;

pub use audience::{Access, Audience};
pub use limits::{BaseUrl, Limits};
pub use push::{Protocol, Push, PushRequest, PushUrl};
pub use request::{AudioRequest, StreamRequest, VideoRequest};
pub use schedule::{Schedule, ScheduleRequest, Tick, WindowRequest};
pub use serde_errors::schema;
pub use validate::{check_each, check_streams};

/// Part of every revision. Increment it when a change of drawing or packaging changes the media bytes of existing
/// definitions.
const MEDIA_VERSION: u32 = 1;

/// A field of a definition with a value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}{}{problem}", if field.is_empty() { "" } else { ": " })]
pub struct SpecError {
    /// Path of the field as in JSON, for example `video[0].width`; empty for the whole document.
    pub field: String,
    /// The value found and the values allowed.
    pub problem: String,
}

/// Name of a stream: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

/// Name of a track within its stream: `[a-z0-9-]{1,32}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(String);

/// Eight hex digits: a hash of everything that changes media bytes. See [`StreamSpec::revision`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

macro_rules! text_newtype {
    ($($name:ident)*) => {$(
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text_newtype!(StreamName TrackId Revision);

/// Where picture and sound come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Source {
    /// The test signal, which this program paints and encodes.
    #[default]
    Signal,
    /// A publisher, who sends both over WebRTC. Viewers over WebRTC get them unchanged, others get them encoded anew.
    Publish,
}

/// Background of the picture, behind the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// SMPTE colour bars (EG 1, RP 219) with PLUGE.
    Smpte,
    /// EBU colour bars.
    Ebu,
    /// A cross-hatch.
    Grid,
    /// Black.
    Black,
}

/// Encoder effort, named after the presets of x264.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Fastest; CAVLC.
    Ultrafast,
    /// The fastest preset with CABAC.
    Superfast,
    /// More motion search and more partitions than `superfast`.
    Veryfast,
    /// At least two reference frames.
    Faster,
    /// About five times the work of `ultrafast`.
    Fast,
    /// The default of x264.
    Medium,
}

impl Preset {
    /// Encoding time relative to [`Self::Ultrafast`]. Measured with a picture of the default stream, drawing and
    /// packaging included: 1.6, 1.9, 3.1, 4.3 and 4.2.
    pub const fn cost(self) -> u64 {
        match self {
            Self::Ultrafast => 1,
            Self::Superfast | Self::Veryfast => 2,
            Self::Faster => 3,
            Self::Fast | Self::Medium => 5,
        }
    }

    /// Whether every run encodes the same pictures to the same bytes, from whichever segment the run starts. Measured
    /// for each preset at 24, 25, 30, 50, 60 and 30000/1001 fps, with segments of exact and of rounded duration.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Ultrafast | Self::Superfast | Self::Veryfast | Self::Faster | Self::Fast | Self::Medium => true,
        }
    }
}

/// A valid stream definition.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSpec {
    /// Name of the stream in URLs.
    pub name: StreamName,
    /// Where picture and sound come from.
    pub source: Source,
    /// Whether the clock is painted over the picture of a publisher. The test signal always has a clock.
    pub publish_clock: bool,
    /// Text in the picture. If empty, the picture shows the name.
    pub title: String,
    /// Background of the picture.
    pub pattern: Pattern,
    /// Frame rate, segment length and chunk length.
    pub timeline: Timeline,
    /// Duration of the past that manifests list.
    pub window: Duration,
    /// Video renditions of the same picture, at most eight.
    pub video: Vec<VideoSpec>,
    /// The audio track, if the stream has one.
    pub audio: Option<AudioSpec>,
    /// When the stream runs.
    pub control: Control,
    /// Who may watch the stream.
    pub audience: Audience,
    /// Limits on viewers and bandwidth.
    pub limits: Limits,
    /// Targets that the stream is pushed to, at most eight.
    pub push: Vec<Push>,
}

/// When a stream runs. No field changes the published bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// Whether the stream should run, as last set by a definition, a start or a stop.
    pub enabled: bool,
    /// Times at which the stream starts and stops. The most recent event wins, scheduled or manual.
    pub schedule: Option<Schedule>,
    /// If set, the stream runs only while clients request its media, and for this long after the last request.
    pub on_demand: Option<Duration>,
    /// Streams that run whenever this stream runs. They start before it.
    pub requires: Vec<StreamName>,
}

/// One video rendition.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSpec {
    /// Name of the track in URLs.
    pub id: TrackId,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Bits per second of the segments as served, including boxes and padding.
    pub bitrate: u32,
    /// Encoder effort.
    pub preset: Preset,
}

/// The audio track of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioSpec {
    /// Name of the track in URLs.
    pub id: TrackId,
    /// Bits per second of the segments as served, including boxes.
    pub bitrate: u32,
    /// Pitch of the beep in hertz. The beep at a full minute is one octave higher.
    pub beep_hz: u32,
    /// Peak level of the beep in dB relative to full scale.
    pub beep_dbfs: i32,
}

/// Longest part of a window that is in memory: with what stays after it, two gigabytes of the default stream. Older segments are encoded
/// again when they are requested.
const MEMORY_WINDOW: Duration = Duration::from_secs(3600);

impl StreamSpec {
    /// The title that the picture shows.
    pub fn shown_title(&self) -> &str {
        match self.title.as_str() {
            "" => self.name.as_str(),
            title => title,
        }
    }

    /// Number of segments that manifests list.
    pub fn window_segments(&self) -> u64 {
        self.timeline.segments_in(self.window)
    }

    /// The newest part of the window, which is encoded in advance and is in memory.
    pub fn memory_window(&self) -> Duration {
        self.window.min(MEMORY_WINDOW)
    }

    /// Number of segments in [`Self::memory_window`].
    pub fn memory_segments(&self) -> u64 {
        self.timeline.segments_in(self.memory_window())
    }

    /// Number of segments that stay in memory. A segment that has left the window remains for its own duration plus
    /// that of the longest playlist that listed it (RFC 8216bis 6.2.2).
    pub fn kept_segments(&self) -> u64 {
        2 * self.memory_segments() + 1
    }

    /// Whether this definition and `other` publish the same media and manifests.
    pub fn publishes_as(&self, other: &Self) -> bool {
        let Self { control, audience, limits, push, .. } = other.clone();
        Self { control, audience, limits, push, ..self.clone() } == *other
    }

    /// Whether a stream can switch to `next` during playback: name, timeline, window and track ids are equal.
    pub fn continues_as(&self, next: &Self) -> bool {
        let same = self.name == next.name && self.timeline == next.timeline && self.window == next.window;
        same && self.source == next.source && self.tracks().eq(next.tracks())
    }

    /// Whether every track has the same init segment in this definition and in `next`, so that a decoder can continue.
    pub fn decodes_as(&self, next: &Self) -> bool {
        let video = |spec: &Self| {
            let init = |video: &VideoSpec| {
                let (level, quantizer) = (video.level(&spec.timeline), video.quantizer(&spec.timeline));
                let VideoSpec { id, width, height, bitrate: _, preset } = video.clone();
                (id, width, height, preset, level, quantizer)
            };
            spec.video.iter().map(init).collect::<Vec<_>>()
        };
        let audio = |spec: &Self| {
            let AudioSpec { id, bitrate, beep_hz: _, beep_dbfs: _ } = spec.audio.clone()?;
            Some((id, bitrate))
        };
        self.timeline == next.timeline && video(self) == video(next) && audio(self) == audio(next)
    }

    /// Whether an MPD that describes this definition describes `next` too, and the stream can switch to `next` during
    /// playback.
    pub fn is_described_as(&self, next: &Self) -> bool {
        let bitrates = |spec: &Self| spec.video.iter().map(|video| video.bitrate).collect::<Vec<_>>();
        self.continues_as(next) && self.decodes_as(next) && bitrates(self) == bitrates(next)
    }

    /// Whether every process that runs this definition publishes the same bytes.
    pub fn is_deterministic(&self) -> bool {
        !self.is_published() && self.video.iter().all(|video| video.preset.is_deterministic())
    }

    /// Whether a publisher sends picture and sound.
    pub fn is_published(&self) -> bool {
        self.source == Source::Publish
    }

    /// Encoding load in pixels per second, rounded up: the pixels of each rendition times [`Preset::cost`].
    pub fn pixels_per_second(&self) -> u64 {
        let rate = self.timeline.rate();
        let pixels = |video: &VideoSpec| u64::from(video.width) * u64::from(video.height) * video.preset.cost();
        let pixels: u64 = self.video.iter().map(pixels).sum();
        (pixels * u64::from(rate.num())).div_ceil(rate.den().into())
    }

    /// Ids and kinds of all tracks, video first.
    pub fn tracks(&self) -> impl Iterator<Item = (&TrackId, Kind)> {
        let video = self.video.iter().map(|video| (&video.id, Kind::Video));
        video.chain(self.audio.iter().map(|audio| (&audio.id, Kind::Audio)))
    }

    /// Hash of everything that changes media bytes. `encoders` contains the versions of the encoder libraries.
    pub fn revision(&self, encoders: &str) -> Revision {
        let Self { name: _, title: _, source, publish_clock, pattern, timeline, window: _, video, audio, .. } = self;
        let Self { control: _, audience: _, limits: _, push: _, .. } = self;
        let media =
            format!("{MEDIA_VERSION}|{encoders}|{}|{pattern:?}|{timeline:?}|{video:?}|{audio:?}", self.shown_title());
        let media = match (source, publish_clock) {
            (Source::Signal, _) => media,
            (Source::Publish, false) => format!("{media}|{source:?}"),
            (Source::Publish, true) => format!("{media}|{source:?}|clock"),
        };
        let hash = Sha256::digest(media);
        Revision(hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Revision {
    /// Parses eight lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        hex.then(|| Self(text.to_owned()))
    }
}

impl StreamName {
    /// Names that [`Self::parse`] accepts, as a regular expression of ECMA-262.
    pub const PATTERN: &'static str = "^[a-z0-9][a-z0-9-]{0,62}$";

    /// Parses a name from a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = matches!(text.len(), 1..=63)
            && text.bytes().all(|b| word(b) || b == b'-')
            && text.bytes().next().is_some_and(word);
        valid.then(|| Self(text.to_owned()))
    }
}

impl TrackId {
    /// Ids that [`Self::parse`] accepts, as a regular expression of ECMA-262.
    pub const PATTERN: &'static str = "^[a-z0-9-]{1,32}$";

    /// Parses a track id from a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = matches!(text.len(), 1..=32)
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        valid.then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
