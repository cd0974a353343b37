//! Faults in the path of a request, and what they do to its answer. A fault sees the path, the definition of the stream and the
//! time alone, so every replica answers alike.

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
use crate::definition::condition::{Conditions, Fault, FaultKind, Identity, Resource, Track};
use crate::definition::spec::StreamSpec;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::hls;
use crate::media::manifest::jumps::Jumps;
use crate::media::manifest::path::{MediaFile, Named};
use shaped_body::Shape;

mod shaped_body;

pub(super) use shaped_body::Chunks;

/// Extension of an answer whose status a fault has set: such an answer is no error of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intended;

/// Extension of an answer in whose place the connection is reset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reset;

/// Extension of an answer without CORS headers.
#[derive(Debug, Clone, Copy)]
struct WithoutCors;

/// The status under which a reset is counted, as nginx does; no client sees it.
const NO_ANSWER: u16 = 444;
/// How long caches may store manifests that should not be stored for so long.
const TOO_LONG: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// How long caches may store media that could be stored for long.
const TOO_SHORT: HeaderValue = HeaderValue::from_static("public, max-age=0");
/// The type of neither manifests nor media.
const OTHER_TYPE: HeaderValue = HeaderValue::from_static("text/plain");

/// What the faults in the path of a request do to its answer.
#[derive(Debug)]
struct Acting {
    resource: Resource,
    /// In canonical order.
    faults: Vec<Fault>,
    /// After what time other faults may be there.
    changes: Option<Duration>,
    /// How long caches may store an answer in place of the resource, if the faults stay.
    cache: Cache,
}

/// Answers a request with the resource, or with what the faults in its path make of it.
pub(super) async fn run(app: &App, request: Request, next: Next) -> Response {
    let Some(acting) = Acting::on(app, &request) else { return next.run(request).await };
    let mut response = acting.answer(app, request, next).await.unwrap_or_else(ApiError::into_response);
    if let Some(changes) = acting.changes {
        shorten(response.headers_mut(), changes);
    }
    response
}

/// Removes CORS headers from an answer that is to have none.
pub(super) fn without_cors(mut response: Response) -> Response {
    if response.extensions_mut().remove::<WithoutCors>().is_some() {
        response.headers_mut().remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        response.headers_mut().remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    response
}

impl Acting {
    /// The faults on a request, if there is one that concerns its resource. `None` as well for what does not exist, or is under
    /// conditions that are not possible: the handler says so.
    fn on(app: &App, request: &Request) -> Option<Self> {
        let PathConditions(Ok(conditions)) = request.extensions().get()? else { return None };
        conditions.faults().next()?;
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return None;
        }
        let path = request.uri().path();
        let named = Named::parse(path)?;
        let record = app.0.registry.record(&named.stream).ok()?;
        let (spec, now) = (&record.spec, app.0.clock.now());
        let identity = identity((path, &named), spec, (conditions, now))?;
        if named.file.is_none() {
            conditions::check(conditions, named.format, spec, now).ok()?;
        }
        // Under `lost-hint`, no playlist refers to media otherwise than by a hint.
        let hint = named.file.map_or(identity, |_| Identity { resource: Resource::Hint, ..identity });
        let seen_by = |fault: &Fault| if fault.kind == FaultKind::LostHint { &hint } else { &identity };
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

    /// The answer, once it is time for it.
    async fn answer(&self, app: &App, mut request: Request, next: Next) -> Result<Response, ApiError> {
        let held = match self.faults.iter().any(|fault| holds(&fault.kind)) {
            true => Some(app.0.held_answers.enter(client(app, &request)).map_err(ApiError::TooManyHeld)?),
            false => None,
        };
        let has_validators = !self.faults.iter().any(|fault| fault.kind == FaultKind::NoValidator);
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
            let acts = match fault.kind {
                FaultKind::Delay(span) => {
                    delay += span.duration();
                    true
                }
                FaultKind::Cut(share) if has_body => shape.cut.replace(share).is_none(),
                FaultKind::Hang(span) if has_body => shape.hang.replace(span.duration()).is_none(),
                FaultKind::Rate(rate) if has_body => shape.rate.replace(rate).is_none(),
                FaultKind::Cut(_) | FaultKind::Hang(_) | FaultKind::Rate(_) => false,
                FaultKind::Gap
                | FaultKind::LostHint
                | FaultKind::Missing
                | FaultKind::Reset
                | FaultKind::Status { .. } => Some(fault) == self.faults.iter().find(|fault| replaces(&fault.kind)),
                FaultKind::NoCors | FaultKind::NoValidator | FaultKind::WrongMaxAge | FaultKind::WrongType => {
                    !is_intended && self.change_headers(&fault.kind, &mut response)
                }
                // The handlers of manifests and media do what these say.
                FaultKind::Corrupt(_)
                | FaultKind::Discontinuity { .. }
                | FaultKind::Drift { .. }
                | FaultKind::EarlyHint
                | FaultKind::Offset(_)
                | FaultKind::Rewind(_)
                | FaultKind::Stale(_)
                | FaultKind::Unblocked
                | FaultKind::WrongReport => false,
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

    /// The answer in place of the resource that the first fault of that kind asks for.
    fn in_place(&self, is_head: bool) -> Option<Response> {
        let fault = self.faults.iter().find(|fault| replaces(&fault.kind))?;
        let (status, retry_after) = match fault.kind {
            FaultKind::Status { status, retry_after } => (status, retry_after),
            FaultKind::Gap | FaultKind::LostHint | FaultKind::Missing => (404, None),
            _ => (NO_ANSWER, None),
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
        if fault.kind == FaultKind::Reset {
            response.extensions_mut().insert(Reset);
        }
        Some(response)
    }

    /// Changes the headers of an answer; returns whether one of them is another now.
    fn change_headers(&self, kind: &FaultKind, response: &mut Response) -> bool {
        let headers = response.headers_mut();
        match kind {
            FaultKind::NoCors => response.extensions_mut().insert(WithoutCors).is_none(),
            FaultKind::NoValidator => {
                let removed = [header::ETAG, header::LAST_MODIFIED].map(|name| headers.remove(name).is_some());
                removed.contains(&true)
            }
            FaultKind::WrongMaxAge => {
                let wrong = if self.resource.is_manifest() { TOO_LONG } else { TOO_SHORT };
                headers.insert(header::CACHE_CONTROL, wrong);
                true
            }
            FaultKind::WrongType => match headers.get_mut(header::CONTENT_TYPE) {
                Some(content_type) => {
                    *content_type = OTHER_TYPE;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }
}

/// Whether an answer under the fault is held open longer than the resource needs.
const fn holds(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::Delay(_) | FaultKind::Hang(_) | FaultKind::Rate(_))
}

/// Whether the fault answers in place of the resource.
const fn replaces(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Gap | FaultKind::LostHint | FaultKind::Missing | FaultKind::Reset | FaultKind::Status { .. }
    )
}

fn client(app: &App, request: &Request) -> Option<IpAddr> {
    app.access().viewer_access.addresses(request.extensions(), request.headers())?.first().copied()
}

/// Makes of a conditional request a plain one. A range that depends on a validator is the whole file then (RFC 9110 13.1.5).
fn remove_preconditions(headers: &mut HeaderMap) {
    for name in [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE] {
        headers.remove(name);
    }
    if headers.remove(header::IF_RANGE).is_some() {
        headers.remove(header::RANGE);
    }
}

/// What selectors see of the resource that a path names; `None` if the stream has no such track.
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
