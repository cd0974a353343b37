//! Each rule of HLS, DASH and CMAF finds the errors it is for. The cases are valid texts and files with one change.

mod cmaf;
mod dash;
mod hls;
mod lldash;
mod llhls;

use barstone::inspect::rules::Violation;

#[track_caller]
fn check_none(violations: &[Violation]) {
    assert_eq!(violations, []);
}

/// Checks that `violations` contains violations of `rule`, and of others only where one error breaks several rules.
#[track_caller]
fn check_finds(rule: &str, violations: &[Violation]) {
    assert!(violations.iter().any(|violation| violation.rule == rule), "{rule} is not in {violations:?}");
}
