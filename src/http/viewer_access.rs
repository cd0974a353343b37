//! Access to media. A viewer token is the first part of the path. URLs in manifests are relative, so players repeat the
//! token in every request, and manifests are the same for all viewers.

use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures_util::future::{Either, FutureExt, Map};
use tower::Service;

use super::App;
use super::cache_control::shorten;
use super::conditions::PathConditions;
use super::error::ApiError;
use super::faults;
use super::named_stream::Named;
use crate::base::network::{Lists, Network};
use crate::base::timeline::UnixTime;
use crate::definition::condition::Conditions;
use crate::definition::spec::StreamName;
use crate::http::viewer_token::{Keys, Purpose, Refusal};
use crate::media::manifest::path;

mod client;

/// Beginnings of the paths that are served below a token and under conditions. The truth of a stream is part of the API, and
/// is served under conditions only.
const PREFIXED_PATHS: [&str; 4] = ["/live/", "/hls/", "/dash/", "/time"];
/// A path without a route. It replaces a path whose token must not be revealed.
const NO_ROUTE: &str = "/t";

/// What a request is answered with.
type Answer = Result<Response, Infallible>;

/// Access rules for media and for the server as a whole.
#[derive(Debug)]
pub struct ViewerAccess {
    /// Keys of viewer tokens.
    pub keys: Keys,
    /// Networks that get answers.
    pub lists: Lists,
    /// Networks of proxies whose header with the client address is believed.
    pub proxies: Vec<Network>,
}

/// The viewer token or publish token from the path of a request.
#[derive(Debug, Clone)]
struct PathToken(String);

/// A viewer whose request is answered, and who still watches.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    token: Option<PathToken>,
    addresses: Option<Vec<IpAddr>>,
}

impl ViewerAccess {
    /// Rules that admit all addresses and verify viewer tokens with `keys`.
    pub fn of(keys: Keys) -> Self {
        Self { keys, lists: Lists::default(), proxies: Vec::new() }
    }

    /// Checks that the address of the client may get answers.
    pub(super) fn admit(&self, request: &Request) -> Result<(), ApiError> {
        self.check_address(&self.lists, request)
    }

    fn check_address(&self, lists: &Lists, request: &Request) -> Result<(), ApiError> {
        let addresses = || self.addresses(request.extensions(), request.headers());
        match lists.is_empty() || admits(lists, addresses().as_deref()) {
            true => Ok(()),
            false => Err(ApiError::AddressDenied),
        }
    }

    /// Addresses of the client. `None` if a trusted proxy sends an invalid address.
    pub(super) fn addresses(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<Vec<IpAddr>> {
        client::addresses(extensions, headers, &self.proxies)
    }

    /// Verifies the viewer token of a request for a private stream. Returns the time at which the token expires.
    fn check(&self, token: Option<&PathToken>, stream: &StreamName, now: UnixTime) -> Result<UnixTime, ApiError> {
        let PathToken(token) = token.ok_or(ApiError::ViewerTokenNeeded)?;
        self.keys.verify(token, (Purpose::Watch, stream), now).map_err(|refusal| match refusal {
            Refusal::Bad => ApiError::BadViewerToken(stream.clone()),
            Refusal::Expired => ApiError::ViewerTokenExpired,
        })
    }
}

impl Viewer {
    /// The sender of a request.
    pub(super) fn of(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let addresses = app.access().viewer_access.addresses(extensions, headers);
        Self { token: extensions.get().cloned(), addresses }
    }

    /// Address of the viewer.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.addresses.as_ref()?.first().copied()
    }

    /// Whether the viewer may watch the stream now: by the rules of [`guard`], and those of the server.
    pub(super) fn may_watch(&self, app: &App, stream: &StreamName) -> bool {
        let Ok(record) = app.0.registry.record(stream) else { return false };
        let (access, audience) = (app.access(), &record.spec.audience);
        let ViewerAccess { lists, .. } = &access.viewer_access;
        let is_admitted = |lists: &Lists| lists.is_empty() || admits(lists, self.addresses.as_deref());
        let check = || access.viewer_access.check(self.token.as_ref(), stream, app.0.clock.now());
        is_admitted(lists) && is_admitted(&audience.lists) && (!audience.is_private() || check().is_ok())
    }
}

/// The token at the beginning of the path of a request.
pub(super) fn path_token(extensions: &Extensions) -> Option<&str> {
    extensions.get::<PathToken>().map(|PathToken(token)| token.as_str())
}

fn admits(lists: &Lists, addresses: Option<&[IpAddr]>) -> bool {
    addresses.is_some_and(|all| all.iter().all(|address| lists.admit(*address)))
}

