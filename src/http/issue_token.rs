//! `/api/v1/streams/{name}/tokens`: creates viewer tokens.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::App;
use super::api::{self, Urls};
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::request_body::{self, Body, MAX_BODY_BYTES};
use crate::base::timeline::UnixTime;
use crate::definition::spec::SpecError;
use crate::media::manifest::{date_time, path};

/// Lifetimes of a token in seconds. Only removing the key that signed a token revokes it.
const SECONDS: RangeInclusive<u32> = 1..=31_536_000;
const HOUR: u32 = 3600;

/// A request for a viewer token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Seconds until the token expires.
    #[serde(default = "hour")]
    #[schemars(range(min = *SECONDS.start(), max = *SECONDS.end()))]
    seconds: u32,
}

/// A viewer token, and the URLs of the stream with it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TokenAnswer {
    token: String,
    /// When the token expires.
    #[schemars(extend("format" = "date-time"))]
    expires: String,
    urls: Urls,
}

/// `POST /api/v1/streams/{name}/tokens`. Tokens of a public stream are valid too, in case the stream becomes private.
pub(super) async fn issue(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let TokenRequest { seconds } = request_body::read_or_default(&headers, body, MAX_BODY_BYTES)?;
    if !SECONDS.contains(&seconds) {
        let problem = format!("must be {} to {}, not {seconds}", SECONDS.start(), SECONDS.end());
        return Err(SpecError { field: "seconds".into(), problem }.into());
    }
    let name = api::name(&stream)?;
    app.0.registry.record(&name)?;
    let now = UnixTime::default() + Duration::from_secs(app.0.clock.now().as_secs());
    let expires = now + Duration::from_secs(seconds.into());
    let token = app.access().viewer_access.keys.sign(&name, expires);
    let urls = Urls::in_directory(&app, &path::under_token(&token, &path::stream_directory(&name)));
    let answer = TokenAnswer { token, expires: date_time(expires), urls };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn hour() -> u32 {
    HOUR
}
