//! The figures of a probe. Their names in JSON are those of the fields.

use serde::Serialize;

use super::sequence::FreezeKind;
use super::sync::Beeps;

/// All figures so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Whether the source is live. A recording is played as fast as possible.
    pub live: bool,
    /// Seconds on the timeline of the player.
    pub seconds: f64,
    /// Seconds until the first picture was shown.
    pub first_picture: f64,
    /// UTC of the shown frame, RFC 3339.
    pub frame_time: String,
    /// Age of a frame when it is shown, in seconds.
    pub latency: Option<Latency>,
    /// Numbers of frames.
    pub frames: Frames,
    /// Pictures that were shown too long.
    pub freezes: Freezes,
    /// Offset between sound and picture; `None` without sound.
    pub av_offset: Option<AvOffset>,
    /// Numbers of beeps; `None` without sound.
    pub beeps: Option<Beeps>,
    /// Integrated loudness by EBU R 128, in LUFS.
    pub loudness: Option<f64>,
    /// Sizes and frame rates that the stream states, in order of time.
    pub pictures: Vec<PictureFormat>,
    /// Frames per second of the source, derived from the strips.
    pub source_rate: Option<String>,
    /// Frames per second on the timeline.
    pub shown_rate: Option<f64>,
    /// Jumps between the time in the strips and the presentation time, and gaps in the sound.
    pub discontinuities: Discontinuities,
    /// Bits per second before decoding.
    pub bitrate: Bitrate,
    /// Likeness to the originals, if the definition is known.
    pub quality: Option<Quality>,
}

/// How much pictures are like their originals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Pictures with a strip that were not compared: because the machine was too slow, or because the definition has no such
    /// picture.
    pub skipped: u64,
    /// Each rendition in each size in which it was received, in the order in which they came.
    pub renditions: Vec<RenditionQuality>,
    /// Cause why there is no VMAF, or no more.
    pub vmaf_error: Option<String>,
}

/// How much pictures of one rendition and size are like their originals, in luma.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RenditionQuality {
    /// Id of the rendition in the definition.
    pub rendition: String,
    /// In pixels, as received, without black bars.
    pub width: usize,
    /// In pixels, as received, without black bars.
    pub height: usize,
    /// Number of pictures that were compared.
    pub pictures: u64,
    /// Structural similarity; 1 for equal pictures.
    pub ssim: Spread,
    /// Peak signal-to-noise ratio in dB; 100 for equal pictures.
    pub psnr: Spread,
    /// Number of pictures with a VMAF.
    pub vmaf_pictures: u64,
    /// VMAF by ffmpeg, between 0 and 100; `None` before its first values.
    pub vmaf: Option<Spread>,
}

/// Values of many pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// That of the worst picture.
    pub min: f64,
    /// 5 % of all pictures have this or less.
    pub p5: f64,
    /// Mean of all pictures.
    pub mean: f64,
    /// That of the last picture.
    pub last: f64,
}

/// Latency in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Lowest latency.
    pub min: f64,
    /// Median latency.
    pub median: f64,
    /// 95th percentile of the latency.
    pub p95: f64,
    /// Highest latency.
    pub max: f64,
    /// Latency of the last frame.
    pub last: f64,
    /// Mean difference between the latencies of successive frames.
    pub jitter: f64,
}

/// Numbers of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Frames {
    /// Frames of the source from the first shown frame to the last.
    pub expected: u64,
    /// Different frames that were shown.
    pub seen: u64,
    /// Missing frames, without those in freezes.
    pub dropped: u64,
    /// Missing frames in freezes.
    pub frozen: u64,
    /// Pictures outside of freezes that show the previous frame again.
    pub repeated: u64,
    /// Frames that came after a later frame.
    pub out_of_order: u64,
    /// Pictures whose strip cannot be read.
    pub unreadable: u64,
}

/// Pictures that were shown too long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Freezes {
    /// Number of freezes.
    pub count: u64,
    /// Duration of the longest freeze in seconds.
    pub longest: f64,
    /// The first thousand freezes.
    pub list: Vec<Freeze>,
}

/// A picture that was shown too long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Freeze {
    /// UTC in the strip of the frame.
    pub frame_time: String,
    /// Seconds that the picture was shown beyond its duration.
    pub seconds: f64,
    /// Kind of the freeze.
    pub kind: FreezeKind,
}

/// Offset between sound and picture in milliseconds, positive if the sound is late.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AvOffset {
    /// Median offset.
    pub median_ms: f64,
    /// Distance from 0 that 95 % of all offsets do not exceed.
    pub p95_ms: f64,
    /// Offset of the last beep.
    pub last_ms: f64,
    /// Growth of the offset, in parts of a million; `None` before 20 s.
    pub drift_ppm: Option<f64>,
}

/// A size and a frame rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PictureFormat {
    /// UTC of the first frame, if its strip was readable.
    pub frame_time: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frame rate as a fraction; `0/1` if the stream states none.
    pub rate: String,
}

/// Numbers of discontinuities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Discontinuities {
    /// Jumps between the time in the strips and the presentation time.
    pub video: u64,
    /// Gaps in the presentation time of the sound.
    pub audio: u64,
}

/// Bits per second before decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bitrate {
    /// Bits of video.
    pub video: u64,
    /// Bits of audio.
    pub audio: u64,
}
