//! The rules of HLS, DASH and CMAF as pure functions: text and bytes in, violations out, each by the id of the rule.

pub(crate) mod cmaf;
pub(crate) mod dash;
pub(crate) mod hls;
pub(crate) mod lldash;
pub(crate) mod llhls;
pub(crate) mod schema;

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// `H3`, `D1`, `C2`.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

/// What has been found so far.
#[derive(Debug, Default)]
struct Report(Vec<Violation>);

impl Report {
    /// Notes a violation of `rule` unless it holds.
    fn demand(&mut self, rule: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, what: what() });
        }
    }
}
