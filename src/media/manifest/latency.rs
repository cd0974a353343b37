//! How near to the live edge low latency goes: constants of a definition, which no reload ever changes.

use std::time::Duration;

use crate::base::timeline::Kind;
use crate::definition::spec::StreamSpec;

/// Part targets between the live edge and what is played: the least that the standard recommends (RFC 8216bis 4.4.3.8).
const PART_TARGETS: f64 = 3.0;
/// Video chunks between the live edge and what is played. A loaded client stalls on three.
const VIDEO_CHUNKS: f64 = 3.25;

/// `PART-TARGET`: the longest chunk of any track (RFC 8216bis 4.4.3.7).
pub fn part_target(spec: &StreamSpec) -> Duration {
    spec.tracks().map(|(_, kind)| spec.timeline.longest_chunk(kind)).max().unwrap_or_default()
}

/// How far behind the live edge a player is to play (RFC 8216bis 4.4.3.8, ISO/IEC 23009-1 K.3.2).
pub fn target(spec: &StreamSpec) -> Duration {
    let video = spec.timeline.longest_chunk(Kind::Video).mul_f64(VIDEO_CHUNKS);
    let millis = part_target(spec).mul_f64(PART_TARGETS).max(video).as_nanos().div_ceil(1_000_000);
    Duration::from_millis(millis as u64)
}
