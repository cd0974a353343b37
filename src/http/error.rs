//! Failures as answers: RFC 9457 problem documents, whose status, code and caching come from one `match`.

use std::any::Any;
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::reply::Cache;
use crate::definitions::WriteError;
use crate::spec::SpecError;
use crate::stream::Unknown;

/// What can be wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("{0}")]
    NotJson(String),
    #[error("the body is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body's type is {0}; send application/json")]
    NotJsonType(String),
    #[error("the body could not be read: {0}")]
    Body(String),
    #[error(transparent)]
    Value(#[from] SpecError),
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("{0}")]
    Query(String),
    #[error("changes need the token: open the link that was printed at the start, or send Authorization: Bearer TOKEN")]
    TokenNeeded,
    #[error("this is not the token")]
    BadToken,
    #[error("a change that a browser sends for a page from {0} needs the token")]
    ForeignPage(String),
    #[error("a change without the token is sent to localhost, and not to {0}")]
    ForeignHost(String),
    #[error("nothing is here: {0}")]
    UnknownPath(String),
    #[error("{method} is not for {path}")]
    WrongMethod { method: Method, path: String },
    /// A name in a media URL that means nothing. `retry` is for how long the answer may be kept.
    #[error("{detail}")]
    NoSuchMedia { detail: String, retry: Duration },
    #[error("segment {segment} has left the window, which begins at {first}")]
    Expired { segment: u64, first: u64, keep: Duration },
    #[error("segment {segment} is not there yet; the newest is {newest}")]
    TooEarly { segment: u64, newest: u64 },
    /// A delivery directive of RFC 8216bis 6.2.5 that makes no sense.
    #[error("{0}")]
    Directive(String),
    #[error("the playlist ends with segment {last}, and nobody can wait for more than the next few parts")]
    TooFarAhead { last: u64 },
    #[error("what was asked for has not come within {} s", waited.as_secs())]
    Overdue { waited: Duration },
    #[error("stream {0} is starting")]
    Starting(String),
    #[error("bytes {asked} are not within the {len} that there are")]
    Range { asked: String, len: u64 },
    #[error("something went wrong in the server")]
    Internal,
}

/// Status, stable code, title and caching.
type Kind = (StatusCode, &'static str, &'static str, Cache);

/// RFC 9457.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// A second, for media that may come at any moment.
const SHORT: Duration = Duration::from_secs(1);

impl ApiError {
    /// Status, stable code, title and caching.
    fn kind(&self) -> Kind {
        match self {
            Self::NotJson(_) => (StatusCode::BAD_REQUEST, "not_json", "The body is not JSON", Cache::NoStore),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "bad_body", "The body could not be read", Cache::NoStore),
            Self::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", Cache::NoStore)
            }
            Self::NotJsonType(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json_type",
                "The body is not declared as JSON",
                Cache::NoStore,
            ),
            Self::Value(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad_value", "A value is not allowed", Cache::NoStore),
            Self::TokenNeeded => (StatusCode::UNAUTHORIZED, "token_needed", "A token is needed", Cache::NoStore),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "bad_token", "The token is wrong", Cache::NoStore),
            Self::ForeignPage(_) => (StatusCode::FORBIDDEN, "foreign_page", "Not from this page", Cache::NoStore),
            Self::ForeignHost(_) => (StatusCode::FORBIDDEN, "foreign_host", "Not under this name", Cache::NoStore),
            Self::Query(_) => (StatusCode::BAD_REQUEST, "bad_query", "The query is wrong", Cache::NoStore),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_stream", "There is no such stream", Cache::NoStore),
            Self::Write(error) => refused(error),
            Self::UnknownPath(_) => (StatusCode::NOT_FOUND, "unknown_path", "Nothing is here", Cache::MaxAge(SHORT)),
            Self::WrongMethod { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "Not with this method", Cache::NoStore)
            }
            Self::NoSuchMedia { retry, .. } => {
                (StatusCode::NOT_FOUND, "no_such_media", "There is no such media", Cache::MaxAge(*retry))
            }
            Self::Expired { keep, .. } => {
                (StatusCode::GONE, "expired", "The segment has expired", Cache::MaxAge(*keep))
            }
            Self::TooEarly { .. } => {
                (StatusCode::TOO_EARLY, "too_early", "The segment is not there yet", Cache::MaxAge(SHORT))
            }
            Self::Directive(_) => {
                (StatusCode::BAD_REQUEST, "bad_directive", "A delivery directive is wrong", Cache::NoStore)
            }
            Self::TooFarAhead { .. } => {
                (StatusCode::BAD_REQUEST, "too_far_ahead", "Too far ahead of the playlist", Cache::NoStore)
            }
            Self::Overdue { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "overdue", "It has not come in time", Cache::NoStore)
            }
            Self::Starting(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "starting", "The stream is starting", Cache::NoStore)
            }
            Self::Range { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", "The range cannot be satisfied", Cache::NoStore)
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong", Cache::NoStore),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Value(error) => Some(&error.field),
            _ => None,
        }
    }
}

fn refused(error: &WriteError) -> Kind {
    match error {
        WriteError::Exists(_) => (StatusCode::CONFLICT, "exists", "The name is taken", Cache::NoStore),
        WriteError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_stream", "There is no such stream", Cache::NoStore),
        WriteError::Changed(_) => {
            (StatusCode::PRECONDITION_FAILED, "changed", "The definition is another one by now", Cache::NoStore)
        }
        WriteError::Declared(_) => {
            (StatusCode::CONFLICT, "declared", "The configuration file declares the stream", Cache::NoStore)
        }
        WriteError::Full => (StatusCode::INSUFFICIENT_STORAGE, "full", "There are too many streams", Cache::NoStore),
        WriteError::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not_kept", "The definition could not be kept", Cache::NoStore)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, title, cache) = self.kind();
        let problem = Problem {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            code,
            field: self.field(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, cache.value());
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::Range { len, .. } = self {
            headers.extend(HeaderValue::try_from(format!("bytes */{len}")).map(|value| (header::CONTENT_RANGE, value)));
        }
        response
    }
}

pub(super) async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::UnknownPath(uri.path().to_owned())
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod { method, path: uri.path().to_owned() }
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands over the panic")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    tracing::error!(panic = words, "a request handler panicked");
    ApiError::Internal.into_response()
}
