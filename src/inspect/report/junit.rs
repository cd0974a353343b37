//! JUnit XML for CI: one test case for each rule, failed if there are findings.

use quick_xml::escape::escape;

use super::rfc3339;
use crate::inspect::check::Outcome;
use crate::inspect::finding::Filter;
use crate::inspect::rules::table::RULES;

/// The result as a test suite of the rules that `filter` wants.
pub fn junit(outcome: &Outcome, filter: &Filter) -> String {
    let mut cases = String::new();
    let (mut tests, mut failures) = (0, 0);
    for rule in RULES.iter().filter(|rule| filter.wants(rule)) {
        tests += 1;
        let name = escape(format!("{} {}", rule.id, rule.summary)).into_owned();
        cases += &format!("  <testcase classname=\"barstone.check\" name=\"{name}\">\n");
        let found: Vec<_> = outcome.findings.iter().filter(|finding| finding.rule == rule).collect();
        if let Some(first) = found.first() {
            failures += 1;
            let texts = found.iter().map(|finding| {
                let (moment, times) = (rfc3339(finding.moment), finding.count);
                format!("{moment} {} ({times} times)\n{}\n{}\n", finding.url, finding.seen, finding.evidence)
            });
            let text = texts.collect::<Vec<_>>().join("\n");
            let (message, kind) = (escape(&*first.seen), first.level.word());
            cases += &format!("    <failure type=\"{kind}\" message=\"{message}\">{}</failure>\n", escape(&*text));
        }
        cases += "  </testcase>\n";
    }
    let (url, seconds) = (escape(outcome.url.as_str()), outcome.took.as_secs_f64());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"barstone check {url}\" timestamp=\"{}\" \
         time=\"{seconds:.3}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{cases}</testsuite>\n",
        rfc3339(outcome.moment)
    )
}
