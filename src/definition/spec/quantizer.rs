//! How coarsely a picture must be quantised to fit its bitrate. The encoder runs at a constant quantiser, so it is chosen
//! from the definition alone; what is left of the bitrate is padding.

use super::VideoSpec;
use crate::base::timeline::Timeline;

/// x264 quantisers, finest first, and the bytes of a picture at each in percent of those at the first. Measured over eight sizes
/// and all patterns with preset `ultrafast`; the other presets make less.
const STEPS: [(u32, u64); 7] = [(20, 100), (23, 88), (26, 79), (30, 67), (34, 55), (38, 44), (42, 34)];

impl VideoSpec {
    /// The finest quantiser at which a segment leaves room for padding; the coarsest if none does.
    pub fn quantizer(&self, timeline: &Timeline) -> u32 {
        let budget = u64::from(self.bitrate) * timeline.segment_duration().as_millis() as u64 / 8000;
        let fits =
            STEPS.iter().find(|(_, percent)| segment_bytes(self.width, self.height, timeline, *percent) <= budget);
        fits.unwrap_or(&STEPS[STEPS.len() - 1]).0
    }
}

/// The lowest bitrate at which every segment fits.
pub(super) fn least_bitrate(width: u32, height: u32, timeline: &Timeline) -> u32 {
    let (_, coarsest) = STEPS[STEPS.len() - 1];
    let bytes = segment_bytes(width, height, timeline, coarsest);
    (bytes * 8000).div_ceil(timeline.segment_duration().as_millis() as u64) as u32
}

/// Upper estimate of a segment before padding. What is drawn are lines and letters, so bytes grow with the edges of the picture
/// and not with its area.
fn segment_bytes(width: u32, height: u32, timeline: &Timeline, percent: u64) -> u64 {
    let edge = (u64::from(width) * u64::from(height)).isqrt();
    let idr = 110 * edge;
    let others = u64::from(timeline.segment_frames() - 1) * (450 + 22 * edge / 10);
    let boxes = u64::from(timeline.chunks_per_segment()) * 200 + u64::from(timeline.segment_frames()) * 4;
    (idr + others) * percent * 11 / 1000 + boxes
}
