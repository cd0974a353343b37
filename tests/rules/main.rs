//! Each rule of HLS, DASH and CMAF finds what breaks it: a good text or file with one thing changed.

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

/// `violations` are of `rule`, and of others only where one mistake breaks several.
#[track_caller]
fn check_finds(rule: &str, violations: &[Violation]) {
    assert!(violations.iter().any(|violation| violation.rule == rule), "{rule} is not in {violations:?}");
}
