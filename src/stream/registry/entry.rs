//! One stream of the registry: state that the registry shares with the supervisor of the stream.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::StreamView;
use super::activity::Activity;
use crate::definition::store::Record;
use crate::stream::audience::Audience;
use crate::stream::instruction::{Instruction, Order};
use crate::stream::push::targets::Targets;
use crate::stream::{Phase, Status};

/// A stream with its supervisor.
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    pub(super) instruction: watch::Sender<Instruction>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) over: CancellationToken,
    pub(super) retry: Arc<Notify>,
    pub(super) audience: Arc<Audience>,
    pub(super) targets: Arc<Targets>,
    /// Requests for its media.
    pub(super) activity: Arc<Activity>,
}

impl Entry {
    pub(super) fn view(&self) -> StreamView {
        StreamView {
            record: Arc::clone(&self.record),
            wanted: self.instruction.borrow().is_to_run(),
            status: self.status.borrow().clone(),
            viewers: self.audience.figures(),
            targets: self.targets.view(&self.record.spec.push),
        }
    }

    /// Whether it runs, or has capacity to run.
    pub(super) fn is_settled(&self) -> bool {
        self.instruction.borrow().is_settled()
    }

    /// Whether the last run failed, so that the supervisor waits for a retry.
    pub(super) fn waits_for_retry(&self) -> bool {
        let phase = self.status.borrow().phase;
        let is_run = self.instruction.borrow().order == Order::Run && !self.record.spec.is_published();
        is_run && matches!(phase, Phase::Failed | Phase::Waiting)
    }

    /// Sends a new instruction. The supervisor wakes only if it differs.
    pub(super) fn want(&self, new: Instruction) {
        self.instruction.send_if_modified(|wanted| {
            let goes_on = wanted.order == Order::Run && matches!(new.order, Order::RunAfter(_));
            let new = Instruction { order: if goes_on { Order::Run } else { new.order }, ..new };
            let changed = *wanted != new;
            *wanted = new;
            changed
        });
    }

    /// Closes the channels, so that tasks that wait for more end.
    pub(super) fn end(&self) {
        self.instruction.send_modify(|wanted| wanted.order = Order::Stop);
        self.over.cancel();
    }

    /// Whether the stream runs only while its media is requested.
    pub(super) fn is_on_demand(&self) -> bool {
        self.record.spec.control.on_demand.is_some()
    }
}
