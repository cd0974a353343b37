//! The matrix of faults and rules in the documentation, from the tables of the tests.

use std::path::Path;

use barstone::definition::condition::FAULTS;
use barstone::inspect::rules::table;

use crate::changes::{BY_URL, by_change};
use crate::conditions::CONDITIONS;
use crate::faults::{OF_DASH, OF_HLS, OF_LOW_LATENCY_HLS, OF_TLS, OF_TWO_ORIGINS, Row};

/// Sources of tests with texts and files that have one error.
const TEXTS: &[&str] = &[
    include_str!("../rules/cmaf.rs"),
    include_str!("../rules/dash.rs"),
    include_str!("../rules/hls.rs"),
    include_str!("../rules/lldash.rs"),
    include_str!("../rules/llhls.rs"),
];

/// Names in code, in the order of the tables.
fn names(rows: impl Iterator<Item = Row>, rule: &str) -> String {
    let mut found: Vec<String> =
        rows.filter(|(_, rules)| rules.contains(&rule)).map(|(path, _)| format!("`{}`", name(path))).collect();
    found.dedup();
    found.join(", ")
}

/// The fault or the change that a path names.
fn name(path: &str) -> &str {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "with" => rest.split_once('/').map_or(rest, |(conditions, _)| conditions),
        // A comparison of two origins, whose second one has the fault.
        "none" => rest.split_once(' ').map_or(rest, |(_, other)| name(other)),
        _ => first,
    }
}

fn of_servers() -> impl Iterator<Item = Row> {
    [OF_HLS, OF_LOW_LATENCY_HLS, OF_TLS, OF_DASH, OF_TWO_ORIGINS].into_iter().flatten().copied()
}

/// The table of the URLs under conditions.
fn by_condition(rows: &[Row]) -> String {
    let mut text = "| conditions | manifest | rules |\n|---|---|---|\n".to_owned();
    for (path, rules) in rows {
        let (path, file) = path.rsplit_once('/').unwrap_or((path, ""));
        let conditions = path.trim_start_matches("with/").split('/').next().unwrap_or_default().replace("%2B", "+");
        let rules = if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
        text += &format!("| `{conditions}` | `{file}` | {rules} |\n");
    }
    text
}

/// The table of the rules.
fn by_rule() -> String {
    let mut text = "## Rules\n\n| rule | fault by URL | changed text or box | server with one fault | test of the rule alone |\n|---|---|---|---|---|\n".to_owned();
    for rule in table::RULES {
        let alone = TEXTS.iter().any(|text| text.contains(&format!("\"{}\"", rule.id)));
        let by_url = names(BY_URL.iter().copied(), rule.id);
        let (changed, server) = (names(by_change(), rule.id), names(of_servers(), rule.id));
        text += &format!("| {} | {by_url} | {changed} | {server} | {} |\n", rule.id, if alone { "yes" } else { "" });
    }
    text
}

#[test]
fn the_documentation_has_the_matrix() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check-matrix.md"));
    let text = text.expect("a file");
    for table in [by_condition(BY_URL), by_condition(CONDITIONS), by_rule()] {
        assert!(text.contains(&format!("\n\n{table}")), "docs/check-matrix.md needs this table:\n{table}");
    }
}

#[test]
fn every_rule_has_a_fault_that_breaks_it() {
    let tables = by_rule();
    let without: Vec<_> =
        table::RULES.iter().filter(|rule| tables.contains(&format!("| {} |  |  |  |  |", rule.id))).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn every_fault_has_a_row() {
    let tables = by_condition(BY_URL);
    let has_row = |name: &str| {
        [format!("| `{name}`"), format!("| `{name}="), format!("| `{name}:")].iter().any(|start| tables.contains(start))
    };
    let without: Vec<_> = FAULTS.iter().map(|fault| fault.name).filter(|name| !has_row(name)).collect();
    assert!(without.is_empty(), "{without:?}");
}
