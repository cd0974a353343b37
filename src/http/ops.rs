//! Probes, metrics and the time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::App;
use super::conditions::{self, Asked};
use super::error::ApiError;
use crate::base::metrics::PhaseLabels;
use crate::definition::condition::Resource;
use crate::media::manifest::{date_time, told};
use crate::stream::{Phase, StreamView};

/// UTC as xs:dateTime with milliseconds, for `urn:mpeg:dash:utc:http-xsdate:2014`. Under `clock-skew` the header `Date`, which
/// `http-head` reads, is wrong by as much as the body.
pub(super) async fn time(State(app): State<App>, Asked(conditions): Asked) -> Response {
    if let Some(elsewhere) = conditions::to_plain(&conditions, (Resource::Time, None), "/time") {
        return elsewhere;
    }
    let told = told(&conditions, app.0.clock.now());
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let mut response = (content_type, date_time(told)).into_response();
    if !conditions.is_empty() {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(told.as_secs()));
        response.headers_mut().extend(HeaderValue::try_from(date).map(|date| (header::DATE, date)));
    }
    conditions::mark(&app, &conditions.of_resource(Resource::Time, None), &mut response);
    response
}

/// `/livez`: whether the reconciler runs.
pub(super) async fn livez(State(app): State<App>) -> Result<&'static str, ApiError> {
    match app.0.registry.is_alive().await {
        true => Ok("ok\n"),
        false => Err(ApiError::Wedged),
    }
}

pub(super) async fn startupz() -> &'static str {
    "ok\n"
}

/// Whether every stream that should run is playable.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// Whether barstone is shutting down.
    draining: bool,
    /// Names of streams that should run and are not playable.
    not_playable: Vec<String>,
}

/// `/readyz`: 200 if every stream that should run is playable, otherwise 503. Streams that a publisher sends do not matter.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let streams = app.0.registry.list();
    // A publisher may need that this server is ready.
    let is_awaited = |view: &&StreamView| view.wanted && !view.record.spec.is_published();
    let waited_for = streams.iter().filter(is_awaited).filter(|view| view.status.phase != Phase::Running);
    let not_playable: Vec<_> = waited_for.map(|view| view.record.spec.name.to_string()).collect();
    let draining = app.0.draining.is_cancelled();
    let ready = not_playable.is_empty() && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, draining, not_playable })).into_response()
}

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let metrics = &app.0.metrics;
    let views = app.0.registry.list();
    for phase in Phase::ALL {
        let streams = views.iter().filter(|view| view.status.phase == phase).count();
        metrics.streams.get_or_create(&PhaseLabels { phase: phase.as_str() }).set(streams as i64);
    }
    metrics.clock_offset.set(app.0.offset.seconds());
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.text())
}

/// The request as it arrived, and the process that answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WhoAmI {
    host: String,
    pid: u32,
    version: &'static str,
    method: String,
    uri: String,
    http: String,
    remote: Option<SocketAddr>,
    headers: BTreeMap<String, Vec<String>>,
}

pub(super) async fn whoami(request: Request) -> Json<WhoAmI> {
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    Json(WhoAmI {
        host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION"),
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        http: format!("{:?}", request.version()),
        remote,
        headers: headers(request.headers()),
    })
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let secret = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION].contains(name);
        let shown = if secret { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        all.entry(name.to_string()).or_default().push(shown.into_owned());
    }
    all
}
