//! The time in which this process could not work, because it was stopped or the machine was busy. A client that judges the times
//! of a server takes this time off.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Time between two beats.
const PERIOD: Duration = Duration::from_millis(50);
/// Delay of a beat that is no stall.
const USUAL: Duration = Duration::from_millis(30);
/// Time between a stall and what it delayed.
const NEAR: Duration = Duration::from_millis(80);
/// Stalls that are remembered.
const MOST: usize = 1000;

/// The stalls of the task that runs [`Stalls::watch`].
#[derive(Debug)]
pub struct Stalls {
    last: Cell<Instant>,
    found: RefCell<VecDeque<(Instant, Instant)>>,
}

impl Stalls {
    /// No stalls until `now`.
    pub const fn new(now: Instant) -> Self {
        Self { last: Cell::new(now), found: RefCell::new(VecDeque::new()) }
    }

    /// Notices stalls, without end. It runs in the same task as the requests whose times are judged.
    pub async fn watch(&self) {
        loop {
            self.beat(Instant::now());
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn beat(&self, now: Instant) {
        let mut found = self.found.borrow_mut();
        found.extend(self.open(now));
        if found.len() > MOST {
            found.pop_front();
        }
        self.last.set(now);
    }

    /// The stall that ends `now`.
    fn open(&self, now: Instant) -> Option<(Instant, Instant)> {
        let due = self.last.get() + PERIOD;
        (now > due + USUAL).then_some((due, now))
    }

    /// Time between two moments that stalls took: a stall at the start delayed a request, and a stall at the end delayed the arrival of
    /// the answer. A stall in between delayed nothing. The later moment is not in the future.
    pub fn between(&self, from: Instant, to: Instant) -> Duration {
        let found = self.found.borrow();
        let all = found.iter().copied().chain(self.open(Instant::now()));
        let at_start = |(began, ended): &(Instant, Instant)| *began <= from + NEAR && *ended > from;
        let at_end = |(began, ended): &(Instant, Instant)| *began < to && *ended + NEAR >= to;
        let within = |(began, ended): (Instant, Instant)| ended.min(to).saturating_duration_since(began.max(from));
        all.filter(|stall| at_start(stall) || at_end(stall)).map(within).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_at_the_start_or_the_end_counts() {
        let ms = Duration::from_millis;
        let now = Instant::now();
        let began = now.checked_sub(ms(5000)).unwrap();
        let stalls = Stalls::new(began);
        for millis in [50, 130, 2130].into_iter().chain((2180..3000).step_by(50)) {
            stalls.beat(began + ms(millis));
        }
        let between = |from, to| stalls.between(began + ms(from), began + ms(to)).as_millis();
        assert_eq!(between(0, 2180), 1950);
        assert_eq!(between(1130, 2180), 1000);
        assert_eq!(between(0, 1180), 1000);
        assert_eq!(between(2130, 2180), 0);
        assert_eq!(between(0, 2900), 0);
        // Since the last beat, at 2980 ms, nothing has run.
        assert_eq!(between(2500, 4030), 1000);
    }
}
