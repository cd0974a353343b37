//! Delayed refusals of media that does not exist yet. Some clients compute a wrong segment number and request the next
//! one as soon as one is refused. The delay limits them to one request a second.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Delay of a refusal.
pub(super) const DELAY: Duration = Duration::from_secs(1);
/// Limit of delayed refusals, each of which occupies a connection. Beyond it refusals are sent immediately.
const MAX_HELD: usize = 256;

/// The refusals that are being delayed.
#[derive(Debug)]
pub(super) struct LateRefusals(Semaphore);

impl Default for LateRefusals {
    fn default() -> Self {
        Self(Semaphore::new(MAX_HELD))
    }
}

impl LateRefusals {
    /// Resolves when the refusal may be sent.
    pub(super) async fn hold(&self) {
        if let Ok(_permit) = self.0.try_acquire() {
            sleep(DELAY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_delayed_unless_too_many_are() {
        let refusals = LateRefusals::default();
        let began = Instant::now();
        let held = async {
            refusals.hold().await;
            began.elapsed()
        };
        let all = join_all((0..MAX_HELD + 9).map(|_| {
            let refusals = &refusals;
            async move {
                refusals.hold().await;
                began.elapsed()
            }
        }))
        .await;
        assert_eq!(all.iter().filter(|elapsed| **elapsed == DELAY).count(), MAX_HELD);
        assert_eq!(all.iter().filter(|elapsed| elapsed.is_zero()).count(), 9);
        assert_eq!(held.await, 2 * DELAY, "the earlier refusals have released their places");
    }
}
