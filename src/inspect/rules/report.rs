//! The violations that a check has found.

use super::table::{self, Level};

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Id of the rule, such as `H3`, `D1` or `C2`.
    pub rule: &'static str,
    /// Level of the part of the rule that is violated.
    pub level: Level,
    /// The observed value.
    pub what: String,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Report(pub(crate) Vec<Violation>);

impl Report {
    /// Adds a violation of `rule` unless `holds`.
    pub(crate) fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        let level = table::find(rule).map_or(Level::Must, |rule| rule.level);
        self.advise((rule, level), holds, what);
    }

    /// Adds a violation of a part of a rule that binds less than the rule does.
    pub(crate) fn advise(&mut self, (rule, level): (&'static str, Level), holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, level, what: what() });
        }
    }
}
