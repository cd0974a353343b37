//! How near to the live edge low latency goes: constants of a definition, which no reload ever changes.

use std::time::Duration;

use crate::definition::spec::StreamSpec;

/// Chunks between the live edge and what is played. Three is the least (RFC 8216bis B.1), and a loaded client stalls
/// on it.
const HELD_BACK: f64 = 3.25;

/// `PART-TARGET`: the longest chunk of any track (RFC 8216bis 4.4.3.7).
pub fn part_target(spec: &StreamSpec) -> Duration {
    spec.tracks().map(|(_, kind)| spec.timeline.longest_chunk(kind)).max().unwrap_or_default()
}

/// How far behind the live edge a player is to play (RFC 8216bis 4.4.3.8, ISO/IEC 23009-1 K.3.2).
pub fn target(spec: &StreamSpec) -> Duration {
    let millis = part_target(spec).mul_f64(HELD_BACK).as_nanos().div_ceil(1_000_000);
    Duration::from_millis(millis as u64)
}
