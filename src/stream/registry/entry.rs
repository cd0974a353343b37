//! One stream of the registry: what it shares with its task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::StreamView;
use crate::audience::Audience;
use crate::definitions::Record;
use crate::stream::Status;
use crate::stream::life::{Order, Wanted};
use crate::timeline::UnixTime;

/// A stream with its task.
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    pub(super) wanted: watch::Sender<Wanted>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) over: CancellationToken,
    pub(super) audience: Arc<Audience>,
    /// When somebody last asked for its media, in nanoseconds since 1970; 0 if nobody has.
    pub(super) used: AtomicU64,
}

impl Entry {
    pub(super) fn view(&self) -> StreamView {
        StreamView {
            record: Arc::clone(&self.record),
            wanted: self.wanted.borrow().is_to_run(),
            status: self.status.borrow().clone(),
            viewers: self.audience.figures(),
        }
    }

    /// Whether it runs, or has room to.
    pub(super) fn is_settled(&self) -> bool {
        self.wanted.borrow().is_settled()
    }

    /// Wakes the task only if something has changed for it.
    pub(super) fn want(&self, new: Wanted) {
        self.wanted.send_if_modified(|wanted| {
            let goes_on = wanted.order == Order::Run && matches!(new.order, Order::RunAfter(_));
            let new = Wanted { order: if goes_on { Order::Run } else { new.order }, ..new };
            let changed = *wanted != new;
            *wanted = new;
            changed
        });
    }

    /// Whoever waits for more is told that there is none.
    pub(super) fn end(&self) {
        self.wanted.send_modify(|wanted| wanted.order = Order::Stop);
        self.over.cancel();
    }

    pub(super) fn used(&self) -> Option<UnixTime> {
        Some(self.used.load(Ordering::Relaxed)).filter(|nanos| *nanos > 0).map(UnixTime::from_nanos)
    }

    /// Says that somebody asks for its media; whether that makes a difference to it.
    pub(super) fn touch(&self, now: UnixTime) -> bool {
        self.used.store(now.as_nanos(), Ordering::Relaxed);
        self.record.spec.control.on_demand.is_some()
    }
}
