//! The violations that a check has found.

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Id of the rule, such as `H3`, `D1` or `C2`.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

/// The violations found so far.
#[derive(Debug, Default)]
pub(super) struct Report(pub(super) Vec<Violation>);

impl Report {
    /// Adds a violation of `rule` unless `holds`.
    pub(super) fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, what: what() });
        }
    }
}
