//! A definition with what is stored beside it, and what a change makes of it. What may only rise at a URL (numbers of Periods,
//! `DISCONTINUITY-SEQUENCE`, `publishTime`) is counted here, so that it is the same for every replica and after a restart.

use std::time::Duration;

use super::Origin;
use crate::base::timeline::UnixTime;
use crate::definition::spec::{Revision, StreamRequest, StreamSpec};

/// How long before it takes effect a change or a stop is known at least: players that look for it once a segment have seen it by then.
pub const NOTICE: Duration = Duration::from_secs(2);
/// Windows for which an earlier definition is remembered after its end: its segments stay available for two of them, and
/// caches may keep the answers for another.
const REMEMBERED_WINDOWS: u32 = 3;
/// Segments on top of that, for windows that are shorter than what caches keep at least.
const REMEMBERED_SEGMENTS: u32 = 8;

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The definition.
    pub spec: StreamSpec,
    /// When it was last written, or 1970 for one that nobody has written.
    pub changed: UnixTime,
    /// Where it begins.
    pub begin: Begin,
    /// Definitions before it that a stream may still show segments of, oldest first. Each ends where the next begins.
    pub before: Vec<Before>,
    /// What is known of the definitions before those.
    pub forgotten: Forgotten,
    /// When it was last said by hand whether the stream runs, or 1970.
    pub switched: UnixTime,
    /// Who may change it.
    pub origin: Origin,
}

/// Where a definition begins among all that a stream has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begin {
    /// The first segment; 0 for a definition that applies to all of the past.
    pub from: u64,
    /// How many definitions were announced before it, those included that never began.
    pub number: u64,
    /// When the description in the MPD last changed, up to and with this definition; 1970 if it never did.
    pub described: UnixTime,
}

/// A definition that a stream had.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The definition.
    pub spec: StreamSpec,
    /// Where it began.
    pub begin: Begin,
}

/// What remains of definitions that nothing is shown of any more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forgotten {
    /// How many there were.
    pub count: u64,
    /// The definition that began the Period of the oldest one that is remembered, unless that one began it itself.
    pub lead: Option<Box<Before>>,
    /// How often segments have been published under the revision of an earlier definition and that definition may come again.
    pub takes: u64,
}

/// A definition in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// The definition.
    pub spec: &'a StreamSpec,
    /// Where it begins.
    pub begin: Begin,
    /// How many there were before it: what EXT-X-DISCONTINUITY-SEQUENCE counts (RFC 8216bis 4.4.3.3).
    pub index: u64,
    /// The definition that began its Period, and where. Decoders need not be told anything else since.
    pub lead: (&'a StreamSpec, Begin),
}

impl Record {
    /// A definition that nobody has written.
    pub fn given(spec: StreamSpec, origin: Origin) -> Self {
        Self {
            spec,
            changed: UnixTime::default(),
            begin: Begin::default(),
            before: Vec::new(),
            forgotten: Forgotten::default(),
            switched: UnixTime::default(),
            origin,
        }
    }

