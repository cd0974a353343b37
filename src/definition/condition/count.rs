//! Counts the segments that selectors select, without visiting each segment: numbers in manifests and timestamps in media depend on
//! all segments since 1970.

use super::selector::Selector;
use crate::base::timeline::{Timeline, UnixTime};

/// Segments by their numbers and the moments at which they begin.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The segments.
    pub timeline: &'a Timeline,
    /// The segment whose number is 0.
    pub origin: u64,
}

impl Grid<'_> {
    /// Number of the first segment that begins at `time` or later.
    fn first_from(&self, time: UnixTime) -> u64 {
        let segment = self.timeline.segment_at(time);
        let first = segment + u64::from(self.timeline.segment_start(segment) < time);
        first.saturating_sub(self.origin)
    }

    /// Number of the first `count` multiples of `every` whose segments begin in the first `long` nanoseconds of an interval.
    fn at_begin_of(&self, every: u64, (interval, long): (u128, u128), count: u64) -> u64 {
        // The unit is 1/`rate.num` ns, in which every moment is an integer.
        let rate = self.timeline.rate();
        let unit = u128::from(rate.num());
        let segment = u128::from(self.timeline.segment_frames()) * u128::from(rate.den()) * 1_000_000_000;
        // The start of a segment is rounded up to a nanosecond.
        let begin = segment * u128::from(self.origin) + unit - 1;
        let (step, interval, count) = (segment * u128::from(every), interval * unit, u128::from(count));
        // A moment is selected if the number of intervals until the moment differs from the number until `long` before the moment.
        let until = floor_sum(count, interval, (step, begin));
        let before = floor_sum(count, interval, (step, begin + interval - long * unit));
        (count + until - before) as u64
    }
}

impl Selector {
    /// Number of selected segments from number 1 to number `last`, apart from `share`.
    pub(super) fn count(&self, last: u64, grid: Grid<'_>) -> u64 {
        let (mut from, mut to) = (1, last);
        if let Some((first, last)) = self.numbers.map(|numbers| numbers.bounds()) {
            (from, to) = (from.max(first), to.min(last));
        }
        if let Some((at, long)) = self.at {
            let begin = at.at(UnixTime::default());
            let end = grid.first_from(begin + long.duration());
            (from, to) = (from.max(grid.first_from(begin)), to.min(end.saturating_sub(1)));
        }
        let every = self.every.unwrap_or(1);
        // As multiples of `every`.
        let (from, end) = (from.div_ceil(every), to / every + 1);
        match self.each {
            _ if from >= end => 0,
            None => end - from,
            Some((interval, long)) => {
                let spans = (interval.duration().as_nanos(), long.duration().as_nanos());
                grid.at_begin_of(every, spans, end) - grid.at_begin_of(every, spans, from)
            }
        }
    }
}

/// The sum of `(a·i + b) / m`, rounded down, for `i` from 0 to `n` − 1.
fn floor_sum(mut n: u128, mut m: u128, (mut a, mut b): (u128, u128)) -> u128 {
    let mut sum = 0;
    while n > 0 {
        sum += n * (n - 1) / 2 * (a / m) + n * (b / m);
        (a, b) = (a % m, b % m);
        // Swaps the axes: the points below the line are counted from its other side.
        let top = a * n + b;
        (n, b) = (top / m, top % m);
        (m, a) = (a, m);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::timeline::Rate;
    use crate::definition::condition::{Conditions, Identity, Resource};

    proptest! {
        #[test]
        fn a_count_is_that_of_a_visit_to_each_segment(
            (num, den, frames) in prop::sample::select(vec![(25, 1, 48), (30_000, 1001, 60), (24, 1, 37), (7, 3, 5)]),
            origin in prop::sample::select(vec![0, 1, 935_016_890]),
            parameters in prop::sample::select(vec![
                ":every=5", ":numbers=3-90", ":at=100:for=1m", ":each=10s:for=4s", ":each=1s:for=1s", "",
                ":every=3:numbers=7-1000:at=20:for=5m:each=7s1ms:for=3s", ":every=2:each=1h:for=2m",
            ]),
            last in 0_u64..400,
        ) {
            let conditions = Conditions::parse(&format!("corrupt=1{parameters}")).unwrap();
            let fault = conditions.faults().next().unwrap();
            let timeline = Timeline::new(Rate::new(num, den).unwrap(), frames, 1);
            let is_selected = |number: &u64| {
                let begins = Some(timeline.segment_start(number + origin));
                let identity =
                    Identity { resource: Resource::Segment, track: None, number: Some(*number), begins, path: "" };
                fault.applies(&identity, UnixTime::default())
            };
            let counted = fault.selector.count(last, Grid { timeline: &timeline, origin });
            prop_assert_eq!(counted, (1..=last).filter(is_selected).count() as u64);
        }
    }
}
