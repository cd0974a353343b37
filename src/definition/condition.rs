//! Conditions in URLs, such as `/with/no-deltas,delay=9s/live/test/llhls.m3u8`, change a manifest or the delivery of media.
//! [`TABLE`] describes every condition of time and shape, and [`FAULTS`] every fault. Parser, errors, documentation, API and
//! command line are derived from these tables. All functions are pure functions of the text.

use std::fmt;

mod count;
mod description;
mod error;
mod fault;
mod fault_kind;
mod fault_table;
mod moment;
mod parameter;
mod reading;
mod resource;
mod selector;
mod set;
mod share;
mod span;
mod table;
mod value;
mod wrap;

pub use count::Grid;
pub use description::Description;
pub use error::ConditionError;
pub use fault::Fault;
pub use fault_kind::{DeliveryFault, FaultKind, HeaderFault, InPlace, ManifestFault, MediaFault};
pub use fault_table::FAULTS;
pub use moment::Moment;
pub use parameter::Parameter;
pub use resource::{On, Resource, Track};
pub use selector::Identity;
pub use set::Conditions;
pub use share::Share;
pub use span::{Offset, Span};
pub use table::TABLE;
pub use value::{Addressing, Timing, Value};
pub use wrap::Wrap;

/// Limit of conditions in a URL.
pub const MAX_CONDITIONS: usize = 16;
/// Longest presentation and longest window. Players cannot handle a playlist with more segments.
pub const LONGEST: Span = Span::from_millis(7 * 86_400_000);

/// A condition with its value. The canonical order of conditions is that of their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// How the MPD addresses segments.
    Addressing(Addressing),
    /// Difference between the time in answers and UTC.
    ClockSkew(Offset),
    /// Distance from the live edge that players keep.
    Delay(Span),
    /// Start of the presentation.
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
    /// Moment from which numbers and timestamps count.
    Origin(Moment),
    /// A fault that happens on purpose.
    Fault(Fault),
    /// DASH with patches. A patch is available for this duration after `publishTime` of an MPD.
    Patch(Span),
    /// Cut into Periods, or by discontinuities, at each multiple of the span since 1970.
    Periods(Span),
    /// The stream is live as it was this duration ago.
    Shift(Span),
    /// End of the presentation.
    Until(Moment),
    /// Time after which players load the MPD again; `None` for never.
    UpdatePeriod(Option<Span>),
    /// UTCTiming elements of the MPD, in this order. Empty for none.
    UtcTiming(Vec<Timing>),
    /// Length of the past that manifests list.
    Window(Span),
    /// Origin that makes timestamps pass 2^32 or 2^33 soon.
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
            Self::Fault(fault) => fault.kind.name(),
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

    /// Whether the condition contains a moment that is relative to the request.
    fn is_relative(&self) -> bool {
        match self {
            Self::Fault(fault) => fault.is_relative(),
            Self::From(moment) | Self::Origin(moment) | Self::Until(moment) => moment.is_relative(),
            Self::Wrap(_) => true,
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
            | Self::Window(_) => false,
        }
    }

    /// Row of the condition in its table.
    ///
    /// # Panics
    /// Never: one of the tables contains every condition.
    pub fn description(&self) -> &'static Description {
        row(self.name(), matches!(self, Self::Fault(_)))
    }

    /// Whether the condition changes a resource, which belongs to a track or to none.
    fn changes(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        match self {
            Self::Fault(fault) => fault.reaches(resource, track),
            other => other.description().changes.contains(&resource),
        }
    }
}

/// Row of the fault or of the other condition with this name.
fn row(name: &str, is_fault: bool) -> &'static Description {
    reading::rows().find(|row| row.name == name && row.is_fault() == is_fault).expect("a table has every condition")
}

/// Whether a fault has the name of another condition.
fn is_ambiguous(name: &str) -> bool {
    TABLE.iter().any(|row| row.name == name)
}

impl fmt::Display for Condition {
    /// The canonical form: `name` or `name=value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Fault(fault) = self {
            return write!(f, "{fault}");
        }
        f.write_str(self.name())?;
        match self {
            Self::Fault(_) => Ok(()),
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

#[cfg(test)]
mod tests;
