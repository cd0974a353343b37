//! A definition with what is known of it, and what a change makes of it.

use std::time::Duration;

use super::Origin;
use crate::base::timeline::UnixTime;
use crate::definition::spec::{StreamRequest, StreamSpec};

/// How long before it takes effect a change is known at least: players that look for it once a segment have seen it by then.
const NOTICE: Duration = Duration::from_secs(2);

/// A definition as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The definition.
    pub spec: StreamSpec,
    /// When it was last written, or 1970 for one that nobody has written.
    pub changed: UnixTime,
    /// The first segment of this definition; 0 if the stream did not run when it was written.
    pub from: u64,
    /// Definitions before it that a stream may still show segments of, oldest first. Each ends where the next begins.
    pub before: Vec<Before>,
    /// How many there were before these.
    pub forgotten: u64,
    /// When it was last said by hand whether the stream runs, or 1970.
    pub switched: UnixTime,
    /// Who may change it.
    pub origin: Origin,
}

/// A definition that a stream had.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The definition.
    pub spec: StreamSpec,
    /// Its first segment.
    pub from: u64,
    /// When it was written.
    pub changed: UnixTime,
}

impl Record {
    /// A definition that nobody has written.
    pub fn given(spec: StreamSpec, origin: Origin) -> Self {
        Self {
            spec,
            changed: UnixTime::default(),
            from: 0,
            before: Vec::new(),
            forgotten: 0,
            switched: UnixTime::default(),
            origin,
        }
    }

    /// The same stream with another definition, which players go over to at a segment that is decided here: as near as can be, and
    /// far enough for them and for other replicas to hear of it.
    pub(super) fn followed_by(&self, spec: StreamSpec, now: UnixTime) -> Self {
        let timeline = &spec.timeline;
        let current = timeline.segment_at(now);
        let mut next = Self { changed: in_millis(now), ..self.clone() };
        if self.spec.control.enabled != spec.control.enabled {
            next.switched = next.changed;
        }
        if !self.spec.control.enabled || !self.spec.goes_over_to(&spec) {
            // What is not played has no past to show.
            if !self.spec.publishes_as(&spec) {
                (next.from, next.before, next.forgotten) = (0, Vec::new(), 0);
            }
        } else if !self.spec.publishes_as(&spec) {
            let from = timeline.segment_at(now + NOTICE) + 1;
            // One that has not begun never does.
            if self.from < from {
                next.before.push(Before { spec: self.spec.clone(), from: self.from, changed: self.changed });
                next.from = from;
            }
            let oldest = current.saturating_sub(spec.kept_segments());
            let until = |place: usize| next.before.get(place + 1).map_or(next.from, |after| after.from);
            let gone = (0..next.before.len()).take_while(|place| until(*place) <= oldest).count();
            next.before.drain(..gone);
            next.forgotten += gone as u64;
        }
        Self { spec, ..next }
    }

    /// Differs whenever the definition does: a strong entity tag without its quotes (RFC 9110 8.8.3).
    pub fn tag(&self) -> String {
        let request = serde_json::to_string(&StreamRequest::from(&self.spec)).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64_with_seed(request.as_bytes(), self.changed.as_nanos()))
    }
}

/// As fine as it is kept, so that a restart changes nothing.
pub(super) fn in_millis(time: UnixTime) -> UnixTime {
    UnixTime::from_millis(time.as_millis())
}
