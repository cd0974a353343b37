//! Reads one condition: `name` or `name=value`, and for a fault parameters after colons.

use super::description::Description;
use super::error::{ConditionError, shown};
use super::fault_table::FAULTS;
use super::parameter::{Parameter, Refusal, put};
use super::resource::Tracks;
use super::selector::{Numbers, Selector};
use super::table::TABLE;
use super::{Condition, Fault, Moment, On, Share, Span};
use crate::base::suggestion::nearest;

/// The rows of both tables. A name may occur once in each table.
pub(super) fn rows() -> impl Iterator<Item = &'static Description> {
    TABLE.iter().chain(FAULTS)
}

/// Reads a condition. If a fault and another condition have this name, a parameter makes it the fault.
pub(super) fn read(text: &str) -> Result<Condition, ConditionError> {
    let (name, rest) = text.split_at(text.find(['=', ':']).unwrap_or(text.len()));
    let named = || rows().filter(|row| row.name == name);
    let fault = named().find(|row| row.is_fault());
    let row = match named().find(|row| !row.is_fault()) {
        Some(row) if fault.is_none() || !rest.contains(':') => row,
        _ => fault.ok_or_else(|| ConditionError::Unknown { name: shown(name), advice: advice(name) })?,
    };
    match row.is_fault() {
        true => read_fault(row, rest),
        false => read_value(row, rest),
    }
}

/// Reads the value of a condition: nothing, or an equals sign and the value.
fn read_value(row: &'static Description, rest: &str) -> Result<Condition, ConditionError> {
    let value = rest.strip_prefix('=');
    let takes_value = row.value != super::Value::Nothing;
    let condition = match (takes_value, value) {
        (true, Some(value)) => (row.read)(&row.value, value),
        (false, None) if rest.is_empty() => (row.read)(&row.value, ""),
        (true, None) | (false, _) => None,
    };
    let value = || shown(value.unwrap_or(rest));
    condition.ok_or_else(|| ConditionError::BadValue { name: row.name, value: value(), allowed: &row.value })
}

fn read_fault(row: &'static Description, rest: &str) -> Result<Condition, ConditionError> {
    let mut pieces = split(rest).into_iter();
    let condition = read_value(row, pieces.next().unwrap_or_default())?;
    let Condition::Fault(mut fault) = condition else { return Ok(condition) };
    let (parameters, mut draft) = (row.parameters(), Draft::default());
    for piece in pieces {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let parameter = parameters.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| unknown(row.name, name, &parameters))?;
        draft.take(&mut fault, parameter, value).map_err(|refusal| match refusal {
            Refusal::Value => ConditionError::BadParameter {
                name: row.name,
                parameter: parameter.name,
                value: shown(value),
                allowed: parameter.value.allowed(),
            },
            Refusal::Twice => ConditionError::ParameterTwice { name: row.name, parameter: parameter.name },
        })?;
    }
    draft.finish(fault).and_then(Fault::checked).map(Condition::Fault)
}

/// Splits at each colon before the name of a parameter. A moment has colons too, before digits.
fn split(text: &str) -> Vec<&str> {
    let is_begin = |place: &usize| !text[place + 1..].starts_with(|c: char| c.is_ascii_digit());
    let colons = text.match_indices(':').map(|(place, _)| place).filter(is_begin);
    let mut begin = 0;
    let mut pieces = Vec::new();
    for end in colons.chain([text.len()]) {
        pieces.push(&text[begin..end]);
        begin = end + 1;
    }
    pieces
}

/// Parameters read so far.
#[derive(Default)]
struct Draft {
    on: Option<On>,
    tracks: Option<Tracks>,
    every: Option<u64>,
    numbers: Option<Numbers>,
    at: Option<Moment>,
    at_for: Option<Span>,
    each: Option<Span>,
    each_for: Option<Span>,
    share: Option<Share>,
    /// Whether the next `for` belongs to `each`.
    is_each: bool,
}

impl Draft {
    fn take(&mut self, fault: &mut Fault, parameter: &Parameter, text: &str) -> Result<(), Refusal> {
        let value = &parameter.value;
        match parameter.name {
            "on" => put(&mut self.on, value.on(text)),
            "track" => put(&mut self.tracks, Tracks::read(text)),
            "every" => put(&mut self.every, value.integer(text)),
            "numbers" => put(&mut self.numbers, Numbers::read(text)),
            "at" => {
                self.is_each = false;
                put(&mut self.at, text.parse().ok())
            }
            "each" => {
                self.is_each = true;
                put(&mut self.each, value.span(text))
            }
            "for" if self.is_each => put(&mut self.each_for, value.span(text)),
            "for" => put(&mut self.at_for, value.span(text)),
            "share" => put(&mut self.share, text.parse().ok()),
            own => fault.kind.take(own, value, text),
        }
    }

    /// The fault with these parameters.
    fn finish(self, fault: Fault) -> Result<Fault, ConditionError> {
        let Self { on, tracks, every, numbers, at, at_for, each, each_for, share, is_each: _ } = self;
        let name = fault.kind.name();
        let pair = |needed: &'static str, parameter: &'static str| ConditionError::Alone { name, parameter, needed };
        let at = match (at, at_for) {
            (Some(at), Some(long)) => Some((at, long)),
            (Some(_), None) => return Err(pair("for", "at")),
            (None, Some(_)) => return Err(pair("at or each before it", "for")),
            (None, None) => None,
        };
        let each = match (each, each_for) {
            (Some(_), None) => return Err(pair("for", "each")),
            (interval, long) => interval.zip(long),
        };
        let selector = Selector { every, numbers, at, each, share };
        Ok(Fault { kind: fault.kind, on: on.unwrap_or(fault.on), tracks, selector })
    }
}

fn unknown(name: &'static str, parameter: &str, parameters: &[Parameter]) -> ConditionError {
    let names = || parameters.iter().map(|parameter| parameter.name);
    let advice = match nearest(&shown(parameter), names()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
    };
    ConditionError::UnknownParameter { name, parameter: shown(parameter), advice }
}

/// Advice for an unknown name: the nearest name, or all names.
fn advice(name: &str) -> String {
    match nearest(&shown(name), rows().map(|row| row.name)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", names()),
    }
}

/// All names, for a message.
pub(super) fn names() -> String {
    let names: std::collections::BTreeSet<_> = rows().map(|row| row.name).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
