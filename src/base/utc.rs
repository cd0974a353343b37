//! The only reader of the wall clock. Whatever needs the time is handed a [`Clock`] or a [`UnixTime`].

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::timeline::UnixTime;

/// Tells UTC: the host's, or whatever a test says.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The host's clock.
    pub fn system() -> Self {
        Self::from_fn(|| {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            UnixTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
        })
    }

    /// A clock that asks `tell`.
    pub fn from_fn(tell: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time now.
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

/// How far a clock has been moved since this was made, against one that is never set.
#[derive(Debug, Clone)]
pub struct Offset {
    clock: Clock,
    was: UnixTime,
    since: Instant,
}

impl Offset {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { was: clock.now(), since: Instant::now(), clock }
    }

    /// Seconds; positive if it has been moved forward.
    pub fn seconds(&self) -> f64 {
        moved(self.was..self.clock.now(), self.since.elapsed())
    }
}

/// By how many seconds the way of a clock is more than what has really passed.
fn moved(way: std::ops::Range<UnixTime>, passed: Duration) -> f64 {
    let nanos = i128::from(way.end.as_nanos()) - i128::from(way.start.as_nanos());
    (nanos - passed.as_nanos() as i128) as f64 / 1e9
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({:?})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_clock_is_an_offset() {
        let way = |millis: u64| UnixTime::from_millis(100_000)..UnixTime::from_millis(millis);
        let hour = Duration::from_secs(3600);
        assert_eq!(moved(way(3_700_000), hour), 0.0);
        assert_eq!(moved(way(3_705_000), hour), 5.0);
        assert_eq!(moved(way(98_000), hour), -3602.0);
    }
}
