//! The rules of HLS, DASH and CMAF as pure functions from text and bytes to violations. Each rule has an id.

pub(crate) mod cmaf;
pub(crate) mod dash;
pub(crate) mod hls;
pub(crate) mod lldash;
pub(crate) mod llhls;
pub(crate) mod schema;

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Id of the rule, such as `H3`, `D1` or `C2`.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

/// The violations found so far.
#[derive(Debug, Default)]
struct Report(Vec<Violation>);

impl Report {
    /// Adds a violation of `rule` unless `holds`.
    fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, what: what() });
        }
    }
}
