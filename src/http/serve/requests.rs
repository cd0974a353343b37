//! What is known of the requests of one connection: whether the head of one is awaited, how many are under way, and whose
//! answer goes first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Request, Version};

use super::priority::Priority;
use super::scheduler::Scheduler;

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests {
    /// From the first byte of a head, or the connection's beginning, to the head's end.
    awaited: AtomicBool,
    /// Whether requests share the connection, as they do in HTTP/2.
    shared: AtomicBool,
    under_way: AtomicUsize,
    scheduler: Mutex<Scheduler>,
}

/// A request that has not been answered to the last byte. It ends when dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) requests: Arc<Requests>,
    /// How urgent the answer is, where it has to share.
    pub(super) priority: Option<Priority>,
}

impl Requests {
    /// Of a connection that has just been accepted.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            awaited: AtomicBool::new(true),
            shared: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            scheduler: Mutex::default(),
        })
    }

    /// The head of `request` is there.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> UnderWay {
        let shared = request.version() == Version::HTTP_2;
        self.shared.store(shared, Ordering::Relaxed);
        self.awaited.store(false, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let priority = shared.then(|| Priority::of(request.uri().path(), request.headers()));
        UnderWay { requests: Arc::clone(self), priority }
    }

    /// Bytes have come; whether they are the first of a head. Where requests share a connection nobody can tell.
    pub(super) fn head_begins(&self) -> bool {
        let may = !self.shared.load(Ordering::Relaxed) && self.under_way.load(Ordering::Relaxed) == 0;
        may && !self.awaited.swap(true, Ordering::Relaxed)
    }

    pub(super) fn head_is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }

    pub(super) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.requests.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
