//! The desired state of all streams at a given time. It is a pure function of stored definitions and times, so that a
//! missed event or a restart needs no special treatment.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::timeline::UnixTime;
use crate::definition::spec::{Schedule, StreamName};
use crate::definition::store::{Record, Records};

/// Desired state of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Desired {
    /// Whether the stream should run.
    pub(super) running: bool,
    /// Time of the start or stop, by hand or by schedule, that decided this. It is the same on every replica. `None` if
    /// viewers or other streams decided.
    pub(super) decided: Option<UnixTime>,
    /// Time at which the state may change without a write or a request.
    pub(super) until: Option<UnixTime>,
    /// Streams that must run before this one starts.
    pub(super) after: Vec<StreamName>,
}

/// Desired state of every stream at `now`. `used` returns when media of a stream was last requested.
pub(super) fn desired(
    known: &Records,
    now: UnixTime,
    used: impl Fn(&StreamName) -> Option<UnixTime>,
) -> BTreeMap<StreamName, Desired> {
    let mut all: BTreeMap<_, _> =
        known.iter().map(|(name, record)| (name.clone(), alone(record, now, used(name)))).collect();
    let running: Vec<_> = all.iter().filter(|(_, desired)| desired.running).map(|(name, _)| name.clone()).collect();
    for name in running {
        for required in requirements(known, &name) {
            if let Some(desired) = all.get_mut(&required) {
                desired.decided = desired.decided.filter(|_| desired.running);
                desired.running = true;
            }
        }
    }
    for (name, desired) in &mut all {
        // In a circle of requirements no stream could be the first.
        let first = |required: &&StreamName| !requirements(known, required).contains(name);
        desired.after = known[name].spec.control.requires.iter().filter(first).cloned().collect();
    }
    all
}

/// Desired state without regard to streams that require this one.
fn alone(record: &Record, now: UnixTime, used: Option<UnixTime>) -> Desired {
    let control = &record.spec.control;
    let ((running, decided), until) = match &control.schedule {
        Some(schedule) => (by_calendar(record, schedule, now), schedule.next(now).map(|tick| tick.at)),
        None => ((control.enabled, record.switched), None),
    };
    let after = Vec::new();
    match control.on_demand {
        Some(idle) if running => {
            let end = used.map(|used| used + idle).filter(|end| *end > now);
            Desired { running: end.is_some(), decided: None, until: end.into_iter().chain(until).min(), after }
        }
        Some(_) | None => Desired { running, decided: Some(decided), until, after },
    }
}

/// Whether the stream should run, and since when: the more recent of the last scheduled event and the last start or
/// stop by hand.
fn by_calendar(record: &Record, schedule: &Schedule, now: UnixTime) -> (bool, UnixTime) {
    match schedule.last(now) {
        Some(tick) if tick.at >= record.switched => (tick.running, tick.at),
        Some(_) => (record.spec.control.enabled, record.switched),
        None => (record.spec.control.enabled && record.switched > UnixTime::default(), record.switched),
    }
}

/// All streams that a stream requires, directly or indirectly.
fn requirements(known: &Records, name: &StreamName) -> BTreeSet<StreamName> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::definition::spec::{StreamRequest, StreamSpec};
    use crate::definition::store::Origin;

    fn at(text: &str) -> UnixTime {
        UnixTime::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64)
    }

    /// A stream that runs on weekdays from 8:00 to 18:00 in Berlin.
    fn office() -> Record {
        let mut request = StreamRequest::named("a");
        let schedule =
            serde_json::json!({"time_zone": "Europe/Berlin", "start": ["0 8 * * 1-5"], "stop": ["0 18 * * 1-5"]});
        request.schedule = serde_json::from_value(schedule).unwrap();
        Record::given(StreamSpec::try_from(request).unwrap(), Origin::Stored)
    }

    #[track_caller]
    fn check(record: &Record, now: &str, running: bool, until: &str) {
        let known = Records::from([(record.spec.name.clone(), Arc::new(record.clone()))]);
        let all = desired(&known, at(now), |_| None);
        let found = &all[&record.spec.name];
        assert_eq!((found.running, found.until), (running, Some(at(until))), "at {now}");
    }

    #[test]
    fn the_schedule_decides_at_any_time() {
        let office = office();
        check(&office, "2026-11-20T06:59:59Z", false, "2026-11-20T07:00:00Z");
        check(&office, "2026-11-20T07:00:00Z", true, "2026-11-20T17:00:00Z");
        check(&office, "2026-11-20T17:00:00Z", false, "2026-11-23T07:00:00Z");
        // The process was suspended from Friday to Tuesday; summer time.
        check(&office, "2026-11-24T12:00:00Z", true, "2026-11-24T17:00:00Z");
        check(&office, "2026-03-27T12:00:00Z", true, "2026-03-27T17:00:00Z");
        check(&office, "2026-03-29T12:00:00Z", false, "2026-03-30T06:00:00Z");
    }

    #[test]
    fn the_most_recent_start_or_stop_wins() {
        let mut by_hand = office();
        by_hand.spec.control.enabled = true;
        by_hand.switched = at("2026-11-20T19:00:00Z");
        check(&by_hand, "2026-11-20T19:00:01Z", true, "2026-11-23T07:00:00Z");
        check(&by_hand, "2026-11-23T17:00:00Z", false, "2026-11-24T07:00:00Z");
        by_hand.spec.control.enabled = false;
        by_hand.switched = at("2026-11-20T12:00:00Z");
        check(&by_hand, "2026-11-20T13:00:00Z", false, "2026-11-20T17:00:00Z");
        check(&by_hand, "2026-11-23T07:00:00Z", true, "2026-11-23T17:00:00Z");
    }

    #[test]
    fn a_stream_waits_for_its_first_scheduled_start() {
        let mut request = StreamRequest::named("a");
        let window =
            serde_json::json!({"windows": [{"from": "2026-12-24T10:00:00Z", "until": "2026-12-24T12:00:00Z"}]});
        request.schedule = serde_json::from_value(window).unwrap();
        let record = Record::given(StreamSpec::try_from(request).unwrap(), Origin::Stored);
        check(&record, "2026-11-20T12:00:00Z", false, "2026-12-24T10:00:00Z");
        check(&record, "2026-12-24T11:00:00Z", true, "2026-12-24T12:00:00Z");
    }

    #[test]
    fn an_on_demand_stream_runs_only_within_its_schedule() {
        let mut record = office();
        record.spec.control.on_demand = Some(Duration::from_secs(30));
        let known = Records::from([(record.spec.name.clone(), Arc::new(record.clone()))]);
        let runs = |now: &str, used: &str| desired(&known, at(now), |_| Some(at(used)))[&record.spec.name].running;
        assert!(runs("2026-11-20T12:00:29Z", "2026-11-20T12:00:00Z"));
        assert!(!runs("2026-11-20T12:00:30Z", "2026-11-20T12:00:00Z"));
        assert!(!runs("2026-11-21T12:00:01Z", "2026-11-21T12:00:00Z"));
    }
}
