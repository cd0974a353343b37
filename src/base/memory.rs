//! Returns the memory of streams that ended to the operating system. glibc's allocator keeps freed memory for reuse in an
//! arena of each thread. Because streams start and end their own threads, the free memory of all arenas adds up.

use std::time::Duration;

use barstone_heap as heap;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

/// Size from which a block returns to the operating system as soon as it is freed: less than a raw picture or a reference
/// picture of an encoder, more than most chunks.
const LARGE_BLOCK: i32 = 256 * 1024;

/// Time from a request to the trim. Streams that end together are trimmed together, and by then their threads and the
/// responses that still read from them are gone too.
const DELAY: Duration = Duration::from_secs(5);

/// Sets the allocator up. Called once, before there are other threads.
pub fn set_up() {
    heap::set_mmap_threshold(LARGE_BLOCK);
}

/// Trims the allocator's free memory some seconds after it is requested, at most once in that time.
#[derive(Debug, Default)]
pub struct Trimmer {
    requested: Notify,
}

impl Trimmer {
    /// Requests a trim: a stream has freed its memory, or is about to.
    pub fn request(&self) {
        self.requested.notify_one();
    }

    /// Trims after requests, without end.
    pub async fn run(&self) {
        self.run_with(trim).await;
    }

    async fn run_with<F: Future<Output = ()>>(&self, trim: impl Fn() -> F) {
        loop {
            self.requested.notified().await;
            sleep(DELAY).await;
            trim().await;
        }
    }
}

/// Trims on a thread on which nothing else waits.
async fn trim() {
    let started = Instant::now();
    let returned = spawn_blocking(heap::trim).await.unwrap_or_default();
    tracing::debug!(micros = started.elapsed().as_micros(), returned, "returned freed memory to the system");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn streams_that_end_together_are_trimmed_together() {
        let (trimmer, trims) = (Trimmer::default(), Cell::new(0));
        let run = async |time: Duration| {
            let trim = || async { trims.set(trims.get() + 1) };
            assert!(timeout(time, trimmer.run_with(trim)).await.is_err(), "it runs without end");
            trims.get()
        };
        assert_eq!(run(DELAY * 10).await, 0, "nothing was requested");
        (0..30).for_each(|_| trimmer.request());
        assert_eq!(run(DELAY / 2).await, 0, "before the delay");
        trimmer.request();
        assert_eq!(run(DELAY * 10).await, 1);
        trimmer.request();
        assert_eq!(run(DELAY * 10).await, 2);
    }
}
