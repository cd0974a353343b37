//! The HTTP side of a client of WHIP (RFC 9725): it posts an offer, follows redirects and ends the session.

use std::error::Error;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring;

use crate::base::os_error::{chain, without_numbers};
use crate::base::problem::reason;
use crate::definition::spec::PushUrl;

const USER_AGENT: &str = concat!("barstone/", env!("CARGO_PKG_VERSION"));
const SDP: &str = "application/sdp";
/// Time for the server to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Time for the server to end the session.
const END_WITHIN: Duration = Duration::from_secs(2);
/// Largest answer to an offer.
const MOST_ANSWER: usize = 64 << 10;
const MOST_REDIRECTS: usize = 5;

/// Why a server opens no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The URL cannot be used.
    #[error("the URL cannot be used: {0}")]
    Url(String),
    /// The client of HTTP cannot be built: the system has no root certificates.
    #[error("cannot use HTTPS: {0}")]
    Client(String),
    /// The server cannot be reached, or its certificate is not trusted.
    #[error("cannot connect to the server: {0}")]
    Connect(String),
    /// The server has sent no complete answer.
    #[error("the server has sent no complete answer: {0}")]
    Request(String),
    /// The server has not answered in time.
    #[error("the server has not answered within {} s", ANSWER_WITHIN.as_secs())]
    Timeout,
    /// The server has refused the offer.
    #[error("the server has answered {status}{}", after_colon(reason))]
    Refused {
        /// Status of the answer.
        status: StatusCode,
        /// The reason in its body; may be empty.
        reason: String,
    },
    /// The server redirects to a URL that is not followed.
    #[error("the server redirects {0}")]
    Redirect(&'static str),
    /// The answer is none of WHIP.
    #[error("the server is no WHIP endpoint: it has answered {0} with content type {1}")]
    NoWhip(StatusCode, String),
    /// The answer is too long.
    #[error("the answer of the server has more than {MOST_ANSWER} bytes")]
    TooLong,
}

fn after_colon(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// A WHIP endpoint.
pub(super) struct Endpoint {
    url: Url,
    authorization: Option<HeaderValue>,
}

/// The URL of a session.
pub(super) struct Resource {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// The endpoint of a target.
    ///
    /// # Errors
    /// [`EndpointError::Url`].
    pub(super) fn of(url: &PushUrl) -> Result<Self, EndpointError> {
        // Error texts do not quote the URL, because it may contain a secret.
        let parsed = Url::parse(&url.http_url()).map_err(|error| EndpointError::Url(error.to_string()))?;
        let authorization = url.authorization().map(HeaderValue::try_from).transpose();
        let mut authorization = authorization.map_err(|error| EndpointError::Url(error.to_string()))?;
        if let Some(authorization) = &mut authorization {
            authorization.set_sensitive(true);
        }
        Ok(Self { url: parsed, authorization })
    }

    /// Posts an offer. Returns the answer, and the session if the server names one.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub(super) async fn open(mut self, offer: String) -> Result<(String, Option<Resource>), EndpointError> {
        for _ in 0..=MOST_REDIRECTS {
            let client = client(&self.url)?;
            let request = client.post(self.url.clone()).header(CONTENT_TYPE, SDP).header(ACCEPT, SDP);
            let request =
                self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
            let response = request.timeout(ANSWER_WITHIN).body(offer.clone()).send().await;
            let response = response.map_err(unanswered)?;
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let location = location.and_then(|value| self.url.join(value).ok());
            // The methods of other redirects change (RFC 9725 4.6).
            if [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&response.status()) {
                self.url = self.redirected(location)?;
                continue;
            }
            let answer = answer(response).await?;
            let session = location.filter(|location| self.is_as_secure(location));
            let resource = session.map(|url| Resource { client, url, authorization: self.authorization });
            return Ok((answer, resource));
        }
        Err(EndpointError::Redirect("too often"))
    }

    /// Checks the target of a redirect, which gets the token too: one server spreads publishers over others.
    fn redirected(&self, location: Option<Url>) -> Result<Url, EndpointError> {
        let location = location.ok_or(EndpointError::Redirect("without saying where to"))?;
        match self.is_as_secure(&location) {
            true => Ok(location),
            false => Err(EndpointError::Redirect("from HTTPS to a URL without it")),
        }
    }

    /// Whether a token that may be sent to this endpoint may be sent to `url`.
    fn is_as_secure(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && self.url.scheme() == "http"
    }
}

impl Resource {
    /// Ends the session.
    pub(super) async fn end(self) {
        let request = self.client.delete(self.url);
        let request = self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        // Without an answer the server ends the session when nobody sends packets any more.
        let _ = timeout(END_WITHIN, request.send()).await;
    }
}

/// A client for a URL.
fn client(url: &Url) -> Result<Client, EndpointError> {
    // Installs the TLS provider of the process. An error means that it is installed already.
    let _ = ring::default_provider().install_default();
    // Environment variables for proxies are ignored: only the definition decides where a stream goes.
    let client = Client::builder().user_agent(USER_AGENT).redirect(redirect::Policy::none()).no_proxy();
    let client = match url.scheme() {
        "https" => client,
        // Without TLS no root certificates are needed, so none are read.
        _ => client.tls_certs_only([]),
    };
    client.build().map_err(|error| EndpointError::Client(chain(&error)))
}

/// The answer to an offer.
async fn answer(mut response: Response) -> Result<String, EndpointError> {
    let (status, content_type) = (response.status(), response.headers().get(CONTENT_TYPE));
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unanswered)? {
        body.extend_from_slice(&piece);
        if body.len() > MOST_ANSWER {
            return Err(EndpointError::TooLong);
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    let is_sdp = content_type.to_ascii_lowercase().starts_with(SDP);
    match status {
        // Some servers answer 200.
        StatusCode::CREATED | StatusCode::OK if is_sdp => Ok(text),
        _ if status.is_client_error() || status.is_server_error() => {
            // An SDP is a counter-offer (RFC 9725 4.2), which has no reason.
            let reason = if is_sdp { String::new() } else { reason(&text) };
            Err(EndpointError::Refused { status, reason })
        }
        _ => Err(EndpointError::NoWhip(status, content_type)),
    }
}

fn unanswered(error: reqwest::Error) -> EndpointError {
    match (error.is_timeout(), error.is_connect()) {
        (true, _) => EndpointError::Timeout,
        (false, true) => EndpointError::Connect(root(&error)),
        // The URL may contain a secret, so the error must not contain it.
        (false, false) => EndpointError::Request(chain(&error.without_url())),
    }
}

/// The innermost cause of an error.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    without_numbers(&cause.to_string())
}
