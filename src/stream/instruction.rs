//! The instruction of the registry to the supervisor of a stream: its definition, and whether it should run.

use std::sync::Arc;

use super::{NoRoom, Phase, Status};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::definition::store::{Part, Record};
use crate::media::window::{Epoch, Output, Period};

/// The instruction to a supervisor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instruction {
    pub(super) record: Arc<Record>,
    pub(super) order: Order,
    /// Time of the decision that the stream should run or stop, if it is the same on every replica.
    pub(super) decided: Option<UnixTime>,
}

/// Whether a stream should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    Stop,
    /// The stream should run once the named stream runs, which it requires.
    RunAfter(StreamName),
    /// The stream should run once there is capacity for it.
    RunInRoom(NoRoom),
    Run,
}

impl Order {
    /// Phase and reason of a stream that must not run; `None` for one that should run.
    pub(super) fn pause(&self) -> Option<(Phase, Option<String>)> {
        match self {
            Self::Run => None,
            Self::Stop => Some((Phase::Stopped, None)),
            Self::RunAfter(first) => {
                Some((Phase::Waiting, Some(format!("stream {first}, which it requires, does not run yet"))))
            }
            Self::RunInRoom(no_room) => Some((Phase::Waiting, Some(no_room.to_string()))),
        }
    }
}

impl Instruction {
    pub(super) fn is_to_run(&self) -> bool {
        match self.order {
            Order::Stop => false,
            Order::RunAfter(_) | Order::RunInRoom(_) | Order::Run => true,
        }
    }

    /// Whether `status` shows that the supervisor has acted on the instruction.
    pub(super) fn is_carried_out(&self, status: &Status) -> bool {
        let publishes_it = |output: &Output| {
            let epochs = output.epochs();
            let is_newest = output.presentation == self.record.presentation && !output.ended();
            is_newest && epochs.last().is_some_and(|newest| newest.spec.publishes_as(&self.record.spec))
        };
        match self.order {
            Order::Stop => status.phase == Phase::Stopped,
            Order::RunAfter(_) | Order::RunInRoom(_) => status.phase == Phase::Waiting,
            Order::Run => status.phase != Phase::Stopped && status.output.as_deref().is_some_and(publishes_it),
        }
    }

    /// Time at which players of `output` continue with the presentation of this instruction, if it follows on that of
    /// `output`.
    pub(super) fn handover(&self, output: &Output) -> Option<UnixTime> {
        let Record { spec, presentation, begin, before, .. } = &*self.record;
        let joins = before.first().map_or(begin.joins, |first| first.begin.joins);
        let follows = self.order == Order::Run && *presentation > output.presentation && joins > 0;
        follows.then(|| spec.timeline.segment_start(joins))
    }

    /// Whether capacity is reserved for the stream.
    pub(super) fn is_settled(&self) -> bool {
        match self.order {
            Order::Stop | Order::RunInRoom(_) => false,
            Order::RunAfter(_) | Order::Run => true,
        }
    }

    /// The missing capacity, if the stream waits for capacity.
    pub(super) fn no_room(&self) -> Option<NoRoom> {
        match &self.order {
            Order::RunInRoom(no_room) => Some(*no_room),
            Order::Stop | Order::RunAfter(_) | Order::Run => None,
        }
    }

    /// Changes `output` to the definition of this instruction. Returns whether a run of `output` then fulfils the
    /// instruction.
    pub(super) fn apply_to(&self, output: &Output, encoders: &str) -> bool {
        let Record { spec, presentation, begin, before, .. } = &*self.record;
        let epochs = output.epochs();
        let is_to_go_on = self.order == Order::Run && *presentation == output.presentation;
        let Some(newest) = epochs.last().filter(|_| is_to_go_on) else { return false };
        output.began(self.decided.unwrap_or_default());
        if newest.spec.publishes_as(spec) && newest.from == begin.from {
            return true;
        }
        let follows = !before.is_empty() && newest.spec.continues_as(spec);
        follows && self::epochs(&self.record, encoders).pop().is_some_and(|epoch| output.change(epoch))
    }
}

/// Epochs of the stored definitions of a record, oldest first.
pub(super) fn epochs(record: &Record, encoders: &str) -> Vec<Epoch> {
    let epoch = |part: &Part<'_>| {
        let Part { spec, begin, index, lead: (lead, began) } = *part;
        let period = Period { number: began.number, from: began.period(), path: record.revision(lead, encoders) };
        let epoch = Epoch::new((index, begin.from), spec.clone(), record.revision(spec, encoders));
        epoch.in_period(period, begin.described)
    };
    record.parts().iter().map(epoch).collect()
}
