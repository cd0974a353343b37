//! Applies the faults in the path of a request to its answer. A fault depends only on the path, the definition of the stream and the
//! time, so every replica gives the same answer.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use tokio::time::sleep;

use super::App;
use super::cache_control::{Cache, lifetime, shorten};
use super::conditions::{self, PathConditions};
use super::error::ApiError;
use crate::base::timeline::UnixTime;
use crate::definition::condition::{
    Conditions, DeliveryFault, Fault, FaultKind, HeaderFault, Identity, InPlace, Resource, Track,
};
use crate::definition::spec::StreamSpec;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::hls;
use crate::media::manifest::jumps::Jumps;
use crate::media::manifest::path::{MediaFile, Named};
use shaped_body::Shape;

mod shaped_body;

pub(super) use shaped_body::Chunks;

/// Extension of an answer whose status a fault has set. Such an answer is not an error of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intended;

/// Extension of an answer that is replaced by a reset of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reset;

/// Extension of an answer without CORS headers.
#[derive(Debug, Clone, Copy)]
struct WithoutCors;

/// End of the names of segments and chunks.
const SEGMENT: &str = ".m4s";
/// Status under which metrics count a reset, as in nginx. No client gets this status.
const NO_ANSWER: u16 = 444;
/// `Cache-Control` of manifests under `wrong-max-age`.
const TOO_LONG: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// `Cache-Control` of media under `wrong-max-age`.
const TOO_SHORT: HeaderValue = HeaderValue::from_static("public, max-age=0");
/// `Content-Type` under `wrong-type`.
const OTHER_TYPE: HeaderValue = HeaderValue::from_static("text/plain");

/// The faults in the path of a request that change its answer.
#[derive(Debug)]
struct Acting {
    resource: Resource,
    /// In canonical order.
    faults: Vec<Fault>,
    /// Time after which other faults may act.
    changes: Option<Duration>,
    /// Cache policy of an answer that replaces the resource, if the faults do not change earlier.
    cache: Cache,
}

/// Answers a request with the resource, changed by the faults in the path.
pub(super) async fn run(app: &App, request: Request, next: Next) -> Response {
    let Some(acting) = Acting::on(app, &request) else { return next.run(request).await };
    let mut response = acting.answer(app, request, next).await.unwrap_or_else(ApiError::into_response);
    if let Some(changes) = acting.changes {
        shorten(response.headers_mut(), changes);
    }
    response
}

