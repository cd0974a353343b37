//! The only reader of the wall clock. Other code gets a [`Clock`] or a [`UnixTime`] as an argument.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::timeline::UnixTime;

/// A source of UTC: the clock of the host, or a function in tests.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixTime + Send + Sync>);

impl Clock {
    /// The clock of the host.
    pub fn system() -> Self {
        Self::from_fn(|| {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
            let now = SystemTime::now();
            unix_time(now)
        })
    }

    /// A clock that returns what `tell` returns.
    pub fn from_fn(tell: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time now.
    pub fn now(&self) -> UnixTime {
        (self.0)()
    }
}

/// Measures how far a clock has been stepped since this value was created, by comparison with the monotonic clock.
#[derive(Debug, Clone)]
pub struct Offset {
    clock: Clock,
    was: UnixTime,
    since: Instant,
}

impl Offset {
    /// Starts measuring `clock`; the offset is 0.
    pub fn new(clock: Clock) -> Self {
        Self { was: clock.now(), since: Instant::now(), clock }
    }

    /// Offset in seconds; positive after a step forward.
    pub fn seconds(&self) -> f64 {
        moved(self.was..self.clock.now(), self.since.elapsed())
    }
}

/// When a file or directory was last modified, by the clock of its file system. A symbolic link is not followed.
///
/// # Errors
/// The file system has no information about the file.
pub fn modified(file: &Path) -> io::Result<UnixTime> {
    fs::symlink_metadata(file).and_then(|metadata| metadata.modified()).map(unix_time)
}

fn unix_time(time: SystemTime) -> UnixTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Seconds that a clock advanced in excess of the time that passed.
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
