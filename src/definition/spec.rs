//! What a user asks for. [`StreamRequest`] is what JSON and TOML say and may be wrong; [`StreamSpec`] is the
//! definition that the rest of the program works with and is valid by construction.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::base::timeline::{Kind, Timeline};

mod audience;
mod check;
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
mod shape;

pub use audience::{Access, Audience};
pub use check::{check_each, check_streams};
pub use limits::{BaseUrl, Limits};
pub use push::{Protocol, Push, PushRequest, PushUrl};
pub use request::{AudioRequest, StreamRequest, VideoRequest};
pub use schedule::{Schedule, ScheduleRequest, Tick, WindowRequest};
pub use shape::schema;

/// Raised whenever drawing or packaging changes what a definition's media bytes are.
const MEDIA_VERSION: u32 = 1;

/// A value that is not allowed: which field, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}{}{problem}", if field.is_empty() { "" } else { ": " })]
pub struct SpecError {
    /// Path of the field as in JSON, for example `video[0].width`; empty for the whole document.
    pub field: String,
    /// What was found and what is allowed.
    pub problem: String,
}

/// A stream's name: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(String);

/// A track's name within its stream: `[a-z0-9-]{1,32}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(String);

/// Eight hex digits that stand for everything that changes media bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

macro_rules! text_newtype {
    ($($name:ident)*) => {$(
        impl $name {
            /// The text itself.
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

/// What fills the picture behind the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Bars of SMPTE EG 1 / RP 219 with PLUGE.
    Smpte,
    /// EBU bars.
    Ebu,
    /// A cross-hatch.
    Grid,
    /// Black.
    Black,
}

/// How much work x264 puts into a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Least work; CAVLC.
    Ultrafast,
    /// CABAC from here on.
    Superfast,
    /// More motion search and partitions.
    Veryfast,
    /// Two references and more.
    Faster,
    /// Five times the work of `ultrafast`, about.
    Fast,
    /// x264's own default.
    Medium,
}

impl Preset {
    /// How much longer it takes than [`Self::Ultrafast`], for a picture of the default stream: 1.6, 1.9, 3.1, 4.3 and 4.2
    /// times were measured, with all that is the same for each.
    pub const fn cost(self) -> u64 {
        match self {
            Self::Ultrafast => 1,
            Self::Superfast | Self::Veryfast => 2,
            Self::Faster => 3,
            Self::Fast | Self::Medium => 5,
        }
    }

    /// Whether every run encodes the same pictures to the same bytes, wherever it begins. Measured for each preset, at 24,
    /// 25, 30, 50, 60 and 30000/1001 fps, with segments that are exact and that are not.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Ultrafast | Self::Superfast | Self::Veryfast | Self::Faster | Self::Fast | Self::Medium => true,
        }
    }
}

/// A definition: everything that decides what a stream is.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSpec {
    /// Name in URLs.
    pub name: StreamName,
    /// Shown in the picture; empty shows the name.
    pub title: String,
    /// Background of the picture.
    pub pattern: Pattern,
    /// Frame rate, segments and chunks.
    pub timeline: Timeline,
    /// How much of the past the manifests offer.
    pub window: Duration,
    /// Video renditions of the same picture, at most eight.
    pub video: Vec<VideoSpec>,
    /// The sound, if there is any.
    pub audio: Option<AudioSpec>,
    /// When it runs.
    pub control: Control,
    /// Who may watch it.
    pub audience: Audience,
    /// How much it may be watched.
    pub limits: Limits,
    /// Where it is pushed to, at most eight.
    pub push: Vec<Push>,
}

/// When a stream runs. Nothing of it changes what is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// Whether it is to run, as was last said by hand.
    pub enabled: bool,
    /// When it is to run by the calendar; the latest word counts, that of the calendar or by hand.
    pub schedule: Option<Schedule>,
    /// With this it runs only while somebody asks for its media, and for so long after.
    pub on_demand: Option<Duration>,
    /// Streams that run whenever this one does, and before it.
    pub requires: Vec<StreamName>,
}

