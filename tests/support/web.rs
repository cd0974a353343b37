//! An HTTP client that follows no redirect, decodes nothing and returns all headers.

use std::io::Read;
use std::ops::Deref;
use std::time::Duration;

use barstone::inspect::reply;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

use super::playlist::Playlist;
use super::server::Server;
use super::{LONG, until};

/// The client of one test. It sends the API token with changes only.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    reader: Client,
    writer: Client,
    base: Url,
}

/// An answer that is as tests expect it: JSON and visible ASCII where those are read.
#[derive(Debug, Clone)]
pub(crate) struct Reply(pub(crate) reply::Reply);

impl Web {
    pub(crate) fn of(server: &Server) -> Self {
        let bearer = format!("Bearer {}", server.token()).parse().expect("visible ASCII");
        Self { writer: client([(AUTHORIZATION, bearer)].into_iter().collect()), ..Self::without_token(server) }
    }

    /// A client without the API token.
    pub(crate) fn without_token(server: &Server) -> Self {
        let (reader, base) = (client(HeaderMap::new()), format!("http://{}/", server.address()));
        Self { writer: reader.clone(), reader, base: base.parse().expect("a URL") }
    }

    /// The URL of a path of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        self.base.join(path).expect("a path").into()
    }

    /// The path and query of a link in the resource at `path`.
    pub(crate) fn resolve(&self, path: &str, link: &str) -> String {
        let url = self.base.join(path).and_then(|url| url.join(link)).expect("a link");
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// A request. Its own `Authorization` header replaces the API token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = if method == Method::GET || method == Method::HEAD { &self.reader } else { &self.writer };
        client.request(method, self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    /// A request of a player on a page of another origin, with compression.
    pub(crate) async fn receive(&self, path: &str) -> Reply {
        let request = self.request(Method::GET, path).header("accept-encoding", "gzip");
        let reply = send(request.header("origin", "http://localhost")).await;
        if reply.header("content-encoding") != "gzip" {
            return reply;
        }
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&reply.body[..]).read_to_end(&mut text).expect("gzip");
        Reply(reply::Reply { body: text.into(), ..reply.0 })
    }

    /// Sends a JSON body.
    pub(crate) async fn json(&self, method: Method, path: &str, body: &Value) -> Reply {
        send(self.request(method, path).json(body)).await
    }

    /// The body of a path that exists or will exist. On a loaded machine, rendering the past takes long.
    pub(crate) async fn fetch(&self, path: &str) -> Bytes {
        let there = async || Some(self.get(path).await).filter(|reply| reply.status != 503);
        let reply = until(path, LONG, there).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.0.body
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        String::from_utf8(self.fetch(path).await.into()).expect("UTF-8")
    }

    /// The media playlist of a track.
    pub(crate) async fn playlist(&self, stream: &str, track: &str) -> Playlist {
        Playlist::parse(&self.text(&format!("/live/{stream}/{track}/hls.m3u8")).await)
    }

    /// A segment or an init segment, by its URI in the playlist of the track.
    pub(crate) async fn media(&self, stream: &str, track: &str, uri: &str) -> Bytes {
        self.fetch(&format!("/live/{stream}/{track}/{uri}")).await
    }

    /// Resolves when the manifests of the stream are available.
    pub(crate) async fn playable(&self, stream: &str) {
        let path = format!("/live/{stream}/hls.m3u8");
        until(&path, LONG, async || (self.get(&path).await.status == 200).then_some(())).await;
    }

    /// Value of a counter of one stream; zero if the counter has no value yet.
    pub(crate) async fn counter(&self, name: &str, stream: &str) -> u64 {
        self.metric(&format!("{name}{{stream=\"{stream}\"}}")).await
    }

    /// Value of a metric with its labels; zero if the metric has no value yet.
    pub(crate) async fn metric(&self, sample: &str) -> u64 {
        let text = self.text("/metrics").await;
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a whole number"))
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Deref for Reply {
    type Target = reply::Reply;

    fn deref(&self) -> &reply::Reply {
        &self.0
    }
}

fn client(headers: HeaderMap) -> Client {
    // Every client installs a TLS provider; another test may have been first.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(60));
    client.default_headers(headers).build().expect("a client")
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply(reply::Reply { status, headers, body: response.bytes().await.expect("the body is whole") })
}
