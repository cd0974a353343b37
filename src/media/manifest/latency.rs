//! Distance to the live edge in low-latency playback. It is a constant of a definition, so no reload changes it.

use std::time::Duration;

use crate::base::timeline::Kind;
use crate::definition::spec::StreamSpec;

/// Minimum distance in part targets that the standard recommends (RFC 8216bis 4.4.3.8).
const PART_TARGETS: f64 = 3.0;
/// Minimum distance in video chunks. A loaded client stalls at three.
const VIDEO_CHUNKS: f64 = 3.25;

/// `PART-TARGET`: the longest chunk of any track (RFC 8216bis 4.4.3.7).
pub fn part_target(spec: &StreamSpec) -> Duration {
    spec.tracks().map(|(_, kind)| spec.timeline.longest_chunk(kind)).max().unwrap_or_default()
}

/// Distance from the live edge at which a player should play (RFC 8216bis 4.4.3.8, ISO/IEC 23009-1 K.3.2).
pub fn target(spec: &StreamSpec) -> Duration {
    let video = spec.timeline.longest_chunk(Kind::Video).mul_f64(VIDEO_CHUNKS);
    let millis = part_target(spec).mul_f64(PART_TARGETS).max(video).as_nanos().div_ceil(1_000_000);
    Duration::from_millis(millis as u64)
}
