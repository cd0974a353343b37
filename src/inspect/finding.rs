//! The findings of a check: violations with URL and moment. Repeats are counted.

use std::collections::HashMap;

use super::rules::table::{Level, Rule, find};
use super::rules::{Punctuality, Violation};
use crate::base::timeline::UnixTime;

/// Most different findings that are stored. A server that changes everything all the time has no more.
const MOST_FINDINGS: usize = 1000;
/// Longest text of a finding or of its evidence.
const LONGEST_TEXT: usize = 600;

/// A violation at a URL.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Level of the part of the rule that is violated.
    pub level: Level,
    /// URL of the manifest or the media.
    pub url: String,
    /// UTC of the first request that showed it.
    pub moment: UnixTime,
    /// The observed value.
    pub seen: String,
    /// Status line, headers or text that show it.
    pub evidence: String,
    /// Number of times that the violation was found.
    pub count: u64,
}

/// Selection of the findings that are reported.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Ids or families such as `H`; all rules if empty.
    pub only: Vec<String>,
    /// Ids or families that are left out.
    pub skip: Vec<String>,
    /// Lowest level of reported findings.
    pub level: Level,
}

/// The findings of a check, in the order of their first occurrence.
#[derive(Debug)]
pub struct Findings {
    filter: Filter,
    all: Vec<Finding>,
    /// Place of each finding, by rule, URL and text without numbers.
    places: HashMap<(&'static str, String, String), usize>,
    /// Number of prompt and of late answers, by their kind.
    punctuality: HashMap<String, Punctuality>,
    late: Vec<Late>,
}

/// A violation by a late answer, which counts if answers are late often.
#[derive(Debug)]
struct Late {
    kind: String,
    url: String,
    moment: UnixTime,
    violation: Violation,
    evidence: String,
}

impl Filter {
    /// Whether findings of this rule are wanted at all.
    pub fn wants(&self, rule: &Rule) -> bool {
        let named = |list: &[String]| list.iter().any(|name| is_named(name, rule.id));
        rule.level >= self.level && (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

/// Whether `name` is the id, or the letter of its family.
pub fn is_named(name: &str, id: &str) -> bool {
    name.eq_ignore_ascii_case(id)
        || (name.len() == 1 && id.get(..1).is_some_and(|family| family.eq_ignore_ascii_case(name)))
}

impl Findings {
    /// No findings yet.
    pub fn new(filter: Filter) -> Self {
        Self { filter, all: Vec::new(), places: HashMap::new(), punctuality: HashMap::new(), late: Vec::new() }
    }

    /// Adds violations that were found at `url`.
    pub fn add(&mut self, (url, moment): (&str, UnixTime), violations: Vec<Violation>, evidence: &str) {
        for violation in violations {
            let Some(rule) = find(violation.rule) else { continue };
            if !self.filter.wants(rule) || violation.level < self.filter.level || self.all.len() >= MOST_FINDINGS {
                continue;
            }
            let text: String = violation.what.chars().filter(|c| !c.is_ascii_digit()).collect();
            let path: String =
                url.split('?').next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect();
            let place = self.places.entry((rule.id, path, text)).or_insert(self.all.len());
            match self.all.get_mut(*place) {
                Some(finding) => finding.count += 1,
                None => self.all.push(Finding {
                    rule,
                    level: violation.level,
                    url: url.to_owned(),
                    moment,
                    seen: shortened(&violation.what),
                    evidence: shortened(evidence),
                    count: 1,
                }),
            }
        }
    }

    /// Adds the violations, if any, that the time of an answer shows. The answers of one `kind`, such as all that one rule is about,
    /// are judged together.
    pub fn add_late(&mut self, at: (&str, UnixTime), kind: &str, violations: Vec<Violation>, evidence: &str) {
        self.punctuality.entry(kind.to_owned()).or_default().add(!violations.is_empty());
        for violation in violations.into_iter().take(MOST_FINDINGS.saturating_sub(self.late.len())) {
            let (kind, evidence) = (kind.to_owned(), evidence.to_owned());
            self.late.push(Late { kind, url: at.0.to_owned(), moment: at.1, violation, evidence });
        }
    }

    /// All findings so far, without those by late answers.
    pub fn all(&self) -> &[Finding] {
        &self.all
    }

    /// The findings. Violations by late answers are recommendations unless they are frequent.
    pub fn into_all(mut self) -> Vec<Finding> {
        for Late { kind, url, moment, mut violation, evidence } in std::mem::take(&mut self.late) {
            let punctuality = self.punctuality.get(&kind).copied().unwrap_or_default();
            violation.level = punctuality.level(violation.level);
            self.add((&url, moment), vec![violation], &evidence);
        }
        self.all
    }
}

/// The text in printable characters, cut at a length. A server must not move the cursor of a terminal.
fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(rule: &'static str, level: Level, what: &str) -> Violation {
        Violation { rule, level, what: what.to_owned() }
    }

    fn found(filter: Filter) -> Vec<(&'static str, u64)> {
        let mut findings = Findings::new(filter);
        let at = |url| (url, UnixTime::from_millis(7));
        findings.add(at("http://a/1.m4s"), vec![violation("H11", Level::Must, "1.m4s: status 404")], "");
        findings.add(at("http://a/2.m4s"), vec![violation("H11", Level::Must, "2.m4s: status 404")], "");
        findings.add(at("http://a/2.m4s"), vec![violation("T6", Level::Recommended, "no Cache-Control")], "");
        findings.add(at("http://a/2.m4s?a=b"), vec![violation("C1", Level::Should, "gap\u{1b}[2J")], "");
        findings.into_all().iter().map(|finding| (finding.rule.id, finding.count)).collect()
    }

    #[test]
    fn repeats_are_counted_and_filters_hold() {
        let filter = |only: &[&str], skip: &[&str], level| {
            let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            found(Filter { only: list(only), skip: list(skip), level })
        };
        assert_eq!(filter(&[], &[], Level::Recommended), [("H11", 2), ("T6", 1), ("C1", 1)]);
        assert_eq!(filter(&[], &[], Level::Should), [("H11", 2), ("C1", 1)]);
        assert_eq!(filter(&["h"], &[], Level::Recommended), [("H11", 2)]);
        assert_eq!(filter(&[], &["H11", "c"], Level::Recommended), [("T6", 1)]);
        assert_eq!(shortened("a\u{1b}[2J"), "a\u{fffd}[2J");
    }

    #[test]
    fn one_late_answer_is_a_recommendation() {
        let found = |late: usize| {
            let mut findings = Findings::new(Filter { only: Vec::new(), skip: Vec::new(), level: Level::Recommended });
            for index in 0..8 {
                let violations = (index < late).then(|| violation("T8", Level::Should, "late"));
                findings.add_late(("http://a/b", UnixTime::from_millis(7)), "T8", violations.into_iter().collect(), "");
            }
            findings.into_all().first().map(|finding| (finding.level, finding.count))
        };
        assert_eq!((found(0), found(1)), (None, Some((Level::Recommended, 1))));
        assert_eq!(found(2), Some((Level::Should, 2)));
    }
}
