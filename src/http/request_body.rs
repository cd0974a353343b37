//! JSON bodies of requests, and the limits of their size.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::error::{ApiError, TooSlow};
use crate::definition::spec::object::Object;
use crate::definition::spec::{SpecError, schema};
use crate::definition::store::MAX_STREAMS;

/// Maximum size of a request body in bytes. A definition is a few kilobytes; eight renditions with long names are less
/// than four.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Maximum size of an import in bytes, large enough for any export.
pub(super) const MAX_IMPORT_BYTES: usize = MAX_STREAMS * 4 * 1024;

/// The body of a request, or why it could not be read.
pub(super) type Body = Result<Bytes, BytesRejection>;

/// Parses a JSON object. The router limits the body to `limit` bytes.
///
/// # Errors
/// [`ApiError`] with the invalid field.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, ApiError> {
    parse(headers, &received(body, limit)?)
}

/// Parses a JSON object, or returns the default if the body is empty.
///
/// # Errors
/// [`ApiError`] with the invalid field.
pub(super) fn read_or_default<T: DeserializeOwned + JsonSchema>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, ApiError> {
    let body = received(body, limit)?;
    parse(headers, if body.is_empty() { b"{}" } else { &body })
}

/// The bytes of a body.
///
/// # Errors
/// [`ApiError`] if it is longer than `limit`, or could not be read.
pub(super) fn received(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| match (TooSlow::find(&rejection), rejection.status()) {
        (Some(slow), _) => ApiError::TooSlow(*slow),
        (None, StatusCode::PAYLOAD_TOO_LARGE) => ApiError::TooLarge { limit },
        (None, _) => ApiError::Body(rejection.body_text()),
    })
}

fn parse<T: DeserializeOwned + JsonSchema>(headers: &HeaderMap, body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii().is_empty() {
        return Err(ApiError::NotJson("the body is empty; send a JSON object".into()));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read: Result<Object<T>, _> = serde_path_to_error::deserialize(&mut json);
    let Object(read) = read.map_err(|error| wrong::<T>(&error))?;
    json.end().map_err(|error| not_json(&error))?;
    declared_as_json(headers)?;
    Ok(read)
}

/// Requires a JSON content type. A form on a page of another site cannot send one without a CORS preflight.
fn declared_as_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    match text.split(';').next().map(str::trim) {
        Some("application/json") => Ok(()),
        _ => Err(ApiError::NotJsonType(text.to_owned())),
    }
}

fn wrong<T: JsonSchema>(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let inner = error.inner();
    if !inner.is_data() {
        return not_json(inner);
    }
    let SpecError { field, problem } =
        SpecError::from_serde(&error.path().to_string(), &inner.to_string(), &schema::<T>());
    let problem = if field.is_empty() { format!("the body {problem}") } else { problem };
    SpecError { field, problem }.into()
}

fn not_json(error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    ApiError::NotJson(format!("the body is not JSON (line {}, column {}): {problem}", error.line(), error.column()))
}
