//! A row of the tables of conditions and faults.

use super::parameter::{self, Parameter};
use super::{Condition, On, Resource, Value};
use crate::base::format::Format;

/// A condition in a table.
#[derive(Debug)]
pub struct Description {
    /// Name in URLs.
    pub name: &'static str,
    /// Allowed values.
    pub value: Value,
    /// Effect of the condition, in whole sentences.
    pub summary: &'static str,
    /// Formats to which the condition applies.
    pub formats: &'static [Format],
    /// Resources that the condition changes. Empty for a fault, whose parameter `on=` names the resources. A resource that no
    /// condition changes has its plain URL.
    pub changes: &'static [Resource],
    /// Conditions that exclude this condition.
    pub excludes: &'static [&'static str],
    /// Examples, as in a URL.
    pub examples: &'static [&'static str],
    /// Allowed values of `on=`, the default first. Empty for a condition that is not a fault.
    pub on: &'static [On],
    /// Parameters that only this fault has.
    pub own: &'static [Parameter],
    pub(super) read: Read,
}

/// Reads the text of a value; `None` if the value is not allowed.
pub(super) type Read = fn(&Value, &str) -> Option<Condition>;

impl Description {
    /// Whether the condition is a fault.
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
