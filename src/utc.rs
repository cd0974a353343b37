//! The only reader of the wall clock. Whatever needs the time is handed a [`Clock`] or a [`UnixTime`].

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::timeline::UnixTime;

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

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({:?})", self.now())
    }
}
