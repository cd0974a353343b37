//! Who may watch, and who is answered at all. A viewer token is the beginning of the path, so that every player carries
//! it on through manifests, segments and parts, none of which is another for it.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::Service as _;

use super::App;
use super::cache::Cache;
use super::error::ApiError;
use crate::base::network::{Lists, Network};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::http::viewer_token::{Keys, Refusal};
use crate::media::manifest::path;

mod client;

/// What else there is, there is not under a token.
const UNDER_TOKENS: [&str; 4] = ["/live/", "/hls/", "/dash/", "/time"];
/// Where nothing is; a token is not told on.
const NOWHERE: &str = "/t";
const MAX_AGE: &str = "max-age=";

/// Who may watch, and from where.
#[derive(Debug)]
pub struct ViewerAccess {
    /// Of viewer tokens.
    pub keys: Keys,
    /// Who is answered.
    pub lists: Lists,
    /// Who is believed to ask for others.
    pub proxies: Vec<Network>,
}

/// The viewer token that a request has brought.
#[derive(Debug, Clone)]
struct Brought(String);

impl ViewerAccess {
    /// Everybody is answered, and private streams are for whoever has a token of these keys.
    pub fn of(keys: Keys) -> Self {
        Self { keys, lists: Lists::default(), proxies: Vec::new() }
    }

    /// Whether a request is answered at all.
    pub(super) fn admit(&self, request: &Request) -> Result<(), ApiError> {
        self.let_in(&self.lists, request)
    }

    fn let_in(&self, lists: &Lists, request: &Request) -> Result<(), ApiError> {
        if lists.is_empty() {
            return Ok(());
        }
        let addresses = self.addresses(request.extensions(), request.headers());
        match addresses.is_some_and(|all| all.iter().all(|address| lists.admit(*address))) {
            true => Ok(()),
            false => Err(ApiError::AddressDenied),
        }
    }

