//! Media requests of one stream: the number of active ones and the time of the last one. An on-demand stream stops when
//! it is idle.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::media::window::Output;
use crate::stream::audience::Audience;

/// Activity of one stream.
#[derive(Debug, Default)]
pub(super) struct Activity {
    under_way: AtomicUsize,
    /// Start or end of the most recent request in nanoseconds since 1970; 0 before the first.
    last: AtomicU64,
}

/// The output of a stream, held by a request. The stream is not idle while any of these exists.
#[derive(Debug, Clone)]
pub struct ActiveOutput {
    output: Arc<Output>,
    /// Viewers of the stream.
    pub audience: Arc<Audience>,
    _request: ActiveRequest,
}

/// Counts one request as active until it is dropped.
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

    /// Time of the most recent activity; `now` while a request is active.
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

    /// This request, with another output of the stream.
    #[must_use]
    pub fn with(self, output: Arc<Output>) -> Self {
        Self { output, ..self }
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
        // A reader that sees the lower count must also see the time above.
        self.activity.under_way.fetch_sub(1, Ordering::Release);
    }
}

impl fmt::Debug for ActiveRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveRequest").finish_non_exhaustive()
    }
}
