//! The violations that a check has found.

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Id of the rule, such as `H3`, `D1` or `C2`.
    pub rule: &'static str,
    /// What was found.
    pub what: String,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(crate) struct Report(pub(crate) Vec<Violation>);

impl Report {
    /// Adds a violation of `rule` unless `holds`.
    pub(crate) fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, what: what() });
        }
    }
}
