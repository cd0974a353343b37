//! Counts of values. The memory does not grow with the duration of a probe.

use std::collections::BTreeMap;

/// Counts of values, rounded to a step.
#[derive(Debug)]
pub(super) struct Distribution {
    step: i64,
    counts: BTreeMap<i64, u64>,
    total: u64,
}

impl Distribution {
    /// An empty one that rounds to multiples of `step`.
    pub(super) const fn new(step: i64) -> Self {
        Self { step, counts: BTreeMap::new(), total: 0 }
    }

    pub(super) fn add(&mut self, value: i64) {
        let rounded = (value + self.step / 2).div_euclid(self.step);
        *self.counts.entry(rounded).or_default() += 1;
        self.total += 1;
    }

    /// The smallest value that is not exceeded by `percent` of all values; `None` without values.
    pub(super) fn percentile(&self, percent: u64) -> Option<i64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut before = 0;
        let found = self.counts.iter().find(|(_, count)| {
            before += **count;
            before >= rank
        });
        found.map(|(value, _)| value * self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut all = Distribution::new(10);
        assert_eq!(all.percentile(50), None);
        for value in [-20, 0, 10, 14, 15, 1000] {
            all.add(value);
        }
        let found = [0, 50, 95, 100].map(|percent| all.percentile(percent));
        assert_eq!(found, [Some(-20), Some(10), Some(1000), Some(1000)]);
    }
}
