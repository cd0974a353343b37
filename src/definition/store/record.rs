//! The stored record of a stream: its definition and counters, and how a change affects them. Values that may only rise
//! at a URL (ids of Periods, `DISCONTINUITY-SEQUENCE`, `publishTime`, presentation numbers) are counted here, so that
//! they are the same on every replica and after a restart.

use std::time::Duration;

use super::Origin;
use crate::base::timeline::UnixTime;
use crate::definition::spec::{Audience, Control, Limits, Revision, StreamRequest, StreamSpec};

/// Minimum time between the announcement of a change or a stop and its effect. Players that reload manifests once a
/// segment have read the announcement by then.
pub const NOTICE: Duration = Duration::from_secs(2);
/// Number of windows for which an earlier definition is stored after its end. Its segments are served for two windows,
/// and caches may store the responses for a third.
const REMEMBERED_WINDOWS: u32 = 3;
/// Additional segments for which it is stored, because caches store a response for several segments even if the window
/// is shorter.
const REMEMBERED_SEGMENTS: u32 = 8;

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The definition.
    pub spec: StreamSpec,
    /// When the definition was last written, or 1970 if no client has written it.
    pub changed: UnixTime,
    /// Number of the presentation: it is part of the URLs of media playlists, and rises when segments, chunks, frame rate, window
    /// or tracks change.
    pub presentation: u64,
    /// Where the definition begins.
    pub begin: Begin,
    /// Earlier definitions of the same presentation whose segments may still be listed, oldest first. Each ends where the next
    /// begins.
    pub before: Vec<Before>,
    /// Counts of the definitions before those.
    pub forgotten: Forgotten,
    /// When the stream was last started or stopped by hand, or 1970.
    pub switched: UnixTime,
    /// Where the definition comes from, which decides whether the API may change it.
    pub origin: Origin,
    /// Whether there is no such stream any more: only its counters matter, for the next stream of the same name.
    pub removed: bool,
}

/// Where a definition begins among all definitions of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begin {
    /// First segment of the definition; 0 for a definition that applies to all of the past.
    pub from: u64,
    /// Segment from which players of the previous presentation continue with this definition; 0 without a previous
    /// presentation.
    pub joins: u64,
    /// Number of definitions announced before it, including those that never began.
    pub number: u64,
    /// Time of the last change of the description in the MPD, up to and including this definition; 1970 without a
    /// change.
    pub described: UnixTime,
}

/// An earlier definition of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The definition.
    pub spec: StreamSpec,
    /// Where it began.
    pub begin: Begin,
}

/// Number and remains of earlier definitions whose segments no manifest lists.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forgotten {
    /// Number of these definitions.
    pub count: u64,
    /// The definition that began the Period of the oldest stored definition; `None` if that one began it itself.
    pub lead: Option<Box<Before>>,
    /// Number of times that a revision would have named segments of two definitions. It is part of the hash, which
    /// prevents that.
    pub takes: u64,
}

/// A definition and its place in the sequence of definitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// The definition.
    pub spec: &'a StreamSpec,
    /// Where it begins.
    pub begin: Begin,
    /// Number of definitions before it: the value that EXT-X-DISCONTINUITY-SEQUENCE counts (RFC 8216bis 4.4.3.3).
    pub index: u64,
    /// The definition that began the Period, and its beginning. Both definitions have the same init segments.
    pub lead: (&'a StreamSpec, Begin),
}

impl Begin {
    /// First segment of the Period that the definition began.
    pub fn period(&self) -> u64 {
        self.from.max(self.joins)
    }
}

impl Record {
    /// A definition that no client has written.
    pub fn given(spec: StreamSpec, origin: Origin) -> Self {
        Self {
            spec,
            changed: UnixTime::default(),
            presentation: 0,
            begin: Begin::default(),
            before: Vec::new(),
            forgotten: Forgotten::default(),
            switched: UnixTime::default(),
            origin,
            removed: false,
        }
    }

    /// The record of a stream that is deleted at `now`.
    pub(super) fn removed(&self, now: UnixTime) -> Self {
        Self { changed: in_millis(now), switched: in_millis(now), ..self.counters() }
    }

    /// What a later stream of the same name follows on: the counters, and of the definitions only the part that is published.
    pub(super) fn counters(&self) -> Self {
        let before = self.before.iter().map(Before::published).collect();
        let lead = self.forgotten.lead.as_deref().map(|lead| Box::new(lead.published()));
        let Forgotten { count, takes, .. } = self.forgotten;
        let forgotten = Forgotten { count, lead, takes };
        Self { spec: published(&self.spec), before, forgotten, removed: true, ..self.clone() }
    }

