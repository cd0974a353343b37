//! How long a run that failed waits before the next.

use std::time::Duration;

/// Waits between runs: 1 s, doubled up to 30 s, and from the start again after a minute of health.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
}

impl BackOff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(30);
    const HEALTHY: Duration = Duration::from_secs(60);

    /// How long to wait after a run that lasted `lasted`.
    pub(super) fn after(&mut self, lasted: Duration) -> Duration {
        if lasted >= Self::HEALTHY {
            self.failures = 0;
        }
        let wait = Self::FIRST.saturating_mul(1 << self.failures.min(5)).min(Self::LONGEST);
        self.failures += 1;
        wait
    }
}
