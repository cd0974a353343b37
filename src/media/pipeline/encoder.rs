//! The codec table: the encoder element of each codec, with settings under which its output is the same in every run.
//! Except for the pictures of a publisher, the quantiser is constant. There is one thread, and groups of pictures are closed and as long as a segment, so
//! that an access unit depends only on the pictures since its IDR picture.

use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;

use super::PipelineError;
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, SAMPLE_RATE, Timeline, lcm};
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

/// The first frame to encode for a video run that publishes from frame `first` on.
pub(super) fn video_start(video: &VideoSpec, timeline: &Timeline, first: u64) -> u64 {
    first - first % video_period(video, timeline)
}

/// Number of segments of a track that are rendered together with the least work. Groups begin at its multiples: a video
/// encoder starts there, and an audio encoder, which always encodes some seconds before, has done so for all of them.
pub fn group(spec: &StreamSpec, track: usize) -> u64 {
    match spec.video.get(track) {
        Some(video) => video_period(video, &spec.timeline) / u64::from(spec.timeline.segment_frames()),
        None => spec.timeline.segments_in(AUDIO_GROUP),
    }
}

/// Distance in frames of the places where a video encoder may start.
fn video_period(video: &VideoSpec, timeline: &Timeline) -> u64 {
    let two_gops = 2 * u64::from(timeline.segment_frames());
    match video.preset {
        Preset::Ultrafast => two_gops,
        Preset::Superfast | Preset::Veryfast | Preset::Faster | Preset::Fast | Preset::Medium => {
            lcm(two_gops, CABAC_PERIOD)
        }
    }
}

/// The first frame to encode for an audio run that publishes from frame `first` on.
pub(super) fn audio_start(first: u64) -> u64 {
    let latest = first.saturating_sub(AAC_WARM_UP);
    latest - latest % AAC_PERIOD
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
