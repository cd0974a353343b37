//! What the registry tells the supervisor of a stream: its definition, and whether it is to run.

use std::sync::Arc;

use super::NoRoom;
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::definition::store::Record;
use crate::media::window::{Epoch, Output};

/// The instruction to a supervisor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instruction {
    pub(super) record: Arc<Record>,
    pub(super) order: Order,
}

/// Whether a stream should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Stop,
    /// It should run once the named stream runs, which it requires.
    RunAfter(StreamName),
    /// It should run once there is capacity for it.
    RunInRoom(NoRoom),
    Run,
}

impl Instruction {
    pub(super) fn is_to_run(&self) -> bool {
        match self.order {
            Order::Stop => false,
            Order::RunAfter(_) | Order::RunInRoom(_) | Order::Run => true,
        }
    }

    /// Whether capacity is reserved for it.
    pub(super) fn is_settled(&self) -> bool {
        match self.order {
            Order::Stop | Order::RunInRoom(_) => false,
            Order::RunAfter(_) | Order::Run => true,
        }
    }

    /// The missing capacity, if it waits for some.
    pub(super) fn no_room(&self) -> Option<NoRoom> {
        match &self.order {
            Order::RunInRoom(no_room) => Some(*no_room),
            Order::Stop | Order::RunAfter(_) | Order::Run => None,
        }
    }

    /// Changes `output` to the definition of this instruction if it has another. Returns whether a run of `output`
    /// then fulfils the instruction.
    pub(super) fn apply_to(&self, output: &Output, encoders: &str) -> bool {
        let epochs = output.epochs();
        let Some(newest) = epochs.last().filter(|_| self.order == Order::Run) else { return false };
        let Record { spec, from, before, .. } = &*self.record;
        if newest.spec.publishes_as(spec) && newest.from == *from {
            return true;
        }
        !before.is_empty() && newest.spec.goes_over_to(spec) && output.change(epoch(&self.record, encoders))
    }
}

/// The newest definition of a record.
pub(super) fn epoch(record: &Record, encoders: &str) -> Epoch {
    let Record { spec, from, before, forgotten, changed, .. } = record;
    let changed = if *from == 0 { UnixTime::default() } else { *changed };
    Epoch::new((forgotten + before.len() as u64, *from), spec.clone(), spec.revision(encoders), changed)
}
