//! Handlers of `/api/v1`: they write definitions and answer definitions and state.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::App;
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::request_body::{Body, MAX_BODY_BYTES, MAX_IMPORT_BYTES, read};
use crate::definition::spec::object;
use crate::definition::spec::{SpecError, StreamName, StreamRequest, StreamSpec, check_streams};
use crate::definition::store::{Change, MAX_STREAMS, Precondition, WriteError};
use crate::stream::{Phase, StreamView};

mod answer;

pub(super) use answer::{OneStream, StreamAnswer, Urls, url};
use answer::{answers, created, one};

type Answer = Result<Response, ApiError>;

/// Query of a list of streams.
#[derive(Debug, Default)]
struct Selection {
    /// Only streams in this phase.
    phase: Option<Phase>,
    /// Only streams whose name or title contains this text.
    search: Option<String>,
    /// Maximum number of streams.
    limit: Option<usize>,
    /// Only streams with names after this one.
    after: Option<String>,
}

/// All definitions, for export and import.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Definitions {
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(max = MAX_STREAMS))]
    streams: Vec<StreamRequest>,
}

/// `GET /api/v1/streams`: streams in order of their names. If there are more than `limit`, the `Link` header has the
/// URL of the next ones (RFC 8288).
pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let selection = from_query(&query.unwrap_or_default())?;
    let mut views = app.0.registry.list();
    views.retain(|view| selection.has(view));
    let limit = selection.limit.unwrap_or(MAX_STREAMS);
    let last = views.get(limit - 1).filter(|_| views.len() > limit).map(|view| view.record.spec.name.clone());
    views.truncate(limit);
    let mut response = Json(answers(&app, &views)).into_response();
    if let Some(last) = last {
        let next = HeaderValue::try_from(format!("<{}>; rel=\"next\"", selection.after(&last)));
        response.headers_mut().extend(next.map(|next| (header::LINK, next)));
    }
    Ok(response)
}

/// `POST /api/v1/streams`
pub(super) async fn create(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let request: StreamRequest = read(&headers, body, MAX_BODY_BYTES)?;
    let spec = StreamSpec::try_from(request)?;
    let name = spec.name.clone();
    let claim = app.0.registry.claim_room(&spec).await?;
    app.0.registry.put(spec, Precondition::New).await?;
    drop(claim);
    Ok(created(&app, &app.0.registry.settled(&name).await?, "streams/"))
}

/// `GET /api/v1/streams/{name}`. The entity tag is the tag of the definition.
pub(super) async fn get(State(app): State<App>, PathParameters(stream): PathParameters<String>) -> Answer {
    Ok(one(&app, &app.0.registry.get(&name(&stream)?)?))
}

/// `PUT /api/v1/streams/{name}`
pub(super) async fn replace(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let mut request: StreamRequest = read(&headers, body, MAX_BODY_BYTES)?;
    match &request.name {
        None => request.name = Some(stream),
        Some(inside) if *inside == stream => {}
        Some(inside) => {
            let problem = format!("must be {stream}, as in the URL, or be left out; not {inside:?}");
            return Err(SpecError { field: "name".into(), problem }.into());
        }
    }
    unmask(&app, &mut request);
    let spec = StreamSpec::try_from(request)?;
    let name = spec.name.clone();
    let claim = app.0.registry.claim_room(&spec).await?;
    let (_, change) = app.0.registry.put(spec, precondition(&headers)).await.map_err(unmet)?;
    drop(claim);
    let view = app.0.registry.settled(&name).await?;
    match change {
        Change::Created => Ok(created(&app, &view, "")),
        Change::Replaced => Ok(one(&app, &view)),
    }
}

