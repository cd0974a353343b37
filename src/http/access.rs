//! Who may change things. Everybody who reaches the port may read. Without a configured token whoever is on this machine
//! may change things too, unless a browser sends it for a page from elsewhere.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, header, uri::Authority};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::App;
use super::error::ApiError;
use super::viewer_access::ViewerAccess;

/// Headers of proxies: what comes through one is not from this machine.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// What it takes to change things.
pub struct Access {
    /// Of the token; nothing can be learnt from how long a comparison with it takes.
    digest: [u8; 32],
    local: Local,
    /// Who may watch.
    pub(super) viewer_access: ViewerAccess,
}

/// Whether whoever is on this machine needs the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// Like everybody else.
    NeedsToken,
    /// No.
    Trusted,
}

impl Access {
    /// Changes need `token`, but for those that are `local` where they are trusted; `viewer_access` says who may watch.
    pub fn new(token: &str, local: Local, viewer_access: ViewerAccess) -> Self {
        Self { digest: Sha256::digest(token).into(), local, viewer_access }
    }

    /// Whether a request that changes something may go on.
    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let headers = request.headers();
        if let Some(token) = bearer(headers) {
            return match Sha256::digest(token).ct_eq(&self.digest).into() {
                true => Ok(()),
                false => Err(ApiError::BadToken),
            };
        }
        if self.local == Local::NeedsToken || !is_local(request) {
            return Err(ApiError::TokenNeeded);
        }
        let host = request.uri().authority().map(Authority::as_str).or_else(|| text(headers, "host"));
        if let Some(host) = host.filter(|host| !names_this_machine(host)) {
            return Err(ApiError::ForeignHost(host.to_owned()));
        }
        match foreign_page(headers, host) {
            Some(page) => Err(ApiError::ForeignPage(page.to_owned())),
            None => Ok(()),
        }
    }
}

/// Reading is free, anything else goes through [`Access`].
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    if ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        app.access().check(&request)?;
    }
    Ok(next.run(request).await)
}

/// The token of RFC 6750 2.1, if one is sent.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    peer.is_some_and(|peer| peer.is_loopback()) && !FORWARDED.iter().any(|name| request.headers().contains_key(*name))
}

/// A name that somebody else's server may give to this machine would let their page speak to it (DNS rebinding).
fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let address = name.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    name == "localhost" || name.ends_with(".localhost") || address.is_some_and(|address| address.is_loopback())
}

/// Where the page comes from that a browser sends the request for, if not from `host`.
fn foreign_page<'a>(headers: &'a HeaderMap, host: Option<&str>) -> Option<&'a str> {
    if let Some(origin) = text(headers, "origin") {
        let own = origin.split_once("://").map(|(_, authority)| authority);
        return Some(origin).filter(|_| own.is_none() || own != host);
    }
    text(headers, "sec-fetch-site").filter(|site| !["same-origin", "none"].contains(site))
}

/// A header; what is not ASCII is nobody we know.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("local", &self.local).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;
    use crate::http::viewer_token::Keys;

    const TOKEN: &str = "a token of some length";

    fn access(local: Local) -> Access {
        let viewer_access = ViewerAccess::of(Keys::parse("0123456789abcdef").unwrap());
        Access::new(TOKEN, local, viewer_access)
    }

    /// A change, from `peer` and with `headers`.
    fn change(peer: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::post("/api/v1/streams").body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        request
    }

    #[track_caller]
    fn check(peer: &str, headers: &[(&str, &str)], expected: &str) {
        let outcome = access(Local::Trusted).check(&change(peer, headers));
        let found = match outcome {
            Ok(()) => "yes",
            Err(ApiError::BadToken) => "bad token",
            Err(ApiError::TokenNeeded) => "token",
            Err(ApiError::ForeignHost(_)) => "host",
            Err(ApiError::ForeignPage(_)) => "page",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{peer} {headers:?}");
    }

    #[test]
    fn whoever_is_on_this_machine_may_change_things() {
        for peer in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            check(peer, &[], "yes");
        }
        for host in ["localhost:8080", "LOCALHOST", "a.localhost", "127.0.0.1:8080", "[::1]:8080"] {
            check("127.0.0.1:9", &[("host", host)], "yes");
        }
        check("127.0.0.1:9", &[("host", "localhost:8080"), ("origin", "http://localhost:8080")], "yes");
        check("127.0.0.1:9", &[("sec-fetch-site", "none")], "yes");
    }

    #[test]
    fn anybody_else_needs_the_token() {
        let good = format!("Bearer {TOKEN}");
        for peer in ["192.0.2.1:9", "[2001:db8::1]:9", "172.17.0.1:9"] {
            check(peer, &[], "token");
            check(peer, &[("host", "127.0.0.1")], "token");
            check(peer, &[("authorization", &good)], "yes");
            check(peer, &[("authorization", &good.replace("Bearer", "bearer"))], "yes");
            check(peer, &[("authorization", "Bearer guess")], "bad token");
            check(peer, &[("authorization", "Basic eDp5")], "token");
        }
        for header in FORWARDED {
            check("127.0.0.1:9", &[(header, "127.0.0.1")], "token");
        }
        check("127.0.0.1:9", &[("authorization", "Bearer")], "yes");
        check("127.0.0.1:9", &[("authorization", "Bearer guess")], "bad token");
    }

    #[test]
    fn a_configured_token_is_needed_here_too() {
        let access = access(Local::NeedsToken);
        assert!(matches!(access.check(&change("127.0.0.1:9", &[])), Err(ApiError::TokenNeeded)));
        let good = format!("Bearer {TOKEN}");
        assert!(access.check(&change("127.0.0.1:9", &[("authorization", &good)])).is_ok());
        assert!(!format!("{access:?}").contains("digest"));
    }

    #[test]
    fn a_page_from_elsewhere_changes_nothing() {
        let here = ("host", "localhost:8080");
        for origin in ["http://evil.example", "http://localhost:8081", "null", "http://localhost:8080.evil.example"] {
            check("127.0.0.1:9", &[here, ("origin", origin)], "page");
        }
        for site in ["cross-site", "same-site"] {
            check("127.0.0.1:9", &[here, ("sec-fetch-site", site)], "page");
        }
        // A name of theirs that leads here.
        for host in ["evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", ""] {
            check("127.0.0.1:9", &[("host", host), ("origin", &format!("http://{host}"))], "host");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_judged_without_panic(
            host in "[ -~]{0,40}", origin in "[ -~]{0,40}", token in "[ -~]{0,40}"
        ) {
            let headers = [("host", host.as_str()), ("origin", &origin), ("authorization", &token)];
            let _ = access(Local::Trusted).check(&change("127.0.0.1:9", &headers));
        }
    }
}
