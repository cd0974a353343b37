//! What the thread of one branch and its run tell each other: when to stop, and whether the encoder still works.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many looks in a row that find nothing done are too many. Looks are counted, and not time, because a process that was
/// suspended finds that much time has gone and has looked once.
pub(super) const LOOKS: u32 = 4;
/// Frames that an encoder may hold: more than any of the codec table looks ahead.
const MOST_HELD: u64 = 8;

/// The run is stopping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopped;

/// Frames into and out of one encoder.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    fed: u64,
    taken: u64,
    /// Whether the next frame is not due yet, or there is none.
    idle: bool,
    /// Looks that found it at the same frames, which are counted in and out.
    looks: u32,
    seen: u64,
}

impl Flow {
    /// Whether the run goes on.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        if self.state().stopped { Err(Stopped) } else { Ok(()) }
    }

    /// The encoder gets a frame.
    pub(super) fn give(&self) {
        self.state().fed += 1;
    }

    /// There are no more frames.
    pub(super) fn finish(&self) {
        self.state().idle = true;
    }

    /// The encoder has given a frame.
    pub(super) fn take(&self) {
        self.state().taken += 1;
    }

    /// Looks whether a frame that is due, or more frames than an encoder may hold, have not moved for too many looks.
    pub(super) fn has_stalled(&self) -> bool {
        let mut state = self.state();
        let owes = !state.idle || state.fed > state.taken + MOST_HELD;
        let moved = state.fed + state.taken != state.seen;
        state.seen = state.fed + state.taken;
        state.looks = if owes && !moved { state.looks + 1 } else { 0 };
        state.looks >= LOOKS
    }

    /// Sleeps for `duration`, or less if the run stops.
    pub(super) fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let mut state = self.state();
        if !state.stopped {
            state.idle = true;
            state = self.0.1.wait_timeout(state, duration).unwrap_or_else(PoisonError::into_inner).0;
            state.idle = false;
        }
        if state.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Ends all sleeping, now and in future.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
