//! Cuts of the condition `periods` and of the fault `discontinuity`: the segments at which a presentation is cut into Periods, or by
//! discontinuities. Cuts are a function of the clock, so every server cuts at the same segments at all times.

use std::time::Duration;

use super::jumps::Jumps;
use crate::base::timeline::{Timeline, UnixTime};
use crate::definition::condition::{ConditionError, Conditions, Span};
use crate::definition::spec::StreamSpec;

/// Length of the shortest Period in segments. With a cut at every segment, players could not continue.
const LEAST_SEGMENTS: u32 = 2;

/// Cuts are counted from here in EXT-X-DISCONTINUITY-SEQUENCE: 2026-11-01T00:00:00Z. hls.js visits every number from 0 to the
/// present one at each reload, and hangs if they are counted from 1970.
const COUNTED_FROM: UnixTime = UnixTime::from_millis(1_793_491_200_000);

/// The cuts of a presentation.
#[derive(Debug, Clone, Copy)]
pub struct Cuts<'a> {
    timeline: &'a Timeline,
    at: At<'a>,
}

/// Positions of cuts.
#[derive(Debug, Clone, Copy)]
enum At<'a> {
    /// At each multiple of a duration since 1970: with the first segment that starts there or later. Timestamps continue.
    Multiples(Duration),
    /// At jumps of timestamps.
    Jumps(Jumps<'a>),
}

impl<'a> Cuts<'a> {
    /// The cuts of a stream whose numbers count from segment `origin`; `None` if it has none.
    pub fn of(conditions: &'a Conditions, spec: &'a StreamSpec, origin: u64) -> Option<Self> {
        let jumps = Jumps::of(conditions, spec, origin).map(At::Jumps);
        let at = jumps.or_else(|| conditions.periods().map(|every| At::Multiples(every.duration())))?;
        Some(Self { timeline: &spec.timeline, at })
    }

    /// Number of cuts up to the start of segment `number`.
    pub fn until(&self, number: u64) -> u64 {
        match &self.at {
            At::Multiples(every) => {
                (u128::from(self.timeline.segment_start(number).as_nanos()) / every.as_nanos()) as u64
            }
            At::Jumps(jumps) => jumps.until(number),
        }
    }

    /// Number of cuts up to the start of segment `number` that EXT-X-DISCONTINUITY-SEQUENCE counts.
    pub fn counted(&self, number: u64) -> u64 {
        let before = match &self.at {
            At::Multiples(every) => (u128::from(COUNTED_FROM.as_nanos()) / every.as_nanos()) as u64,
            At::Jumps(jumps) => jumps.until(self.timeline.segment_at(COUNTED_FROM)),
        };
        self.until(number).saturating_sub(before)
    }

    /// First segment after the cut with this number; `None` if there are fewer cuts. Cut 0 is 1970 or the origin.
    pub fn segment(&self, cut: u64) -> Option<u64> {
        match &self.at {
            At::Multiples(every) => {
                let nanos = u128::from(cut) * every.as_nanos();
                let time = UnixTime::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                let number = self.timeline.segment_at(time);
                Some(number + u64::from(self.timeline.segment_start(number) < time))
            }
            At::Jumps(jumps) => jumps.segment(cut),
        }
    }

    /// Whether timestamps continue at cuts.
    pub fn are_continuous(&self) -> bool {
        matches!(self.at, At::Multiples(_))
    }
}

/// Checks that there are enough segments between two cuts.
///
/// # Errors
/// [`ConditionError::Impossible`].
pub fn check(conditions: &Conditions, spec: &StreamSpec) -> Result<(), ConditionError> {
    let Some(every) = conditions.periods() else { return Ok(()) };
    let least = spec.timeline.segment_duration() * LEAST_SEGMENTS;
    match every.duration() >= least {
        true => Ok(()),
        false => Err(ConditionError::Impossible {
            name: "periods",
            value: every.to_string(),
            allowed: format!("a duration of at least {}", Span::covering(least)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definition::spec::StreamRequest;

    proptest! {
        #[test]
        fn a_cut_is_the_first_segment_at_its_time_or_later(
            (fps, frames) in prop::sample::select(vec![("25", 48), ("30000/1001", 60), ("24", 37), ("60", 120)]),
            millis in 12_000_u64..1_000_000,
            cut in 1_u64..2_000_000,
        ) {
            let request = StreamRequest { fps: fps.into(), segment_frames: frames, chunk_frames: 6, ..StreamRequest::named("test") };
            let spec = StreamSpec::try_from(request).unwrap();
            let conditions = Conditions::parse(&format!("periods={millis}ms")).unwrap();
            let cuts = Cuts::of(&conditions, &spec, 0).unwrap();
            let time = UnixTime::from_millis(millis * cut);
            let first = cuts.segment(cut).unwrap();
            let start = |number| spec.timeline.segment_start(number);
            prop_assert!(start(first) >= time && start(first - 1) < time);
            prop_assert_eq!((cuts.until(first - 1), cuts.until(first)), (cut - 1, cut));
            prop_assert!(cuts.counted(first) - cuts.counted(first - 1) <= 1);
        }
    }
}
