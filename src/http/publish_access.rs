//! Access to publishing: a publish token of the stream, or the API token. The token is a bearer token (RFC 6750), as RFC 9725
//! has it, or the beginning of the path, for clients that send no header.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use super::access;
use super::error::ApiError;
use super::named_stream::Named;
use super::viewer_access;
use super::viewer_token::{Purpose, Refusal};
use super::webrtc_error::WebrtcError;
use crate::base::secret::Secret;
use crate::definition::spec::StreamName;
use crate::stream::webrtc::Permission;

/// The sender of a request to publish.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    token: Option<Secret>,
}

impl Publisher {
    fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let in_header = access::bearer(headers).filter(|token| !token.is_empty());
        let in_header = in_header.map(|token| String::from_utf8_lossy(token).into_owned());
        let token = in_header.or_else(|| viewer_access::path_token(extensions).map(str::to_owned));
        Self { token: token.map(Secret::new) }
    }

    /// Checks that the client may publish to the stream now.
    fn check(&self, app: &App, stream: &StreamName) -> Result<(), WebrtcError> {
        let Some(token) = &self.token else { return Err(WebrtcError::PublishTokenNeeded(stream.clone())) };
        let access = app.access();
        if access.is_api_token(token.reveal().as_bytes()) {
            return Ok(());
        }
        let verified = access.viewer_access.keys.verify(token.reveal(), (Purpose::Publish, stream), app.0.clock.now());
        verified.map(drop).map_err(|refusal| match refusal {
            Refusal::Bad => WebrtcError::BadPublishToken(stream.clone()),
            Refusal::Expired => WebrtcError::PublishTokenExpired,
        })
    }

    /// Says later whether the client may still publish to the stream.
    pub(super) fn permission(&self, app: &App, stream: &StreamName) -> Permission {
        let (app, stream, publisher) = (app.clone(), stream.clone(), self.clone());
        Box::new(move || publisher.check(&app, &stream).is_ok())
    }
}

impl FromRequestParts<App> for Publisher {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions, &parts.headers))
    }
}

/// Middleware that checks every request to publish but `GET` and `HEAD`.
pub(super) async fn guard(
    State(app): State<App>,
    Named(record): Named,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(record) = record.filter(|_| ![Method::GET, Method::HEAD].contains(request.method())) {
        Publisher::of(request.extensions(), request.headers()).check(&app, &record.spec.name)?;
    }
    Ok(next.run(request).await)
}
