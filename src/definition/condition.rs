//! Conditions: what a URL asks to be otherwise, as in `/with/no-deltas,delay=9s/live/test/llhls.m3u8`. [`TABLE`] describes
//! every condition; parser, errors, documentation, API and command line follow it. Pure functions of the text.

use std::fmt;

use crate::base::format::Format;
use crate::base::timeline::UnixTime;

mod error;
mod moment;
mod span;
mod table;
mod value;
mod wrap;

pub use error::ConditionError;
pub use moment::Moment;
pub use span::{Offset, Span};
pub use table::{Description, Resource, TABLE};
pub use value::{Addressing, Timing, Value};
pub use wrap::Wrap;

/// Limit of conditions in a URL.
pub const MAX_CONDITIONS: usize = 16;
/// Longest presentation, and longest window: a playlist of more segments is too long for players.
pub const LONGEST: Span = Span::from_millis(7 * 86_400_000);

/// A condition with its value, in the order of their names, which is the canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// How the MPD addresses segments.
    Addressing(Addressing),
    /// The time that clients are told is wrong by so much.
    ClockSkew(Offset),
    /// How far behind the live edge players play.
    Delay(Span),
    /// The presentation begins here.
    From(Moment),
    /// LL-HLS without blocking reload.
    NoBlocking,
    /// HLS without EXT-X-PROGRAM-DATE-TIME.
    NoDateTime,
    /// LL-HLS without delta updates.
    NoDeltas,
    /// LL-HLS without preload hints.
    NoHints,
    /// LL-HLS without rendition reports.
    NoReports,
    /// HLS with parts that are byte ranges of their segment.
    ByteRanges,
    /// Numbers and timestamps count from here.
    Origin(Moment),
    /// DASH with patches, for so long after each MPD.
    Patch(Span),
    /// A cut at each multiple of the span since 1970.
    Periods(Span),
    /// The stream is live as it was so long ago.
    Shift(Span),
    /// The presentation ends here.
    Until(Moment),
    /// After what time players load the MPD again; `None` for never.
    UpdatePeriod(Option<Span>),
    /// How players learn the time, in this order; empty for not at all.
    UtcTiming(Vec<Timing>),
    /// How much of the past is listed.
    Window(Span),
    /// Timestamps pass the limit of their bits soon.
    Wrap(Wrap),
}

impl Condition {
    /// Name of the condition in URLs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Addressing(_) => "addressing",
            Self::ByteRanges => "byte-ranges",
            Self::ClockSkew(_) => "clock-skew",
            Self::Delay(_) => "delay",
            Self::From(_) => "from",
            Self::NoBlocking => "no-blocking",
            Self::NoDateTime => "no-date-time",
            Self::NoDeltas => "no-deltas",
            Self::NoHints => "no-hints",
            Self::NoReports => "no-reports",
            Self::Origin(_) => "origin",
            Self::Patch(_) => "patch",
            Self::Periods(_) => "periods",
            Self::Shift(_) => "shift",
            Self::Until(_) => "until",
            Self::UpdatePeriod(_) => "update-period",
            Self::UtcTiming(_) => "utc-timing",
            Self::Window(_) => "window",
            Self::Wrap(_) => "wrap",
        }
    }

    /// The moment that is its value.
    const fn moment(&self) -> Option<Moment> {
        match self {
            Self::From(moment) | Self::Origin(moment) | Self::Until(moment) => Some(*moment),
            Self::Addressing(_)
            | Self::ByteRanges
            | Self::ClockSkew(_)
            | Self::Delay(_)
            | Self::NoBlocking
            | Self::NoDateTime
            | Self::NoDeltas
            | Self::NoHints
            | Self::NoReports
            | Self::Patch(_)
            | Self::Periods(_)
            | Self::Shift(_)
            | Self::UpdatePeriod(_)
            | Self::UtcTiming(_)
            | Self::Window(_)
            | Self::Wrap(_) => None,
        }
    }

    /// The condition in the table.
    ///
    /// # Panics
    /// Never: the table has every condition.
    pub fn description(&self) -> &'static Description {
        table::find(self.name()).expect("the table has every condition")
    }
}

