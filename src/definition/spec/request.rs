//! The JSON and TOML form of a definition: field names and defaults. Only types are checked here. The JSON schema
//! contains the limits of [`check`](super::check), except those that depend on several fields.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::audience::MAX_NETWORKS;
use super::limits::{BANDWIDTHS, MAX_URL, VIEWERS};
use super::push::MAX_PUSHES;
use super::ranges::{
    AUDIO_BITRATES, BEEP_DBFS, BEEP_HZ, IDLE_SECONDS, MAX_RENDITIONS, MAX_REQUIRED, MAX_TITLE_CHARS, RATES,
    SEGMENT_SECONDS, SIDES, VIDEO_BITRATES, WINDOW_SECONDS,
};
use super::{
    Access, Audience, AudioSpec, BaseUrl, Control, Limits, Pattern, Preset, PushRequest, ScheduleRequest, Source,
    StreamName, StreamSpec, TrackId, VideoSpec,
};
use super::{frame_rate, object, push};
use crate::base::network::{Lists, Network};

/// Text without control characters.
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// Limit of frames in a segment: the longest segment at the highest rate.
const MAX_FRAMES: u32 = *SEGMENT_SECONDS.end() * *RATES.end();

/// Definition of a stream, as a client sends it. Every field except `name` has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamRequest {
    /// Name of the stream. Optional if the URL contains the name.
    #[serde(default)]
    #[schemars(regex(pattern = StreamName::PATTERN))]
    pub name: Option<String>,
    /// Whether the stream runs.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Times at which the stream starts and stops.
    #[serde(default, deserialize_with = "object::optional")]
    pub schedule: Option<ScheduleRequest>,
    /// Whether the stream runs only while clients request its media.
    #[serde(default)]
    pub on_demand: bool,
    /// Seconds that an on-demand stream runs after the last request.
    #[serde(default = "idle_seconds")]
    #[schemars(range(min = *IDLE_SECONDS.start(), max = *IDLE_SECONDS.end()))]
    pub idle_seconds: u32,
    /// Names of streams that run whenever this stream runs.
    #[serde(default)]
    #[schemars(length(max = MAX_REQUIRED), extend("uniqueItems" = true), inner(regex(pattern = StreamName::PATTERN)))]
    pub requires: Vec<String>,
    /// `public`: everyone may play the stream. `private`: only clients with a viewer token.
    #[serde(default = "access")]
    #[schemars(extend("enum" = Access::WORDS))]
    pub access: String,
    /// Addresses and networks that may play the stream; an empty list admits everyone.
    #[serde(default)]
    #[schemars(length(max = MAX_NETWORKS))]
    pub allow: Vec<String>,
    /// Addresses and networks that may not play the stream, even if `allow` contains them.
    #[serde(default)]
    #[schemars(length(max = MAX_NETWORKS))]
    pub deny: Vec<String>,
    /// Most viewers; null for no limit.
    #[serde(default)]
    #[schemars(range(min = *VIEWERS.start(), max = *VIEWERS.end()))]
    pub max_viewers: Option<u32>,
    /// Bits per second from which new viewers are refused; null for no limit.
    #[serde(default)]
    #[schemars(range(min = *BANDWIDTHS.start(), max = *BANDWIDTHS.end()))]
    pub max_bandwidth: Option<u64>,
    /// Base URL to which refused viewers are redirected; null: they get 503.
    #[serde(default)]
    #[schemars(length(max = MAX_URL), regex(pattern = BaseUrl::PATTERN))]
    pub overflow_url: Option<String>,
    /// Servers to which the encoded frames are pushed.
    #[serde(default, deserialize_with = "object::list")]
    #[schemars(length(max = MAX_PUSHES))]
    pub push: Vec<PushRequest>,
    /// `signal`: the test signal. `publish`: picture and sound that a client sends over WebRTC.
    #[serde(default = "source")]
    #[schemars(extend("enum" = Source::WORDS))]
    pub source: String,
    /// Whether the UTC clock is painted over the picture of a publisher, in HLS, DASH, files and push. The test signal always
    /// has a clock.
    #[serde(default)]
    pub publish_clock: bool,
    /// Text in the picture. If it is empty, the picture shows the name.
    #[serde(default)]
    #[schemars(length(max = MAX_TITLE_CHARS), regex(pattern = ONE_LINE))]
    pub title: String,
    /// Background of the picture.
    #[serde(default = "pattern")]
    #[schemars(extend("enum" = Pattern::WORDS))]
    pub pattern: String,
    /// Frames per second: a number, or a fraction such as `"30000/1001"`.
    #[serde(default = "fps", deserialize_with = "frame_rate::text")]
    #[schemars(schema_with = "frame_rate::schema")]
    pub fps: String,
    /// Video frames in a segment.
    #[serde(default = "segment_frames")]
    #[schemars(range(min = 1, max = MAX_FRAMES))]
    pub segment_frames: u32,
    /// Video frames in a chunk.
    #[serde(default = "chunk_frames")]
    #[schemars(range(min = 1, max = MAX_FRAMES))]
    pub chunk_frames: u32,
    /// Seconds of the past that the manifests list.
    #[serde(default = "window_seconds")]
    #[schemars(range(min = *WINDOW_SECONDS.start(), max = *WINDOW_SECONDS.end()))]
    pub window_seconds: u32,
    /// Video renditions of the same picture; empty for audio only.
    #[serde(default = "video", deserialize_with = "object::list")]
    #[schemars(length(max = MAX_RENDITIONS))]
    pub video: Vec<VideoRequest>,
    /// The sound; `null` or `false` for none.
    #[serde(default = "audio", deserialize_with = "audio_or_none")]
    #[schemars(schema_with = "audio_schema")]
    pub audio: Option<AudioRequest>,
}

