//! What conditions change in the media that manifests list. This is the one place where they come together, and the order is fixed:
//!
//! 1. Numbers and timestamps count from the origin.
//! 2. Timestamps are later by the jumps up to their segment, by the drift and by the offset. Each of the three follows from the plain
//!    media time, so none changes another.
//! 3. Bytes of samples are wrong.

use super::jumps::Jumps;
use crate::base::timeline::{Kind, Timeline, UnixTime};
use crate::definition::condition::{Conditions, Fault, FaultKind, Identity, Offset};
use crate::definition::spec::StreamSpec;
use crate::media::cmaf::{Corruption, Origin, Rewriting};

/// Limit of wrong bytes in a segment: each takes a few nanoseconds in every request.
const MOST_WRONG_BYTES: u32 = 65_536;

/// What is otherwise in `media`, which are or belong to segment `segment`, if their numbers count from segment `origin`. `None` if they
/// are the plain media.
pub fn rewriting(
    conditions: &Conditions,
    spec: &StreamSpec,
    media: &Identity<'_>,
    (segment, origin): (u64, u64),
) -> Option<Rewriting> {
    let (track, timeline) = (media.track?, &spec.timeline);
    let timescale = timeline.timescale(track.kind);
    let jumps = Jumps::of(conditions, spec, origin).map_or(0, |jumps| jumps.ticks(segment, timescale));
    let mut all =
        Rewriting { origin: counted_from(timeline, track.kind, origin), offset: jumps as i64, ..Rewriting::default() };
    for fault in conditions.faults().filter(|fault| fault.applies(media, UnixTime::default())) {
        match fault.kind {
            FaultKind::Offset(offset) => all.offset += ticks(offset, timescale),
            FaultKind::Drift { ppm, since } => {
                let since = since.map_or(UnixTime::default(), |since| since.at(UnixTime::default()));
                let ticks = u128::from(since.as_nanos()) * u128::from(timescale) / 1_000_000_000;
                all.drift.ppm += i64::from(ppm);
                all.drift.at_zero -= ticks as i128 * i128::from(ppm);
            }
            FaultKind::Corrupt(bytes) => {
                let before = all.corruption.map_or(0, |corruption| corruption.bytes);
                all.corruption = Some(Corruption {
                    seed: xxhash_rust::xxh3::xxh3_64(format!("{}/{}/{segment}", spec.name, track.id).as_bytes()),
                    bytes: (before + bytes).min(MOST_WRONG_BYTES),
                    chunks: timeline.chunks_per_segment(),
                    kind: track.kind,
                });
            }
            _ => {}
        }
    }
    (all != Rewriting::default()).then_some(all)
}

/// Whether a fault makes `media`, which are or belong to segment `segment`, others than the plain media.
pub fn acts(fault: &Fault, spec: &StreamSpec, media: &Identity<'_>, (segment, origin): (u64, u64)) -> bool {
    match fault.kind {
        FaultKind::Discontinuity { .. } => Jumps::by(fault, spec, origin).is_some_and(|jumps| jumps.until(segment) > 0),
        FaultKind::Corrupt(_) | FaultKind::Drift { .. } | FaultKind::EarlyHint | FaultKind::Offset(_) => {
            fault.applies(media, UnixTime::default())
        }
        _ => false,
    }
}

fn counted_from(timeline: &Timeline, kind: Kind, origin: u64) -> Origin {
    Origin { sequence: origin * u64::from(timeline.chunks_per_segment()), ticks: timeline.ticks_until(kind, origin) }
}

fn ticks(offset: Offset, timescale: u32) -> i64 {
    let ticks = offset.size().duration().as_nanos() * u128::from(timescale) / 1_000_000_000;
    if offset.is_negative() { -(ticks as i64) } else { ticks as i64 }
}
