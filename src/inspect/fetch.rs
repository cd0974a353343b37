//! The HTTP client of the checker and of light clients. Limits on size, decompressed size, time and redirects keep a server
//! from delaying a client or filling its memory.

mod access;
mod body;
mod error;
mod exchange;

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Response, Url};

pub use access::{Access, Versions, is_loopback};
use access::{builder, trusted};
use body::{inflate, read};
pub use error::FetchError;
use error::{MOST_REDIRECTS, root};
pub use exchange::{Exchange, MOST_MANIFEST_BYTES, Request};

use super::reply::Reply;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;

/// Longest wait by Retry-After.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A client for one check.
#[derive(Debug)]
pub struct Fetcher {
    /// Without TLS no root certificates are needed, and reading them takes time.
    plain: Client,
    /// For servers on this machine, if the client has an address of its own there.
    loopback: Option<Client>,
    /// Built with the first URL that needs it.
    secure: OnceCell<Client>,
    certificates: Vec<Certificate>,
    versions: Versions,
    headers: HeaderMap,
    origin: String,
    clock: Clock,
    count: Cell<u64>,
    not_before: RefCell<Option<Instant>>,
}

impl Fetcher {
    /// A client that checks `url`.
    ///
    /// # Errors
    /// [`FetchError::Client`] if the certificates cannot be read.
    pub fn new(url: &Url, access: Access, clock: Clock) -> Result<Self, FetchError> {
        let certificates = trusted(access.certificates.as_deref())?;
        let plain = || builder(access.versions).tls_certs_only([]);
        let build = |builder: ClientBuilder| builder.build().map_err(|error| FetchError::Client(root(&error)));
        let from = |address| build(plain().local_address(IpAddr::V4(address)));
        Ok(Self {
            plain: build(plain())?,
            loopback: access.loopback.map(from).transpose()?,
            secure: OnceCell::new(),
            certificates,
            versions: access.versions,
            headers: access.headers.into_iter().collect(),
            origin: url.origin().ascii_serialization(),
            clock,
            count: Cell::new(0),
            not_before: RefCell::new(None),
        })
    }

    /// Number of requests so far.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Whether the server has sent Retry-After, so that the next request waits.
    pub fn waits(&self) -> bool {
        self.not_before.borrow().is_some()
    }

    /// UTC now.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Sends a request, follows redirects and reads the body. Waits before that if the server has sent Retry-After.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, request: &Request) -> Result<Exchange, FetchError> {
        let wait = self.not_before.borrow_mut().take();
        if let Some(moment) = wait {
            tokio::time::sleep_until(moment.into()).await;
        }
        let late = |_| FetchError::Timeout(request.within);
        tokio::time::timeout(request.within, self.follow(request)).await.map_err(late)?
    }

    async fn follow(&self, request: &Request) -> Result<Exchange, FetchError> {
        let (moment, began) = (self.now(), Instant::now());
        let mut url = request.url.clone();
        for redirects in 0..=MOST_REDIRECTS {
            let response = self.send(request, &url).await?;
            let headers_after = began.elapsed();
            let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            if let Some(location) = location.filter(|_| response.status() != 304) {
                let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
                url = url.join(&text).map_err(|_| FetchError::Location(text))?;
                continue;
            }
            self.heed(&response);
            let version = format!("{:?}", response.version());
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let (body, arrivals) = read(response, request, began).await?;
            let body = match headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
                true => inflate(&body, request.most_bytes)?,
                false => body,
            };
            return Ok(Exchange {
                asked: request.url.clone(),
                url,
                redirects,
                moment,
                began,
                ended: Instant::now(),
                headers_after,
                took: began.elapsed(),
                body_took: arrivals
                    .last()
                    .zip(arrivals.first())
                    .map_or(Duration::ZERO, |(last, first)| last.1 - first.1),
                version,
                reply: Reply { status, headers, body },
                arrivals,
            });
        }
        Err(FetchError::Redirects)
    }

    fn client(&self, url: &Url) -> Result<&Client, FetchError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Scheme(url.scheme().to_owned()));
        }
        if url.scheme() == "http" {
            let is_ipv6 = url.host_str().is_some_and(|host| host.starts_with('['));
            let loopback = self.loopback.as_ref().filter(|_| is_loopback(url) && !is_ipv6);
            return Ok(loopback.unwrap_or(&self.plain));
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = builder(self.versions).tls_certs_merge(self.certificates.iter().cloned()).build();
        let client = client.map_err(|error| FetchError::Client(root(&error)))?;
        Ok(self.secure.get_or_init(|| client))
    }

    async fn send(&self, request: &Request, url: &Url) -> Result<Response, FetchError> {
        self.count.set(self.count.get() + 1);
        let mut builder = self.client(url)?.request(request.method.clone(), url.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if url.origin().ascii_serialization() == self.origin {
            builder = builder.headers(self.headers.clone());
        }
        builder.send().await.map_err(|error| FetchError::of(&error))
    }

    /// Stores the time of Retry-After.
    fn heed(&self, response: &Response) {
        let text = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let busy = matches!(response.status().as_u16(), 429 | 503);
        if let Some(seconds) = text.filter(|_| busy).and_then(|text| text.trim().parse().ok()) {
            let wait = Duration::from_secs(seconds).min(LONGEST_RETRY);
            *self.not_before.borrow_mut() = Some(Instant::now() + wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_to_this_machine_come_from_the_address_of_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = Ipv4Addr::new(127, 1, 0, 9);
        for host in ["127.0.0.1", "localhost"] {
            let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
            let access = Access { loopback: Some(own), ..Access::default() };
            let fetcher = Fetcher::new(&url, access, Clock::system()).unwrap();
            let request = Request::manifest(url, Duration::from_secs(20));
            tokio::select! {
                accepted = listener.accept() => assert_eq!(accepted.unwrap().1.ip(), own, "{host}"),
                answer = fetcher.fetch(&request) => panic!("{host}: {answer:?}"),
            }
        }
    }
}
