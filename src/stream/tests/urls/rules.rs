//! The schema of MPDs, as the tests of the whole program have it.

#[path = "../../../../tests/support/rules/report.rs"]
mod report;
#[path = "../../../../tests/support/rules/schema.rs"]
pub(super) mod schema;

use report::{Report, Violation};
