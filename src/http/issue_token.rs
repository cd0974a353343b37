//! `/api/v1/streams/{name}/tokens`: creates viewer tokens and publish tokens.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::App;
use super::api::{self, Urls, url};
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::request_body::{self, Body, MAX_BODY_BYTES};
use super::viewer_token::Purpose;
use super::webrtc_error::WebrtcError;
use crate::base::timeline::UnixTime;
use crate::definition::spec::SpecError;
use crate::media::manifest::{date_time, path};

/// Lifetimes of a token in seconds. Only removing the key that signed a token revokes it.
const SECONDS: RangeInclusive<u32> = 1..=31_536_000;
const HOUR: u32 = 3600;

/// A request for a token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Seconds until the token expires.
    #[serde(default = "hour")]
    #[schemars(range(min = *SECONDS.start(), max = *SECONDS.end()))]
    seconds: u32,
    /// What the token permits.
    #[serde(default)]
    purpose: TokenPurpose,
}

/// What a token permits: to watch the stream, or to publish to it.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TokenPurpose {
    #[default]
    Watch,
    Publish,
}

/// A token, and the URLs of the stream with it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TokenAnswer {
    token: String,
    /// When the token expires.
    #[schemars(extend("format" = "date-time"))]
    expires: String,
    urls: TokenUrls,
}

/// The URLs that a token opens.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum TokenUrls {
    Watch(Urls),
    Publish(PublishUrls),
}

/// The URL with which a client publishes.
#[derive(Debug, Serialize, JsonSchema)]
struct PublishUrls {
    whip: String,
}

/// `POST /api/v1/streams/{name}/tokens`. Tokens of a public stream are valid too, in case the stream becomes private.
pub(super) async fn issue(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let TokenRequest { seconds, purpose } = request_body::read_or_default(&headers, body, MAX_BODY_BYTES)?;
    if !SECONDS.contains(&seconds) {
        let problem = format!("must be {} to {}, not {seconds}", SECONDS.start(), SECONDS.end());
        return Err(SpecError { field: "seconds".into(), problem }.into());
    }
    let name = api::name(&stream)?;
    let is_published = app.0.registry.record(&name)?.spec.is_published();
    let purpose = match purpose {
        TokenPurpose::Watch => Purpose::Watch,
        TokenPurpose::Publish if is_published => Purpose::Publish,
        TokenPurpose::Publish => return Err(WebrtcError::NotPublishable(name).into()),
    };
    let now = UnixTime::default() + Duration::from_secs(app.0.clock.now().as_secs());
    let expires = now + Duration::from_secs(seconds.into());
    let token = app.access().viewer_access.keys.sign(purpose, &name, expires);
    let directory = path::under_token(&token, &path::stream_directory(&name));
    let urls = match purpose {
        Purpose::Watch => TokenUrls::Watch(Urls::in_directory(&app, &directory)),
        Purpose::Publish => TokenUrls::Publish(PublishUrls { whip: url(&app, &directory, path::WHIP) }),
    };
    let answer = TokenAnswer { token, expires: date_time(expires), urls };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn hour() -> u32 {
    HOUR
}
