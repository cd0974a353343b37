//! Refusals of media that do not exist yet, held back for a moment. A client that computes a wrong segment number asks for the
//! next one as soon as it is refused; held back, it sends one request a second and not thousands.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

/// How long a refusal is held back.
pub(super) const HELD: Duration = Duration::from_secs(1);
/// Refusals that are held back at the same time: each occupies a connection. Past it a refusal is answered immediately.
const MOST_HELD: usize = 256;

/// The refusals that are held back now.
#[derive(Debug)]
pub(super) struct LateRefusals(Semaphore);

impl Default for LateRefusals {
    fn default() -> Self {
        Self(Semaphore::new(MOST_HELD))
    }
}

impl LateRefusals {
    /// Resolves when the refusal may be answered.
    pub(super) async fn hold(&self) {
        if let Ok(_permit) = self.0.try_acquire() {
            sleep(HELD).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_held_back_while_few_are() {
        let refusals = LateRefusals::default();
        let began = Instant::now();
        let held = async {
            refusals.hold().await;
            began.elapsed()
        };
        let all = join_all((0..MOST_HELD + 9).map(|_| {
            let refusals = &refusals;
            async move {
                refusals.hold().await;
                began.elapsed()
            }
        }))
        .await;
        assert_eq!(all.iter().filter(|elapsed| **elapsed == HELD).count(), MOST_HELD);
        assert_eq!(all.iter().filter(|elapsed| elapsed.is_zero()).count(), 9);
        assert_eq!(held.await, 2 * HELD, "those that were held have let go");
    }
}
