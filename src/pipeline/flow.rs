//! What the thread of one branch and its run tell each other: when to stop, and whether the encoder still works.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many looks in a row that find nothing done: no encoder of the codec table takes this long for a frame on any
/// machine that could run it live. Looks are counted, and not time, because a process that was suspended finds that much
/// time has gone and has looked once.
const STALL: u32 = 5;
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
    /// Whether the encoder has the thread.
    busy: bool,
    /// Looks that found the encoder at the same frames, which are counted in and out.
    looks: u32,
    seen: u64,
}

impl Flow {
    /// The encoder asks for a frame.
    pub(super) fn ask(&self) -> Result<(), Stopped> {
        let mut state = self.state();
        state.busy = false;
        if state.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// The encoder gets a frame.
    pub(super) fn give(&self) {
        let mut state = self.state();
        state.fed += 1;
        state.busy = true;
    }

    /// The encoder has given a frame.
    pub(super) fn take(&self) {
        self.state().taken += 1;
    }

    /// Looks whether the encoder has kept the thread, or frames, without an answer for too many looks.
    pub(super) fn has_stalled(&self) -> bool {
        let mut state = self.state();
        let keeps = state.busy || state.fed > state.taken + MOST_HELD;
        let moved = state.fed + state.taken != state.seen;
        state.seen = state.fed + state.taken;
        state.looks = if keeps && !moved { state.looks + 1 } else { 0 };
        state.looks >= STALL
    }

    /// Sleeps for `duration`, or less if the run stops.
    pub(super) fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let mut state = self.state();
        if !state.stopped {
            state = self.0.1.wait_timeout(state, duration).unwrap_or_else(PoisonError::into_inner).0;
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
