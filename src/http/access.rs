//! Access to the API: requests with the API token may change streams, and all others may read. A browser has the token
//! only if a user entered it in the page, so pages of other sites cannot change anything.

use std::fmt;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::App;
use super::error::ApiError;
use super::token_origin::TokenOrigin;
use super::viewer_access::ViewerAccess;

/// Access rules for the API and for media.
pub struct Access {
    /// SHA-256 of the API token. Comparing digests leaks nothing about the token through its duration.
    digest: [u8; 32],
    origin: TokenOrigin,
    pub(super) viewer_access: ViewerAccess,
}

impl Access {
    /// Rules with the API token `token` for changes and `viewer_access` for media.
    pub fn new(token: &str, origin: TokenOrigin, viewer_access: ViewerAccess) -> Self {
        Self { digest: Sha256::digest(token).into(), origin, viewer_access }
    }

    /// Whether this is the API token.
    pub(super) fn is_api_token(&self, token: &[u8]) -> bool {
        Sha256::digest(token).ct_eq(&self.digest).into()
    }

    /// Checks that a request to change something has the API token.
    fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let token = bearer(headers).ok_or(ApiError::TokenNeeded(self.origin))?;
        match self.is_api_token(token) {
            true => Ok(()),
            false => Err(ApiError::BadToken(self.origin)),
        }
    }
}

/// Middleware that checks every request but `GET` and `HEAD`.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    if ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        app.access().check(request.headers())?;
    }
    Ok(next.run(request).await)
}

/// The bearer token of a request (RFC 6750 2.1), if it has one.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::viewer_token::Keys;

    const TOKEN: &str = "a token of some length";

    fn access() -> Access {
        Access::new(TOKEN, TokenOrigin::Created, ViewerAccess::of(Keys::parse("0123456789abcdef").unwrap()))
    }

    #[track_caller]
    fn check(authorization: Option<&str>, expected: &str) {
        let headers = authorization.map(|value| (header::AUTHORIZATION, value.parse().unwrap()));
        let found = match access().check(&headers.into_iter().collect()) {
            Ok(()) => "yes",
            Err(ApiError::BadToken(_)) => "bad token",
            Err(ApiError::TokenNeeded(_)) => "token needed",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{authorization:?}");
    }

    #[test]
    fn a_change_needs_the_token() {
        check(None, "token needed");
        check(Some(&format!("Bearer {TOKEN}")), "yes");
        check(Some(&format!("bearer  {TOKEN} ")), "yes");
        for other in ["Bearer guess", "Bearer ", &format!("Bearer {TOKEN}x"), &format!("Bearer x{TOKEN}")] {
            check(Some(other), "bad token");
        }
        for other in ["Bearer", "Basic eDp5", "", TOKEN] {
            check(Some(other), "token needed");
        }
    }

    #[test]
    fn a_message_names_no_link_that_was_never_printed() {
        let message = |origin| ApiError::TokenNeeded(origin).to_string();
        assert!(message(TokenOrigin::Created).contains("link"));
        let configured = message(TokenOrigin::Configured);
        assert!(!configured.contains("link") && configured.contains("--token-file"), "{configured}");
    }

    #[test]
    fn debug_output_does_not_contain_the_token() {
        assert!(!format!("{:?}", access()).contains("digest"));
    }

    proptest! {
        #[test]
        fn any_header_is_checked_without_panic(value in "[ -~]{0,40}") {
            let headers = [(header::AUTHORIZATION, value.parse().unwrap())];
            prop_assert!(access().check(&headers.into_iter().collect()).is_err());
        }
    }
}
