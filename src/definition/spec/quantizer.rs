//! The quantiser of a rendition. The encoder runs at a constant quantiser that follows from the definition alone;
//! padding fills the segment up to its bitrate.

use super::VideoSpec;
use crate::base::timeline::Timeline;

/// Quantisers of x264, finest first, and the size of a picture at each in percent of its size at the finest. Measured
/// with eight picture sizes and all patterns at preset `ultrafast`; slower presets produce fewer bytes.
const STEPS: [(u32, u64); 7] = [(20, 100), (23, 88), (26, 79), (30, 67), (34, 55), (38, 44), (42, 34)];

impl VideoSpec {
    /// The finest quantiser whose segments fit the bitrate, or the coarsest if none fits.
    pub fn quantizer(&self, timeline: &Timeline) -> u32 {
        let budget = u64::from(self.bitrate) * timeline.segment_duration().as_millis() as u64 / 8000;
        let fits =
            STEPS.iter().find(|(_, percent)| segment_bytes(self.width, self.height, timeline, *percent) <= budget);
        fits.unwrap_or(&STEPS[STEPS.len() - 1]).0
    }
}

/// Lowest bitrate in bits per second at which every segment fits.
pub(super) fn least_bitrate(width: u32, height: u32, timeline: &Timeline) -> u32 {
    let (_, coarsest) = STEPS[STEPS.len() - 1];
    let bytes = segment_bytes(width, height, timeline, coarsest);
    (bytes * 8000).div_ceil(timeline.segment_duration().as_millis() as u64) as u32
}

/// Upper estimate of the size of a segment before padding. The picture consists of lines and letters, so its size grows
/// with the length of the edges and not with the area.
fn segment_bytes(width: u32, height: u32, timeline: &Timeline, percent: u64) -> u64 {
    let edge = (u64::from(width) * u64::from(height)).isqrt();
    let idr = 110 * edge;
    let others = u64::from(timeline.segment_frames() - 1) * (450 + 22 * edge / 10);
    let boxes = u64::from(timeline.chunks_per_segment()) * 200 + u64::from(timeline.segment_frames()) * 4;
    (idr + others) * percent * 11 / 1000 + boxes
}
