//! What conditions change in the media that manifests list. This is the one place where they come together, and the order is fixed:
//!
//! 1. Numbers and timestamps count from the origin.
//! 2. Timestamps are later by the jumps up to their segment, by the drift and by the offset. Each of the three follows from the plain
//!    media time, so none changes another.
//! 3. Bytes of samples are wrong.

use super::jumps::Jumps;
use crate::base::timeline::{Kind, Timeline, UnixTime};
use crate::definition::condition::{Conditions, Fault, FaultKind, Identity, MediaFault, Offset};
use crate::definition::spec::StreamSpec;
use crate::media::cmaf::{Corruption, Origin, Rewriting};

/// Limit of wrong bytes in a segment: each takes a few nanoseconds in every request.
const MOST_WRONG_BYTES: u32 = 65_536;

/// Changes by `conditions` in media that are or belong to segment `segment`, whose numbers count from segment `origin`. `None` for plain
/// media.
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
        let FaultKind::Media(kind) = &fault.kind else { continue };
        match *kind {
            MediaFault::Offset(offset) => all.offset += ticks(offset, timescale),
            MediaFault::Drift { ppm, since } => {
                let since = since.map_or(UnixTime::default(), |since| since.at(UnixTime::default()));
                let ticks = u128::from(since.as_nanos()) * u128::from(timescale) / 1_000_000_000;
                all.drift.ppm += i64::from(ppm);
                all.drift.at_zero -= ticks as i128 * i128::from(ppm);
            }
            MediaFault::Corrupt(bytes) => {
                let before = all.corruption.map_or(0, |corruption| corruption.bytes);
                all.corruption = Some(Corruption {
                    seed: xxhash_rust::xxh3::xxh3_64(format!("{}/{}/{segment}", spec.name, track.id).as_bytes()),
                    bytes: (before + bytes).min(MOST_WRONG_BYTES),
                    chunks: timeline.chunks_per_segment(),
                    kind: track.kind,
                });
            }
            // Jumps are counted above, and early parts have the same bytes.
            MediaFault::Discontinuity { .. } | MediaFault::EarlyHint => {}
        }
    }
    (all != Rewriting::default()).then_some(all)
}

/// Whether a fault makes `media`, which are or belong to segment `segment`, others than the plain media.
pub fn acts(fault: &Fault, spec: &StreamSpec, media: &Identity<'_>, (segment, origin): (u64, u64)) -> bool {
    match &fault.kind {
        FaultKind::Media(MediaFault::Discontinuity { .. }) => {
            Jumps::by(fault, spec, origin).is_some_and(|jumps| jumps.until(segment) > 0)
        }
        FaultKind::Media(
            MediaFault::Corrupt(_) | MediaFault::Drift { .. } | MediaFault::EarlyHint | MediaFault::Offset(_),
        ) => fault.applies(media, UnixTime::default()),
        FaultKind::InPlace(_) | FaultKind::Headers(_) | FaultKind::Delivery(_) | FaultKind::Manifest(_) => false,
    }
}

fn counted_from(timeline: &Timeline, kind: Kind, origin: u64) -> Origin {
    Origin { sequence: origin * u64::from(timeline.chunks_per_segment()), ticks: timeline.ticks_until(kind, origin) }
}

fn ticks(offset: Offset, timescale: u32) -> i64 {
    let ticks = offset.size().duration().as_nanos() * u128::from(timescale) / 1_000_000_000;
    if offset.is_negative() { -(ticks as i64) } else { ticks as i64 }
}
