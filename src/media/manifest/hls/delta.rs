//! Delta updates: what a playlist leaves out because the client has it already (RFC 8216bis 6.2.5.1).

use std::fmt::Write;
use std::time::Duration;

use super::target_duration;
use crate::base::timeline::{Kind, Timeline};
use crate::definition::condition::Condition;
use crate::media::manifest::View;

/// Target durations from the end, past which segments may be skipped: the least that is allowed (RFC 8216bis 4.4.3.8).
const SKIP_TARGETS: u32 = 6;

/// What the client asks to be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Skip {
    /// Nothing.
    #[default]
    No,
    /// `YES`: old segments.
    Segments,
    /// `v2`: old segments and old EXT-X-DATERANGE tags. There are no such tags.
    SegmentsAndDates,
}

/// `CAN-SKIP-UNTIL`.
pub(super) fn skip_until(view: &View<'_>) -> Duration {
    target_duration(view.spec) * SKIP_TARGETS
}

/// Number of segments that a delta update of a playlist leaves out, which lists the segments from `first` to `last`.
pub(super) fn skipped(view: &View<'_>, skip: Skip, (kind, first, last): (Kind, u64, u64)) -> u64 {
    if view.ended() || skip == Skip::No || view.conditions.has(&Condition::NoDeltas) {
        return 0;
    }
    let kept = newest(&view.spec.timeline, (kind, last), skip_until(view));
    (last + 1).saturating_sub(first + kept)
}

/// Writes EXT-X-SKIP, if segments are left out (RFC 8216bis 4.4.5.2).
pub(super) fn write_skip(playlist: &mut String, skip: Skip, skipped: u64) {
    if skipped > 0 {
        let dates = if skip == Skip::SegmentsAndDates { ",RECENTLY-REMOVED-DATERANGES=\"\"" } else { "" };
        let _ = writeln!(playlist, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}{dates}");
    }
}

/// Number of segments up to `last` that end within `distance` of its end. Audio segments have different lengths.
fn newest(timeline: &Timeline, (kind, last): (Kind, u64), distance: Duration) -> u64 {
    let mut from_end = Duration::ZERO;
    let near = (0..=last).rev().take_while(|number| {
        let near = from_end < distance;
        from_end += timeline.duration(kind, *number);
        near
    });
    near.count() as u64
}
