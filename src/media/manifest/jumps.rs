//! Jumps of the fault `discontinuity`: timestamps increase at selected segments. The sum of the increases follows from the number of
//! jumps since the segment with number 0, so every server has the same timestamps.

use std::time::Duration;

use crate::base::timeline::{Kind, UnixTime};
use crate::definition::condition::{Conditions, Fault, FaultKind, Grid, MediaFault, Span};
use crate::definition::spec::StreamSpec;

/// Default size of a jump.
const JUMP: Span = Span::from_millis(10_000);
/// More than every segment number.
const END: u64 = 1 << 40;

/// The jumps of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Jumps<'a> {
    fault: &'a Fault,
    by: Duration,
    grid: Grid<'a>,
}

impl<'a> Jumps<'a> {
    /// The jumps of a stream whose numbers count from segment `origin`; `None` without the fault.
    pub fn of(conditions: &'a Conditions, spec: &'a StreamSpec, origin: u64) -> Option<Self> {
        conditions.faults().find_map(|fault| Self::by(fault, spec, origin))
    }

    /// The jumps by a fault; `None` if it makes none.
    pub fn by(fault: &'a Fault, spec: &'a StreamSpec, origin: u64) -> Option<Self> {
        let grid = Grid { timeline: &spec.timeline, origin };
        match fault.kind {
            FaultKind::Media(MediaFault::Discontinuity { by }) => {
                Some(Self { fault, by: by.unwrap_or(JUMP).duration(), grid })
            }
            _ => None,
        }
    }

    /// Number of jumps up to the start of segment `segment`.
    pub fn until(&self, segment: u64) -> u64 {
        self.fault.count(segment.saturating_sub(self.grid.origin), self.grid)
    }

    /// First segment after the jump with this number, counted from 1; `None` if there are fewer jumps. Jump 0 is the origin.
    pub fn segment(&self, jump: u64) -> Option<u64> {
        let (mut before, mut found) = (self.grid.origin, self.grid.origin + END);
        if jump == 0 || self.until(found) < jump {
            return (jump == 0).then_some(before);
        }
        while found - before > 1 {
            let middle = before + (found - before) / 2;
            match self.until(middle) < jump {
                true => before = middle,
                false => found = middle,
            }
        }
        Some(found)
    }

    /// Ticks by which the timestamps of segment `segment` are later, in a timescale.
    pub fn ticks(&self, segment: u64, timescale: u32) -> u64 {
        let nanos = u128::from(self.until(segment)) * self.by.as_nanos();
        (nanos * u128::from(timescale) / 1_000_000_000) as u64
    }

    /// The segment whose first frame has the timestamp `ticks` after all jumps; timestamps without jumps count from the origin.
    pub fn segment_from(&self, kind: Kind, ticks: u64) -> Option<u64> {
        let timeline = self.grid.timeline;
        let before = timeline.ticks_until(kind, self.grid.origin);
        let start = |segment: u64| {
            let first = timeline.segment(kind, segment).start * u64::from(timeline.frame_ticks(kind));
            (first + self.ticks(segment, timeline.timescale(kind))).saturating_sub(before)
        };
        let (mut low, mut high) = (self.grid.origin, timeline.segment_at(UnixTime::from_nanos(u64::MAX)));
        while low < high {
            let middle = low + (high - low) / 2;
            match start(middle) < ticks {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        (start(low) == ticks).then_some(low)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn jumps_add_up_and_are_found_by_their_timestamps(
            text in prop::sample::select(vec![
                "discontinuity", "discontinuity:every=5:by=10s", "discontinuity:numbers=3-8:by=1h",
                "discontinuity:every=2:each=30s:for=7s:by=1ms", "discontinuity:by=0s",
            ]),
            origin in prop::sample::select(vec![0_u64, 935_016_800]),
            segment in 0_u64..935_016_990,
        ) {
            let (spec, conditions) = (StreamSpec::test(), Conditions::parse(text).unwrap());
            let jumps = Jumps::of(&conditions, &spec, origin).unwrap();
            let segment = segment.max(origin);
            let count = jumps.until(segment);
            let is_jump = count > 0 && jumps.segment(count) == Some(segment);
            prop_assert!(jumps.segment(count).unwrap() <= segment);
            prop_assert!(jumps.segment(count + 1).is_none_or(|next| next > segment));
            if segment > origin {
                prop_assert_eq!(jumps.until(segment - 1), count - u64::from(is_jump));
            }
            for kind in [Kind::Video, Kind::Audio] {
                let timeline = &spec.timeline;
                let start = timeline.segment(kind, segment).start * u64::from(timeline.frame_ticks(kind));
                let ticks = start - timeline.ticks_until(kind, origin) + jumps.ticks(segment, timeline.timescale(kind));
                prop_assert_eq!(jumps.segment_from(kind, ticks), Some(segment));
                prop_assert_eq!(jumps.segment_from(kind, ticks + 1), None);
            }
        }
    }
}
