//! A row of the tables of conditions and faults.

use super::parameter::{self, Parameter};
use super::{Condition, On, Resource, Value};
use crate::base::format::Format;

/// A condition in a table.
#[derive(Debug)]
pub struct Description {
    /// Name in URLs.
    pub name: &'static str,
    /// What its value may be.
    pub value: Value,
    /// What it does, as a sentence.
    pub summary: &'static str,
    /// Formats to which it applies.
    pub formats: &'static [Format],
    /// Resources that it changes; empty for a fault, whose `on=` says it. A resource that no condition changes has its plain
    /// URL.
    pub changes: &'static [Resource],
    /// Conditions that exclude it.
    pub excludes: &'static [&'static str],
    /// Examples, as in a URL.
    pub examples: &'static [&'static str],
    /// What `on=` of a fault may name, the default first; empty for a condition that is no fault.
    pub on: &'static [On],
    /// Parameters that a fault has beside those of all faults.
    pub own: &'static [Parameter],
    pub(super) read: Read,
}

/// Reads the text of a value; `None` if the value is not allowed.
pub(super) type Read = fn(&Value, &str) -> Option<Condition>;

impl Description {
    /// Whether it is a fault.
    pub const fn is_fault(&self) -> bool {
        !self.on.is_empty()
    }

    /// All parameters of a fault, in canonical order.
    pub fn parameters(&self) -> Vec<Parameter> {
        match self.is_fault() {
            true => self.own.iter().cloned().chain(parameter::common(self.on)).collect(),
            false => Vec::new(),
        }
    }
}
