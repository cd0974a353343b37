//! The codec table: the encoder element of each codec, with settings under which its output is the same in every run.
//! Except for the pictures of a publisher, the quantiser is constant. There is one thread, and groups of pictures are closed and as long as a segment, so
//! that an access unit depends only on the pictures since its IDR picture.

use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use super::PipelineError;
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, SAMPLE_RATE, Timeline};
use crate::definition::spec::{AudioSpec, Preset, Source, StreamSpec, VideoSpec};

/// Period in frames of x264's CABAC stuffing.
const CABAC_PERIOD: u64 = 32;
/// Audio frames in 8 s, the shortest time that is whole in seconds and in audio frames.
const AAC_PERIOD: u64 = 375;
/// Frames that voaacenc reads ahead of its output.
pub(super) const AAC_LOOKAHEAD: u64 = 1;
/// Frames after which the output no longer depends on where the encoder started.
const AAC_WARM_UP: u64 = 375;
/// Part of the bitrate of a rendition with which pictures of a publisher are encoded, and the buffer of their rate control as
/// part of a segment. Any segment has at most 84 % * (1 + 1/8), less than 95 %, of the bitrate; boxes take the rest.
const PUBLISHED_PERCENT: u32 = 84;
const BUFFER_PART: u32 = 8;
/// Number of video segments that are rendered together, so that fewer pipelines start.
const VIDEO_GROUP: u64 = 2;
/// Duration of audio that is rendered together: about as long as the audio before it that is encoded too.
const AUDIO_GROUP: Duration = Duration::from_secs(15);

/// A new element, named after its factory and its track.
pub(super) fn make(factory: &str, track: &str) -> Result<gst::Element, PipelineError> {
    let name = format!("{factory}-{track}");
    find(factory)?
        .create()
        .name(&name)
        .build()
        .map_err(|error| PipelineError::Element { element: name, message: error.to_string() })
}

pub(super) fn find(factory: &str) -> Result<gst::ElementFactory, PipelineError> {
    gst::ElementFactory::find(factory).ok_or_else(|| PipelineError::MissingElement { element: factory.to_owned() })
}

/// x264 for one rendition.
pub(super) fn video(spec: &StreamSpec, video: &VideoSpec) -> Result<gst::Element, PipelineError> {
    let timeline = &spec.timeline;
    let encoder = make("x264enc", video.id.as_str())?;
    match spec.source {
        Source::Signal => {
            encoder.set_property_from_str("pass", "quant");
            encoder.set_property_from_str("quantizer", &video.quantizer(timeline).to_string());
        }
        // Nobody knows how much detail a publisher sends.
        Source::Publish => {
            let buffer = timeline.segment_duration() / BUFFER_PART;
            encoder.set_property_from_str("pass", "cbr");
            encoder.set_property("bitrate", (video.bitrate / 1000 * PUBLISHED_PERCENT / 100).max(1));
            encoder.set_property("vbv-buf-capacity", buffer.as_millis() as u32);
        }
    }
    encoder.set_property_from_str("speed-preset", video.preset.as_str());
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property("threads", 1_u32);
    encoder.set_property("key-int-max", timeline.segment_frames());
    encoder.set_property("bframes", 0_u32);
    encoder.set_property("rc-lookahead", 0_i32);
    encoder.set_property("byte-stream", false);
    encoder.set_property("aud", false);
    encoder.set_property("option-string", format!("scenecut=0:keyint={}:open-gop=0", timeline.segment_frames()));
    Ok(encoder)
}

/// Caps of the encoder's output: MP4 samples, with the level that the rendition needs.
pub(super) fn video_caps(video: &VideoSpec, timeline: &Timeline) -> gst::Caps {
    gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .field("level", video.level(timeline))
        .build()
}

/// voaacenc, at the bitrate with which segments, boxes included, have the bitrate of the definition.
pub(super) fn audio(audio: &AudioSpec, timeline: &Timeline) -> Result<gst::Element, PipelineError> {
    let encoder = make("voaacenc", audio.id.as_str())?;
    encoder.set_property("bitrate", audio_bitrate(audio, timeline) as i32);
    Ok(encoder)
}

/// AAC access units without headers.
pub(super) fn audio_caps() -> gst::Caps {
    gst::Caps::builder("audio/mpeg").field("mpegversion", 4_i32).field("stream-format", "raw").build()
}

/// What an encoder gets before the first frame of a run, so that it encodes the frames of the run like an encoder that has run
/// for longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeadIn {
    /// The first frame to encode. Those before the first frame of the run are not published.
    pub(super) start: u64,
    /// Frames that must be IDR pictures, even if the group of pictures before them is not complete.
    pub(super) early_idrs: Vec<u64>,
}

impl LeadIn {
    /// The shortest one for a video run from `segment` on.
    ///
    /// In x264, `idr_pic_id` (ITU-T H.264 7.4.3) is 0 and 1 in turns, so as many IDR pictures come before as are needed for
    /// the turn of the segment. With CABAC, stuffing depends on the number of the picture modulo 32.
    pub(super) fn of_video(video: &VideoSpec, timeline: &Timeline, segment: u64) -> Self {
        let gop = u64::from(timeline.segment_frames());
        let first = segment * gop;
        let (shortest, step) = match video.preset {
            Preset::Ultrafast => (0, 1),
            Preset::Superfast | Preset::Veryfast | Preset::Faster | Preset::Fast | Preset::Medium => {
                (first % CABAC_PERIOD, CABAC_PERIOD as usize)
            }
        };
        let of_length = |length: u64| {
            let start = first - length;
            let idrs = length.div_ceil(gop);
            let idrs_with_second = length.checked_sub(1).filter(|rest| *rest > 0).map(|rest| 1 + rest.div_ceil(gop));
            let early_idrs = match (idrs % 2 == segment % 2, idrs_with_second) {
                (true, _) => vec![first],
                (false, Some(idrs)) if idrs % 2 == segment % 2 => vec![start + 1, first],
                (false, _) => return None,
            };
            Some(Self { start, early_idrs })
        };
        let lead_in = (shortest..=first).step_by(step).find_map(of_length);
        lead_in.expect("all frames since segment 0 contain as many IDR pictures as are needed")
    }

    /// That of an audio run from frame `first` on.
    pub(super) fn of_audio(first: u64) -> Self {
        let latest = first.saturating_sub(AAC_WARM_UP);
        Self { start: latest - latest % AAC_PERIOD, early_idrs: Vec::new() }
    }
}

/// Number of segments of a track that are rendered together with little work.
pub fn group(spec: &StreamSpec, track: usize) -> u64 {
    match spec.video.get(track) {
        Some(_) => VIDEO_GROUP,
        None => spec.timeline.segments_in(AUDIO_GROUP),
    }
}

fn audio_bitrate(audio: &AudioSpec, timeline: &Timeline) -> u32 {
    // styp (32); and for each chunk moof, mfhd, traf, tfhd, tfdt, trun and mdat (104).
    let per_segment = 32 + 104 * timeline.chunks_per_segment();
    let boxes = u64::from(per_segment) * 8 * u64::from(timeline.timescale(crate::base::timeline::Kind::Video))
        / timeline.segment_ticks();
    // Each frame's size in the trun.
    let sizes = 4 * 8 * SAMPLE_RATE / AUDIO_FRAME_SAMPLES;
    audio.bitrate - boxes as u32 - sizes
}
