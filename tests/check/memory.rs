//! An HTTP/1.1 server that gets its answers from a function or from another server behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::Url;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::TaskTracker;

use barstone::base::utc::Clock;

/// A request.
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Time since the server started.
    pub(crate) millis: u64,
    /// UTC.
    pub(crate) time: SystemTime,
    headers: String,
}

/// How a range is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Right,
    Wrong,
    /// With the whole file.
    Ignored,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Time before the first byte.
    pub(crate) wait: Duration,
    /// Delay between the two halves of the body.
    pub(crate) trickle: Duration,
    /// Whether the server sends only half of the body.
    pub(crate) cut: bool,
    /// Whether the server evaluates If-None-Match.
    pub(crate) conditional: bool,
    pub(crate) range: Range,
    /// Time after which the server asks the function again, and sends that answer.
    pub(crate) again: Option<Duration>,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: vec![("access-control-allow-origin".into(), "*".into())],
            body: Vec::new(),
            wait: Duration::ZERO,
            trickle: Duration::ZERO,
            cut: false,
            conditional: true,
            range: Range::Right,
            again: None,
        }
    }

    pub(crate) fn ok(kind: &str, body: Vec<u8>) -> Self {
        Self { body, ..Self::status(200).with("content-type", kind) }
    }

    /// What the function answers after `wait`.
    pub(crate) fn again(wait: Duration) -> Self {
        Self { again: Some(wait), ..Self::status(200) }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Source of the answers of a server.
pub(crate) trait Source: Send + Sync + 'static {
    fn answer(&self, ask: &Ask) -> impl Future<Output = Answer> + Send;
}

impl<F: Fn(&Ask) -> Answer + Send + Sync + 'static> Source for F {
    async fn answer(&self, ask: &Ask) -> Answer {
        self(ask)
    }
}

/// A server that runs as long as the test.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    _tasks: TaskTracker,
}

impl Server {
    pub(crate) async fn start(source: impl Source) -> Self {
        Self::accept(source, None).await
    }

    /// A server behind TLS that negotiates no other version of HTTP.
    pub(crate) async fn start_secure(source: impl Source, [cert, key]: &[String; 2]) -> Self {
        let certificates = CertificateDer::pem_file_iter(cert).expect("it is read").map(|one| one.expect("it is read"));
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let config = builder.with_single_cert(certificates.collect(), key).expect("a certificate");
        Self::accept(source, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn accept(source: impl Source, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
        let (address, tasks, source) = (listener.local_addr().expect("it works"), TaskTracker::new(), Arc::new(source));
        let (of_connections, began, scheme) =
            (tasks.clone(), Instant::now(), if tls.is_some() { "https" } else { "http" });
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (source, tls) = (Arc::clone(&source), tls.clone());
                of_connections.spawn(async move {
                    match tls {
                        Some(tls) => serve(tls.accept(stream).await.ok()?, &*source, began).await,
                        None => serve(stream, &*source, began).await,
                    }
                });
            }
        });
        Self { address, scheme, _tasks: tasks }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}://{}/{path}", self.scheme, self.address)).expect("it works")
    }
}

/// Answers requests until the client or an answer ends the connection.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, source: &impl Source, began: Instant) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let text = String::from_utf8(head).ok()?;
        let reply = loop {
            let reply = source.answer(&ask(&text, began)?).await;
            let Some(wait) = reply.again else { break reply };
            tokio::time::sleep(wait).await;
        };
        send(&mut stream, reply, &ask(&text, began)?).await?;
    }
}

fn ask(head: &str, began: Instant) -> Option<Ask> {
    let (line, headers) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let nanos = Clock::system().now().as_nanos();
    Some(Ask {
        method: method.to_owned(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        millis: began.elapsed().as_millis() as u64,
        time: SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
        headers: headers.to_ascii_lowercase(),
    })
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), mut reply: Answer, ask: &Ask) -> Option<()> {
    tokio::time::sleep(reply.wait).await;
    let header = |name: &str| ask.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let tag = reply.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.clone());
    if reply.conditional && tag.is_some() && header("if-none-match").map(str::to_owned) == tag {
        reply = Answer { body: Vec::new(), status: 304, ..reply };
    }
    let range = header("range").and_then(|text| text.strip_prefix("bytes=")?.split_once('-'));
    let range = range.and_then(|(from, to)| Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?)));
    if let Some((from, to)) = range.filter(|_| reply.status == 200 && reply.range != Range::Ignored) {
        let total = reply.body.len();
        let (start, end) = if reply.range == Range::Wrong { (0, to - from) } else { (from, to) };
        reply.body = reply.body.get(start..=end)?.to_vec();
        reply.status = 206;
        reply = reply.with("content-range", &format!("bytes {from}-{to}/{total}"));
    }
    let mut head = format!("HTTP/1.1 {} x\r\ndate: {}\r\n", reply.status, httpdate::fmt_http_date(ask.time));
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if reply.status != 304 {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    stream.write_all((head + "\r\n").as_bytes()).await.ok()?;
    if ask.method == "HEAD" {
        return Some(());
    }
    let half = reply.body.len() / 2;
    if reply.cut {
        stream.write_all(&reply.body[..half]).await.ok()?;
        return None;
    }
    if !reply.trickle.is_zero() {
        stream.write_all(&reply.body[..half]).await.ok()?;
        tokio::time::sleep(reply.trickle).await;
        reply.body.drain(..half);
    }
    stream.write_all(&reply.body).await.ok()
}
