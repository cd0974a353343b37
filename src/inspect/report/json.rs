//! JSON for programs. Names are those of the text.

use serde_json::{Value, json};

use super::rfc3339;
use crate::inspect::check::Outcome;

/// The result as one object.
pub fn json(outcome: &Outcome) -> Value {
    let findings = outcome.findings.iter().map(|finding| {
        json!({
            "rule": finding.rule.id,
            "level": finding.level.word(),
            "clause": finding.rule.clause,
            "url": finding.url,
            "moment": rfc3339(finding.moment),
            "seen": finding.seen,
            "expected": finding.rule.summary,
            "evidence": finding.evidence,
            "count": finding.count,
        })
    });
    json!({
        "url": outcome.url.as_str(),
        "format": outcome.format.title(),
        "ended": outcome.ended,
        "moment": rfc3339(outcome.moment),
        "seconds": outcome.took.as_secs_f64(),
        "requests": outcome.requests,
        "manifests": outcome.manifests,
        "media": outcome.media,
        "notes": outcome.notes,
        "findings": findings.collect::<Vec<_>>(),
    })
}
