//! Parameters of faults: `name=value` after a colon. What all faults have is described here.

use super::{On, Span, Value};

/// The longest distance and interval of a selector.
const LONGEST: Span = Span::from_millis(365 * 86_400_000);
/// The shortest one.
const SHORTEST: Span = Span::from_millis(1);
const SPAN: Value = Value::Span { least: SHORTEST, most: LONGEST, or_none: false };

/// A parameter of a fault.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name in URLs.
    pub name: &'static str,
    /// What its value may be.
    pub value: Value,
    /// What it does, as a sentence.
    pub summary: &'static str,
}

/// The parameters that every fault on `on` has, the default first, in canonical order.
pub(super) fn common(on: &'static [On]) -> Vec<Parameter> {
    let has_numbers = on.iter().any(|on| on.has_numbers());
    let narrowing = [
        Parameter {
            name: "on",
            value: Value::On(on),
            summary: "The resources that the fault is on; without it, the first of these words.",
        },
        Parameter {
            name: "track",
            value: Value::Track,
            summary: "Only resources of this track, or of tracks of this kind.",
        },
    ];
    let numbered = [
        Parameter {
            name: "every",
            value: Value::Integer { least: 1, most: 1_000_000_000 },
            summary: "Only segments whose number is a multiple of this, and their parts.",
        },
        Parameter {
            name: "numbers",
            value: Value::Numbers,
            summary: "Only segments with these numbers, and their parts.",
        },
    ];
    let others = [
        Parameter {
            name: "at",
            value: Value::Moment,
            summary: "Only from this moment on, for the time that for says.",
        },
        Parameter {
            name: "each",
            value: SPAN,
            summary: "Only at the beginning of each such interval since 1970, for the time that for says.",
        },
        Parameter { name: "for", value: SPAN, summary: "How long the fault lasts, behind at or each." },
        Parameter {
            name: "share",
            value: Value::Share,
            summary: "Only this share of the resources, chosen by a hash of the path: always the same ones.",
        },
    ];
    narrowing.into_iter().chain(numbered.into_iter().filter(|_| has_numbers)).chain(others).collect()
}

/// Why a parameter is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its value is not allowed.
    Value,
    /// It has a value already.
    Twice,
}

/// Puts a value that was read into its empty place.
pub(super) fn put<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Refusal> {
    let value = value.ok_or(Refusal::Value)?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::Twice),
    }
}
