//! Targets as users write them, and as they are shown: with a mask in place of what is secret.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Push, PushUrl};
use crate::definition::spec::limits::MAX_URL;
use crate::definition::spec::{StreamRequest, StreamSpec, TrackId};

/// A target that a stream is pushed to, as a user writes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushRequest {
    /// Where it is: `rtmp`, `srt` or `udp`. Answers have `***` in place of the key.
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

impl From<&Push> for PushRequest {
    fn from(push: &Push) -> Self {
        let Push { url, video } = push;
        Self { url: url.reveal().to_owned(), video: video.as_ref().map(TrackId::to_string) }
    }
}

impl StreamRequest {
    /// What may be shown to everybody: with a mask in place of each secret.
    #[must_use]
    pub fn masked(mut self) -> Self {
        for request in &mut self.push {
            if let Some(url) = PushUrl::parse(&request.url) {
                request.url = url.to_string();
            }
        }
        self
    }

    /// Puts back what was masked when `before` was shown: of its targets each that is shown alike, in order.
    pub fn unmask(&mut self, before: &StreamSpec) {
        let mut left: Vec<&Push> = before.push.iter().collect();
        for request in &mut self.push {
            if let Some(place) = left.iter().position(|push| push.url.to_string() == request.url) {
                left.remove(place).url.reveal().clone_into(&mut request.url);
            }
        }
    }
}