/// Definition of a video rendition, as a client sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VideoRequest {
    /// Name of the track.
    #[schemars(regex(pattern = TrackId::PATTERN))]
    pub id: String,
    /// Width in pixels, an even number.
    #[schemars(range(min = *SIDES.start(), max = *SIDES.end()), extend("multipleOf" = 2))]
    pub width: u32,
    /// Height in pixels, an even number.
    #[schemars(range(min = *SIDES.start(), max = *SIDES.end()), extend("multipleOf" = 2))]
    pub height: u32,
    /// Bits per second of the segments, boxes and padding included.
    #[schemars(range(min = *VIDEO_BITRATES.start(), max = *VIDEO_BITRATES.end()))]
    pub bitrate: u32,
    /// Video codec: `h264`.
    #[schemars(extend("enum" = ["h264"]))]
    pub codec: String,
    /// An x264 preset, `ultrafast` to `medium`.
    #[schemars(extend("enum" = Preset::WORDS))]
    pub preset: String,
}

/// Definition of the sound, as a client sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AudioRequest {
    /// Name of the track.
    #[schemars(regex(pattern = TrackId::PATTERN))]
    pub id: String,
    /// Audio codec: `aac`.
    #[schemars(extend("enum" = ["aac"]))]
    pub codec: String,
    /// Bits per second of the segments, boxes included.
    #[schemars(range(min = *AUDIO_BITRATES.start(), max = *AUDIO_BITRATES.end()))]
    pub bitrate: u32,
    /// Pitch of the beep in Hz.
    #[schemars(range(min = *BEEP_HZ.start(), max = *BEEP_HZ.end()))]
    pub beep_hz: u32,
    /// Peak level of the beep in dBFS.
    #[schemars(range(min = *BEEP_DBFS.start(), max = *BEEP_DBFS.end()))]
    pub beep_dbfs: i32,
}

impl StreamRequest {
    /// A definition with default values and the name `name`.
    pub fn named(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            enabled: enabled(),
            schedule: None,
            on_demand: false,
            idle_seconds: idle_seconds(),
            requires: Vec::new(),
            access: access(),
            allow: Vec::new(),
            deny: Vec::new(),
            max_viewers: None,
            max_bandwidth: None,
            overflow_url: None,
            push: Vec::new(),
            source: source(),
            publish_clock: false,
            title: String::new(),
            pattern: pattern(),
            fps: fps(),
            segment_frames: segment_frames(),
            chunk_frames: chunk_frames(),
            window_seconds: window_seconds(),
            video: video(),
            audio: audio(),
        }
    }
}

impl StreamRequest {
    /// This definition with each secret masked, as the API shows it.
    #[must_use]
    pub fn masked(mut self) -> Self {
        push::mask(&mut self.push);
        self
    }

    /// Replaces masked secrets by those of `before`, the definition that was shown.
    pub fn unmask(&mut self, before: &StreamSpec) {
        push::unmask(&mut self.push, &before.push);
    }
}

impl StreamSpec {
    /// The default stream, which exists if nothing is configured.
    pub fn test() -> Self {
        StreamRequest::named("test").try_into().expect("the name and all defaults are allowed")
    }
}

impl Default for VideoRequest {
    fn default() -> Self {
        Self {
            id: "v720".into(),
            width: 1280,
            height: 720,
            bitrate: 2_000_000,
            codec: "h264".into(),
            preset: "ultrafast".into(),
        }
    }
}

