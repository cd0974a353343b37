//! Conditions of a request: removed from the path before routing, passed to the handler, and named in the answer.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::App;
use super::cache_control::Cache;
use super::error::ApiError;
use super::reply;
use crate::base::format::Format;
use crate::base::metrics::ConditionLabels;
use crate::base::timeline::UnixTime;
use crate::definition::condition::{ConditionError, Conditions, Fault, Resource, Track};
use crate::definition::spec::StreamSpec;
use crate::media::manifest::extent::{self, Extent};
use crate::media::manifest::{cuts, delay, path};

/// Names the conditions that changed an answer.
pub(super) const HEADER: HeaderName = HeaderName::from_static("barstone-condition");
/// How long caches may store that a resource has only a plain URL. Later versions may have a condition that changes it.
const PLAIN_FOR: std::time::Duration = std::time::Duration::from_secs(60);

/// Conditions from the path of a request, an extension of it.
#[derive(Debug, Clone)]
pub(super) struct PathConditions(pub(super) Result<Conditions, ConditionError>);

/// The conditions of a request; none for a plain path.
#[derive(Debug)]
pub(super) struct Asked(pub(super) Conditions);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<PathConditions>() {
            None => Ok(Self(Conditions::default())),
            Some(PathConditions(parsed)) => Ok(Self(parsed.clone()?)),
        }
    }
}

/// Redirects a request for a resource that none of its conditions changes to the plain URL, of which caches have one copy.
/// `None` if the resource is to be served. `uri_path` is the path without conditions and token.
pub(super) fn to_plain(
    conditions: &Conditions,
    (resource, track): (Resource, Option<Track<'_>>),
    uri_path: &str,
) -> Option<Response> {
    if conditions.is_empty() || !conditions.of_resource(resource, track).is_empty() {
        return None;
    }
    // Relative, so that a token in the path stays.
    let depth = depth(uri_path.split('?').next().unwrap_or_default());
    let location = format!("{}{}", path::to_root(depth, conditions, Conditions::NONE), &uri_path[1..]);
    Some(reply::redirect(StatusCode::TEMPORARY_REDIRECT, &location, Cache::MaxAge(PLAIN_FOR)))
}

/// Redirects a request with relative moments to the URL in which they are written out, so that all that follows, and all who
/// get the URL, mean the same moments. `None` if there are none, or if the conditions cannot be read: the handler refuses those.
///
/// # Errors
/// [`ApiError::Condition`] if the moments contradict each other.
pub(super) fn to_absolute(request: &Request, now: UnixTime) -> Result<Option<Response>, ApiError> {
    let Some(PathConditions(Ok(relative))) = request.extensions().get() else { return Ok(None) };
    let Some(absolute) = relative.absolute(now)? else { return Ok(None) };
    let plain = request.uri().path_and_query().map_or("/", |plain| plain.as_str());
    let location = format!("{}{}", path::to_root(depth(request.uri().path()), relative, &absolute), &plain[1..]);
    Ok(Some(reply::redirect(StatusCode::FOUND, &location, Cache::NoStore)))
}

/// Directories between the root and a path without a query.
fn depth(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count() - 1
}

/// Checks that the conditions are possible for a manifest of the stream at `now`. Without a format the manifest is an I-frame
/// playlist: all that applies to HLS applies to LL-HLS.
///
/// # Errors
/// [`ApiError::Condition`], [`ApiError::NotBegun`].
pub(super) fn check(
    conditions: &Conditions,
    format: Option<Format>,
    spec: &StreamSpec,
    now: UnixTime,
) -> Result<(), ApiError> {
    let format = format.unwrap_or(Format::LlHls);
    conditions.check_format(format)?;
    cuts::check(conditions, spec)?;
    extent::check(conditions, spec)?;
    delay::check(conditions, format, spec)?;
    let begins = Extent::of(conditions, spec, now).begins(&spec.timeline);
    match begins.filter(|begins| *begins > now) {
        Some(at) => Err(ApiError::NotBegun { at, wait: at.saturating_since(now) }),
        None => Ok(()),
    }
}

/// Whether a fault makes gaps in the playlists of a track. An MPD and a multivariant playlist, which belong to none, list no gaps.
pub(super) fn lists_gaps(fault: &Fault, track: Option<Track<'_>>) -> bool {
    let media = [Resource::Segment, Resource::Part];
    track.is_some_and(|track| media.iter().any(|resource| fault.concerns(*resource, Some(track))))
}

/// Adds conditions that changed the answer to its header `Barstone-Condition` and to the metrics.
pub(super) fn mark(app: &App, conditions: &Conditions, response: &mut Response) {
    if conditions.is_empty() {
        return;
    }
    for condition in conditions.iter() {
        app.0.metrics.conditions.get_or_create(&ConditionLabels { condition: condition.name() }).inc();
    }
    let before = response.headers().get(HEADER).and_then(|value| Conditions::parse(value.to_str().ok()?).ok());
    let all = before.map_or_else(|| conditions.clone(), |before| before.and(conditions));
    if let Ok(value) = HeaderValue::try_from(all.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }
    tracing::debug!(%conditions, "a request was answered under conditions");
}
