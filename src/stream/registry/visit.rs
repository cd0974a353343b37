//! Those who ask for a stream's media: whether somebody does, and when somebody last did.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::timeline::UnixTime;
use crate::utc::Clock;
use crate::window::Output;

/// Requests for the media of one stream.
#[derive(Debug, Default)]
pub(super) struct Visits {
    under_way: AtomicUsize,
    /// When the last one ended or began, in nanoseconds since 1970; 0 if there has been none.
    last: AtomicU64,
}

/// What a stream publishes, for as long as somebody gets it: while there are visits a stream is not idle.
#[derive(Debug, Clone)]
pub struct Visit {
    output: Arc<Output>,
    _presence: Presence,
}

/// One request.
pub(super) struct Presence {
    visits: Arc<Visits>,
    clock: Clock,
}

impl Visits {
    pub(super) fn begin(self: &Arc<Self>, clock: &Clock) -> Presence {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.last.store(clock.now().as_nanos(), Ordering::Relaxed);
        Presence { visits: Arc::clone(self), clock: clock.clone() }
    }

    /// When somebody was last there, which may be now.
    pub(super) fn last(&self, now: UnixTime) -> Option<UnixTime> {
        if self.under_way.load(Ordering::Acquire) > 0 {
            return Some(now);
        }
        Some(self.last.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0).map(UnixTime::from_nanos)
    }
}

impl Visit {
    pub(super) fn new(output: Arc<Output>, presence: Presence) -> Self {
        Self { output, _presence: presence }
    }
}

impl Deref for Visit {
    type Target = Arc<Output>;

    fn deref(&self) -> &Self::Target {
        &self.output
    }
}

impl Clone for Presence {
    fn clone(&self) -> Self {
        self.visits.begin(&self.clock)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.visits.last.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        // Whoever sees that it is over sees when that was.
        self.visits.under_way.fetch_sub(1, Ordering::Release);
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").finish_non_exhaustive()
    }
}
