//! Sets of conditions: the part of a path between `/with/` and the next slash.

use std::fmt;

use super::{
    Addressing, Condition, ConditionError, Fault, FaultKind, LONGEST, MAX_CONDITIONS, MediaFault, Moment, Offset,
    Resource, Span, Timing, Track, reading,
};
use crate::base::format::Format;
use crate::base::timeline::UnixTime;

/// Value of the only condition of a name.
macro_rules! value {
    ($set:ident, $condition:ident) => {
        $set.0.iter().find_map(|condition| match condition {
            Condition::$condition(value) => Some(value),
            _ => None,
        })
    };
}

/// A set of conditions without contradiction, in canonical order. Its text is the part of the path after `/with/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Conditions(Vec<Condition>);

impl Conditions {
    /// No conditions.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Reads the part of a path between `/with/` and the next slash, percent-encoded or not.
    ///
    /// # Errors
    /// [`ConditionError`], for the first condition that is wrong.
    pub fn parse(segment: &str) -> Result<Self, ConditionError> {
        let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
        Self::of(decoded.split(','))
    }

    /// Reads conditions that are not percent-encoded: `name` or `name=value`.
    ///
    /// # Errors
    /// [`ConditionError`], for the first condition that is wrong.
    pub fn of<'a>(conditions: impl IntoIterator<Item = &'a str>) -> Result<Self, ConditionError> {
        let texts: Vec<_> = conditions.into_iter().take(MAX_CONDITIONS + 1).collect();
        if texts.len() > MAX_CONDITIONS {
            return Err(ConditionError::TooMany);
        }
        let mut all: Vec<Condition> = Vec::with_capacity(texts.len());
        for text in texts {
            let condition = reading::read(text)?;
            let name = condition.name();
            let is_twice = |other: &Condition| !matches!(other, Condition::Fault(_)) && other.name() == name;
            if !matches!(condition, Condition::Fault(_)) && all.iter().any(is_twice) {
                return Err(ConditionError::Twice { name });
            }
            all.push(condition);
        }
        let set = Self::sorted(all);
        set.check_contradictions()?;
        Ok(set)
    }

    /// Sorts conditions in canonical order: by name, and faults of one name by their text. Removes equal faults.
    fn sorted(mut all: Vec<Condition>) -> Self {
        all.sort_by_cached_key(|condition| (condition.name(), condition.to_string()));
        all.dedup();
        Self(all)
    }

    fn check_contradictions(&self) -> Result<(), ConditionError> {
        let is_skewed = self.clock_skew().is_some();
        if is_skewed && self.utc_timing() == Some(&[]) {
            return Err(ConditionError::Excluded { name: "clock-skew", other: "utc-timing=none" });
        }
        // With `direct`, the MPD differs at each moment.
        if self.patch().is_some() && self.utc_timing().is_some_and(|schemes| schemes.contains(&Timing::Direct)) {
            return Err(ConditionError::Excluded { name: "patch", other: "utc-timing=direct" });
        }
        if self.from().is_some() && self.window().is_some() {
            return Err(ConditionError::Excluded { name: "window", other: "from" });
        }
        let mut jumps =
            self.faults().filter(|fault| matches!(fault.kind, FaultKind::Media(MediaFault::Discontinuity { .. })));
        if jumps.next().is_some() {
            if self.periods().is_some() {
                return Err(ConditionError::Excluded { name: "periods", other: "discontinuity" });
            }
            if jumps.next().is_some() {
                return Err(ConditionError::Twice { name: "discontinuity" });
            }
        }
        if self.is_wrapped() && self.origin().is_some() {
            return Err(ConditionError::Excluded { name: "wrap", other: "origin" });
        }
        self.check_bounds()
    }

    /// Checks `until` against `from`, unless one of them is relative: [`Self::absolute`] checks those.
    fn check_bounds(&self) -> Result<(), ConditionError> {
        let (Some(Moment::At(from)), Some(Moment::At(until))) = (self.from(), self.until()) else { return Ok(()) };
        let wrong = |allowed: String| Err(ConditionError::WrongEnd { allowed, until: Moment::At(until).to_string() });
        if until <= from {
            return wrong(format!("later than from, which is {}", Moment::At(from)));
        }
        if until.saturating_since(from) > LONGEST.duration() {
            return wrong(format!("at most {LONGEST} after from, which is {}", Moment::At(from)));
        }
        Ok(())
    }

    /// The set with relative moments replaced by absolute ones, seen at `now`, in whole seconds; `None` if the set contains no
    /// relative moment. An `origin` replaces `wrap`.
    ///
    /// # Errors
    /// [`ConditionError::WrongEnd`].
    pub fn absolute(&self, now: UnixTime) -> Result<Option<Self>, ConditionError> {
        let absolute = |condition: &Condition| match condition {
            Condition::From(moment) => Condition::From(moment.fixed(now)),
            Condition::Origin(moment) => Condition::Origin(moment.fixed(now)),
            Condition::Wrap(wrap) => Condition::Origin(Moment::At(wrap.origin(now))),
            Condition::Until(moment) => Condition::Until(moment.fixed(now)),
            Condition::Fault(fault) => Condition::Fault(fault.fixed(now)),
            other => other.clone(),
        };
        if !self.0.iter().any(Condition::is_relative) {
            return Ok(None);
        }
        let set = Self::sorted(self.0.iter().map(absolute).collect());
        set.check_bounds()?;
        Ok(Some(set))
    }

    /// Checks that every condition applies to a format.
    ///
    /// # Errors
    /// [`ConditionError::WrongFormat`].
    pub fn check_format(&self, format: Format) -> Result<(), ConditionError> {
        let applies = |condition: &&Condition| condition.description().formats.contains(&format);
        if let Some(wrong) = self.0.iter().find(|condition| !applies(condition)) {
            let description = wrong.description();
            return Err(ConditionError::WrongFormat { name: description.name, format, formats: description.formats });
        }
        self.faults().try_for_each(|fault| fault.check_format(format))
    }

    /// The conditions that change a resource, which belongs to a track or to none. All other conditions lead to the plain
    /// resource.
    #[must_use]
    pub fn of_resource(&self, resource: Resource, track: Option<Track<'_>>) -> Self {
        Self(self.0.iter().filter(|condition| condition.changes(resource, track)).cloned().collect())
    }

    /// The same conditions with only those faults that `is_kept` selects.
    #[must_use]
    pub fn with_faults(&self, is_kept: impl Fn(&Fault) -> bool) -> Self {
        let is_kept = |condition: &&Condition| match condition {
            Condition::Fault(fault) => is_kept(fault),
            _ => true,
        };
        Self(self.0.iter().filter(is_kept).cloned().collect())
    }

    /// Faults alone.
    pub fn of_faults(faults: Vec<Fault>) -> Self {
        Self::sorted(faults.into_iter().map(Condition::Fault).collect())
    }

    /// The union of these and other conditions, which must not contradict each other.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self::sorted(self.iter().chain(others.iter()).cloned().collect())
    }

    /// The faults, in canonical order.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().filter_map(|condition| match condition {
            Condition::Fault(fault) => Some(fault),
            _ => None,
        })
    }

    /// Whether the set is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conditions in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// Whether the set contains this condition with this value.
    pub fn has(&self, condition: &Condition) -> bool {
        self.0.contains(condition)
    }

    /// Whether a condition determines which part of the stream is listed.
    pub fn is_timed(&self) -> bool {
        self.from().is_some() || self.until().is_some() || self.shift().is_some() || self.window().is_some()
    }

    /// Value of `addressing`. An event and a VOD list their segments by time unless the condition says otherwise: ffmpeg, and
    /// players built on it, compute wrong numbers while an event grows, and play past the end of a VOD without a list.
    pub fn addressing(&self) -> Addressing {
        let default = || match self.from().or(self.until()) {
            Some(_) => Addressing::TimeTimeline,
            None => Addressing::Number,
        };
        value!(self, Addressing).copied().unwrap_or_else(default)
    }

    /// Value of `clock-skew`.
    pub fn clock_skew(&self) -> Option<Offset> {
        value!(self, ClockSkew).copied()
    }

    /// Value of `delay`.
    pub fn delay(&self) -> Option<Span> {
        value!(self, Delay).copied()
    }

    /// Value of `patch`.
    pub fn patch(&self) -> Option<Span> {
        value!(self, Patch).copied()
    }

    /// Value of `from`.
    pub fn from(&self) -> Option<Moment> {
        value!(self, From).copied()
    }

    /// Value of `periods`.
    pub fn periods(&self) -> Option<Span> {
        value!(self, Periods).copied()
    }

    /// Value of `until`.
    pub fn until(&self) -> Option<Moment> {
        value!(self, Until).copied()
    }

    /// Value of `origin`.
    pub fn origin(&self) -> Option<Moment> {
        value!(self, Origin).copied()
    }

    fn is_wrapped(&self) -> bool {
        value!(self, Wrap).is_some()
    }

    /// Value of `shift`.
    pub fn shift(&self) -> Option<Span> {
        value!(self, Shift).copied()
    }

    /// Value of `window`.
    pub fn window(&self) -> Option<Span> {
        value!(self, Window).copied()
    }

    /// Value of `update-period`.
    pub fn update_period(&self) -> Option<Option<Span>> {
        value!(self, UpdatePeriod).copied()
    }

    /// Value of `utc-timing`.
    pub fn utc_timing(&self) -> Option<&[Timing]> {
        value!(self, UtcTiming).map(Vec::as_slice)
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, condition) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{condition}")?;
        }
        Ok(())
    }
}
