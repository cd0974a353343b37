//! Text for a terminal: the summary first, then each finding.

use std::fmt::Write;

use super::{LEVELS, rfc3339};
use crate::inspect::check::Outcome;
use crate::inspect::finding::Finding;
use crate::inspect::rules::Level;

/// Whether the text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Escape sequences of a terminal.
    Coloured,
    /// Text alone.
    Plain,
}

/// The whole text.
pub fn text(outcome: &Outcome, style: Style) -> String {
    let mut text = summary(outcome);
    for note in &outcome.notes {
        text += &format!("{note}\n");
    }
    for level in LEVELS {
        for finding in outcome.findings.iter().filter(|finding| finding.level == level) {
            text += &described(finding, style);
        }
    }
    text
}

fn summary(outcome: &Outcome) -> String {
    let state = if outcome.ended { "ended" } else { "live" };
    let found = match outcome.findings.len() {
        0 => "no findings".to_owned(),
        count => {
            let of = |level: Level| {
                let count = outcome.findings.iter().filter(|finding| finding.level == level).count();
                (count > 0).then(|| format!("{count} {}", level.word()))
            };
            let levels: Vec<_> = LEVELS.into_iter().filter_map(of).collect();
            format!("{} ({})", counted(count as u64, ("finding", "findings")), levels.join(", "))
        }
    };
    format!(
        "{} ({}, {state})\n{found} in {:.1} s: {}, {}, {}\n",
        outcome.url,
        outcome.format.title(),
        outcome.took.as_secs_f64(),
        counted(outcome.manifests, ("manifest", "manifests")),
        counted(outcome.media, ("segment or part", "segments and parts")),
        counted(outcome.requests, ("request", "requests"))
    )
}

/// A number and its noun, in singular or plural.
fn counted(count: u64, (one, more): (&str, &str)) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

fn described(finding: &Finding, style: Style) -> String {
    let (start, end) = match (style, finding.level) {
        (Style::Plain, _) => ("", ""),
        (Style::Coloured, Level::Must) => ("\u{1b}[31m", "\u{1b}[0m"),
        (Style::Coloured, Level::Should) => ("\u{1b}[33m", "\u{1b}[0m"),
        (Style::Coloured, Level::Recommended) => ("\u{1b}[36m", "\u{1b}[0m"),
    };
    let times = if finding.count == 1 { String::new() } else { format!(", {} times", finding.count) };
    let mut text =
        format!("\n{start}{} {}{end} ({}){times}\n", finding.level.word(), finding.rule.id, finding.rule.clause);
    let mut field = |name: &str, value: &str| {
        for (index, line) in value.lines().enumerate() {
            let name = if index == 0 { name } else { "" };
            let _ = writeln!(text, "  {name:<9} {line}");
        }
    };
    field("seen", &finding.seen);
    field("expected", finding.rule.summary);
    field("at", &format!("{} {}", rfc3339(finding.moment), finding.url));
    field("evidence", &finding.evidence);
    text
}