    /// The definitions that are remembered, oldest first; the last one is the present one.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let all = self.before.iter().map(|before| (&before.spec, before.begin)).chain([(&self.spec, self.begin)]);
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (index, (spec, begin)) in (self.forgotten.count..).zip(all) {
            let lead = match (parts.last(), &self.forgotten.lead) {
                (Some(last), _) if last.spec.decodes_as(spec) => last.lead,
                (None, Some(lead)) => (&lead.spec, lead.begin),
                (Some(_) | None, _) => (spec, begin),
            };
            parts.push(Part { spec, begin, index, lead });
        }
        parts
    }

    /// The hash that names the media bytes of one of its definitions; `encoders` are the versions of the encoder libraries.
    pub fn revision(&self, spec: &StreamSpec, encoders: &str) -> Revision {
        match self.forgotten.takes {
            0 => spec.revision(encoders),
            takes => spec.revision(&format!("{encoders}|take {takes}")),
        }
    }

    /// The same stream with another definition.
    pub(super) fn followed_by(&self, spec: StreamSpec, now: UnixTime) -> Self {
        let mut next = Self { changed: in_millis(now), ..self.clone() };
        if self.spec.control.enabled != spec.control.enabled {
            next.switched = next.changed;
        }
        if self.spec.publishes_as(&spec) {
            // Nothing that is published changes.
            next.spec = spec;
        } else if self.spec.control.enabled && self.spec.goes_over_to(&spec) {
            next.go_over_to(spec, now);
        } else {
            next.begin_anew(spec, now);
        }
        next
    }

    /// Takes another definition, which players go over to at a segment that is decided here: as near as can be, and far enough
    /// for them and for other replicas to hear of it.
    fn go_over_to(&mut self, spec: StreamSpec, now: UnixTime) {
        let from = spec.timeline.segment_at(now + NOTICE) + 1;
        let follows = self.before.last().is_some_and(|before| before.spec.decodes_as(&self.spec));
        // One that has not begun never does.
        let has_begun = self.begin.from < from;
        let is_described = self.spec.is_described_as(&spec) && (has_begun || follows);
        let earlier = std::mem::replace(&mut self.spec, spec);
        if has_begun {
            self.before.push(Before { spec: earlier, begin: self.begin });
        }
        let described = if is_described { self.begin.described } else { self.later(now) };
        self.begin = Begin { from, number: self.begin.number + 1, described };
        self.forget(now);
    }

    /// Takes another definition, which applies to all of the past: what is not played has no other to show.
    fn begin_anew(&mut self, spec: StreamSpec, now: UnixTime) {
        self.spec = spec;
        let has_alias = !self.before.is_empty() || self.forgotten.lead.is_some();
        let Forgotten { count, takes, .. } = self.forgotten;
        let count = count + self.before.len() as u64 + 1;
        self.forgotten = Forgotten { count, lead: None, takes: takes + u64::from(has_alias) };
        self.before.clear();
        self.begin = Begin { from: 0, number: self.begin.number + 1, described: self.later(now) };
    }

    /// Now, and later than the last change of the MPD whatever the clock says.
    fn later(&self, now: UnixTime) -> UnixTime {
        in_millis(now).max(self.begin.described + Duration::from_millis(1))
    }

    /// Forgets definitions of which neither this process nor a cache has a segment any more.
    fn forget(&mut self, now: UnixTime) {
        let end = |place: usize| {
            let next = self.before.get(place + 1).map_or(self.begin.from, |after| after.begin.from);
            self.before[place].spec.timeline.segment_start(next)
        };
        let is_gone = |place: &usize| {
            let StreamSpec { timeline, window, .. } = &self.before[*place].spec;
            let remembered = *window * REMEMBERED_WINDOWS + timeline.segment_duration() * REMEMBERED_SEGMENTS;
            end(*place) + remembered <= now
        };
        let gone = (0..self.before.len()).take_while(is_gone).count();
        let oldest = self.parts()[gone];
        let (spec, begin) = oldest.lead;
        let leads = begin == oldest.begin;
        self.forgotten.lead = (!leads).then(|| Box::new(Before { spec: spec.clone(), begin }));
        self.forgotten.count += gone as u64;
        self.before.drain(..gone);
    }

    /// Differs whenever the definition does: a strong entity tag without its quotes (RFC 9110 8.8.3).
    pub fn tag(&self) -> String {
        let request = serde_json::to_string(&StreamRequest::from(&self.spec)).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64_with_seed(request.as_bytes(), self.changed.as_nanos()))
    }
}

/// As fine as it is stored, so that a restart changes nothing.
pub(super) fn in_millis(time: UnixTime) -> UnixTime {
    UnixTime::from_millis(time.as_millis())
}

#[cfg(test)]
mod tests;