impl fmt::Display for Condition {
    /// The canonical form: `name` or `name=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Addressing(way) => write!(f, "={}", way.word()),
            Self::ClockSkew(offset) => write!(f, "={offset}"),
            Self::Delay(span)
            | Self::Patch(span)
            | Self::Periods(span)
            | Self::Shift(span)
            | Self::UpdatePeriod(Some(span))
            | Self::Window(span) => write!(f, "={span}"),
            Self::From(moment) | Self::Origin(moment) | Self::Until(moment) => write!(f, "={moment}"),
            Self::Wrap(wrap) => write!(f, "={wrap}"),
            Self::UpdatePeriod(None) => write!(f, "={}", value::NONE),
            Self::UtcTiming(schemes) => write!(f, "={}", Timing::join(schemes)),
            Self::ByteRanges
            | Self::NoBlocking
            | Self::NoDateTime
            | Self::NoDeltas
            | Self::NoHints
            | Self::NoReports => Ok(()),
        }
    }
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
            let condition = table::read(text)?;
            let name = condition.name();
            if all.iter().any(|other| other.name() == name) {
                return Err(ConditionError::Twice { name });
            }
            all.push(condition);
        }
        all.sort_by_key(Condition::name);
        let set = Self(all);
        set.check_contradictions()?;
        Ok(set)
    }

    fn check_contradictions(&self) -> Result<(), ConditionError> {
        let is_skewed = self.clock_skew().is_some();
        if is_skewed && self.utc_timing() == Some(&[]) {
            return Err(ConditionError::Excluded { name: "clock-skew", other: "utc-timing=none" });
        }
        // The MPD is another at each moment.
        if self.patch().is_some() && self.utc_timing().is_some_and(|schemes| schemes.contains(&Timing::Direct)) {
            return Err(ConditionError::Excluded { name: "patch", other: "utc-timing=direct" });
        }
        // The lengths of chunks are known of those in memory only.
        let is_counted = self.origin().is_some() || self.is_wrapped();
        if self.has(&Condition::ByteRanges) && (self.is_timed() || is_counted) {
            return Err(ConditionError::Excluded {
                name: "byte-ranges",
                other: "from, until, origin, shift, window or wrap",
            });
        }
        if self.from().is_some() && self.window().is_some() {
            return Err(ConditionError::Excluded { name: "window", other: "from" });
        }
        if self.is_wrapped() && self.origin().is_some() {
            return Err(ConditionError::Excluded { name: "wrap", other: "origin" });
        }
        self.check_bounds()
    }

    /// Checks `until` against `from`, unless one of them is relative: the client is redirected to absolute ones first.
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

    /// The set whose relative moments are written out as they are at `now`, in whole seconds; `None` without such a moment.
    /// An origin takes the place of `wrap`.
    pub fn absolute(&self, now: UnixTime) -> Option<Self> {
        let is_relative = |condition: &Condition| condition.moment().is_some_and(Moment::is_relative);
        let absolute = |condition: &Condition| match condition {
            Condition::From(moment) => Condition::From(moment.fixed(now)),
            Condition::Origin(moment) => Condition::Origin(moment.fixed(now)),
            Condition::Wrap(wrap) => Condition::Origin(Moment::At(wrap.origin(now))),
            Condition::Until(moment) => Condition::Until(moment.fixed(now)),
            other => other.clone(),
        };
        if !self.is_wrapped() && !self.0.iter().any(is_relative) {
            return None;
        }
        let mut all: Vec<_> = self.0.iter().map(absolute).collect();
        all.sort_by_key(Condition::name);
        Some(Self(all))
    }

    /// Checks that every condition applies to a format.
    ///
    /// # Errors
    /// [`ConditionError::WrongFormat`].
    pub fn check_format(&self, format: Format) -> Result<(), ConditionError> {
        let applies = |condition: &&Condition| condition.description().formats.contains(&format);
        match self.0.iter().find(|condition| !applies(condition)) {
            Some(wrong) => {
                let description = wrong.description();
                Err(ConditionError::WrongFormat { name: description.name, format, formats: description.formats })
            }
            None => Ok(()),
        }
    }

    /// The conditions that change a resource; the resource under all others is the plain one.
    #[must_use]
    pub fn of_resource(&self, resource: Resource) -> Self {
        let changes = |condition: &&Condition| condition.description().changes.contains(&resource);
        Self(self.0.iter().filter(changes).cloned().collect())
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The conditions in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// Whether this very condition is in the set.
    pub fn has(&self, condition: &Condition) -> bool {
        self.0.contains(condition)
    }

    /// Whether a condition says which part of the stream is listed.
    pub fn is_timed(&self) -> bool {
        self.from().is_some() || self.until().is_some() || self.shift().is_some() || self.window().is_some()
    }

    /// Value of `addressing`.
    pub fn addressing(&self) -> Addressing {
        let way = self.0.iter().find_map(|condition| match condition {
            Condition::Addressing(way) => Some(*way),
            _ => None,
        });
        way.unwrap_or_default()
    }

    /// Value of `clock-skew`.
    pub fn clock_skew(&self) -> Option<Offset> {
        self.0.iter().find_map(|condition| match condition {
            Condition::ClockSkew(offset) => Some(*offset),
            _ => None,
        })
    }

    /// Value of `delay`.
    pub fn delay(&self) -> Option<Span> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Delay(span) => Some(*span),
            _ => None,
        })
    }

    /// Value of `patch`.
    pub fn patch(&self) -> Option<Span> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Patch(span) => Some(*span),
            _ => None,
        })
    }

    /// Value of `from`.
    pub fn from(&self) -> Option<Moment> {
        self.0.iter().find_map(|condition| match condition {
            Condition::From(moment) => Some(*moment),
            _ => None,
        })
    }

    /// Value of `periods`.
    pub fn periods(&self) -> Option<Span> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Periods(span) => Some(*span),
            _ => None,
        })
    }

    /// Value of `until`.
    pub fn until(&self) -> Option<Moment> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Until(moment) => Some(*moment),
            _ => None,
        })
    }

    /// Value of `origin`.
    pub fn origin(&self) -> Option<Moment> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Origin(moment) => Some(*moment),
            _ => None,
        })
    }

    fn is_wrapped(&self) -> bool {
        self.0.iter().any(|condition| matches!(condition, Condition::Wrap(_)))
    }

    /// Value of `shift`.
    pub fn shift(&self) -> Option<Span> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Shift(span) => Some(*span),
            _ => None,
        })
    }

    /// Value of `window`.
    pub fn window(&self) -> Option<Span> {
        self.0.iter().find_map(|condition| match condition {
            Condition::Window(span) => Some(*span),
            _ => None,
        })
    }

    /// Value of `update-period`.
    pub fn update_period(&self) -> Option<Option<Span>> {
        self.0.iter().find_map(|condition| match condition {
            Condition::UpdatePeriod(period) => Some(*period),
            _ => None,
        })
    }

    /// Value of `utc-timing`.
    pub fn utc_timing(&self) -> Option<&[Timing]> {
        self.0.iter().find_map(|condition| match condition {
            Condition::UtcTiming(schemes) => Some(schemes.as_slice()),
            _ => None,
        })
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

#[cfg(test)]
mod tests;
