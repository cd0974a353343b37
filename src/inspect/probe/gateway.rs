//! A gateway on the loopback address for the player, which can neither send given headers nor trust given certificates. The
//! gateway passes the requests of the player on to the origin of a URL.

use std::convert::Infallible;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::{Body, Client, Url};
use tokio::net::{TcpListener, TcpStream};

use super::ProbeError;
use crate::base::os_error;
use crate::inspect::fetch::{Access, FetchError, MOST_MANIFEST_BYTES};

/// Content types of manifests contain these texts.
const MANIFESTS: [&str; 2] = ["mpegurl", "dash+xml"];

/// Requests what the player requests.
#[derive(Debug)]
pub(super) struct Gateway {
    listener: TcpListener,
    client: Client,
    /// Scheme, host and port, as manifests contain them.
    origin: String,
    local: String,
}

impl Gateway {
    /// A gateway to the origin of `url`. It listens, and serves while [`Gateway::serve`] is polled.
    ///
    /// # Errors
    /// No port is free, or the certificates cannot be read.
    pub(super) async fn open(url: &Url, access: Access) -> Result<Self, ProbeError> {
        let client = access.client()?;
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| FetchError::Client(os_error::text(&error)))?;
        let origin = url.origin().ascii_serialization();
        Ok(Self { listener, client, origin, local: format!("http://{address}") })
    }

    /// The URL that the player plays in place of `url`.
    pub(super) fn url(&self, url: &Url) -> String {
        let query = url.query().map_or(String::new(), |query| format!("?{query}"));
        format!("{}{}{query}", self.local, url.path())
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(&self) -> Infallible {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                // A connection that was closed before it was accepted is none.
                accepted = self.listener.accept() => connections.extend(accepted.map(|(stream, _)| self.connection(stream))),
                Some(()) = connections.next() => {}
            }
        }
    }

    async fn connection(&self, stream: TcpStream) {
        let service = service_fn(|request| async move { Ok::<_, Infallible>(self.answer(request).await) });
        // The player closes connections when it likes.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.pass_on(request).await.unwrap_or_else(|error| {
            let mut reply = Response::new(Body::from(error.to_string()));
            *reply.status_mut() = StatusCode::BAD_GATEWAY;
            reply
        })
    }

    async fn pass_on(&self, request: Request<Incoming>) -> reqwest::Result<Response<Body>> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut headers = request.headers().clone();
        // Those of this connection. Manifests are read here.
        [HOST, CONNECTION, ACCEPT_ENCODING].iter().for_each(|name| drop(headers.remove(name)));
        let url = format!("{}{path}", self.origin);
        let response = self.client.request(request.method().clone(), url).headers(headers).send().await?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        [CONNECTION, TRANSFER_ENCODING].iter().for_each(|name| drop(headers.remove(name)));
        if let Some(location) = headers.get_mut(LOCATION) {
            let local = location.to_str().ok().map(|url| url.replacen(&self.origin, &self.local, 1));
            *location = local.and_then(|url| url.parse().ok()).unwrap_or_else(|| location.clone());
        }
        let body = match is_manifest(&headers) {
            true => {
                headers.remove(CONTENT_LENGTH);
                self.localized(response).await?
            }
            false => Body::from(response),
        };
        let mut reply = Response::new(body);
        (*reply.status_mut(), *reply.headers_mut()) = (status, headers);
        Ok(reply)
    }

    /// A manifest whose absolute URLs lead to the gateway. What is longer than a manifest may be is cut off.
    async fn localized(&self, mut response: reqwest::Response) -> reqwest::Result<Body> {
        let mut manifest = BytesMut::new();
        while let Some(piece) = response.chunk().await? {
            manifest.extend_from_slice(&piece);
            if manifest.len() > MOST_MANIFEST_BYTES {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&manifest).replace(&self.origin, &self.local).into())
    }
}

fn is_manifest(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.to_ascii_lowercase();
    MANIFESTS.iter().any(|name| content_type.contains(name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::AUTHORIZATION;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::base::utc::Clock;
    use crate::inspect::fetch::{Fetcher, Request};

    /// Answers each connection once, with its head in the body.
    async fn echo(origin: TcpListener) -> Infallible {
        loop {
            let (mut stream, _) = origin.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let address = origin.local_addr().unwrap();
            let body = format!("http://{address}/a.ts\n{}", String::from_utf8_lossy(&head[..length]));
            let length = body.len();
            let reply = format!(
                "HTTP/1.1 206 Some\r\ncontent-type: application/x-mpegURL\r\nlocation: http://{address}/b\r\n\
                 content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn requests_get_headers_and_manifests_lead_to_the_gateway() {
        let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/live/x.m3u8?a=b", origin.local_addr().unwrap())).unwrap();
        let headers = vec![(AUTHORIZATION, "Bearer x".parse().unwrap())];
        let gateway = Gateway::open(&url, Access { headers, ..Access::default() }).await.unwrap();
        let local = Url::parse(&gateway.url(&url)).unwrap();
        let fetcher = Fetcher::new(&local, Access::default(), Clock::system()).unwrap();
        let request = Request::media(local, Duration::from_secs(20)).with(ACCEPT_ENCODING, "gzip".to_owned());
        let answer = tokio::select! {
            answer = fetcher.fetch(&request) => answer.unwrap(),
            never = gateway.serve() => match never {},
            never = echo(origin) => match never {},
        };
        let text = answer.reply.text();
        assert!(text.starts_with(&format!("{}/a.ts\nGET /live/x.m3u8?a=b HTTP/1.1", gateway.local)), "{text}");
        assert!(text.contains("authorization: Bearer x") && !text.contains("accept-encoding"), "{text}");
        assert_eq!(answer.reply.status, 206);
        assert_eq!(answer.reply.headers[LOCATION], format!("{}/b", gateway.local));
    }
}
