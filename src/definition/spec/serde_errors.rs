//! Conversion of serde errors to [`SpecError`]s. serde describes a wrong type in terms of Rust; a user gets the field,
//! what is allowed and what was found.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::SpecError;
use crate::base::suggestion::nearest;

/// Rust types that are whole numbers.
const INTEGERS: [&str; 6] = ["u16", "u32", "u64", "i32", "i64", "usize"];
/// Maximum length of a backticked value in characters.
const MAX_QUOTED: usize = 80;

impl SpecError {
    /// Converts `message`, which serde reported at `path`; `.` is the whole_number document. `schema` is the JSON schema of
    /// the document and gives the range of a number.
    pub fn from_serde(path: &str, message: &str, schema: &Value) -> Self {
        let path = path.trim_start_matches('.');
        let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
        let named = |prefix: &str| message.strip_prefix(prefix)?.split('`').next();
        if let Some(name) = named("unknown field `") {
            return Self { field: field_path(path, name), problem: unknown(name, message) };
        }
        if let Some(name) = named("missing field `") {
            return Self { field: field_path(path, name), problem: "is missing".into() };
        }
        if let Some(name) = named("duplicate field `") {
            return Self { field: field_path(path, name), problem: "must occur once only".into() };
        }
        if let Some(word) = named("unknown variant `") {
            let allowed: Vec<_> = backticked(message).skip(1).collect();
            return Self {
                field: path.into(),
                problem: format!("must be one of {}; not {word:?}", allowed.join(", ")),
            };
        }
        let mismatch = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
        let problem = match mismatch.and_then(|mismatch| mismatch.rsplit_once(", expected ")) {
            Some((found, expected)) => {
                let expected =
                    if INTEGERS.contains(&expected) { whole_number(at(schema, path)) } else { in_json_terms(expected) };
                format!("must be {expected}, not {}", truncated(&in_json_terms(found)))
            }
            None => message.to_owned(),
        };
        Self { field: path.into(), problem }
    }
}

/// JSON schema of `T`.
pub fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Path of the field `name` field_path the object at `path`. serde sometimes appends the name to the path itself.
fn field_path(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn unknown(name: &str, message: &str) -> String {
    let known: Vec<_> = backticked(message).skip(1).collect();
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("unknown field; did you mean {meant}?"),
        None => format!("unknown field; the fields are {}", known.join(", ")),
    }
}

/// Words in backticks of `message`.
fn backticked(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// Schema of the field at `path`.
fn at<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(schema, |schema, step| {
        let alternatives = schema["anyOf"].as_array().into_iter().flatten();
        [schema].into_iter().chain(alternatives).find_map(|schema| match step.ends_with(']') {
            true => schema.get("items"),
            false => schema.get("properties")?.get(step),
        })
    })
}

fn whole_number(schema: Option<&Value>) -> String {
    let limit = |key: &str| schema.and_then(|schema| schema[key].as_i64());
    match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
        (Some(_) | None, _) => "a whole number".into(),
    }
}

/// A type or value in the words of JSON instead of Rust.
fn in_json_terms(words: &str) -> String {
    match words {
        "sequence" | "a sequence" => "a list".into(),
        "map" | "a map" | "table" => "an object".into(),
        "unit value" | "null" => "null".into(),
        "a boolean" => "true or false".into(),
        words if words.starts_with("struct ") => "an object".into(),
        words => {
            let value = ["boolean `", "integer `", "floating point `"].iter().find_map(|kind| words.strip_prefix(kind));
            match (value, words.strip_prefix("string \"")) {
                (Some(value), _) => value.trim_end_matches('`').to_owned(),
                (None, Some(text)) => format!("\"{text}"),
                (None, None) => words.to_owned(),
            }
        }
    }
}

fn truncated(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::StreamRequest;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let read: Result<StreamRequest, _> = serde_path_to_error::deserialize(&mut deserializer);
        let error = read.unwrap_err();
        let (path, message) = (error.path().to_string(), error.inner().to_string());
        assert_eq!(
            SpecError::from_serde(&path, &message, &schema::<StreamRequest>()).to_string(),
            expected,
            "{message}"
        );
    }

    #[test]
    fn a_number_is_refused_with_the_range_of_its_field() {
        check(r#"{"segment_frames": -1}"#, "segment_frames: must be a whole number from 1 to 1200, not -1");
        check(
            r#"{"video": [{}, {"width": "wide"}]}"#,
            r#"video[1].width: must be a whole number from 90 to 4096, not "wide""#,
        );
        check(r#"{"audio": {"beep_dbfs": 1.5}}"#, "audio.beep_dbfs: must be a whole number from -60 to 0, not 1.5");
        check(r#"{"max_viewers": true}"#, "max_viewers: must be a whole number from 1 to 1000000, not true");
        check(
            r#"{"max_bandwidth": []}"#,
            "max_bandwidth: must be a whole number from 100000 to 1000000000000, not a list",
        );
    }

    #[test]
    fn types_have_the_names_of_json() {
        check(r#"{"enabled": 1}"#, "enabled: must be true or false, not 1");
        check(r#"{"title": null}"#, "title: must be a string, not null");
        check(r#"{"requires": {}}"#, "requires: must be a list, not an object");
        check(r#"{"schedule": []}"#, "schedule: must be an object, not a list");
        check(r#"{"audio": "loud"}"#, r#"audio: must be an audio track, null or false, not "loud""#);
        let long = "x".repeat(1000);
        check(
            &format!(r#"{{"enabled": "{long}"}}"#),
            &format!("enabled: must be true or false, not \"{}…", &long[..79]),
        );
    }

    #[test]
    fn a_field_is_named_with_its_path() {
        check(r#"{"titel": ""}"#, "titel: unknown field; did you mean title?");
        check(r#"{"video": [{"wide": 4}]}"#, "video[0].wide: unknown field; did you mean width?");
        let all = "id, width, height, bitrate, codec, preset";
        check(r#"{"video": [{"qqq": 4}]}"#, &format!("video[0].qqq: unknown field; the fields are {all}"));
        check(r#"{"push": [{}]}"#, "push[0].url: is missing");
        check(r#"{"name": "a", "name": "b"}"#, "name: must occur once only");
    }

    #[test]
    fn an_error_of_the_whole_document_has_no_field() {
        check("7", "must be an object, not 7");
    }
}
