//! Errors as RFC 9457 problem documents. One `match` maps each error to its code, status and cache policy.

use std::any::Any;
use std::error::Error;
use std::iter;
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::cache_control::Cache;
use super::connection_limits::ExceededLimit;
use super::held_answers::TooManyHeld;
use super::token_origin::TokenOrigin;
use super::webrtc_error::WebrtcError;
use crate::base::timeline::UnixTime;
use crate::definition::condition::ConditionError;
use crate::definition::spec::{SpecError, StreamName};
use crate::definition::store::WriteError;
use crate::media::manifest::date_time;
use crate::stream::{ArchiveError, NoRoom, Refusal, Unknown};

mod code;

pub(super) use code::Code;

/// Reasons to refuse a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("{0}")]
    NotJson(String),
    #[error("the body is longer than {limit} bytes; shorten it")]
    TooLarge { limit: usize },
    #[error("the body's Content-Type is {0:?}; send application/json")]
    NotJsonType(String),
    #[error("the body could not be read: {0}. Send it again")]
    Body(String),
    #[error(transparent)]
    TooSlow(#[from] TooSlow),
    #[error("the request head is longer than {limit} bytes; shorten it, or raise max_header_bytes")]
    HeadTooLong { limit: usize },
    #[error("{0}")]
    TooManyConnections(ExceededLimit),
    #[error(transparent)]
    Value(#[from] SpecError),
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("stream {0} exists already; to replace it, leave out If-None-Match")]
    ExistsAgainstPrecondition(StreamName),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("{0}")]
    NoRoomYet(NoRoom),
    #[error("{0}")]
    Query(String),
    #[error("changing streams needs the API token: {0}")]
    TokenNeeded(TokenOrigin),
    #[error("this is not the API token of this server: {0}")]
    BadToken(TokenOrigin),
    #[error("the settings allow and deny refuse your address; behind a proxy, set trusted_proxies")]
    AddressDenied,
    #[error("the stream is private: make a viewer token, and play the stream under /t/TOKEN/")]
    ViewerTokenNeeded,
    #[error("viewer token not valid for stream {0}; make a new one")]
    BadViewerToken(StreamName),
    #[error("the viewer token has expired; make a new one")]
    ViewerTokenExpired,
    #[error("no resource has this URL: {0}")]
    UnknownPath(String),
    #[error(
        "this server serves the API only (serve = \"api\"); request the page and media from the server in front of it"
    )]
    NotServed,
    #[error("{path} does not support {method}; the header Allow lists the methods")]
    WrongMethod { method: Method, path: String },
    /// A media URL that does not exist. Caches may store the answer for `retry`.
    #[error("{detail}")]
    NoSuchMedia { detail: String, retry: Duration },
    /// The presentation begins later.
    #[error("the presentation begins later: its first segment is complete at {}", date_time(*.at))]
    NotBegun { at: UnixTime, wait: Duration },
    #[error("segment {segment} has left the window, which begins at {first}; load the manifest again")]
    Expired { segment: u64, first: u64, keep: Duration },
    /// Media that is not published yet. `what` is a segment or a chunk; `newest` is the number of the newest segment.
    #[error("{what} does not exist yet; the newest segment is {newest}. Compare the client's clock with /time")]
    TooEarly { what: String, newest: u64 },
    /// An invalid delivery directive (RFC 8216bis 6.2.5).
    #[error("{0}")]
    Directive(String),
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error("the playlist ends with segment {last}; request only the next few parts")]
    TooFarAhead { last: u64 },
    #[error("the media did not arrive within {} s; phase and error of the stream say why", waited.as_secs())]
    Overdue { waited: Duration },
    #[error("stream {0} is starting; try again in a second")]
    Starting(String),
    #[error("the task that supervises the streams has not run for 15 s; restart barstone")]
    Wedged,
    #[error("{0}")]
    Crowded(Refusal),
    #[error("{0}")]
    TooManyHeld(TooManyHeld),
    #[error("bytes {asked} are outside the file, which has {len} bytes")]
    Range { asked: String, len: u64 },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("too many stills wait to be painted; try again in a second")]
    StillsBusy,
    #[error(transparent)]
    Webrtc(#[from] WebrtcError),
    #[error("barstone has a bug; the log contains the details. Please report it")]
    Internal,
}

