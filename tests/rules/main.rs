//! Each rule of HLS, DASH and CMAF finds the errors it is for. The cases are valid texts and files with one change.

#[path = "../support/rules/mod.rs"]
mod rules;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod cmaf;
mod dash;
mod hls;
mod lldash;
mod llhls;

use crate::rules::Violation;

#[track_caller]
fn check_none(violations: &[Violation]) {
    assert_eq!(violations, []);
}

/// Checks that `violations` contains violations of `rule`, and of others only where one error breaks several rules.
#[track_caller]
fn check_finds(rule: &str, violations: &[Violation]) {
    assert!(violations.iter().any(|violation| violation.rule == rule), "{rule} is not in {violations:?}");
}
