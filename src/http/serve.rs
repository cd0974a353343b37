//! Connections: HTTP/1.1 and HTTP/2, with or without TLS, on one port, and what one client may have of them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use super::error::ApiError;
use super::tls::Certificates;
use crate::base::metrics::Metrics;
use crate::http::ConnectionLimits;

mod answer;
mod body;
mod connection_limiter;
mod deadline;
mod link;
mod over_limit;
mod priority;
mod requests;
mod scheduler;

use answer::Answer;
use body::Timely;
use connection_limiter::ConnectionLimiter;
use link::Link;
use over_limit::{Hearing, OverLimit};
use requests::Requests;

/// How long a connection may be idle between two requests.
const IDLE: Duration = Duration::from_secs(75);
/// How often a quiet HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// Pause after an accept that failed, most likely for want of file descriptors.
const BREATH: Duration = Duration::from_millis(50);
/// Requests of one HTTP/2 connection that may be under way at once; blocked ones are among them.
const STREAMS: u32 = 256;
/// What HTTP/2 takes of each answer before it is on its way: enough to go on with while the next piece is fetched, and
/// little, because it cannot be overtaken any more.
const AHEAD: usize = 32 * 1024;
/// The same for the kernel, beyond what is on the line; the default is without a limit.
const UNSENT: u32 = 128 * 1024;

/// What is served, and to whom.
#[derive(Debug)]
pub struct Site {
    /// All routes.
    pub router: Router,
    /// If the server speaks TLS.
    pub certificates: Option<Certificates>,
    /// What one client may have.
    pub limits: ConnectionLimits,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
}

/// Serves `site` until `stop` is cancelled, and then what has been asked before.
pub async fn serve(listener: TcpListener, site: Site, stop: CancellationToken) {
    let limiter = ConnectionLimiter::new(&site.limits, Arc::clone(&site.metrics));
    let over_limit = OverLimit::new(Arc::clone(&site.metrics));
    let site = Arc::new(site);
    let connections = GracefulShutdown::new();
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let site = Arc::clone(&site);
        match accepted {
            Ok(accepted) => match limiter.enter(accepted.1.ip()) {
                Ok(inside) => {
                    let watcher = connections.watcher();
                    tasks.spawn(async move {
                        connection(accepted, &site, watcher, None).await;
                        drop(inside);
                    });
                }
                Err(exceeded) => {
                    let hearing = Arc::new(over_limit.hear(exceeded));
                    tasks.spawn(async move { hear(accepted, &site, &hearing).await });
                }
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    tasks.close();
    tokio::join!(connections.shutdown(), tasks.wait());
}

/// A connection, and where it comes from.
type Accepted = (TcpStream, SocketAddr);

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Answers one request of a connection past a limit, if it is one that is always answered, or refuses it.
async fn hear(accepted: Accepted, site: &Site, hearing: &Arc<Hearing>) {
    let last = GracefulShutdown::new();
    let watcher = last.watcher();
    let end = async {
        hearing.asked().await;
        last.shutdown().await;
    };
    tokio::select! {
        () = connection(accepted, site, watcher, Some(Arc::clone(hearing))) => {}
        () = async { end.await; std::future::pending().await } => {}
        () = hearing.over() => {}
    }
}

/// Serves one connection to its end. A connection past a limit has a `hearing`, which judges its requests.
async fn connection((stream, address): Accepted, site: &Site, watcher: Watcher, hearing: Option<Arc<Hearing>>) {
    let requests = Requests::new();
    let Some(stream) = prepare(stream, site, &requests).await else { return };
    let (router, own, limits) = (site.router.clone(), Arc::clone(&requests), site.limits);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        let under_way = own.begin(&request);
        let may_pass = match (head_length(&request) <= limits.header_bytes, &hearing) {
            (false, _) => Err(ApiError::HeadTooLong { limit: limits.header_bytes }),
            (true, Some(hearing)) => hearing.judge(request.uri().path()),
            (true, None) => Ok(()),
        };
        let body = |body| Body::new(Timely::new(body, limits.body));
        let response = may_pass.map(|()| router.clone().call(request.map(body)));
        async move {
            let response = match response {
                Ok(response) => response.await?,
                Err(error) => error.into_response(),
            };
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, under_way)))
        }
    });
    let connection = builder(&site.limits).serve_connection(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => {
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended with an error");
            }
        }
        () = stuck(&requests, site.limits.send) => tracing::debug!("closing a connection whose client reads nothing"),
    }
}

async fn prepare(stream: TcpStream, site: &Site, requests: &Arc<Requests>) -> Option<Box<dyn Stream>> {
    // Without it a small answer waits for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    // It is a safeguard; without it vanished clients are noticed later.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, site.limits.send.as_millis() as u32);
    let link = Link::new(stream, Arc::clone(requests), site.limits);
    let Some(certificates) = &site.certificates else { return Some(Box::new(link)) };
    match certificates.acceptor().accept(link).await {
        Ok(stream) => {
            let (link, session) = stream.get_ref();
            if session.alpn_protocol() == Some(b"h2") {
                // What is in the kernel cannot be overtaken. Without it what is urgent comes later.
                let _ = SockRef::from(link.get_ref()).set_tcp_notsent_lowat(UNSENT);
            }
            Some(Box::new(stream))
        }
        Err(error) => {
            tracing::debug!(%error, "the TLS handshake failed");
            None
        }
    }
}

/// About as many bytes as there were. hyper's own limit is for what is sent as well, where it costs a third more time.
fn head_length(request: &Request<Incoming>) -> usize {
    let query = request.uri().query().map_or(0, str::len);
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    request.uri().path().len() + query + fields.sum::<usize>()
}

/// Streams that a client resets are bounded by what h2 has as its default.
fn builder(limits: &ConnectionLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes as u32)
        .max_send_buf_size(AHEAD)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

/// Resolves when the client has taken nothing of some answer for `timeout_after`, or half as much longer. In HTTP/2 it can do so
/// and still read from the connection.
async fn stuck(requests: &Requests, timeout_after: Duration) {
    loop {
        tokio::time::sleep(timeout_after / 2).await;
        if requests.scheduler().is_stuck(Instant::now(), timeout_after) {
            return;
        }
    }
}
