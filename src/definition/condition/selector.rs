//! Selectors: which resources a fault is on, and when.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::{Moment, Resource, Share, Span, Track};
use crate::base::timeline::{Timeline, UnixTime};

/// Properties of a resource that selectors use.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Kind of the resource.
    pub resource: Resource,
    /// The track that the resource belongs to.
    pub track: Option<Track<'a>>,
    /// Number of the segment that the resource is or belongs to, as in its URL.
    pub number: Option<u64>,
    /// The moment at which that segment begins.
    pub begins: Option<UnixTime>,
    /// The path without token and conditions.
    pub path: &'a str,
}

impl<'a> Identity<'a> {
    /// Identity of segment `number`, or of a resource that belongs to it, in a stream whose numbers count from segment `origin`.
    pub fn of_segment(
        (resource, track, path): (Resource, Track<'a>, &'a str),
        timeline: &Timeline,
        (number, origin): (u64, u64),
    ) -> Self {
        Self {
            resource,
            track: Some(track),
            number: Some(number.saturating_sub(origin)),
            begins: Some(timeline.segment_start(number)),
            path,
        }
    }

    /// Path of the segment that a part belongs to. For every other resource, its own path.
    pub(super) fn path_of_segment(&self) -> Cow<'_, str> {
        let is_part = matches!(self.resource, Resource::Part | Resource::Hint);
        let (directory, file) = self.path.rsplit_once('/').filter(|_| is_part).unwrap_or(("", self.path));
        match file.split('.').collect::<Vec<_>>()[..] {
            [segment, _, extension] if is_part => Cow::Owned(format!("{directory}/{segment}.{extension}")),
            _ => Cow::Borrowed(self.path),
        }
    }
}

/// Requirements of a fault on resource and moment. A resource and a moment must meet all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Selector {
    /// Divisor of the number.
    pub(super) every: Option<u64>,
    pub(super) numbers: Option<Numbers>,
    /// A moment, and the duration from that moment on.
    pub(super) at: Option<(Moment, Span)>,
    /// An interval that repeats since 1970, and the selected duration at its beginning.
    pub(super) each: Option<(Span, Span)>,
    pub(super) share: Option<Share>,
}

impl Selector {
    /// Whether the resource and the moment are selected.
    pub(super) fn selects(&self, identity: &Identity<'_>, moment: UnixTime) -> bool {
        let has = |wanted: &dyn Fn(u64) -> bool| identity.number.is_some_and(wanted);
        self.every.is_none_or(|every| has(&|number| number % every == 0))
            && self.numbers.is_none_or(|numbers| has(&|number| numbers.contain(number)))
            && self.at.is_none_or(|(from, long)| is_within(from.at(moment), long, moment))
            && self.each.is_none_or(|(interval, long)| since_begin_of(interval, moment) < long.duration())
            && self.share.is_none_or(|share| share.includes(xxhash_rust::xxh3::xxh3_64(identity.path.as_bytes())))
    }

    /// Time from `moment` until the selection changes; `None` for never.
    pub(super) fn changes_after(&self, moment: UnixTime) -> Option<Duration> {
        let at = self.at.and_then(|(from, long)| {
            let from = from.at(moment);
            let ends = [from, from + long.duration()].into_iter().filter(|end| *end > moment);
            ends.map(|end| end.saturating_since(moment)).min()
        });
        let each = self.each.filter(|(interval, long)| long < interval).map(|(interval, long)| {
            let (passed, long) = (since_begin_of(interval, moment), long.duration());
            if passed < long { long - passed } else { interval.duration() - passed }
        });
        at.into_iter().chain(each).min()
    }

    /// Uninterrupted selected time around the selected `moment`.
    pub(super) fn lasts(&self, moment: UnixTime) -> Range<UnixTime> {
        let (mut begin, mut end) = (UnixTime::default(), UnixTime::from_nanos(u64::MAX));
        if let Some((from, long)) = self.at {
            let from = from.at(moment);
            (begin, end) = (from, from + long.duration());
        }
        if let Some((interval, long)) = self.each {
            let from = moment.saturating_sub(since_begin_of(interval, moment));
            (begin, end) = (begin.max(from), end.min(from + long.duration()));
        }
        begin..end
    }

    /// This selector with a relative moment replaced by an absolute one.
    pub(super) fn fixed(&self, now: UnixTime) -> Self {
        Self { at: self.at.map(|(moment, long)| (moment.fixed(now), long)), ..self.clone() }
    }
}

fn is_within(from: UnixTime, long: Span, moment: UnixTime) -> bool {
    moment >= from && moment.saturating_since(from) < long.duration()
}

/// Time from the last multiple of the interval since 1970 until the moment.
fn since_begin_of(interval: Span, moment: UnixTime) -> Duration {
    let interval = interval.duration().as_nanos().max(1);
    Duration::from_nanos((u128::from(moment.as_nanos()) % interval) as u64)
}

impl fmt::Display for Selector {
    /// The canonical form: each selector behind its colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(every) = self.every {
            write!(f, ":every={every}")?;
        }
        if let Some(numbers) = self.numbers {
            write!(f, ":numbers={numbers}")?;
        }
        if let Some((from, long)) = self.at {
            write!(f, ":at={from}:for={long}")?;
        }
        if let Some((interval, long)) = self.each {
            write!(f, ":each={interval}:for={long}")?;
        }
        if let Some(share) = self.share {
            write!(f, ":share={share}")?;
        }
        Ok(())
    }
}

/// Numbers of segments, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Numbers {
    first: u64,
    last: u64,
}

impl Numbers {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let [first, last] = [first, last].map(|text| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { text.parse().ok() } else { None }
        });
        let numbers = Self { first: first?, last: last? };
        (numbers.first <= numbers.last).then_some(numbers)
    }

    /// The first and the last.
    pub(super) const fn bounds(self) -> (u64, u64) {
        (self.first, self.last)
    }

    const fn contain(self, number: u64) -> bool {
        self.first <= number && number <= self.last
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