/// `DELETE /api/v1/streams/{name}`
pub(super) async fn remove(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
) -> Answer {
    app.0.registry.remove(&name(&stream)?, precondition(&headers)).await.map_err(unmet)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/streams/{name}/start`
pub(super) async fn start(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
) -> Answer {
    let name = name(&stream)?;
    let mut spec = app.0.registry.get(&name)?.record.spec.clone();
    spec.control.enabled = true;
    let claim = app.0.registry.claim_room(&spec).await?;
    app.0.registry.enable(&name, true, precondition(&headers)).await.map_err(unmet)?;
    drop(claim);
    Ok(one(&app, &app.0.registry.settled(&name).await?))
}

/// `POST /api/v1/streams/{name}/stop`
pub(super) async fn stop(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
) -> Answer {
    let name = name(&stream)?;
    app.0.registry.enable(&name, false, precondition(&headers)).await.map_err(unmet)?;
    Ok(one(&app, &app.0.registry.settled(&name).await?))
}

/// `POST /api/v1/all/start`
pub(super) async fn start_all(State(app): State<App>) -> Answer {
    enable_all(&app, true).await
}

/// `POST /api/v1/all/stop`
pub(super) async fn stop_all(State(app): State<App>) -> Answer {
    enable_all(&app, false).await
}

async fn enable_all(app: &App, enabled: bool) -> Answer {
    let mut names = Vec::new();
    for view in app.0.registry.list() {
        match app.0.registry.enable(&view.record.spec.name, enabled, Precondition::Always).await {
            Ok(view) => names.push(view.record.spec.name.clone()),
            // The stream was deleted since it was listed.
            Err(WriteError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(answers(app, &all_settled(app, &names).await)).into_response())
}

/// Waits until the supervisors have applied the last write, and returns those of the streams that still exist.
async fn all_settled(app: &App, names: &[StreamName]) -> Vec<StreamView> {
    let views = join_all(names.iter().map(|name| app.0.registry.settled(name))).await;
    views.into_iter().flatten().collect()
}

/// `GET /api/v1/definitions`
pub(super) async fn export(State(app): State<App>) -> Json<Definitions> {
    let streams = app.0.registry.list().iter().map(|view| StreamRequest::from(&view.record.spec).masked()).collect();
    Json(Definitions { streams })
}

/// `POST /api/v1/definitions`: creates or replaces the given streams. If one is invalid, none is written.
pub(super) async fn import(State(app): State<App>, headers: HeaderMap, body: Body) -> Answer {
    let Definitions { mut streams } = read(&headers, body, MAX_IMPORT_BYTES)?;
    if streams.len() > MAX_STREAMS {
        let problem = format!("must have at most {MAX_STREAMS} streams, not {}", streams.len());
        return Err(SpecError { field: "streams".into(), problem }.into());
    }
    streams.iter_mut().for_each(|request| unmask(&app, request));
    let specs = check_streams(streams)?;
    let mut names = Vec::new();
    for spec in specs {
        names.push(app.0.registry.put(spec, Precondition::Always).await?.0.record.spec.name.clone());
    }
    Ok(Json(answers(&app, &all_settled(&app, &names).await)).into_response())
}

impl Selection {
    fn has(&self, view: &StreamView) -> bool {
        let spec = &view.record.spec;
        let found = |text: &str| spec.name.as_str().contains(text) || spec.title.contains(text);
        self.phase.is_none_or(|phase| view.status.phase == phase)
            && self.search.as_deref().is_none_or(found)
            && self.after.as_deref().is_none_or(|after| spec.name.as_str() > after)
    }

    /// Relative URL of the list after `last`.
    fn after(&self, last: &StreamName) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(phase) = self.phase {
            query.append_pair("phase", phase.as_str());
        }
        if let Some(search) = &self.search {
            query.append_pair("search", search);
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        format!("?{}", query.append_pair("after", last.as_str()).finish())
    }
}

/// Replaces masks in a definition by the secrets of the current definition.
fn unmask(app: &App, request: &mut StreamRequest) {
    let name = request.name.as_deref().and_then(StreamName::parse);
    if let Some(Ok(record)) = name.map(|name| app.0.registry.record(&name)) {
        request.unmask(&record.spec);
    }
}

/// The precondition of a request (RFC 9110 13.1). A weak tag matches nothing.
fn precondition(headers: &HeaderMap) -> Precondition {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (Some("*"), _) => Precondition::Exists,
        (Some(tags), _) => {
            let tags = tags.split(',').map(str::trim).filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
            Precondition::Unchanged(tags.map(str::to_owned).collect())
        }
        (None, Some("*")) => Precondition::New,
        (None, _) => Precondition::Always,
    }
}

/// The error for a stream that exists. Where a write could replace it, the cause is the precondition `If-None-Match:
/// *`.
fn unmet(error: WriteError) -> ApiError {
    match error {
        WriteError::Exists(name) => ApiError::ExistsAgainstPrecondition(name),
        error => error.into(),
    }
}

fn from_query(query: &str) -> Result<Selection, ApiError> {
    let mut selection = Selection::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let wrong = |allowed: &str| ApiError::Query(format!("{key}: must be {allowed}; not {value:?}"));
        match &*key {
            "phase" => {
                selection.phase =
                    Some(Phase::parse(&value).ok_or_else(|| wrong(&format!("one of {}", Phase::WORDS.join(", "))))?)
            }
            "search" => selection.search = Some(value.into_owned()),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_STREAMS).contains(limit));
                selection.limit = Some(limit.ok_or_else(|| wrong(&format!("1 to {MAX_STREAMS}")))?);
            }
            "after" => selection.after = Some(value.into_owned()),
            _ => {
                return Err(ApiError::Query(format!(
                    "unknown parameter {key:?}; the parameters are phase, search, limit and after"
                )));
            }
        }
    }
    Ok(selection)
}

/// Parses the name of a stream. An invalid name is answered like the name of a stream that does not exist.
pub(super) fn name(text: &str) -> Result<StreamName, ApiError> {
    StreamName::parse(text).ok_or_else(|| ApiError::UnknownPath(format!("no stream can have the name {text:?}")))
}
