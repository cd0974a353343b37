//! Those who ask for a stream's media: whether somebody does, and when somebody last did.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::media::window::Output;
use crate::stream::audience::Audience;

/// Requests for the media of one stream.
#[derive(Debug, Default)]
pub(super) struct Activity {
    under_way: AtomicUsize,
    /// When the last one ended or began, in nanoseconds since 1970; 0 if there has been none.
    last: AtomicU64,
}

/// What a stream publishes, for as long as somebody gets it: while there are visits a stream is not idle.
#[derive(Debug, Clone)]
pub struct ActiveOutput {
    output: Arc<Output>,
    /// Viewers of the stream.
    pub audience: Arc<Audience>,
    _request: ActiveRequest,
}

/// One request.
pub(super) struct ActiveRequest {
    activity: Arc<Activity>,
    clock: Clock,
}

impl Activity {
    pub(super) fn begin(self: &Arc<Self>, clock: &Clock) -> ActiveRequest {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.last.store(clock.now().as_nanos(), Ordering::Relaxed);
        ActiveRequest { activity: Arc::clone(self), clock: clock.clone() }
    }

    /// When somebody was last there, which may be now.
    pub(super) fn last(&self, now: UnixTime) -> Option<UnixTime> {
        if self.under_way.load(Ordering::Acquire) > 0 {
            return Some(now);
        }
        Some(self.last.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0).map(UnixTime::from_nanos)
    }
}

impl ActiveOutput {
    pub(super) fn new(output: Arc<Output>, audience: Arc<Audience>, request: ActiveRequest) -> Self {
        Self { output, audience, _request: request }
    }
}

impl Deref for ActiveOutput {
    type Target = Arc<Output>;

    fn deref(&self) -> &Self::Target {
        &self.output
    }
}

impl Clone for ActiveRequest {
    fn clone(&self) -> Self {
        self.activity.begin(&self.clock)
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.activity.last.store(self.clock.now().as_nanos(), Ordering::Relaxed);
        // Whoever sees that it is over sees when that was.
        self.activity.under_way.fetch_sub(1, Ordering::Release);
    }
}

impl fmt::Debug for ActiveRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveRequest").finish_non_exhaustive()
    }
}