/// Removes CORS headers from an answer under `no-cors`.
pub(super) fn without_cors(mut response: Response) -> Response {
    if response.extensions_mut().remove::<WithoutCors>().is_some() {
        response.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        response.headers_mut().remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    response
}

impl Acting {
    /// The faults on a request; `None` if no fault concerns its resource. Also `None` if the resource does not exist or its
    /// conditions are not possible, because the handler answers with an error then.
    fn on(app: &App, request: &Request) -> Option<Self> {
        let PathConditions(Ok(conditions)) = request.extensions().get()? else { return None };
        conditions.faults().next()?;
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return None;
        }
        let path = request.uri().path();
        if path.ends_with(SEGMENT) && conditions.faults().all(|fault| matches!(fault.kind, FaultKind::Media(_))) {
            // The handler applies them, and they select by the time of the media.
            return None;
        }
        let named = Named::parse(path)?;
        let record = app.0.registry.record(&named.stream).ok()?;
        let (spec, now) = (&record.spec, app.0.clock.now());
        let identity = identity((path, &named), spec, (conditions, now))?;
        if named.file.is_none() {
            conditions::check(conditions, named.format, spec, now).ok()?;
        }
        // Under `lost-hint`, playlists contain URLs of media under the fault only in hints.
        let hint = named.file.map_or(identity, |_| Identity { resource: Resource::Hint, ..identity });
        let seen_by = |fault: &Fault| if fault.kind == InPlace::LostHint.into() { &hint } else { &identity };
        let concerning: Vec<_> =
            conditions.faults().filter(|fault| fault.concerns(seen_by(fault).resource, identity.track)).collect();
        concerning.first()?;
        let changes = concerning.iter().filter_map(|fault| fault.changes_after(&identity, now)).min();
        let faults = concerning.into_iter().filter(|fault| fault.applies(seen_by(fault), now)).cloned().collect();
        let cache = match identity.resource.is_manifest() {
            true => hls::target_duration(spec) / 2,
            false => lifetime(spec),
        };
        Some(Self { resource: identity.resource, faults, changes, cache: Cache::MaxAge(cache) })
    }

    /// The answer, after the delay that faults add.
    async fn answer(&self, app: &App, mut request: Request, next: Next) -> Result<Response, ApiError> {
        let held = match self.faults.iter().any(|fault| holds(&fault.kind)) {
            true => Some(app.0.held_answers.enter(client(app, &request)).map_err(ApiError::TooManyHeld)?),
            false => None,
        };
        let has_validators = !self.faults.iter().any(|fault| fault.kind == HeaderFault::NoValidator.into());
        let is_head = request.method() == Method::HEAD;
        let mut response = match self.in_place(is_head) {
            Some(response) => response,
            None if has_validators => next.run(request).await,
            None => {
                remove_preconditions(request.headers_mut());
                next.run(request).await
            }
        };
        let is_intended = response.extensions().get::<Intended>().is_some();
        if !is_intended && !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let has_body = !is_intended && !is_head && !response.body().is_end_stream();
        let (mut shape, mut delay) = (Shape::default(), Duration::ZERO);
        let mut acted = Vec::new();
        for fault in &self.faults {
            let acts = match &fault.kind {
                FaultKind::Delivery(kind) => match *kind {
                    DeliveryFault::Delay(span) => {
                        delay += span.duration();
                        true
                    }
                    DeliveryFault::Cut(share) => has_body && shape.cut.replace(share).is_none(),
                    DeliveryFault::Hang(span) => has_body && shape.hang.replace(span.duration()).is_none(),
                    DeliveryFault::Rate(rate) => has_body && shape.rate.replace(rate).is_none(),
                },
                FaultKind::InPlace(_) => Some(fault) == self.replacement().map(|(fault, _)| fault),
                FaultKind::Headers(kind) => !is_intended && self.change_headers(kind, &mut response),
                // The handlers of manifests and media apply these faults.
                FaultKind::Media(_) | FaultKind::Manifest(_) => false,
            };
            if acts {
                acted.push(fault.clone());
            }
        }
        conditions::mark(app, &Conditions::of_faults(acted), &mut response);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let chunks = response.extensions().get::<Chunks>().copied();
        Ok(match shape.is_plain() {
            true => response,
            false => response.map(|body| shape.apply(body, chunks, held)),
        })
    }

    /// The answer that replaces the resource, by the first fault that replaces it.
    fn in_place(&self, is_head: bool) -> Option<Response> {
        let (fault, kind) = self.replacement()?;
        let (status, retry_after) = match *kind {
            InPlace::Status { status, retry_after } => (status, retry_after),
            InPlace::Gap | InPlace::LostHint | InPlace::Missing => (404, None),
            InPlace::Reset => (NO_ANSWER, None),
        };
        let status = StatusCode::from_u16(status).ok()?;
        let text = format!("{status}, because the URL asks for {fault}\n");
        let body = if is_head { Body::empty() } else { Body::from(text) };
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
        let mut response = (status, content_type, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, self.cache.value());
        if let Some(span) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(span.duration())));
        }
        response.extensions_mut().insert(Intended);
        if *kind == InPlace::Reset {
            response.extensions_mut().insert(Reset);
        }
        Some(response)
    }

    /// The first fault whose answer is in place of the resource.
    fn replacement(&self) -> Option<(&Fault, &InPlace)> {
        self.faults.iter().find_map(|fault| match &fault.kind {
            FaultKind::InPlace(kind) => Some((fault, kind)),
            FaultKind::Headers(_) | FaultKind::Delivery(_) | FaultKind::Media(_) | FaultKind::Manifest(_) => None,
        })
    }

    /// Changes the headers of an answer. Returns whether a header changed.
    fn change_headers(&self, kind: &HeaderFault, response: &mut Response) -> bool {
        let headers = response.headers_mut();
        match kind {
            HeaderFault::NoCors => response.extensions_mut().insert(WithoutCors).is_none(),
            HeaderFault::NoValidator => {
                let removed = [header::ETAG, header::LAST_MODIFIED].map(|name| headers.remove(name).is_some());
                removed.contains(&true)
            }
            HeaderFault::WrongMaxAge => {
                let wrong = if self.resource.is_manifest() { TOO_LONG } else { TOO_SHORT };
                headers.insert(header::CACHE_CONTROL, wrong);
                true
            }
            HeaderFault::WrongType => match headers.get_mut(header::CONTENT_TYPE) {
                Some(content_type) => {
                    *content_type = OTHER_TYPE;
                    true
                }
                None => false,
            },
        }
    }
}

/// Whether an answer under the fault is held open longer than the resource needs.
const fn holds(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Delivery(DeliveryFault::Delay(_) | DeliveryFault::Hang(_) | DeliveryFault::Rate(_)))
}

fn client(app: &App, request: &Request) -> Option<IpAddr> {
    app.access().viewer_access.addresses(request.extensions(), request.headers())?.first().copied()
}

/// Turns a conditional request into a plain request. A range with `If-Range` becomes a request for the whole file (RFC 9110 13.1.5).
fn remove_preconditions(headers: &mut HeaderMap) {
    for name in [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE] {
        headers.remove(name);
    }
    if headers.remove(header::IF_RANGE).is_some() {
        headers.remove(header::RANGE);
    }
}

/// Identity of the resource at a path, for selectors; `None` if the stream has no such track.
fn identity<'a>(
    (path, named): (&'a str, &'a Named),
    spec: &StreamSpec,
    (conditions, now): (&Conditions, UnixTime),
) -> Option<Identity<'a>> {
    let track = match &named.track {
        None => None,
        Some(id) => {
            let (_, kind) = spec.tracks().find(|(other, _)| *other == id)?;
            Some(Track { id: id.as_str(), kind })
        }
    };
    let first = Extent::of(conditions, spec, now).origin;
    let counted = (first, Jumps::of(conditions, spec, first));
    let file = named.file.zip(track).and_then(|(file, track)| file.of_track(&spec.timeline, track.kind, counted));
    let resource = named.resource;
    Some(match (file, track) {
        (Some(MediaFile::Segment(segment) | MediaFile::Chunk { segment, .. }), Some(track)) => {
            Identity::of_segment((resource, track, path), &spec.timeline, (segment, first))
        }
        (Some(MediaFile::Init) | None, _) | (_, None) => Identity { resource, track, number: None, begins: None, path },
    })
}

/// In whole seconds, rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000) as u64
}
