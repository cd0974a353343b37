//! What has happened to streams, in order, for those who follow. The newest events are kept; a follower reads them where
//! they are, so one that is slow costs nothing and holds nobody up.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tokio::sync::watch;

use super::{Phase, PushPhase};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::media::manifest::date_time;

/// How many events are kept: hundreds of streams may start at once, and a follower that was away for a moment still
/// gets all of it.
const KEPT: usize = 1000;

/// Something that has happened to a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Rises by one from 1 within a process.
    pub id: u64,
    /// When.
    pub at: UnixTime,
    /// To which stream.
    pub stream: StreamName,
    /// What.
    pub kind: EventKind,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The stream is in another phase.
    Phase {
        /// Which.
        phase: Phase,
        /// Why it is not running, where it should be.
        error: Option<String>,
    },
    /// There is a stream of this name now.
    Created,
    /// Its definition is another one.
    Replaced,
    /// There is none any more.
    Removed,
    /// Somebody watches it, and before nobody did.
    FirstViewer,
    /// Nobody watches it any more.
    LastViewer,
    /// Viewers are turned away, because there are too many.
    Overflow,
    /// A target that the stream is pushed to takes it, or does not.
    Push {
        /// Which, without its secret.
        target: String,
        /// Where it stands.
        phase: PushPhase,
        /// Why it does not.
        error: Option<String>,
    },
}

impl Event {
    /// All that [`Event::name`] may be.
    pub const NAMES: [&str; 8] =
        ["phase", "created", "replaced", "removed", "first_viewer", "last_viewer", "overflow", "push"];

    /// The kind of event in one word.
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

/// The events of a process. Any number of tasks tell and follow.
#[derive(Debug)]
pub struct Events {
    series: String,
    kept: watch::Sender<Kept>,
}

impl Events {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        // The standard library seeds its hash maps with random numbers of the system; two processes do not share them.
        let series = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { series, kept: watch::Sender::default() }
    }

    /// Sixteen hex digits that no other process has. With an event's id they name the event everywhere, also after a
    /// restart, when ids begin at 1 again.
    pub fn series(&self) -> &str {
        &self.series
    }

    /// Adds an event. Never waits for those who follow.
    pub fn tell(&self, at: UnixTime, stream: &StreamName, kind: EventKind) {
        self.kept.send_modify(|kept| kept.push(|id| Event { id, at, stream: stream.clone(), kind }));
    }

    /// Follows what comes after the event with the id `after`, without hole or repetition; `None` is the newest there is
    /// now.
    pub fn follow(&self, after: Option<u64>) -> Follower {
        let kept = self.kept.subscribe();
        let after = after.unwrap_or_else(|| kept.borrow().last);
        Follower { kept, after }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

/// What a follower gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivered {
    /// The next event.
    Event(Arc<Event>),
    /// Events were forgotten before the follower came to them, or its last one was of another process. The oldest that is
    /// kept comes next; whoever shows state reads it anew.
    Missed,
}

/// One who follows [`Events`].
#[derive(Debug)]
pub struct Follower {
    kept: watch::Receiver<Kept>,
    after: u64,
}

impl Follower {
    /// The next event, as soon as there is one; `None` when there will be no more. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Delivered> {
        loop {
            let next = self.kept.borrow_and_update().next(self.after);
            match next {
                Next::Event(event) => {
                    self.after = event.id;
                    return Some(Delivered::Event(event));
                }
                Next::Missed { forgotten } => {
                    self.after = forgotten;
                    return Some(Delivered::Missed);
                }
                Next::Later => self.kept.changed().await.ok()?,
            }
        }
    }
}

/// The newest events.
#[derive(Debug, Default)]
struct Kept {
    /// With ids that rise by one up to `last`.
    events: VecDeque<Arc<Event>>,
    /// Id of the newest event; 0 before the first.
    last: u64,
}

/// What comes after an id.
enum Next {
    Event(Arc<Event>),
    /// Events up to and with `forgotten` are not there.
    Missed {
        forgotten: u64,
    },
    Later,
}

impl Kept {
    fn push(&mut self, event: impl FnOnce(u64) -> Event) {
        if self.events.len() == KEPT {
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
