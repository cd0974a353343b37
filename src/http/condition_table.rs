//! `GET /api/v1/conditions`: the table of conditions as JSON.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

use crate::base::format::Format;
use crate::definition::condition::{Description, TABLE};

/// A condition that can stand in the path of a manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConditionAnswer {
    /// Name in URLs.
    name: &'static str,
    /// What the condition does.
    summary: &'static str,
    value: ValueAnswer,
    /// Formats to which the condition applies: `hls`, `llhls`, `dash`, `lldash`.
    formats: Vec<&'static str>,
    /// Conditions that exclude this one.
    excludes: &'static [&'static str],
    /// Examples, as in a URL.
    examples: &'static [&'static str],
}

/// What a value may be.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueAnswer {
    /// `none`: no value. `duration`: such as `1m30s`. `offset`: a duration with a sign. `word`: one word.
    /// `moment`: a date in UTC, Unix seconds, or a duration with a sign. `words`: words joined by `+`.
    /// `wrap`: such as `33:in=15s`.
    kind: &'static str,
    /// What is allowed, for people.
    allowed: String,
    /// Words that are allowed.
    words: Vec<&'static str>,
    /// The smallest duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<String>,
    /// The largest duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<String>,
}

pub(super) async fn table() -> Json<Vec<ConditionAnswer>> {
    Json(TABLE.iter().map(answer).collect())
}

fn answer(description: &Description) -> ConditionAnswer {
    let Description { name, value, summary, formats, changes: _, excludes, examples, .. } = description;
    let (least, most) = value.limits().unzip();
    ConditionAnswer {
        name,
        summary,
        value: ValueAnswer { kind: value.kind(), allowed: value.allowed(), words: value.words(), least, most },
        formats: formats.iter().copied().map(Format::as_str).collect(),
        excludes,
        examples,
    }
}
