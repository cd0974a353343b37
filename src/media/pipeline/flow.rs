//! State shared by the thread of one branch and its run: the stop flag, and frame counts by which a stall is
//! detected.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::thread::{Pid, gettid};

/// Consecutive checks without progress that count as a stall. Checks are counted instead of time, because a suspended
/// process makes no checks.
pub(super) const STALL_CHECKS: u32 = 4;
/// Factor for a thread that is runnable. On an overloaded machine a frame takes long, and a restart would take longer.
const RUNNABLE_FACTOR: u32 = 8;
/// Frames that an encoder may hold, more than any of the codec table looks ahead.
const MAX_HELD: u64 = 8;

/// Error of a run that is stopping.
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
    /// Whether the feed waits for the next frame to become due, or is done.
    idle: bool,
    /// Thread of the branch.
    thread: Option<Pid>,
    /// Checks without progress: a check that finds the thread runnable counts 1, any other counts [`RUNNABLE_FACTOR`].
    checks: u32,
    seen: u64,
}

impl Flow {
    /// Whether the run continues. Called by the thread of the branch, which registers itself here.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        let mut state = self.state();
        state.thread = Some(gettid());
        if state.stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Counts a frame into the encoder.
    pub(super) fn give(&self) {
        self.state().fed += 1;
    }

    /// Called after the last frame.
    pub(super) fn finish(&self) {
        self.state().idle = true;
    }

    /// Counts a frame out of the encoder.
    pub(super) fn take(&self) {
        self.state().taken += 1;
    }

    /// One check. Returns whether a due frame, or more frames than an encoder may hold, made no progress for
    /// [`STALL_CHECKS`] checks.
    pub(super) fn has_stalled(&self) -> bool {
        let mut state = self.state();
        let owes = !state.idle || state.fed > state.taken + MAX_HELD;
        let moved = state.fed + state.taken != state.seen;
        state.seen = state.fed + state.taken;
        state.checks = match owes && !moved {
            true if state.thread.is_some_and(is_at_work) => state.checks + 1,
            true => state.checks + RUNNABLE_FACTOR,
            false => 0,
        };
        state.checks >= STALL_CHECKS * RUNNABLE_FACTOR
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

    /// Ends the current and every later sleep.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a thread of this process runs or is runnable (proc_pid_stat(5)).
fn is_at_work(thread: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('R'))
}
