//! The requests of one connection: whether a request head is being read, how many requests are active, and the order
//! of their responses.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Request, Version};
use tokio::sync::Notify;

use super::priority::Priority;
use super::scheduler::Scheduler;

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests {
    /// Whether a request head is being read: from its first byte, or from the start of the connection, to its end.
    reading_head: AtomicBool,
    /// Whether requests are multiplexed (HTTP/2).
    multiplexed: AtomicBool,
    active: AtomicUsize,
    /// Whether the connection ends with a reset.
    reset: AtomicBool,
    /// Notified when all bytes that were written have been passed on.
    flushed: Notify,
    scheduler: Mutex<Scheduler>,
}

/// A request whose response is not complete. It ends when dropped.
#[derive(Debug)]
pub(super) struct ActiveRequest {
    pub(super) requests: Arc<Requests>,
    /// Urgency of the response on a multiplexed connection.
    pub(super) priority: Option<Priority>,
}

impl Requests {
    /// The requests of a connection that was just accepted.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            reading_head: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            reset: AtomicBool::new(false),
            flushed: Notify::new(),
            scheduler: Mutex::default(),
        })
    }

    /// Registers `request`, whose head was read.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> ActiveRequest {
        let multiplexed = request.version() == Version::HTTP_2;
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        self.reading_head.store(false, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        let priority = multiplexed.then(|| Priority::of(request.uri().path(), request.headers()));
        ActiveRequest { requests: Arc::clone(self), priority }
    }

    /// Called when bytes arrive. Returns whether they are the first of a head, which is unknown on a multiplexed
    /// connection.
    pub(super) fn head_begins(&self) -> bool {
        let may = !self.multiplexed.load(Ordering::Relaxed) && self.active.load(Ordering::Relaxed) == 0;
        may && !self.reading_head.swap(true, Ordering::Relaxed)
    }

    pub(super) fn head_is_awaited(&self) -> bool {
        self.reading_head.load(Ordering::Relaxed)
    }

    pub(super) fn ends_with_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }

    /// Called when all bytes that were written have been passed on.
    pub(super) fn mark_flushed(&self) {
        self.flushed.notify_waiters();
    }

    /// Resolves at the end of the next flush.
    pub(super) async fn next_flush(&self) {
        self.flushed.notified().await;
    }

    pub(super) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveRequest {
    /// Lets the connection end with a reset, unless other requests share it.
    pub(super) fn reset(&self) {
        if self.priority.is_none() {
            self.requests.reset.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.requests.active.fetch_sub(1, Ordering::Relaxed);
    }
}
