//! The parts of answers that the client prints. Unknown fields of newer servers are ignored.

use serde::Deserialize;

use crate::definition::spec::StreamRequest;

/// A stream in a list.
#[derive(Debug, Deserialize)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) phase: String,
    pub(super) since: String,
    pub(super) revision: String,
    pub(super) error: Option<String>,
    /// Missing in answers of old servers.
    pub(super) viewers: Option<Viewers>,
}

/// A push target.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) phase: String,
    pub(super) error: Option<String>,
}

/// Viewers of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Viewers {
    pub(super) current: u64,
    pub(super) peak: u64,
    pub(super) peak_at: Option<String>,
}

/// The answer with all details of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    pub(super) stream: Stream,
    #[serde(flatten)]
    pub(super) definition: StreamRequest,
    pub(super) changed: String,
    pub(super) declared: bool,
    pub(super) urls: Urls,
    /// Empty in answers of old servers.
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

/// Manifests of a stream: URLs, or paths from the root of the server.
#[derive(Debug, Deserialize)]
pub(super) struct Urls {
    pub(super) hls: String,
    pub(super) llhls: String,
    pub(super) dash: String,
    pub(super) lldash: String,
}

/// A viewer token, and the URLs of its stream with the token.
#[derive(Debug, Deserialize)]
pub(super) struct ViewerToken {
    pub(super) expires: String,
    pub(super) urls: Urls,
}

/// A problem document (RFC 9457).
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    detail: String,
    field: Option<String>,
    code: Option<String>,
}

impl Problem {
    /// Whether the API token is missing or wrong.
    pub(super) fn is_of_api_token(&self) -> bool {
        self.code.as_deref().is_some_and(|code| ["token_needed", "bad_token"].contains(&code))
    }

    /// The problem and the field that has it.
    pub(super) fn text(&self) -> String {
        match &self.field {
            Some(field) if !self.detail.starts_with(field) => format!("{field}: {}", self.detail),
            Some(_) | None => self.detail.clone(),
        }
    }
}

/// Text from another party, safe to print as one line on a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A time, cut to whole seconds.
pub(super) fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| one_line(time), |(seconds, _)| format!("{}Z", one_line(seconds)))
}
