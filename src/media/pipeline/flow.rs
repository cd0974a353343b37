//! What the thread of one branch and its run tell each other: when to stop, and whether the encoder still works.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::thread::{Pid, gettid};

/// So many looks in a row that find nothing done are too many. Looks are counted, and not time, because a process that was
/// suspended finds that much time has gone and has looked once.
pub(super) const LOOKS: u32 = 4;
/// A thread that works, or would if it had a core to do so, may be found so many times more often: on a machine that has too
/// much to do a frame takes long, and to begin anew would take longer.
const WORKING: u32 = 8;
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
    /// Whose thread it is.
    thread: Option<Pid>,
    /// Looks that found it at the same frames, which are counted in and out; those that found it at work count one, others
    /// as many as [`WORKING`].
    looks: u32,
    seen: u64,
}

impl Flow {
    /// Whether the run goes on, asked by the thread that is looked at.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        let mut state = self.state();
        state.thread = Some(gettid());
        if state.stopped { Err(Stopped) } else { Ok(()) }
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
        state.looks = match owes && !moved {
            true if state.thread.is_some_and(is_at_work) => state.looks + 1,
            true => state.looks + WORKING,
            false => 0,
        };
        state.looks >= LOOKS * WORKING
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

/// Whether a thread of this process runs, or waits for nothing but a core (proc_pid_stat(5)).
fn is_at_work(thread: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('R'))
}
