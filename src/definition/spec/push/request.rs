//! Targets as users write them, and as they are shown: with a mask in place of what is secret.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Push, PushUrl};
use crate::definition::spec::TrackId;
use crate::definition::spec::limits::MAX_URL;

/// A target that a stream is pushed to, as a user writes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushRequest {
    /// Where it is: `rtmp`, `rtmps`, `srt` or `udp`. Answers have `***` in place of the key.
    #[schemars(length(max = MAX_URL), regex(pattern = PushUrl::PATTERN))]
    pub url: String,
    /// The rendition; the first if nothing is said.
    #[serde(default)]
    #[schemars(regex(pattern = TrackId::PATTERN))]
    pub video: Option<String>,
}

impl fmt::Debug for PushRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushRequest")
    }
}

/// Puts a mask in place of each secret.
pub(crate) fn mask(requests: &mut [PushRequest]) {
    for request in requests {
        if let Some(url) = PushUrl::parse(&request.url) {
            request.url = url.to_string();
        }
    }
}

/// Puts back the secrets that were masked when `before` was shown: of its targets each that is shown alike, in order.
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