    /// Where a request comes from; `None` if a proxy that is believed tells what is no address.
    pub(super) fn addresses(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<Vec<IpAddr>> {
        client::addresses(extensions, headers, &self.proxies)
    }

    /// When the token that a request has brought for a private stream expires.
    fn check(&self, request: &Request, stream: &StreamName, now: UnixTime) -> Result<UnixTime, ApiError> {
        let Brought(token) = request.extensions().get().ok_or(ApiError::ViewerTokenNeeded)?;
        self.keys.verify(token, stream, now).map_err(|refusal| match refusal {
            Refusal::Bad => ApiError::BadViewerToken(stream.clone()),
            Refusal::Expired => ApiError::ViewerTokenExpired,
        })
    }
}

/// Media and manifests are for whom the stream is. What is answered to a token is not kept for longer than it is good.
pub(super) async fn guard(
    State(app): State<App>,
    names: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // What names no stream is refused by what it is for.
    let stream = names.ok().and_then(|names| stream(&names));
    let Some(record) = stream.and_then(|name| app.0.registry.record(&name).ok()) else {
        return Ok(next.run(request).await);
    };
    let (access, audience) = (app.access(), &record.spec.audience);
    let viewer_access = &access.viewer_access;
    viewer_access.let_in(&audience.lists, &request)?;
    if !audience.is_private() {
        return Ok(next.run(request).await);
    }
    let expires = viewer_access.check(&request, &record.spec.name, app.0.clock.now())?;
    let mut response = next.run(request).await;
    shorten(response.headers_mut(), expires.saturating_since(app.0.clock.now()));
    Ok(response)
}

/// All that `plain` serves, and what of it is for viewers under tokens as well.
pub(super) fn under_tokens(plain: Router) -> Router {
    // Whatever has a route does not come here, and pays nothing for it.
    plain.clone().fallback(move |request: Request| {
        let mut plain = plain.clone();
        async move { plain.call(without_token(request)).await }
    })
}

/// The stream that a path names: its first part, or that without the ending.
fn stream(names: &RawPathParams) -> Option<StreamName> {
    let (key, value) = names.iter().next()?;
    match key {
        "stream" => StreamName::parse(value),
        _ => StreamName::parse(value.strip_suffix(".m3u8").or_else(|| value.strip_suffix(".mpd"))?),
    }
}

/// Takes the token out of the path; it is kept beside it.
fn without_token(mut request: Request) -> Request {
    let uri = request.uri();
    let Some((token, rest)) = path::split_token(uri.path()) else { return request };
    let token = Brought(token.to_owned());
    let is_under = UNDER_TOKENS.iter().any(|start| rest.starts_with(start));
    let query = uri.query().filter(|_| is_under).map(|query| format!("?{query}")).unwrap_or_default();
    let rest = format!("{}{query}", if is_under { rest } else { NOWHERE });
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = rest.parse().ok();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or(Uri::from_static(NOWHERE));
    request.extensions_mut().insert(token);
    request
}

fn shorten(headers: &mut HeaderMap, left: Duration) {
    let policy = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((before, after)) = policy.split_once(MAX_AGE) else { return };
    let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
    let (age, rest) = after.split_at(end);
    let age = age.parse().map_or(0, |age: u64| age.min(left.as_secs()));
    let shorter = match age {
        0 => Cache::NoStore.value(),
        age => HeaderValue::try_from(format!("{before}{MAX_AGE}{age}{rest}")).unwrap_or(Cache::NoStore.value()),
    };
    headers.insert(header::CACHE_CONTROL, shorter);
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_shortened(policy: &'static str, left: u64, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
        shorten(&mut headers, Duration::from_secs(left));
        assert_eq!(headers[header::CACHE_CONTROL], expected, "{policy} {left}");
    }

    #[test]
    fn nothing_is_kept_for_longer_than_the_token_is_good() {
        check_shortened("public, max-age=60, immutable", 3600, "public, max-age=60, immutable");
        check_shortened("public, max-age=31536000, immutable", 3600, "public, max-age=3600, immutable");
        check_shortened("public, max-age=2", 1, "public, max-age=1");
        check_shortened("public, max-age=2", 0, "no-store");
        check_shortened("no-store", 60, "no-store");
    }

    #[track_caller]
    fn check_path(uri: &str, expected: &str, token: Option<&str>) {
        let request = without_token(Request::get(uri).body(Body::empty()).unwrap());
        assert_eq!(request.uri().to_string(), expected, "{uri}");
        assert_eq!(request.extensions().get::<Brought>().map(|brought| brought.0.as_str()), token, "{uri}");
    }

    #[test]
    fn a_token_is_taken_out_of_the_path() {
        check_path("/t/x/live/test/hls.m3u8", "/live/test/hls.m3u8", Some("x"));
        check_path(
            "/t/v1.2.a.b/live/test/a/llhls.m3u8?_HLS_msn=7",
            "/live/test/a/llhls.m3u8?_HLS_msn=7",
            Some("v1.2.a.b"),
        );
        check_path("http://a.example/t/x/time", "http://a.example/time", Some("x"));
        check_path("/t//hls/test.m3u8", "/hls/test.m3u8", Some(""));
        for elsewhere in
            ["/t/x/api/v1/streams?secret", "/t/x/", "/t/x/t/y/live/test/hls.m3u8", "/t/x//live/a", "/t/x/whoami"]
        {
            check_path(elsewhere, "/t", Some("x"));
        }
        for plain in ["/live/test/hls.m3u8", "/t", "/t/", "/t/x", "/tt/x/live/test/hls.m3u8"] {
            check_path(plain, plain, None);
        }
    }

    proptest! {
        #[test]
        fn any_path_is_taken_apart(path in "/t/[!-~&&[^#]]{0,60}") {
            if let Ok(request) = Request::get(path).body(Body::empty()) {
                let rest = without_token(request);
                prop_assert!(rest.uri().path().starts_with('/'));
            }
        }
    }
}
