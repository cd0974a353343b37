//! `/api/v1/streams`: definitions in, definitions and status out.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ApiError;
use super::{App, MAX_BODY_BYTES};
use crate::manifest::{date_time, path};
use crate::spec::{SpecError, StreamName, StreamRequest, StreamSpec};
use crate::stream::{Change, Phase, StreamView};

type Answer = Result<Response, ApiError>;

/// A stream as it is answered: its definition, and how it is.
#[derive(Debug, Serialize)]
pub(super) struct StreamAnswer {
    #[serde(flatten)]
    definition: StreamRequest,
    phase: Phase,
    since: String,
    error: Option<String>,
    revision: String,
    /// Whether every process publishes the same bytes.
    deterministic: bool,
    urls: Urls,
    /// The newest complete segment of all tracks.
    segment: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Urls {
    hls: String,
    llhls: String,
    dash: String,
    lldash: String,
}

pub(super) async fn list(State(app): State<App>) -> Json<Vec<StreamAnswer>> {
    Json(app.0.registry.list().iter().map(|view| answer(&app, view)).collect())
}

pub(super) async fn create(State(app): State<App>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Answer {
    let request = read(&headers, body)?;
    let view = app.0.registry.create(StreamSpec::try_from(request)?)?;
    Ok(created(&app, &view))
}

pub(super) async fn get(State(app): State<App>, Path(stream): Path<String>) -> Answer {
    let view = app.0.registry.get(&name(&stream)?)?;
    Ok(Json(answer(&app, &view)).into_response())
}

pub(super) async fn replace(
    State(app): State<App>,
    Path(stream): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let mut request = read(&headers, body)?;
    match &request.name {
        None => request.name = Some(stream),
        Some(inside) if *inside == stream => {}
        Some(inside) => {
            let problem = format!("{stream}, as in the URL, or nothing; not {inside:?}");
            return Err(SpecError { field: "name".into(), problem }.into());
        }
    }
    let (view, change) = app.0.registry.replace(StreamSpec::try_from(request)?)?;
    match change {
        Change::Created => Ok(created(&app, &view)),
        Change::Replaced => Ok(Json(answer(&app, &view)).into_response()),
    }
}

pub(super) async fn remove(State(app): State<App>, Path(stream): Path<String>) -> Answer {
    let name = name(&stream)?;
    app.0.registry.remove(&name)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn start(State(app): State<App>, Path(stream): Path<String>) -> Answer {
    let view = app.0.registry.start(&name(&stream)?)?;
    Ok(Json(answer(&app, &view)).into_response())
}

pub(super) async fn stop(State(app): State<App>, Path(stream): Path<String>) -> Answer {
    let view = app.0.registry.stop(&name(&stream)?)?;
    Ok(Json(answer(&app, &view)).into_response())
}

fn created(app: &App, view: &StreamView) -> Response {
    let mut response = (StatusCode::CREATED, Json(answer(app, view))).into_response();
    let location = HeaderValue::try_from(format!("/api/v1/streams/{}", view.spec.name));
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    response
}

fn answer(app: &App, view: &StreamView) -> StreamAnswer {
    let StreamView { spec, status } = view;
    let url = |file: &str| format!("/{}/{file}", path::stream_directory(&spec.name));
    StreamAnswer {
        definition: StreamRequest::from(spec),
        phase: status.phase,
        since: date_time(status.since),
        error: status.error.clone(),
        revision: spec.revision(&app.0.registry.setting().encoders).to_string(),
        deterministic: spec.is_deterministic(),
        urls: Urls { hls: url(path::HLS), llhls: url(path::LLHLS), dash: url(path::DASH), lldash: url(path::LLDASH) },
        segment: status.output.as_ref().and_then(|output| output.last_complete()),
    }
}

/// A name that no stream can have is one that no stream has.
fn name(text: &str) -> Result<StreamName, ApiError> {
    StreamName::parse(text).ok_or_else(|| ApiError::UnknownPath(format!("no stream can be called {text:?}")))
}

fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<StreamRequest, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit: MAX_BODY_BYTES },
        _ => ApiError::Body(rejection.body_text()),
    })?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let request: Result<StreamRequest, _> = serde_path_to_error::deserialize(&mut json);
    let request = request.map_err(|error| bad_json(&error))?;
    json.end().map_err(|error| ApiError::NotJson(error.to_string()))?;
    declared_as_json(headers)?;
    Ok(request)
}

/// A form on somebody's page cannot declare its body as JSON without being asked for by CORS.
fn declared_as_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    match text.split(';').next().map(str::trim) {
        Some("application/json") => Ok(()),
        _ => Err(ApiError::NotJsonType(text.to_owned())),
    }
}

fn bad_json(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let path = error.path().to_string();
    let inner = error.inner();
    if !inner.is_data() {
        return ApiError::NotJson(inner.to_string());
    }
    let problem = inner.to_string();
    let unknown = problem.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let field = match (unknown, path.as_str()) {
        (Some(field), ".") => field.to_owned(),
        (Some(field), path) if !path.ends_with(field) => format!("{path}.{field}"),
        (_, path) => path.to_owned(),
    };
    SpecError { field, problem }.into()
}
