//! Faults in the path of a request, and what they do to its answer. A fault sees the path, the definition of the stream and the
//! time alone, so every replica answers alike.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::cache_control::{Cache, lifetime, shorten};
use super::conditions::{self, PathConditions};
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Conditions, Fault, FaultKind, Identity, Resource, Track};
use crate::definition::spec::StreamSpec;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::hls;
use crate::media::manifest::jumps::Jumps;
use crate::media::manifest::path::{MediaFile, Named};

/// Extension of an answer whose status a fault has set: such an answer is no error of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intended;

/// What the faults in the path of a request do to its answer.
#[derive(Debug)]
struct Acting {
    faults: Vec<Fault>,
    /// After what time other faults may be there.
    changes: Option<Duration>,
    /// How long caches may store an answer in place of the resource, if the faults stay.
    cache: Cache,
}

/// Answers a request with the resource, or with what the faults in its path make of it.
pub(super) async fn run(app: &App, request: Request, next: Next) -> Response {
    let Some(acting) = Acting::on(app, &request) else { return next.run(request).await };
    let mut response = match acting.status() {
        Some((status, retry_after, fault)) => {
            let mut response = acting.in_place(status, fault, request.method());
            if let Some(span) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(span)));
            }
            conditions::mark(app, &Conditions::of_fault(fault.clone()), &mut response);
            response
        }
        None => next.run(request).await,
    };
    if let Some(changes) = acting.changes {
        shorten(response.headers_mut(), changes);
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
        let cache = match identity.resource {
            Resource::Init | Resource::Segment | Resource::Part | Resource::Hint => lifetime(spec),
            Resource::Multivariant
            | Resource::Playlist
            | Resource::Iframes
            | Resource::Mpd
            | Resource::Time
            | Resource::SingleFile
            | Resource::Still => hls::target_duration(spec) / 2,
        };
        Some(Self { faults, changes, cache: Cache::MaxAge(cache) })
    }

    /// The status of the answer, its `Retry-After`, and the fault that asks for it: the first one in canonical order.
    fn status(&self) -> Option<(StatusCode, Option<Duration>, &Fault)> {
        self.faults.iter().find_map(|fault| match fault.kind {
            FaultKind::Status { status, retry_after } => {
                let retry_after = retry_after.map(|span| span.duration());
                Some((StatusCode::from_u16(status).ok()?, retry_after, fault))
            }
            FaultKind::LostHint => Some((StatusCode::NOT_FOUND, None, fault)),
            _ => None,
        })
    }

    /// An answer in place of the resource.
    fn in_place(&self, status: StatusCode, fault: &Fault, method: &Method) -> Response {
        let text = format!("{status}, because the URL asks for {fault}\n");
        let body = if *method == Method::HEAD { Body::empty() } else { Body::from(text) };
        let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
        let mut response = (status, content_type, body).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, self.cache.value());
        response.extensions_mut().insert(Intended);
        response
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
    let segment = match file {
        Some(MediaFile::Segment(segment) | MediaFile::Chunk { segment, .. }) => Some(segment),
        Some(MediaFile::Init) | None => None,
    };
    Some(Identity {
        resource: named.resource,
        track,
        number: segment.map(|segment| segment.saturating_sub(first)),
        begins: segment.map(|segment| spec.timeline.segment_start(segment)),
        path,
    })
}

/// In whole seconds, rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000) as u64
}
