//! The HTTP client of the checker. Every answer is bounded in size, inflated size, time and redirects, so that no server
//! can hold it up or fill its memory.

use std::cell::{Cell, OnceCell, RefCell};
use std::error::Error;
use std::io::Read;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Method, Response, Url, redirect};
use tokio_rustls::rustls::crypto::ring;

use super::reply::Reply;
use crate::base::os_error;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;

/// Largest playlist or MPD, before and after its content coding is removed.
pub const MOST_MANIFEST_BYTES: usize = 8 << 20;
/// Largest segment: 8 s of 64 Mbit/s.
pub const MOST_MEDIA_BYTES: usize = 64 << 20;
/// Redirects that are followed, as browsers do.
const MOST_REDIRECTS: usize = 10;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait that a server may ask for with Retry-After.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// The page that a player would be on.
const PAGE: &str = "http://localhost";

/// Credentials and trust of a client.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Headers that are sent to the origin of the checked URL, and to no other.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Certificates in PEM that are trusted beside those of the host.
    pub certificates: Option<Vec<u8>>,
}

/// A client for one check.
#[derive(Debug)]
pub struct Fetcher {
    /// Without TLS no root certificates are needed, and reading them takes time.
    plain: Client,
    /// Built with the first URL that needs it.
    secure: OnceCell<Client>,
    certificates: Vec<Certificate>,
    headers: HeaderMap,
    origin: String,
    clock: Clock,
    count: Cell<u64>,
    not_before: RefCell<Option<Instant>>,
}

/// What is requested.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub url: Url,
    /// GET or HEAD.
    pub method: Method,
    /// Largest body.
    pub most_bytes: usize,
    /// Time until the last byte.
    pub within: Duration,
    /// Headers of this request alone.
    pub headers: Vec<(HeaderName, String)>,
}

/// An answer, with its times.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// URL that was requested.
    pub asked: Url,
    /// URL that answered, after redirects.
    pub url: Url,
    /// Number of redirects.
    pub redirects: usize,
    /// UTC when the request was sent.
    pub moment: UnixTime,
    /// From the request to the headers.
    pub headers_after: Duration,
    /// From the request to the last byte.
    pub took: Duration,
    /// Version of HTTP, such as `HTTP/2.0`.
    pub version: String,
    /// The answer with its body inflated.
    pub reply: Reply,
    /// Number of body bytes received up to each moment after the request.
    pub arrivals: Vec<(usize, Duration)>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client cannot be built.
    #[error("{0}")]
    Client(String),
    /// No connection, or TLS that does not verify.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The answer is not HTTP, or its body breaks off.
    #[error("the answer breaks off: {0}")]
    Broken(String),
    /// A redirect leads nowhere.
    #[error("it is redirected to {0:?}, which is no URL")]
    Location(String),
    /// Redirects lead in a circle, or too far.
    #[error("it is redirected more than {MOST_REDIRECTS} times")]
    Redirects,
    /// The body does not end.
    #[error("its body is longer than {0} bytes")]
    TooLong(usize),
    /// The body inflates to too much.
    #[error("its body inflates to more than {0} bytes")]
    Inflated(usize),
    /// The body is not gzip.
    #[error("its body is not the gzip that Content-Encoding states: {0}")]
    Coding(String),
    /// The answer takes too long.
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
}

impl FetchError {
    /// Whether nothing came, in contrast to something that is wrong.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Connect(_) | Self::Timeout(_))
    }
}

impl Request {
    /// A playlist or an MPD.
    pub fn manifest(url: Url, within: Duration) -> Self {
        let headers = vec![(ACCEPT_ENCODING, "gzip".to_owned()), (ORIGIN, PAGE.to_owned())];
        Self { url, method: Method::GET, most_bytes: MOST_MANIFEST_BYTES, within, headers }
    }

    /// A segment, a part or an init segment.
    pub fn media(url: Url, within: Duration) -> Self {
        let headers = vec![(ORIGIN, PAGE.to_owned())];
        Self { url, method: Method::GET, most_bytes: MOST_MEDIA_BYTES, within, headers }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Fetcher {
    /// A client that checks `url`.
    ///
    /// # Errors
    /// [`FetchError::Client`] if the certificates cannot be read.
    pub fn new(url: &Url, access: Access, clock: Clock) -> Result<Self, FetchError> {
        // Installs the TLS provider of the process. An error means that it is installed already.
        let _ = ring::default_provider().install_default();
        let trusted = access.certificates.as_deref().map(Certificate::from_pem_bundle).transpose();
        let trusted = trusted.map_err(|error| FetchError::Client(root(&error)))?;
        let plain = builder().tls_certs_only([]).build();
        Ok(Self {
            plain: plain.map_err(|error| FetchError::Client(root(&error)))?,
            secure: OnceCell::new(),
            certificates: trusted.unwrap_or_default(),
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

    /// UTC now.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Sends a request, follows redirects and reads the body. Waits first if the server has asked for that.
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
            let (body, arrivals) = read(response, request.most_bytes, began).await?;
            let body = match headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
                true => inflate(&body, request.most_bytes)?,
                false => body,
            };
            return Ok(Exchange {
                asked: request.url.clone(),
                url,
                redirects,
                moment,
                headers_after,
                took: began.elapsed(),
                version,
                reply: Reply { status, headers, body },
                arrivals,
            });
        }
        Err(FetchError::Redirects)
    }

    fn client(&self, url: &Url) -> Result<&Client, FetchError> {
        if url.scheme() != "https" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = builder().tls_certs_merge(self.certificates.iter().cloned()).build();
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
        builder.send().await.map_err(|error| match error.is_connect() {
            true => FetchError::Connect(root(&error)),
            false => FetchError::Broken(root(&error)),
        })
    }

    /// Remembers a wait that the server asks for.
    fn heed(&self, response: &Response) {
        let text = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let busy = matches!(response.status().as_u16(), 429 | 503);
        if let Some(seconds) = text.filter(|_| busy).and_then(|text| text.trim().parse().ok()) {
            let wait = Duration::from_secs(seconds).min(LONGEST_RETRY);
            *self.not_before.borrow_mut() = Some(Instant::now() + wait);
        }
    }
}

fn builder() -> ClientBuilder {
    let client = Client::builder().user_agent(concat!("barstone-check/", env!("CARGO_PKG_VERSION")));
    client.redirect(redirect::Policy::none()).no_proxy().connect_timeout(CONNECT_WITHIN)
}

async fn read(
    mut response: Response,
    most: usize,
    began: Instant,
) -> Result<(Bytes, Vec<(usize, Duration)>), FetchError> {
    let (mut body, mut arrivals) = (BytesMut::new(), Vec::new());
    while let Some(piece) = response.chunk().await.map_err(|error| FetchError::Broken(root(&error)))? {
        if body.len() + piece.len() > most {
            return Err(FetchError::TooLong(most));
        }
        body.extend_from_slice(&piece);
        arrivals.push((body.len(), began.elapsed()));
    }
    Ok((body.freeze(), arrivals))
}

fn inflate(body: &[u8], most: usize) -> Result<Bytes, FetchError> {
    // A response to HEAD, or without content, has a coding and no body.
    if body.is_empty() {
        return Ok(Bytes::new());
    }
    let mut text = Vec::new();
    let read = GzDecoder::new(body).take(most as u64 + 1).read_to_end(&mut text);
    match read {
        Ok(length) if length > most => Err(FetchError::Inflated(most)),
        Ok(_) => Ok(text.into()),
        Err(error) => Err(FetchError::Coding(error.to_string())),
    }
}

/// Innermost cause of an error.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    os_error::without_numbers(&cause.to_string())
}
