//! Events in segments (ISO/IEC 23009-1 5.10.3).

use std::collections::HashMap;

use mp4_atom::Emsg;

use crate::inspect::rules::{Report, Violation};

/// Scheme, value and id of an event, which identify it.
pub type Key = (String, String, u32);

/// Checks the events of a segment. `declared` has scheme and value of each InbandEventStream of the representation, and `known` the
/// events of earlier segments.
pub fn check_events(
    events: &[Emsg],
    declared: &[(String, Option<String>)],
    known: &HashMap<Key, Emsg>,
) -> Vec<Violation> {
    let mut report = Report::default();
    for event in events {
        let (scheme, value) = (&event.scheme_id_uri, &event.value);
        let is_declared =
            declared.iter().any(|(other, of)| other == scheme && of.as_ref().is_none_or(|of| of == value));
        report.demand("D19", is_declared, || {
            format!("an event of the scheme {scheme:?} and value {value:?}, which no InbandEventStream announces")
        });
        let other = known.get(&key(event));
        let same = other.is_none_or(|other| {
            (other.event_duration, &other.message_data) == (event.event_duration, &event.message_data)
        });
        report.demand("D19", same, || {
            format!("another event with the scheme {scheme:?}, value {value:?} and id {}", event.id)
        });
    }
    report.0
}

/// Identity of an event.
pub fn key(event: &Emsg) -> Key {
    (event.scheme_id_uri.clone(), event.value.clone(), event.id)
}
