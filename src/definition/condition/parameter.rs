//! Parameters of faults: `name=value` after a colon. This file describes the parameters that all faults share.

use super::{On, Span, Value};

/// Longest duration of a selector.
const LONGEST: Span = Span::from_millis(365 * 86_400_000);
/// Shortest duration of a selector.
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
            summary: "Kind of resources that the fault changes. The default is the first of these words.",
        },
        Parameter {
            name: "track",
            value: Value::Track,
            summary: "The fault changes only resources of this track, or of tracks of this kind.",
        },
    ];
    let numbered = [
        Parameter {
            name: "every",
            value: Value::Integer { least: 1, most: 1_000_000_000 },
            summary: "The fault changes only segments whose number is a multiple of this value, and their parts.",
        },
        Parameter {
            name: "numbers",
            value: Value::Numbers,
            summary: "The fault changes only segments with these numbers, and their parts.",
        },
    ];
    let others = [
        Parameter {
            name: "at",
            value: Value::Moment,
            summary: "The fault begins at this moment, and lasts for the duration in for.",
        },
        Parameter {
            name: "each",
            value: SPAN,
            summary: "The fault begins at each multiple of this interval since 1970, and lasts for the duration in for.",
        },
        Parameter {
            name: "for",
            value: SPAN,
            summary: "The duration of the fault. This parameter follows at or each.",
        },
        Parameter {
            name: "share",
            value: Value::Share,
            summary: "The fault changes only this share of the resources. A hash of the path selects always the same resources.",
        },
    ];
    narrowing.into_iter().chain(numbered.into_iter().filter(|_| has_numbers)).chain(others).collect()
}

/// Reason to refuse a parameter.
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
