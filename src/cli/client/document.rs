//! Files to send: JSON, or TOML with the same keys. The server validates the contents.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::error::ClientError;

/// Maximum size of a file in bytes, more than a server accepts.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a file, or standard input as JSON if the path is `-`.
pub(super) fn read(path: &Path) -> Result<Value, ClientError> {
    let wrong = |problem: String| ClientError::Document { document: document_name(path), problem };
    let text = text(path).map_err(|source| ClientError::File { path: path.to_owned(), source })?;
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong(format!("is longer than {MAX_BYTES} bytes")));
    }
    match path.extension().is_some_and(|ending| ending == "toml") {
        true => from_toml(&text).map_err(wrong),
        false => serde_json::from_str(&text)
            .map_err(|error| wrong(format!("is not JSON (line {}, column {})", error.line(), error.column()))),
    }
}

/// The name that a definition contains.
pub(super) fn name<'a>(definition: &'a Value, path: &Path) -> Result<&'a str, ClientError> {
    let name = definition.get("name").and_then(Value::as_str);
    let problem = "is not a definition with a name: send an object such as {\"name\": \"test\"}";
    name.ok_or_else(|| ClientError::Document { document: document_name(path), problem: problem.into() })
}

/// Name of the document in messages.
fn document_name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    match path == Path::new("-") {
        true => std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)?,
        false => File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?,
    };
    Ok(text)
}

fn from_toml(text: &str) -> Result<Value, String> {
    let table: Result<toml::Table, _> = toml::from_str(text);
    let table = table.map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        format!("is not TOML (line {line}): {}", error.message())
    })?;
    Ok(json(toml::Value::Table(table)))
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}
