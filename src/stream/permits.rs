//! Which runs may work faster than real time at the same moment.

use tokio::sync::Semaphore;

/// Permits for work that is faster than real time. Streams that are on time stay so, because few others catch up beside them.
#[derive(Debug)]
pub struct CatchUpPermits {
    pub(super) starting: Semaphore,
    pub(super) filling: Semaphore,
}

impl Default for CatchUpPermits {
    /// As many streams as there are cores catch up with UTC, and one fills in its past, at the same time.
    fn default() -> Self {
        Self { starting: Semaphore::new(cores()), filling: Semaphore::new(1) }
    }
}

/// Those that the program may use: its affinity and the quota of its control group count.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