impl Default for AudioRequest {
    fn default() -> Self {
        Self { id: "a".into(), codec: "aac".into(), bitrate: 128_000, beep_hz: 1000, beep_dbfs: -18 }
    }
}

impl From<&StreamSpec> for StreamRequest {
    fn from(spec: &StreamSpec) -> Self {
        let StreamSpec {
            name,
            source,
            publish_clock,
            title,
            pattern,
            timeline,
            window,
            video,
            audio,
            control,
            audience,
            limits,
            push,
        } = spec;
        let Control { enabled, schedule, on_demand, requires } = control;
        let Audience { access, lists: Lists { allow, deny } } = audience;
        let Limits { viewers, bandwidth, overflow } = limits;
        Self {
            name: Some(name.to_string()),
            enabled: *enabled,
            schedule: schedule.as_ref().map(ScheduleRequest::from),
            on_demand: on_demand.is_some(),
            idle_seconds: on_demand.map_or_else(idle_seconds, |idle| idle.as_secs() as u32),
            requires: requires.iter().map(StreamName::to_string).collect(),
            access: access.as_str().into(),
            allow: allow.iter().map(Network::to_string).collect(),
            deny: deny.iter().map(Network::to_string).collect(),
            max_viewers: *viewers,
            max_bandwidth: *bandwidth,
            overflow_url: overflow.as_ref().map(BaseUrl::to_string),
            push: push.iter().map(PushRequest::from).collect(),
            source: source.as_str().into(),
            publish_clock: *publish_clock,
            title: title.clone(),
            pattern: pattern.as_str().into(),
            fps: timeline.rate().to_string(),
            segment_frames: timeline.segment_frames(),
            chunk_frames: timeline.chunk_frames(),
            window_seconds: window.as_secs() as u32,
            video: video.iter().map(VideoRequest::from).collect(),
            audio: audio.as_ref().map(AudioRequest::from),
        }
    }
}

impl From<&VideoSpec> for VideoRequest {
    fn from(spec: &VideoSpec) -> Self {
        let VideoSpec { id, width, height, bitrate, preset } = spec;
        Self {
            id: id.to_string(),
            width: *width,
            height: *height,
            bitrate: *bitrate,
            codec: "h264".into(),
            preset: preset.as_str().into(),
        }
    }
}

impl From<&AudioSpec> for AudioRequest {
    fn from(spec: &AudioSpec) -> Self {
        let AudioSpec { id, bitrate, beep_hz, beep_dbfs } = spec;
        Self { id: id.to_string(), codec: "aac".into(), bitrate: *bitrate, beep_hz: *beep_hz, beep_dbfs: *beep_dbfs }
    }
}

/// Conversion between an enum and the words that stand for its values in JSON and TOML.
macro_rules! words {
    ($type:ident: $($variant:ident = $word:literal)*) => {
        impl $type {
            /// All words that [`Self::parse`] accepts.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for this value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// Parses a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
words!(Pattern: Smpte = "smpte" Ebu = "ebu" Grid = "grid" Black = "black");
words!(Source: Signal = "signal" Publish = "publish");
words!(Access: Public = "public" Private = "private");
words!(Preset: Ultrafast = "ultrafast" Superfast = "superfast" Veryfast = "veryfast" Faster = "faster" Fast = "fast" Medium = "medium");

fn enabled() -> bool {
    true
}

fn idle_seconds() -> u32 {
    30
}

fn access() -> String {
    Access::default().as_str().into()
}

fn source() -> String {
    Source::default().as_str().into()
}

fn pattern() -> String {
    Pattern::Smpte.as_str().into()
}

fn fps() -> String {
    "25".into()
}

fn segment_frames() -> u32 {
    48
}

fn chunk_frames() -> u32 {
    6
}

fn window_seconds() -> u32 {
    60
}

fn video() -> Vec<VideoRequest> {
    vec![VideoRequest::default()]
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field, as serde asks for it")]
fn audio() -> Option<AudioRequest> {
    Some(AudioRequest::default())
}

/// JSON schema of what [`audio_or_none`] accepts.
fn audio_schema(generator: &mut SchemaGenerator) -> Schema {
    let track = generator.subschema_for::<AudioRequest>();
    json_schema!({"anyOf": [track, {"type": ["boolean", "null"]}]})
}

/// Deserializes an audio track. `null` and `false` mean no audio; `false` is for TOML, which has no null.
fn audio_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AudioRequest>, D::Error> {
    struct Visitor;

    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Option<AudioRequest>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an audio track, null or false")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_bool<E: de::Error>(self, on: bool) -> Result<Self::Value, E> {
            match on {
                true => Ok(audio()),
                false => Ok(None),
            }
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            AudioRequest::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(Visitor)
}
