//! What WHEP (draft-ietf-wish-whep) and WHIP (RFC 9725) have in common: the forms of requests and answers, and sessions,
//! which their clients restart and end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::App;
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::request_body::{self, Body, MAX_BODY_BYTES};
use super::stream_lookup::{Answer, SECOND, missing, output};
use super::webrtc_error::WebrtcError;
use crate::definition::spec::StreamName;
use crate::definition::store::Record;
use crate::media::manifest::path;
use crate::stream::ActiveOutput;
use crate::stream::webrtc::{Negotiated, Webrtc};

mod client;

pub(super) use client::Client;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// The routes of WHEP or WHIP, whose paths end with `endpoint`. Sessions have a path that no track can have.
pub(super) fn routes(endpoint: &str, open: MethodRouter<App>) -> Router<App> {
    let of_session = get(nothing_of_session).head(sdp_of_session).patch(change).delete(end);
    Router::new()
        .route(&format!("/live/{{stream}}/{endpoint}"), get(nothing).head(sdp).merge(open))
        .route(&format!("/live/{{stream}}/{endpoint}/sessions/{{id}}"), of_session)
}

/// CORS: pages of any origin may open sessions.
pub(super) fn cors(preflight_max_age: Duration) -> CorsLayer {
    let exposed = [header::LOCATION, header::ETAG, header::LINK, header::RETRY_AFTER, ACCEPT_PATCH];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PATCH, Method::DELETE])
        // The wildcard does not cover `Authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed)
        .max_age(preflight_max_age)
}

/// Adds `Accept-Post` to the answers to `OPTIONS` (RFC 9725 4.2).
pub(super) async fn mark_options(request: axum::extract::Request, next: Next) -> Response {
    let is_marked = request.method() == Method::OPTIONS
        && [path::WHEP, path::WHIP].iter().any(|endpoint| request.uri().path().ends_with(endpoint));
    let mut response = next.run(request).await;
    if is_marked {
        response.headers_mut().insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    }
    response
}

/// `GET` of the endpoint. The draft reserves it.
async fn nothing() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `HEAD` of the endpoint.
async fn sdp() -> Response {
    [(header::CONTENT_TYPE, SDP)].into_response()
}

/// `PATCH` of a session: candidates of the client, which a server with ICE-lite does not need, or a restart of ICE.
async fn change(
    State(app): State<App>,
    PathParameters((stream, id)): PathParameters<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (webrtc, name, tag) = session(&app, &stream, &id)?;
    let fragment = text(&headers, FRAGMENT, body)?;
    let precondition = headers.get(header::IF_MATCH).ok_or(WebrtcError::NoPrecondition)?;
    match precondition.as_bytes() {
        b"*" => {
            let restarted = webrtc.restart(&name, &id, &fragment).await;
            let session = restarted.map_err(|error| WebrtcError::of(error, &name))?;
            Ok(described(StatusCode::OK, FRAGMENT, &session))
        }
        given if given == format!("\"{tag}\"").as_bytes() => Ok(StatusCode::NO_CONTENT.into_response()),
        _ => Err(WebrtcError::Restarted.into()),
    }
}

/// `DELETE` of a session: ends it.
async fn end(State(app): State<App>, PathParameters((stream, id)): PathParameters<(String, String)>) -> Answer {
    let (webrtc, name, _) = session(&app, &stream, &id)?;
    match webrtc.close(&name, &id) {
        true => Ok(StatusCode::OK.into_response()),
        false => Err(WebrtcError::NoSuchSession.into()),
    }
}

/// `GET` of a session.
async fn nothing_of_session(
    State(app): State<App>,
    PathParameters((stream, id)): PathParameters<(String, String)>,
) -> Answer {
    session(&app, &stream, &id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `HEAD` of a session.
async fn sdp_of_session(
    State(app): State<App>,
    PathParameters((stream, id)): PathParameters<(String, String)>,
) -> Answer {
    let (_, _, tag) = session(&app, &stream, &id)?;
    Ok([(header::CONTENT_TYPE, SDP), (header::ETAG, &format!("\"{tag}\""))].into_response())
}

/// A session of a stream, with the name of its ICE credentials.
fn session<'a>(app: &'a App, stream: &str, id: &str) -> Result<(&'a Webrtc, StreamName, String), ApiError> {
    let webrtc = app.webrtc()?;
    let found = StreamName::parse(stream).and_then(|name| webrtc.tag(&name, id).map(|tag| (name, tag)));
    let (name, tag) = found.ok_or(WebrtcError::NoSuchSession)?;
    Ok((webrtc, name, tag))
}

/// The output of a stream that runs or starts.
pub(super) async fn running(app: &App, name: &StreamName) -> Result<ActiveOutput, ApiError> {
    match output(app, name.as_str()).await {
        Ok(output) if !output.is_to_end() => Ok(output),
        Ok(_) | Err(ApiError::NoSuchMedia { .. }) => Err(WebrtcError::NotRunning(name.clone()).into()),
        Err(error) => Err(error),
    }
}

/// The stream that a URL names.
pub(super) fn known(app: &App, stream: &str) -> Result<Arc<Record>, ApiError> {
    let record = StreamName::parse(stream).and_then(|name| app.0.registry.record(&name).ok());
    record.ok_or_else(|| missing(format!("there is no stream {stream}"), SECOND))
}

/// The offer in the body of a request.
pub(super) fn offer(headers: &HeaderMap, body: Body) -> Result<String, ApiError> {
    text(headers, SDP, body)
}

/// The answer to an offer. `endpoint` is the last part of the path of the request.
pub(super) fn created(endpoint: &str, session: &Negotiated) -> Response {
    // Relative, so that a token and the path prefix of a reverse proxy stay.
    let location = format!("{endpoint}/sessions/{}", session.id);
    let more = [(header::LOCATION, location.as_str()), (ACCEPT_PATCH, FRAGMENT)];
    (more, described(StatusCode::CREATED, SDP, session)).into_response()
}

/// The body of a request, which must have this media type.
fn text(headers: &HeaderMap, wanted: &'static str, body: Body) -> Result<String, ApiError> {
    let body: Bytes = request_body::received(body, MAX_BODY_BYTES)?;
    let sent = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let sent = sent.unwrap_or_default();
    if !sent.split(';').next().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(wanted)) {
        return Err(WebrtcError::WrongType { sent: sent.into_owned(), wanted }.into());
    }
    String::from_utf8(body.into()).map_err(|_| WebrtcError::BadSdp("the body is not UTF-8".into()).into())
}

fn described(status: StatusCode, media_type: &'static str, session: &Negotiated) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type), (header::ETAG, &format!("\"{}\"", session.tag))];
    (status, headers, session.answer.clone()).into_response()
}
