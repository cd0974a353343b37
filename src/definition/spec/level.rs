//! The H.264 level of a rendition. The level is part of the codec string and of the init segment, so it follows from
//! the definition alone.

use super::VideoSpec;
use crate::base::timeline::Timeline;

impl VideoSpec {
    /// Lowest H.264 level that fits the rendition (table A-1 with the bit rates of Baseline; A.3.1 for the maximum of
    /// each side).
    pub fn level(&self, timeline: &Timeline) -> &'static str {
        /// Level, maximum macroblocks per second, macroblocks per frame and kbit/s.
        const LEVELS: [(&str, u64, u64, u64); 17] = [
            ("1", 1485, 99, 64),
            ("1.1", 3000, 396, 192),
            ("1.2", 6000, 396, 384),
            ("1.3", 11_880, 396, 768),
            ("2", 11_880, 396, 2000),
            ("2.1", 19_800, 792, 4000),
            ("2.2", 20_250, 1620, 4000),
            ("3", 40_500, 1620, 10_000),
            ("3.1", 108_000, 3600, 14_000),
            ("3.2", 216_000, 5120, 20_000),
            ("4", 245_760, 8192, 20_000),
            ("4.1", 245_760, 8192, 50_000),
            ("4.2", 522_240, 8704, 50_000),
            ("5", 589_824, 22_080, 135_000),
            ("5.1", 983_040, 36_864, 240_000),
            ("5.2", 2_073_600, 36_864, 240_000),
            ("6", 4_177_920, 139_264, 240_000),
        ];
        let sides = [self.width, self.height].map(|side| u64::from(side.div_ceil(16)));
        let (frame, longer) = (sides[0] * sides[1], sides[0].max(sides[1]));
        let second = (frame * u64::from(timeline.rate().num())).div_ceil(u64::from(timeline.rate().den()));
        let rate = u64::from(self.bitrate).div_ceil(1000);
        let holds = |&&(_, mbps, mbs, kbps): &&(&str, u64, u64, u64)| {
            second <= mbps && frame <= mbs && longer * longer <= 8 * mbs && rate <= kbps
        };
        LEVELS.iter().find(holds).map_or("6.1", |level| level.0)
    }
}