    /// The record of a new stream of the same name as that of these counters.
    pub(super) fn revived(&self, spec: StreamSpec, (origin, now): (Origin, UnixTime)) -> Self {
        let mut next = self.followed_by(spec, now);
        if next.begin == self.begin && self.switched > UnixTime::default() {
            // The MPD may have been published when the stream was last stopped.
            next.begin.described = next.begin.described.max(self.switched + Duration::from_millis(1));
        }
        let changed = match origin {
            Origin::Stored => in_millis(now),
            Origin::Declared => UnixTime::default(),
        };
        Self { changed, switched: UnixTime::default(), origin, removed: false, ..next }
    }

    /// The stored definitions of the presentation, oldest first. The last one is current.
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

    /// The record after a change to `spec` at `now`.
    pub(super) fn followed_by(&self, spec: StreamSpec, now: UnixTime) -> Self {
        let mut next = Self { changed: in_millis(now), ..self.clone() };
        if self.spec.control.enabled != spec.control.enabled {
            next.switched = next.changed;
        }
        if self.spec.publishes_as(&spec) {
            // Media and manifests stay the same.
            next.spec = spec;
        } else if self.spec.control.enabled && self.spec.continues_as(&spec) {
            next.go_over_to(spec, now);
        } else {
            next.begin_anew(spec, now);
        }
        next
    }

    /// Changes to a definition with the same timeline, window and tracks, from the first segment after [`NOTICE`].
    fn go_over_to(&mut self, spec: StreamSpec, now: UnixTime) {
        let from = self.next_start(&spec, now);
        let follows = self.before.last().is_some_and(|before| before.spec.decodes_as(&self.spec));
        // A definition that is replaced before its first segment never begins.
        let has_begun = self.begin.from < from;
        let is_described = self.spec.is_described_as(&spec) && (has_begun || follows);
        let earlier = std::mem::replace(&mut self.spec, spec);
        if has_begun {
            self.before.push(Before { spec: earlier, begin: self.begin });
        }
        let described = if is_described { self.begin.described } else { self.later(now) };
        self.begin = Begin { from, joins: 0, number: self.begin.number + 1, described };
        self.forget(now);
    }

    /// Changes to a definition that applies to all of the past. If its segments differ, it begins a presentation, and
    /// players of a running stream continue with it at a segment that is chosen here.
    fn begin_anew(&mut self, spec: StreamSpec, now: UnixTime) {
        let is_same_presentation = self.spec.continues_as(&spec);
        let is_joined = !is_same_presentation && self.spec.control.enabled && spec.control.enabled;
        let joins = if is_joined { self.next_start(&spec, now) } else { 0 };
        // Files of the previous presentation are served for some time and may have the revision that this one would
        // have.
        let has_alias = is_joined || !self.before.is_empty() || self.forgotten.lead.is_some();
        let Forgotten { count, takes, .. } = self.forgotten;
        let count = count + self.before.len() as u64 + 1;
        self.forgotten = Forgotten { count, lead: None, takes: takes + u64::from(has_alias) };
        self.before.clear();
        self.presentation += u64::from(!is_same_presentation);
        self.begin = Begin { from: 0, joins, number: self.begin.number + 1, described: self.later(now) };
        self.spec = spec;
    }

    /// First segment of `spec` that begins after [`NOTICE`] and after the current definition.
    fn next_start(&self, spec: &StreamSpec, now: UnixTime) -> u64 {
        let present = self.spec.timeline.segment_start(self.begin.joins);
        spec.timeline.segment_at(present.max(now + NOTICE)) + 1
    }

    /// `now`, or just after the last change of the MPD if the clock was set back.
    fn later(&self, now: UnixTime) -> UnixTime {
        in_millis(now).max(self.begin.described + Duration::from_millis(1))
    }

    /// Removes definitions whose segments are stored neither in this process nor in a cache.
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

    /// Strong entity tag of the definition, without quotes (RFC 9110 8.8.3).
    pub fn tag(&self) -> String {
        let request = serde_json::to_string(&StreamRequest::from(&self.spec)).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64_with_seed(request.as_bytes(), self.changed.as_nanos()))
    }
}

impl Before {
    fn published(&self) -> Self {
        Self { spec: published(&self.spec), begin: self.begin }
    }
}

/// The same media of a stopped stream, without push targets and their keys.
fn published(spec: &StreamSpec) -> StreamSpec {
    let control = Control { enabled: false, schedule: None, on_demand: None, requires: Vec::new() };
    StreamSpec { control, audience: Audience::default(), limits: Limits::default(), push: Vec::new(), ..spec.clone() }
}

/// Rounds down to milliseconds, the precision of the store, so that a restart changes nothing.
pub(super) fn in_millis(time: UnixTime) -> UnixTime {
    UnixTime::from_millis(time.as_millis())
}

#[cfg(test)]
mod tests;