/// The body of a request did not arrive in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body has not arrived within {} s; send it faster, or raise body_seconds", .0.as_secs())]
pub(super) struct TooSlow(pub(super) Duration);

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    r#type: &'static str,
    /// Title of all problems with this code.
    title: &'static str,
    status: u16,
    /// What happened this time and what to do, for people.
    detail: String,
    /// Stable name of the kind of problem, for programs.
    #[schemars(extend("enum" = codes()))]
    code: &'static str,
    /// Path of the field with the wrong value, such as `video[0].width`, or name of the wrong condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Pixels per second that the stream needs, that other streams use, and that the server can encode, if encoding
    /// capacity is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels_per_second: Option<NoRoom>,
}

/// `Retry-After` in seconds, for media that is about to be published.
const RETRY_SOON: &str = "1";
/// `Retry-After` in seconds. After this time, viewers that have left no longer count, and an on-demand stream may have stopped.
const RETRY_WHEN_FULL: &str = "10";

/// `Retry-After` in seconds. After this time, the waiting past segments are rendered.
const RETRY_WHEN_BUSY: &str = "5";

/// Cache duration of the absence of media that may be published at any time.
const SHORT: Duration = Duration::from_secs(1);

impl TooSlow {
    /// Whether this error is among the causes of `error`.
    pub(super) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
    }
}

impl ApiError {
    /// Code of the error, and the cache policy of the answer.
    fn kind(&self) -> (Code, Cache) {
        match self {
            Self::NotJson(_) => (Code::NotJson, Cache::NoStore),
            Self::Body(_) => (Code::BadBody, Cache::NoStore),
            Self::TooSlow(_) => (Code::TooSlow, Cache::NoStore),
            Self::HeadTooLong { .. } => (Code::HeadTooLong, Cache::NoStore),
            Self::TooManyConnections(_) => (Code::TooManyConnections, Cache::NoStore),
            Self::TooLarge { .. } => (Code::TooLarge, Cache::NoStore),
            Self::NotJsonType(_) => (Code::NotJsonType, Cache::NoStore),
            Self::Value(_) => (Code::BadValue, Cache::NoStore),
            Self::TokenNeeded(_) => (Code::TokenNeeded, Cache::NoStore),
            Self::BadToken(_) => (Code::BadToken, Cache::NoStore),
            Self::AddressDenied => (Code::AddressDenied, Cache::NoStore),
            Self::ViewerTokenNeeded => (Code::ViewerTokenNeeded, Cache::NoStore),
            Self::BadViewerToken(_) => (Code::BadViewerToken, Cache::NoStore),
            Self::ViewerTokenExpired => (Code::ViewerTokenExpired, Cache::NoStore),
            Self::Query(_) => (Code::BadQuery, Cache::NoStore),
            Self::Unknown(_) => (Code::UnknownStream, Cache::NoStore),
            Self::Write(error) => (refused(error), Cache::NoStore),
            Self::ExistsAgainstPrecondition(_) => (Code::Changed, Cache::NoStore),
            Self::NoRoom(_) => (Code::NoRoom, Cache::NoStore),
            Self::NoRoomYet(_) => (Code::NoRoomYet, Cache::NoStore),
            Self::UnknownPath(_) => (Code::UnknownPath, Cache::MaxAge(SHORT)),
            Self::NotServed => (Code::NotServed, Cache::NoStore),
            Self::WrongMethod { .. } => (Code::WrongMethod, Cache::NoStore),
            Self::NoSuchMedia { retry, .. } => (Code::NoSuchMedia, Cache::MaxAge(*retry)),
            Self::NotBegun { .. } => (Code::NoSuchMedia, Cache::MaxAge(SHORT)),
            Self::Expired { keep, .. } => (Code::Expired, Cache::MaxAge(*keep)),
            Self::TooEarly { .. } => (Code::TooEarly, Cache::MaxAge(SHORT)),
            Self::Directive(_) => (Code::BadDirective, Cache::NoStore),
            Self::Condition(_) => (Code::BadCondition, Cache::NoStore),
            Self::TooFarAhead { .. } => (Code::TooFarAhead, Cache::NoStore),
            Self::Overdue { .. } => (Code::Overdue, Cache::NoStore),
            Self::Starting(_) => (Code::Starting, Cache::NoStore),
            Self::Wedged => (Code::Wedged, Cache::NoStore),
            Self::Crowded(_) => (Code::Crowded, Cache::NoStore),
            Self::TooManyHeld(_) => (Code::FaultLimit, Cache::NoStore),
            Self::Archive(error) => (past(error), Cache::NoStore),
            Self::Range { .. } => (Code::BadRange, Cache::NoStore),
            Self::StillsBusy => (Code::StillsBusy, Cache::NoStore),
            Self::Webrtc(error) => (of_webrtc(error), Cache::NoStore),
            Self::Internal => (Code::Internal, Cache::NoStore),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Value(error) => Some(error.field.as_str()).filter(|field| !field.is_empty()),
            Self::Condition(error) => error.condition(),
            _ => None,
        }
    }

