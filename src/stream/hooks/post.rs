//! One attempt to post an event, and the meaning of the answer.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use sha2::Sha256;
use tokio_rustls::rustls::crypto::ring;

use super::Hook;
use crate::base::os_error::chain;
use crate::base::secret::Secret;
use crate::base::timeline::UnixTime;
use crate::stream::Event;

const USER_AGENT: &str = concat!("barstone/", env!("CARGO_PKG_VERSION"));
const EVENT: HeaderName = HeaderName::from_static("barstone-event");
const DELIVERY: HeaderName = HeaderName::from_static("barstone-delivery");
const SIGNATURE: HeaderName = HeaderName::from_static("barstone-signature");

/// Outcome of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    /// The attempt failed; another may succeed.
    Again(String),
    /// The attempt failed, and others would fail in the same way.
    Final(String),
}

/// Body and headers of an event, the same in all attempts.
pub(super) struct Delivery {
    body: Bytes,
    headers: HeaderMap,
}

impl Delivery {
    /// Serializes an event. The id of the delivery is `series` and the id of the event.
    pub(super) fn of(event: &Event, series: &str) -> Result<Self, String> {
        let body = serde_json::to_vec(event).map_err(|error| error.to_string())?;
        let id = HeaderValue::try_from(format!("{series}-{}", event.id)).map_err(|error| error.to_string())?;
        let json = HeaderValue::from_static("application/json");
        let name = HeaderValue::from_static(event.name());
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json), (EVENT, name), (DELIVERY, id)]);
        Ok(Self { body: body.into(), headers })
    }
}

/// HTTP client of one hook.
pub(super) struct Post {
    client: Client,
    url: reqwest::Url,
    secret: Option<Secret>,
}

impl Post {
    /// A client whose attempts time out after `timeout`. Fails for `https` if the system has no root certificates.
    pub(super) fn new(hook: &Hook, timeout: Duration) -> Result<Self, String> {
        // Installs the TLS provider of the process. An error means that it is installed already.
        let _ = ring::default_provider().install_default();
        let client = Client::builder().user_agent(USER_AGENT).timeout(timeout).redirect(redirect::Policy::none());
        // Environment variables for proxies are ignored: only the settings decide where events go.
        let client = client.no_proxy();
        let url = hook.target.url().clone();
        let client = match url.scheme() {
            "https" => client,
            // Without TLS no root certificates are needed, so none are read.
            _ => client.tls_certs_only([]),
        };
        let client = client.build().map_err(|error| chain(&error))?;
        Ok(Self { client, url, secret: hook.secret.clone() })
    }

    /// Makes one attempt, signed at `now`.
    pub(super) async fn attempt(&self, delivery: &Delivery, now: UnixTime) -> Verdict {
        let mut headers = delivery.headers.clone();
        if let Some(secret) = &self.secret {
            headers.insert(SIGNATURE, signature(secret, now, &delivery.body));
        }
        let request = self.client.post(self.url.clone()).headers(headers).body(delivery.body.clone());
        match request.send().await {
            Ok(answer) => judge(answer.status()),
            // The URL may contain a password, so the error must not contain it.
            Err(error) => Verdict::Again(chain(&error.without_url())),
        }
    }
}

/// Meaning of a status code. Redirects are not followed, because only the settings decide where events go.
pub(super) fn judge(status: StatusCode) -> Verdict {
    let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    match status {
        status if status.is_success() => Verdict::Delivered,
        status if again || status.is_server_error() => Verdict::Again(format!("status {status}")),
        status => Verdict::Final(format!("status {status}")),
    }
}

/// The signature header. The signed text includes the time `t`, so that a receiver can refuse old deliveries.
fn signature(secret: &Secret, now: UnixTime, body: &[u8]) -> HeaderValue {
    let t = now.as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{t}.").as_bytes());
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("t={t},v1={hex}")).expect("digits and letters")
}
