//! What a server answers, as far as it is shown. A newer server may say more.

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
    /// Servers of before do not count them.
    pub(super) viewers: Option<Viewers>,
}

/// Where it is pushed to.
#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) phase: String,
    pub(super) error: Option<String>,
}

/// Who watches it.
#[derive(Debug, Deserialize)]
pub(super) struct Viewers {
    pub(super) current: u64,
    pub(super) peak: u64,
    pub(super) peak_at: Option<String>,
}

/// A stream by itself.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    pub(super) stream: Stream,
    #[serde(flatten)]
    pub(super) definition: StreamRequest,
    pub(super) changed: String,
    pub(super) declared: bool,
    pub(super) urls: Urls,
    /// Servers of before do not push.
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

/// Where its manifests are: URLs, or paths from the root of the server.
#[derive(Debug, Deserialize)]
pub(super) struct Urls {
    pub(super) hls: String,
    pub(super) llhls: String,
    pub(super) dash: String,
    pub(super) lldash: String,
}

/// A viewer token, and where its stream is for whoever has it.
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
    /// Whether the API token is missing, or is not that of the server.
    pub(super) fn is_of_api_token(&self) -> bool {
        self.code.as_deref().is_some_and(|code| ["token_needed", "bad_token"].contains(&code))
    }

    /// What is wrong, and with which field.
    pub(super) fn text(&self) -> String {
        match &self.field {
            Some(field) if !self.detail.starts_with(field) => format!("{field}: {}", self.detail),
            Some(_) | None => self.detail.clone(),
        }
    }
}

/// Text that others wrote, fit for a line of a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A time to the second.
pub(super) fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| one_line(time), |(seconds, _)| format!("{}Z", one_line(seconds)))
}
