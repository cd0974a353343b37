//! Settings of a hook: the form that a user writes, and the validated form.

use std::fmt;

use reqwest::Url;

use crate::base::secret::Secret;
use crate::definition::spec::{SpecError, StreamName};
use crate::stream::Event;

/// Maximum length of a URL; servers do not reliably accept longer ones.
const MAX_URL: usize = 2048;
/// Maximum length of a secret. HMAC-SHA256 hashes keys of more than 64 bytes; this is enough for any notation of one.
const MAX_SECRET: usize = 256;

/// A hook as a user writes it. Only `url` is required.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookRequest {
    /// URL that events are posted to, `http` or `https`.
    pub url: String,
    /// Secret that signs deliveries.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Names of events to post; all by default.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Names of streams whose events are posted, which need not exist; all by default.
    #[serde(default)]
    pub streams: Option<Vec<String>>,
}

/// A validated hook.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    pub(super) target: Target,
    pub(super) secret: Option<Secret>,
    events: Option<Vec<&'static str>>,
    streams: Option<Vec<StreamName>>,
}

impl Hook {
    /// Whether `event` is posted to this hook.
    pub(super) fn wants(&self, event: &Event) -> bool {
        self.events.as_ref().is_none_or(|events| events.contains(&event.name()))
            && self.streams.as_ref().is_none_or(|streams| streams.contains(&event.stream))
    }
}

/// A URL whose path and query are not printed. With many services they work like a password.
#[derive(Clone, PartialEq)]
pub(super) struct Target(Url);

impl Target {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}/...")
    }
}

impl HookRequest {
    /// The hook with its secret masked and its URL cut to the origin.
    pub fn masked(hook: &Hook) -> Self {
        let Hook { target, secret, events, streams } = hook;
        Self {
            url: target.to_string(),
            secret: secret.clone(),
            events: events.as_ref().map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            streams: streams.as_ref().map(|names| names.iter().map(StreamName::to_string).collect()),
        }
    }
}

impl TryFrom<HookRequest> for Hook {
    type Error = SpecError;

    fn try_from(request: HookRequest) -> Result<Self, SpecError> {
        let HookRequest { url, secret, events, streams } = request;
        let target = check_url(&url)?;
        if secret.as_ref().is_some_and(|secret| !(1..=MAX_SECRET).contains(&secret.reveal().len())) {
            return refuse("secret", format!("must be 1 to {MAX_SECRET} bytes; leave it out to sign nothing"));
        }
        let events = events.map(|names| check_list("events", &names, check_event)).transpose()?;
        let streams = streams.map(|names| check_list("streams", &names, check_stream)).transpose()?;
        Ok(Self { target, secret, events, streams })
    }
}

/// Parses the URL. Error texts do not quote it, because it may contain a password.
fn check_url(text: &str) -> Result<Target, SpecError> {
    if text.len() > MAX_URL {
        return refuse("url", format!("must be at most {MAX_URL} bytes, not {}", text.len()));
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse("url", format!("must be a URL such as https://example.com/events: {error}")),
    };
    if !["http", "https"].contains(&url.scheme()) {
        return refuse("url", format!("must begin with http or https, not {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("url", "must have no user and password; the body is signed with secret instead");
    }
    Ok(Target(url))
}

fn check_list<T>(
    field: &str,
    names: &[String],
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, SpecError> {
    if names.is_empty() {
        return refuse(field, "must have at least one entry; leave it out for all");
    }
    let checked = names
        .iter()
        .enumerate()
        .map(|(i, name)| check(name).map_err(|problem| SpecError { field: format!("{field}[{i}]"), problem }));
    checked.collect()
}

fn check_event(name: &str) -> Result<&'static str, String> {
    let known = Event::NAMES.into_iter().find(|known| *known == name);
    known.ok_or_else(|| format!("must be one of {}; not {name:?}", Event::NAMES.join(", ")))
}

fn check_stream(name: &str) -> Result<StreamName, String> {
    StreamName::parse(name)
        .ok_or_else(|| format!("must be 1 to 63 characters of a-z, 0-9 and -, and not begin with -; not {name:?}"))
}

fn refuse<T>(field: &str, problem: impl Into<String>) -> Result<T, SpecError> {
    Err(SpecError { field: field.into(), problem: problem.into() })
}