/// Middleware for media and manifests: applies the access rules of the stream. Answers to a token are not cached longer
/// than the token is valid.
pub(super) async fn guard(
    State(app): State<App>,
    Named(record): Named,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(record) = record else { return Ok(next.run(request).await) };
    let (access, audience) = (app.access(), &record.spec.audience);
    let viewer_access = &access.viewer_access;
    viewer_access.check_address(&audience.lists, &request)?;
    if !audience.is_private() {
        return Ok(faults::run(&app, request, next).await);
    }
    let expires = viewer_access.check(request.extensions().get(), &record.spec.name, app.0.clock.now())?;
    let mut response = faults::run(&app, request, next).await;
    shorten(response.headers_mut(), expires.saturating_since(app.0.clock.now()));
    Ok(response)
}

/// All routes of a server, and those for viewers below a token and under conditions too.
#[derive(Debug, Clone)]
pub struct Routes(Router);

impl Routes {
    /// The routes without prefixes.
    pub(super) const fn new(plain: Router) -> Self {
        Self(plain)
    }
}

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<RouteFuture<Infallible>, Map<RouteFuture<Infallible>, fn(Answer) -> Answer>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !path::has_prefix(request.uri().path()) {
            return Either::Left(self.0.call(request));
        }
        Either::Right(self.0.call(without_prefixes(request)).map(|answer| answer.map(faults::without_cors)))
    }
}

/// Moves the token and the conditions from the path to the extensions of the request.
fn without_prefixes(mut request: Request) -> Request {
    let uri = request.uri().clone();
    let (token, behind) = path::split_token(uri.path()).map_or((None, uri.path()), |(token, rest)| (Some(token), rest));
    let (conditions, rest) = path::split_conditions(behind).map_or((None, behind), |(set, rest)| (Some(set), rest));
    if token.is_none() && conditions.is_none() {
        return request;
    }
    let is_truth = token.is_none() && rest.starts_with("/api/v1/streams/") && rest.ends_with("/truth");
    let is_under = is_truth || PREFIXED_PATHS.iter().any(|start| rest.starts_with(start));
    if !is_under && token.is_none() {
        return request;
    }
    let query = uri.query().filter(|_| is_under).map(|query| format!("?{query}")).unwrap_or_default();
    let plain = format!("{}{query}", if is_under { rest } else { NO_ROUTE });
    if let Some(token) = token {
        request.extensions_mut().insert(PathToken(token.to_owned()));
    }
    if let Some(conditions) = conditions {
        request.extensions_mut().insert(PathConditions(Conditions::parse(conditions)));
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = plain.parse().ok();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or(Uri::from_static(NO_ROUTE));
    request
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_path(uri: &str, expected: &str, token: Option<&str>) {
        let request = without_prefixes(Request::get(uri).body(Body::empty()).unwrap());
        assert_eq!(request.uri().to_string(), expected, "{uri}");
        assert_eq!(request.extensions().get::<PathToken>().map(|token| token.0.as_str()), token, "{uri}");
    }

    #[test]
    fn the_token_is_removed_from_the_path() {
        check_path("/t/x/live/test/hls.m3u8", "/live/test/hls.m3u8", Some("x"));
        check_path(
            "/t/v1.2.a.b/live/test/a/llhls.m3u8?_HLS_msn=7",
            "/live/test/a/llhls.m3u8?_HLS_msn=7",
            Some("v1.2.a.b"),
        );
        check_path("http://a.example/t/x/time", "http://a.example/time", Some("x"));
        check_path("/t//hls/test.m3u8", "/hls/test.m3u8", Some(""));
        check_path("/t/x/with/no-hints/live/test/hls.m3u8?a", "/live/test/hls.m3u8?a", Some("x"));
        check_path("/with/no-hints,delay%3D3s/live/test/hls.m3u8", "/live/test/hls.m3u8", None);
        check_path("/with/a/time", "/time", None);
        check_path("/with/a/api/v1/streams/test/truth?from=-1m", "/api/v1/streams/test/truth?from=-1m", None);
        for elsewhere in [
            "/t/x/api/v1/streams?secret",
            "/t/x/with/a/api/v1/streams/test/truth",
            "/t/x/",
            "/t/x/t/y/live/test/hls.m3u8",
            "/t/x//live/a",
            "/t/x/whoami",
        ] {
            check_path(elsewhere, "/t", Some("x"));
        }
        for plain in [
            "/with/a/api/v1/streams",
            "/with/a/t/x/live/a",
            "/with/a",
            "/live/test/hls.m3u8",
            "/t",
            "/t/",
            "/t/x",
            "/tt/x/live/test/hls.m3u8",
        ] {
            check_path(plain, plain, None);
        }
    }

    proptest! {
        #[test]
        fn any_path_is_split_without_panic(path in "/t/[!-~&&[^#]]{0,60}") {
            if let Ok(request) = Request::get(path).body(Body::empty()) {
                let rest = without_prefixes(request);
                prop_assert!(rest.uri().path().starts_with('/'));
            }
        }
    }
}
