//! Connection to a server: requests and the meaning of answers.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, StatusCode, Url, redirect};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;

use super::answer::Problem;
use super::arguments::Options;
use super::error::ClientError;
use super::token::Token;
use crate::base::os_error;
use crate::definition::spec::StreamName;

const USER_AGENT: &str = concat!("barstone/", env!("CARGO_PKG_VERSION"));
/// Timeout of a health check. A server on the same machine answers quickly or not at all.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(4);

/// A server and the connection settings for it.
pub(super) struct Server {
    client: Client,
    url: Url,
    timeout: Duration,
    token: Option<Token>,
}

/// An answer: JSON, or nothing.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// Entity tag; empty if the answer has none.
    pub(super) tag: String,
}

/// A precondition header (RFC 9110 13.1) and its value.
pub(super) type Condition<'a> = (HeaderName, &'a str);

impl Server {
    pub(super) fn new(options: &Options) -> Result<Self, ClientError> {
        let timeout = Duration::from_secs(options.timeout);
        let token = Token::find(options)?;
        let bearer = token.as_ref().map(Token::bearer).transpose()?;
        let client =
            builder(timeout).default_headers(bearer.map(|bearer| (AUTHORIZATION, bearer)).into_iter().collect());
        let client = match options.server.scheme() {
            "https" => client,
            // Without TLS no root certificates are needed, so none are read.
            _ => client.tls_certs_only([]),
        };
        Self::built(client, (&options.server, token), timeout)
    }

    /// A server on the same machine. The name in its certificate is not checked.
    pub(super) fn on_this_machine(url: &Url) -> Result<Self, ClientError> {
        Self::built(builder(HEALTH_TIMEOUT).tls_danger_accept_invalid_certs(true), (url, None), HEALTH_TIMEOUT)
    }

    fn built(
        client: ClientBuilder,
        (url, token): (&Url, Option<Token>),
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let client = client.build().map_err(|error| ClientError::Start(root(&error)))?;
        Ok(Self { client, url: url.clone(), timeout, token })
    }

    /// A request to a path below `/api/v1`.
    pub(super) fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let path: Vec<&str> = ["api", "v1"].iter().chain(path).copied().collect();
        self.at(method, &path, query)
    }

    /// A request to any path.
    pub(super) fn at(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.url.clone();
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.client.request(method, url)
    }

    /// A request to a stream, or to an action on it.
    pub(super) fn stream(&self, method: Method, name: &str, verb: Option<&str>) -> Result<RequestBuilder, ClientError> {
        // An invalid name might not form a URL.
        let missing = || ClientError::Missing(format!("no stream can have the name {name:?}"));
        let name = StreamName::parse(name).ok_or_else(missing)?;
        let path: Vec<&str> = ["streams", name.as_str()].into_iter().chain(verb).collect();
        Ok(self.request(method, &path, &[]))
    }

    /// Sends a request. An answer with an error status is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let answer = self.fetch(request).await?;
        self.judge(answer.status, &answer.body)?;
        Ok(answer)
    }

    /// Sends a request and returns the answer, whatever its status.
    pub(super) async fn fetch(&self, request: RequestBuilder) -> Result<Answer, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Ok(Answer { status, body, tag })
    }

    /// URL of the server without user, password, query and fragment.
    pub(super) fn base(&self) -> String {
        let path = self.url.path().trim_end_matches('/');
        format!("{}{path}", self.url.origin().ascii_serialization())
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Result<(), ClientError> {
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let text = problem.as_ref().map_or_else(|| status.to_string(), Problem::text);
        match status {
            status if status.is_success() => Ok(()),
            // A 404 without a problem document may come from another server, so it does not say that the stream is
            // missing.
            StatusCode::NOT_FOUND if problem.is_none() => Err(ClientError::NotBarstone(text)),
            StatusCode::NOT_FOUND => Err(ClientError::Missing(text)),
            StatusCode::UNAUTHORIZED if problem.is_some_and(|problem| problem.is_of_api_token()) => {
                Err(self.without_token())
            }
            StatusCode::PRECONDITION_FAILED => Err(ClientError::PreconditionFailed(text)),
            // The server works, but its limits do not allow the request.
            StatusCode::INSUFFICIENT_STORAGE => Err(ClientError::Refused(text)),
            status if status.is_client_error() => Err(ClientError::Refused(text)),
            status if status.is_server_error() => Err(ClientError::Failed { status: status.as_u16(), problem: text }),
            _ => Err(ClientError::NotBarstone(text)),
        }
    }

    /// Error that lists the ways to pass the API token to this client.
    fn without_token(&self) -> ClientError {
        let server = self.base();
        match &self.token {
            None => ClientError::TokenNeeded { server },
            Some(token) => ClientError::TokenRefused { server, origin: token.origin.clone() },
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let server = self.base();
        match error.is_timeout() {
            true => ClientError::Timeout { server, seconds: self.timeout.as_secs() },
            false => ClientError::Unreachable { server, problem: root(error) },
        }
    }
}

impl Answer {
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::NotBarstone(error.to_string()))
    }

    /// The JSON of the answer.
    pub(super) fn json(&self) -> Result<&str, ClientError> {
        let _: IgnoredAny = self.read()?;
        std::str::from_utf8(&self.body).map_err(|error| ClientError::NotBarstone(error.to_string()))
    }
}

fn builder(timeout: Duration) -> ClientBuilder {
    // Installs the TLS provider of the process. An error means that it is installed already.
    let _ = ring::default_provider().install_default();
    let client = Client::builder().user_agent(USER_AGENT).timeout(timeout).redirect(redirect::Policy::none());
    // Environment variables for proxies are ignored: only the options of this program decide where a request goes.
    client.no_proxy()
}

/// Adds a JSON body to a request.
pub(super) fn with_body(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(body.to_string())
}

/// Adds a precondition to a request. The tag may be without quotes.
pub(super) fn on_condition(
    request: RequestBuilder,
    (header, tag): &Condition<'_>,
) -> Result<RequestBuilder, ClientError> {
    let tag = if *tag == "*" || tag.contains('"') { (*tag).to_owned() } else { format!("\"{tag}\"") };
    let tag = HeaderValue::try_from(tag).map_err(|_| ClientError::Header { option: "--if-match" })?;
    Ok(request.header(header.clone(), tag))
}

/// Innermost cause of an error.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    os_error::without_numbers(&cause.to_string())
}
