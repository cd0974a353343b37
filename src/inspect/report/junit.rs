//! JUnit XML for CI: one test case for each rule, failed if there are findings, and suites of other commands.

use std::time::Duration;

use quick_xml::escape::escape;

use super::rfc3339;
use crate::base::timeline::UnixTime;
use crate::inspect::check::Outcome;
use crate::inspect::finding::Filter;
use crate::inspect::rules::table::RULES;

/// A test case.
#[derive(Debug)]
pub struct Case {
    /// The name.
    pub name: String,
    /// Kind, message and text of a failure.
    pub failure: Option<[String; 3]>,
}

/// The result as a test suite of the rules that `filter` wants.
pub fn junit(outcome: &Outcome, filter: &Filter) -> String {
    let cases = RULES.iter().filter(|rule| filter.wants(rule)).map(|rule| {
        let found: Vec<_> = outcome.findings.iter().filter(|finding| finding.rule == rule).collect();
        let texts = found.iter().map(|finding| {
            let (moment, times) = (rfc3339(finding.moment), finding.count);
            format!("{moment} {} ({times} times)\n{}\n{}\n", finding.url, finding.seen, finding.evidence)
        });
        let text = texts.collect::<Vec<_>>().join("\n");
        let failure = found.first().map(|first| [first.level.word().to_owned(), first.seen.clone(), text]);
        Case { name: format!("{} {}", rule.id, rule.summary), failure }
    });
    suite(("check", outcome.url.as_str()), (outcome.moment, outcome.took), &cases.collect::<Vec<_>>())
}

/// A test suite of a command on a URL, which began at a moment and took a time.
pub fn suite((command, url): (&str, &str), (moment, took): (UnixTime, Duration), cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let texts = cases.iter().map(|Case { name, failure }| {
        let failure = failure.as_ref().map(|texts| {
            let [kind, message, text] = texts.each_ref().map(|text| escape(text.as_str()));
            format!("    <failure type=\"{kind}\" message=\"{message}\">{text}</failure>\n")
        });
        let (name, failure) = (escape(name.as_str()), failure.unwrap_or_default());
        format!("  <testcase classname=\"barstone.{command}\" name=\"{name}\">\n{failure}  </testcase>\n")
    });
    let (url, seconds, tests) = (escape(url), took.as_secs_f64(), cases.len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"barstone {command} {url}\" timestamp=\"{}\" \
         time=\"{seconds:.3}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{}</testsuite>\n",
        rfc3339(moment),
        texts.collect::<String>()
    )
}