/// One video rendition.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSpec {
    /// Name in URLs.
    pub id: TrackId,
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Bits per second of the segments as served, boxes and padding included.
    pub bitrate: u32,
    /// Encoder effort.
    pub preset: Preset,
}

/// The sound of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioSpec {
    /// Name in URLs.
    pub id: TrackId,
    /// Bits per second of the segments as served, boxes included.
    pub bitrate: u32,
    /// Pitch of the beep in hertz; the beep of a whole minute is an octave higher.
    pub beep_hz: u32,
    /// Peak level of the beep in dB relative to full scale.
    pub beep_dbfs: i32,
}

impl StreamSpec {
    /// What the picture shows as its title.
    pub fn shown_title(&self) -> &str {
        match self.title.as_str() {
            "" => self.name.as_str(),
            title => title,
        }
    }

    /// How many segments the manifests list.
    pub fn window_segments(&self) -> u64 {
        self.timeline.segments_in(self.window)
    }

    /// How many segments stay available: a segment that has left the window remains for its own duration
    /// and that of the longest playlist that listed it (RFC 8216bis 6.2.2).
    pub fn kept_segments(&self) -> u64 {
        2 * self.window_segments() + 1
    }

    /// Whether a stream with this definition and one with `other` are the same to whoever plays them.
    pub fn publishes_as(&self, other: &Self) -> bool {
        let Self { control, audience, limits, push, .. } = other.clone();
        Self { control, audience, limits, push, ..self.clone() } == *other
    }

    /// Whether a stream can go over to `next` while it is played: segments, window and tracks' ids are the same.
    pub fn goes_over_to(&self, next: &Self) -> bool {
        let same = self.name == next.name && self.timeline == next.timeline && self.window == next.window;
        same && self.tracks().eq(next.tracks())
    }

    /// Whether decoders that play this definition play `next` as well, because every track has the same init segment.
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

    /// Whether an MPD says the same of this definition and of `next`, which players go over to.
    pub fn is_described_as(&self, next: &Self) -> bool {
        let bitrates = |spec: &Self| spec.video.iter().map(|video| video.bitrate).collect::<Vec<_>>();
        self.goes_over_to(next) && self.decodes_as(next) && bitrates(self) == bitrates(next)
    }

    /// Whether every process publishes the same bytes.
    pub fn is_deterministic(&self) -> bool {
        self.video.iter().all(|video| video.preset.is_deterministic())
    }

    /// Pixels of all its pictures in a second, each as often as its preset takes longer than the fastest; rounded up.
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

    /// The hash that names the media bytes; `encoders` are the versions of the encoder libraries.
    pub fn revision(&self, encoders: &str) -> Revision {
        let Self { name: _, title: _, pattern, timeline, window: _, video, audio, .. } = self;
        let Self { control: _, audience: _, limits: _, push: _, .. } = self;
        let media =
            format!("{MEDIA_VERSION}|{encoders}|{}|{pattern:?}|{timeline:?}|{video:?}|{audio:?}", self.shown_title());
        let hash = Sha256::digest(media);
        Revision(hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Revision {
    /// Reads eight lower-case hex digits, as in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        hex.then(|| Self(text.to_owned()))
    }
}

impl StreamName {
    /// What [`Self::parse`] takes, as a regular expression of ECMA-262.
    pub const PATTERN: &'static str = "^[a-z0-9][a-z0-9-]{0,62}$";

    /// Reads a name as it stands in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = matches!(text.len(), 1..=63)
            && text.bytes().all(|b| word(b) || b == b'-')
            && text.bytes().next().is_some_and(word);
        valid.then(|| Self(text.to_owned()))
    }
}

impl TrackId {
    /// What [`Self::parse`] takes, as a regular expression of ECMA-262.
    pub const PATTERN: &'static str = "^[a-z0-9-]{1,32}$";

    /// Reads a track id as it stands in a URL.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = matches!(text.len(), 1..=32)
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        valid.then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