    fn figures(&self) -> Option<NoRoom> {
        match self {
            Self::NoRoom(figures) | Self::NoRoomYet(figures) => Some(*figures),
            _ => None,
        }
    }
}

/// All codes.
fn codes() -> Vec<&'static str> {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.dedup();
    codes
}

fn refused(error: &WriteError) -> Code {
    match error {
        WriteError::Exists(_) => Code::Exists,
        WriteError::Unknown(_) => Code::UnknownStream,
        WriteError::Changed(_) | WriteError::Gone(_) => Code::Changed,
        WriteError::Declared(_) => Code::Declared,
        WriteError::Full { .. } => Code::Full,
        WriteError::Store { .. } => Code::NotKept,
    }
}

fn past(error: &ArchiveError) -> Code {
    match error {
        ArchiveError::Off | ArchiveError::Published | ArchiveError::Future { .. } => Code::NoSuchMedia,
        ArchiveError::Busy => Code::ArchiveBusy,
        ArchiveError::Failed { .. } => Code::Overdue,
    }
}

const fn of_webrtc(error: &WebrtcError) -> Code {
    match error {
        WebrtcError::Off => Code::WebrtcOff,
        WebrtcError::WrongType { .. } => Code::NotSdpType,
        WebrtcError::BadSdp(_) => Code::BadSdp,
        WebrtcError::NoCommonCodec(_) => Code::NoCommonCodec,
        WebrtcError::NotRunning(_) | WebrtcError::NobodyPublishes(_) => Code::NotRunning,
        WebrtcError::Occupied(_) => Code::AlreadyPublished,
        WebrtcError::NotPublishable(_) => Code::NotPublishable,
        WebrtcError::PublishTokenNeeded(_) => Code::PublishTokenNeeded,
        WebrtcError::BadPublishToken(_) => Code::BadPublishToken,
        WebrtcError::PublishTokenExpired => Code::PublishTokenExpired,
        WebrtcError::NotPainted(_) => Code::NotPainted,
        WebrtcError::TooMany(_) => Code::TooManySessions,
        WebrtcError::NoSuchSession => Code::NoSuchSession,
        WebrtcError::NoPrecondition => Code::NoPrecondition,
        WebrtcError::Restarted => Code::SessionChanged,
        WebrtcError::Conditions => Code::BadCondition,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, cache) = self.kind();
        let status = code.status();
        if let Self::Write(WriteError::Store { source, .. }) = &self {
            // The answer contains neither path nor address, so they are logged.
            tracing::error!(place = %source.place(), "{self}");
        }
        let problem = Problem {
            r#type: "about:blank",
            title: code.title(),
            status: status.as_u16(),
            detail: self.to_string(),
            code: code.as_str(),
            field: self.field(),
            pixels_per_second: self.figures(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, cache.value());
        if code == Code::TooSlow {
            // HTTP/2 has no such header and drops it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE || code == Code::NotRunning {
            let seconds = match code {
                Code::Crowded | Code::NoRoomYet | Code::TooManySessions => RETRY_WHEN_FULL,
                Code::ArchiveBusy => RETRY_WHEN_BUSY,
                _ => RETRY_SOON,
            };
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if let Self::NotBegun { wait, .. } = self {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
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
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    tracing::error!(panic = message, "a request handler panicked; please report this");
    ApiError::Internal.into_response()
}
