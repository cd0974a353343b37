//! Credentials and trust of HTTP clients.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Url, redirect};
use tokio_rustls::rustls::crypto::ring;

use super::error::{FetchError, root};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Credentials, trust and address of a client.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Headers that are sent to the origin of the checked URL, and to no other.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Further trusted certificates in PEM, in addition to those of the host.
    pub certificates: Option<Vec<u8>>,
    /// Address in 127.0.0.0/8 that connections without TLS to this network and to `localhost` come from.
    pub loopback: Option<Ipv4Addr>,
    /// Versions of HTTP.
    pub versions: Versions,
}

/// Versions of HTTP that a client uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/2 if the server chooses it in the TLS handshake, otherwise HTTP/1.1.
    #[default]
    Negotiated,
    /// HTTP/2, without TLS from the first byte on.
    Http2,
}

impl Access {
    /// A client that sends the headers with every request, and follows no redirects.
    ///
    /// # Errors
    /// [`FetchError::Client`] if the certificates cannot be read.
    pub fn client(self) -> Result<Client, FetchError> {
        let trusted = trusted(self.certificates.as_deref())?;
        let client =
            builder(self.versions).tls_certs_merge(trusted).default_headers(self.headers.into_iter().collect()).build();
        client.map_err(|error| FetchError::Client(root(&error)))
    }
}

/// Whether the host of a URL is this machine by its loopback address.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Certificates in PEM.
pub(super) fn trusted(certificates: Option<&[u8]>) -> Result<Vec<Certificate>, FetchError> {
    let trusted = certificates.map(Certificate::from_pem_bundle).transpose();
    Ok(trusted.map_err(|error| FetchError::Client(root(&error)))?.unwrap_or_default())
}

/// A client that follows no redirects and uses no proxy.
pub(super) fn builder(versions: Versions) -> ClientBuilder {
    // Installs the TLS provider of the process. An error means that it is installed already.
    let _ = ring::default_provider().install_default();
    let client = Client::builder().user_agent(concat!("barstone/", env!("CARGO_PKG_VERSION")));
    let client = client.redirect(redirect::Policy::none()).no_proxy().connect_timeout(CONNECT_WITHIN);
    match versions {
        Versions::Negotiated => client,
        Versions::Http2 => client.http2_prior_knowledge(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        let is_here = |url: &str| is_loopback(&Url::parse(url).unwrap());
        for url in ["http://localhost:8080/x", "http://127.1.2.3/", "http://[::1]:9/"] {
            assert!(is_here(url), "{url}");
        }
        for url in ["http://example.com/", "http://10.0.0.1/", "http://localhost.example.com/", "http://[::2]/"] {
            assert!(!is_here(url), "{url}");
        }
    }
}
