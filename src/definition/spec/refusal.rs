//! Construction of [`SpecError`]s: the field, the value found and the values allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::SpecError;

pub(super) fn one_of<T>(
    field: impl Into<String>,
    found: &str,
    value: Option<T>,
    words: &[&str],
) -> Result<T, SpecError> {
    value.map_or_else(|| refuse(field, format!("must be one of {}; not {found:?}", words.join(", "))), Ok)
}

pub(super) fn in_range<T: PartialOrd + Display + Copy>(
    field: impl Into<String>,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), SpecError> {
    match range.contains(&value) {
        true => Ok(()),
        false => refuse(field, format!("must be {}, not {value}", between(range))),
    }
}

pub(super) fn between<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start(), range.end())
}

pub(super) fn refuse<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, SpecError> {
    Err(SpecError { field: field.into(), problem: problem.into() })
}
