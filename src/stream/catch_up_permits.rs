//! Permits for runs that work faster than real time.

use tokio::sync::Semaphore;

/// Permits for work that is faster than real time. Their number is limited, so that streams that are on time keep
/// enough processor time.
#[derive(Debug)]
pub struct CatchUpPermits {
    pub(super) starting: Semaphore,
    pub(super) filling: Semaphore,
}

impl Default for CatchUpPermits {
    /// As many streams as there are cores catch up with UTC simultaneously; one at a time renders its past.
    fn default() -> Self {
        Self { starting: Semaphore::new(cores()), filling: Semaphore::new(1) }
    }
}

/// Number of cores available to this process: CPU affinity and the quota of its control group count.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
