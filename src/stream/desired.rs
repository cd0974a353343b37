//! Which streams are to run at a moment. Pure: missed moments and restarts heal, because nothing is remembered but what
//! was written and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::definitions::{Known, Record};
use crate::spec::StreamName;
use crate::timeline::UnixTime;

/// What is to become of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Desired {
    /// Whether it is to run.
    pub(super) running: bool,
    /// When that may change if nothing is written and nobody asks for media.
    pub(super) until: Option<UnixTime>,
    /// Streams that have to run before it begins.
    pub(super) after: Vec<StreamName>,
}

/// What is to become of every stream at `now`; `used` tells when somebody last asked for a stream's media.
pub(super) fn desired(
    known: &Known,
    now: UnixTime,
    used: impl Fn(&StreamName) -> Option<UnixTime>,
) -> BTreeMap<StreamName, Desired> {
    let mut all: BTreeMap<_, _> =
        known.iter().map(|(name, record)| (name.clone(), alone(record, now, used(name)))).collect();
    let running: Vec<_> = all.iter().filter(|(_, desired)| desired.running).map(|(name, _)| name.clone()).collect();
    for name in running {
        for required in requirements(known, &name) {
            if let Some(desired) = all.get_mut(&required) {
                desired.running = true;
            }
        }
    }
    for (name, desired) in &mut all {
        // In a ring nobody could be the first.
        let first = |required: &&StreamName| !requirements(known, required).contains(name);
        desired.after = known[name].spec.control.requires.iter().filter(first).cloned().collect();
    }
    all
}

/// A stream that no other requires.
fn alone(record: &Record, now: UnixTime, used: Option<UnixTime>) -> Desired {
    let control = &record.spec.control;
    let (running, until) = (control.enabled, None);
    match control.on_demand {
        Some(idle) if running => {
            let end = used.map(|used| used + idle).filter(|end| *end > now);
            Desired { running: end.is_some(), until: end.into_iter().chain(until).min(), after: Vec::new() }
        }
        Some(_) | None => Desired { running, until, after: Vec::new() },
    }
}

/// What a stream requires, and what that requires, and so on.
fn requirements(known: &Known, name: &StreamName) -> BTreeSet<StreamName> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.clone()];
    while let Some(next) = open.pop() {
        for required in known.get(&next).into_iter().flat_map(|record| &record.spec.control.requires) {
            if found.insert(required.clone()) {
                open.push(required.clone());
            }
        }
    }
    found
}
