//! Push targets as users write them, and their masked form, which contains no secrets.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Push, PushUrl};
use crate::definition::spec::TrackId;
use crate::definition::spec::limits::MAX_URL;

/// A push target.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushRequest {
    /// URL of the target: `rtmp`, `rtmps`, `srt`, `udp`, `whip` or `whips`. A WHIP URL may contain a bearer token,
    /// `whips://TOKEN@HOST/PATH`. Answers have `***` in place of keys and tokens.
    #[schemars(length(max = MAX_URL), regex(pattern = PushUrl::PATTERN))]
    pub url: String,
    /// Id of the rendition to push; null for the first.
    #[serde(default)]
    #[schemars(regex(pattern = TrackId::PATTERN))]
    pub video: Option<String>,
}

impl fmt::Debug for PushRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushRequest")
    }
}

/// Replaces the secret of each target by a mask.
pub(crate) fn mask(requests: &mut [PushRequest]) {
    for request in requests {
        if let Some(url) = PushUrl::parse(&request.url) {
            request.url = url.to_string();
        }
    }
}

/// Replaces masks by the secrets of `before`. A masked URL gets the secret of the first target of `before` that has the
/// same masked URL and is not used yet.
pub(crate) fn unmask(requests: &mut [PushRequest], before: &[Push]) {
    let mut left: Vec<&Push> = before.iter().collect();
    for request in requests {
        if let Some(place) = left.iter().position(|push| push.url.to_string() == request.url) {
            left.remove(place).url.reveal().clone_into(&mut request.url);
        }
    }
}

impl From<&Push> for PushRequest {
    fn from(push: &Push) -> Self {
        let Push { url, video } = push;
        Self { url: url.reveal().to_owned(), video: video.as_ref().map(TrackId::to_string) }
    }
}
