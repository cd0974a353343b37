//! Events of all streams, in order. The newest events are stored once and followers read them in place, so a slow
//! follower costs nothing and delays no other.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tokio::sync::watch;

use super::{Phase, PushPhase};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::media::manifest::date_time;

/// Number of stored events. It is enough for the simultaneous start of hundreds of streams, so a follower that was
/// briefly disconnected misses none of them.
const CAPACITY: usize = 1000;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Number of the event. It starts at 1 in each process and rises by one.
    pub id: u64,
    /// Time of the event.
    pub at: UnixTime,
    /// Name of the stream.
    pub stream: StreamName,
    /// What happened.
    pub kind: EventKind,
}

/// Kind of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The stream changed its phase.
    Phase {
        /// The new phase.
        phase: Phase,
        /// Error because of which the stream does not run, if it should run.
        error: Option<String>,
    },
    /// The stream was created.
    Created,
    /// The definition was replaced.
    Replaced,
    /// The stream was removed.
    Removed,
    /// The number of viewers rose from zero.
    FirstViewer,
    /// The number of viewers fell to zero.
    LastViewer,
    /// New viewers are refused because a limit is reached.
    Overflow,
    /// A push target changed its state.
    Push {
        /// URL of the target with its secret masked.
        target: String,
        /// The new state.
        phase: PushPhase,
        /// Error because of which the push fails.
        error: Option<String>,
    },
}

impl Event {
    /// All values of [`Event::name`].
    pub const NAMES: [&str; 8] =
        ["phase", "created", "replaced", "removed", "first_viewer", "last_viewer", "overflow", "push"];

    /// Name of the kind in JSON.
    pub const fn name(&self) -> &'static str {
        match self.kind {
            EventKind::Phase { .. } => "phase",
            EventKind::Created => "created",
            EventKind::Replaced => "replaced",
            EventKind::Removed => "removed",
            EventKind::FirstViewer => "first_viewer",
            EventKind::LastViewer => "last_viewer",
            EventKind::Overflow => "overflow",
            EventKind::Push { .. } => "push",
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("at", &date_time(self.at))?;
        map.serialize_entry("event", self.name())?;
        map.serialize_entry("stream", self.stream.as_str())?;
        match &self.kind {
            EventKind::Phase { phase, error } => {
                map.serialize_entry("phase", phase)?;
                map.serialize_entry("error", error)?;
            }
            EventKind::Push { target, phase, error } => {
                map.serialize_entry("target", target)?;
                map.serialize_entry("phase", phase)?;
                map.serialize_entry("error", error)?;
            }
            EventKind::Created
            | EventKind::Replaced
            | EventKind::Removed
            | EventKind::FirstViewer
            | EventKind::LastViewer
            | EventKind::Overflow => {}
        }
        map.end()
    }
}

/// All events of the process. Any number of tasks may publish and follow.
#[derive(Debug)]
pub struct Events {
    series: String,
    buffer: watch::Sender<Buffer>,
}

impl Events {
    /// No events.
    pub fn new() -> Self {
        // The seed of a standard hash map is random and differs between processes.
        let series = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { series, buffer: watch::Sender::default() }
    }

    /// Sixteen random hex digits that identify this process. Together with the id of an event they identify the event
    /// across restarts, after which ids start at 1 again.
    pub fn series(&self) -> &str {
        &self.series
    }

    /// Publishes an event. Never waits for followers.
    pub fn publish(&self, at: UnixTime, stream: &StreamName, kind: EventKind) {
        self.buffer.send_modify(|buffer| buffer.push(|id| Event { id, at, stream: stream.clone(), kind }));
    }

    /// Follows the events after the one with id `after`, without gaps and repetitions. `None` follows from now on.
    pub fn follow(&self, after: Option<u64>) -> Follower {
        let buffer = self.buffer.subscribe();
        let after = after.unwrap_or_else(|| buffer.borrow().last);
        Follower { buffer, after }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

/// Item of a follower.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivered {
    /// The next event.
    Event(Arc<Event>),
    /// Events were discarded before the follower read them, or `after` was an id of another process. The oldest stored
    /// event comes next. A client that displays state must read the state again.
    Missed,
}

/// A reader of [`Events`].
#[derive(Debug)]
pub struct Follower {
    buffer: watch::Receiver<Buffer>,
    after: u64,
}

impl Follower {
    /// Resolves with the next event, or with `None` when no more will come. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivered> {
        loop {
            let next = self.buffer.borrow_and_update().next(self.after);
            match next {
                Next::Event(event) => {
                    self.after = event.id;
                    return Some(Delivered::Event(event));
                }
                Next::Missed { forgotten } => {
                    self.after = forgotten;
                    return Some(Delivered::Missed);
                }
                Next::Later => self.buffer.changed().await.ok()?,
            }
        }
    }
}

/// The stored events.
#[derive(Debug, Default)]
struct Buffer {
    /// Stored events. Their ids rise by one up to `last`.
    events: VecDeque<Arc<Event>>,
    /// Id of the newest event; 0 before the first.
    last: u64,
}

/// Result of a lookup of the event after an id.
enum Next {
    Event(Arc<Event>),
    /// Events up to and including `forgotten` are no longer stored.
    Missed {
        forgotten: u64,
    },
    Later,
}

impl Buffer {
    fn push(&mut self, event: impl FnOnce(u64) -> Event) {
        if self.events.len() == CAPACITY {
            self.events.pop_front();
        }
        self.last += 1;
        self.events.push_back(Arc::new(event(self.last)));
    }

    fn next(&self, after: u64) -> Next {
        let forgotten = self.last - self.events.len() as u64;
        if after < forgotten || after > self.last {
            return Next::Missed { forgotten };
        }
        let place = usize::try_from(after - forgotten).ok();
        place.and_then(|place| self.events.get(place)).map_or(Next::Later, |event| Next::Event(Arc::clone(event)))
    }
}

#[cfg(test)]
mod tests;
