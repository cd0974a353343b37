//! `GET /api/v1/conditions`: the table of conditions as JSON.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

use crate::base::format::Format;
use crate::definition::condition::{Description, FAULTS, Parameter, TABLE, Value};

/// A condition in the path of a manifest.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConditionAnswer {
    /// Name in URLs.
    name: &'static str,
    /// What the condition does.
    summary: &'static str,
    value: ValueAnswer,
    /// Formats to which the condition applies: `hls`, `llhls`, `dash`, `lldash`.
    formats: Vec<&'static str>,
    /// Conditions that exclude this condition.
    excludes: &'static [&'static str],
    /// Examples, as in a URL.
    examples: &'static [&'static str],
    /// Whether the condition is a fault. A fault may occur several times, and has parameters.
    fault: bool,
    /// Parameters of a fault, such as `on=segments`, each after a colon.
    parameters: Vec<ParameterAnswer>,
}

/// A parameter of a fault.
#[derive(Debug, Serialize, JsonSchema)]
struct ParameterAnswer {
    /// Name in URLs.
    name: &'static str,
    /// What the parameter does.
    summary: &'static str,
    value: ValueAnswer,
}

/// Allowed values.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueAnswer {
    /// `none`: no value. `duration`: such as `1m30s`. `offset`: a duration with a sign. `word`: one word.
    /// `moment`: a date in UTC, Unix seconds, or a duration with a sign. `words`: words joined by `+`.
    /// `wrap`: such as `33:in=15s`. `integer`: a whole number. `signed`: a whole number with a sign. `share`: a number from 0 to 1.
    /// `numbers`: such as `100-120`. `track`: a word, or the id of a track.
    kind: &'static str,
    /// Allowed values, as text for people.
    allowed: String,
    /// Allowed words. The first word of `on` is the default.
    words: Vec<&'static str>,
    /// The smallest duration or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<String>,
    /// The largest duration or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<String>,
}

pub(super) async fn table() -> Json<Vec<ConditionAnswer>> {
    Json(TABLE.iter().chain(FAULTS).map(answer).collect())
}

fn answer(description: &Description) -> ConditionAnswer {
    let Description { name, value, summary, formats, changes: _, excludes, examples, .. } = description;
    let parameter = |Parameter { name, value, summary }| ParameterAnswer { name, summary, value: value_answer(&value) };
    ConditionAnswer {
        name,
        summary,
        value: value_answer(value),
        formats: formats.iter().copied().map(Format::as_str).collect(),
        excludes,
        examples,
        fault: description.is_fault(),
        parameters: description.parameters().into_iter().map(parameter).collect(),
    }
}

fn value_answer(value: &Value) -> ValueAnswer {
    let (least, most) = value.limits().unzip();
    ValueAnswer { kind: value.kind(), allowed: value.allowed(), words: value.words(), least, most }
}
