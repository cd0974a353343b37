//! Back-pressure between the thread that feeds an encoder and the callback that takes what it makes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Raw frames that an encoder may hold: enough that it never waits for the next, few enough that a 4K run stays
/// below 100 MB.
const MOST_IN_FLIGHT: u64 = 6;
/// No encoder of the codec table takes this long for a frame on any machine that could run it live.
const STALL: Duration = Duration::from_secs(5);

/// Why a wait ended without room.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The run is stopping.
    Stopped,
    /// The encoder has given nothing for this long.
    Stalled(Duration),
}

/// Counts frames into and out of one encoder.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow(Arc<(Mutex<Counts>, Condvar)>);

#[derive(Debug, Default)]
struct Counts {
    fed: u64,
    taken: u64,
    stopped: bool,
}

impl Counts {
    fn has_room(&self) -> bool {
        self.fed < self.taken + MOST_IN_FLIGHT
    }
}

impl Flow {
    /// Counts a frame in, after waiting until there is room for it.
    pub(super) fn enter(&self) -> Result<(), Blocked> {
        let mut counts = self.counts();
        let mut seen = counts.taken;
        let mut since = Instant::now();
        while !counts.stopped && !counts.has_room() {
            counts = self.wait(counts, STALL);
            if counts.taken != seen {
                (seen, since) = (counts.taken, Instant::now());
            } else if since.elapsed() >= STALL {
                return Err(Blocked::Stalled(since.elapsed()));
            }
        }
        if counts.stopped {
            return Err(Blocked::Stopped);
        }
        counts.fed += 1;
        Ok(())
    }

    /// Counts a frame out.
    pub(super) fn leave(&self) {
        self.counts().taken += 1;
        self.0.1.notify_all();
    }

    /// Sleeps for `duration`, or less if the run stops.
    pub(super) fn sleep(&self, duration: Duration) -> Result<(), Blocked> {
        let counts = self.counts();
        let counts = if counts.stopped { counts } else { self.wait(counts, duration) };
        if counts.stopped { Err(Blocked::Stopped) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(super) fn has_room(&self) -> bool {
        self.counts().has_room()
    }

    /// Ends all waiting, now and in future.
    pub(super) fn stop(&self) {
        self.counts().stopped = true;
        self.0.1.notify_all();
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, counts: MutexGuard<'a, Counts>, duration: Duration) -> MutexGuard<'a, Counts> {
        self.0.1.wait_timeout(counts, duration).unwrap_or_else(PoisonError::into_inner).0
    }
}
