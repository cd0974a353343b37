//! Frames that were sent to a target and are not accepted yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Frames in flight with the time at which they were sent.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Presentation time in nanoseconds up to which all frames are accepted.
    passed: Arc<AtomicU64>,
    given: VecDeque<(Instant, Duration)>,
}

impl Backlog {
    pub(super) fn new(passed: Arc<AtomicU64>) -> Self {
        Self { passed, given: VecDeque::new() }
    }

    /// Adds a frame with its presentation time. Returns the age of the oldest frame in flight; time without sending
    /// does not count.
    pub(super) fn give(&mut self, now: Instant, time: Duration) -> Duration {
        self.given.push_back((now, time));
        let passed = Duration::from_nanos(self.passed.load(Ordering::Relaxed));
        while self.given.front().is_some_and(|(_, time)| *time <= passed) {
            self.given.pop_front();
        }
        self.given.front().map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_frames_leave_the_backlog() {
        let passed = Arc::new(AtomicU64::new(0));
        let mut backlog = Backlog::new(Arc::clone(&passed));
        let start = Instant::now();
        let millis = Duration::from_millis;
        let mut give = |at: u64| backlog.give(start + millis(at), millis(at));
        assert_eq!(give(0), millis(0));
        assert_eq!(give(40), millis(0));
        assert_eq!(give(80), millis(40));
        passed.store(40_000_000, Ordering::Relaxed);
        assert_eq!(give(120), millis(40));
        passed.store(120_000_000, Ordering::Relaxed);
        // A pause of the stream does not count as a delay of the target.
        assert_eq!(give(60_000), millis(0));
        assert_eq!(give(65_000), millis(5000));
    }
}
