//! HTTP/1.1 and HTTP/2 connections, with or without TLS, on one port, and the limits on each client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
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
use super::faults::Reset;
use super::tls::Certificates;
use super::viewer_access::Routes;
use crate::base::metrics::Metrics;
use crate::base::os_error;
use crate::http::ConnectionLimits;

mod connection_limiter;
mod deadline;
mod over_limit;
mod priority;
mod request_body;
mod requests;
mod response_body;
mod scheduler;
mod timed_io;

use connection_limiter::ConnectionLimiter;
use over_limit::{ExcessConnection, OverLimit};
use request_body::Timely;
use requests::Requests;
use response_body::Answer;
use timed_io::Link;

/// Time that a connection may be idle between two requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Interval of HTTP/2 pings on an idle connection, and timeout of their answer.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// Pause after a failed accept, which is usually due to missing file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Limit of simultaneous requests on an HTTP/2 connection, including blocked ones.
const MAX_CONCURRENT_REQUESTS: u32 = 256;
/// Bytes of each response that HTTP/2 buffers. The buffer bridges the time until the next piece; it is small because a
/// more urgent response cannot overtake buffered bytes.
const RESPONSE_BUFFER: usize = 32 * 1024;
/// Unsent bytes that the kernel buffers per connection (TCP_NOTSENT_LOWAT). The default has no limit.
const MAX_UNSENT: u32 = 128 * 1024;

/// Routes and settings of the server.
#[derive(Debug)]
pub struct Site {
    /// All routes.
    pub routes: Routes,
    /// Certificates, if the server speaks TLS.
    pub certificates: Option<Certificates>,
    /// Limits on connections and requests.
    pub limits: ConnectionLimits,
    /// Metrics of connections.
    pub metrics: Arc<Metrics>,
}

/// Serves `site` until `stop` is cancelled, then completes the requests received before.
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
                    let excess = Arc::new(over_limit.register(exceeded));
                    tasks.spawn(async move { answer_one(accepted, &site, &excess).await });
                }
            },
            Err(error) => {
                tracing::warn!(error = os_error::text(&error), "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
    tasks.close();
    tokio::join!(connections.shutdown(), tasks.wait());
}

/// Address of this host that a client has connected to, an extension of its requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalAddress(pub(super) SocketAddr);

/// An accepted connection and the address of its client.
type Accepted = (TcpStream, SocketAddr);

/// A TCP or TLS stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The connection is reset in place of an answer; in HTTP/2 the stream alone (RST_STREAM).
#[derive(Debug, thiserror::Error)]
#[error("the URL asks for a reset")]
struct IntendedReset;

/// Serves one request of a connection over a limit: a probe is answered, another request is refused.
async fn answer_one(accepted: Accepted, site: &Site, excess: &Arc<ExcessConnection>) {
    let last = GracefulShutdown::new();
    let watcher = last.watcher();
    let end = async {
        excess.first_request().await;
        last.shutdown().await;
    };
    tokio::select! {
        () = connection(accepted, site, watcher, Some(Arc::clone(excess))) => {}
        () = async { end.await; std::future::pending().await } => {}
        () = excess.must_close() => {}
    }
}

/// Serves a connection to its end. `excess` is set for a connection over a limit and decides about its requests.
async fn connection((stream, address): Accepted, site: &Site, watcher: Watcher, excess: Option<Arc<ExcessConnection>>) {
    let (requests, local) = (Requests::new(), stream.local_addr().map(LocalAddress).ok());
    let Some(stream) = prepare(stream, site, &requests).await else { return };
    let (routes, own, limits) = (site.routes.clone(), Arc::clone(&requests), site.limits);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        local.map(|local| request.extensions_mut().insert(local));
        let active = own.begin(&request);
        let is_last = excess.is_some();
        let may_pass = match (head_length(&request) <= limits.header_bytes, &excess) {
            (false, _) => Err(ApiError::HeadTooLong { limit: limits.header_bytes }),
            (true, Some(excess)) => excess.decide(request.uri().path()),
            (true, None) => Ok(()),
        };
        let body = |body| Body::new(Timely::new(body, limits.body));
        let response = may_pass.map(|()| routes.clone().call(request.map(body)));
        async move {
            let mut response = match response {
                Ok(response) => response.await.unwrap_or_else(|never| match never {}),
                Err(error) => error.into_response(),
            };
            if is_last {
                // Without it a client may send its next request on this connection while it is closed. In HTTP/2,
                // hyper removes the field.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            if response.extensions().get::<Reset>().is_some() {
                active.reset();
                return Err(IntendedReset);
            }
            Ok(response.map(|body| Answer::new(body, active)))
        }
    });
    let connection = builder(&site.limits).serve_connection(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => {
            if let Err(error) = ended {
                tracing::debug!(error, "a connection ended with an error");
            }
        }
        () = client_stalled(&requests, site.limits.send) => tracing::debug!("closing a connection whose client reads nothing"),
    }
}

async fn prepare(stream: TcpStream, site: &Site, requests: &Arc<Requests>) -> Option<Box<dyn Stream>> {
    // Without TCP_NODELAY a small response waits for the acknowledgement of the previous one. An error is ignored.
    let _ = stream.set_nodelay(true);
    // Without TCP_USER_TIMEOUT vanished clients are noticed later. An error is ignored.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, site.limits.send.as_millis() as u32);
    let link = Link::new(stream, Arc::clone(requests), site.limits);
    let Some(certificates) = &site.certificates else { return Some(Box::new(link)) };
    match certificates.acceptor().accept(link).await {
        Ok(stream) => {
            let (link, session) = stream.get_ref();
            if session.alpn_protocol() == Some(b"h2") {
                // Bytes in the kernel cannot be overtaken by a more urgent response. An error is ignored.
                let _ = SockRef::from(link.get_ref()).set_tcp_notsent_lowat(MAX_UNSENT);
            }
            Some(Box::new(stream))
        }
        Err(error) => {
            tracing::debug!(error = os_error::text(&error), "the TLS handshake failed");
            None
        }
    }
}

/// Approximate size of a request head in bytes. The limit of hyper applies to responses too, where it makes sending a
/// third slower.
fn head_length(request: &Request<Incoming>) -> usize {
    let query = request.uri().query().map_or(0, str::len);
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    request.uri().path().len() + query + fields.sum::<usize>()
}

/// HTTP settings of a connection. The limit on streams that a client resets is the default of h2.
fn builder(limits: &ConnectionLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes as u32)
        .max_send_buf_size(RESPONSE_BUFFER)
        .max_concurrent_streams(MAX_CONCURRENT_REQUESTS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

/// Resolves when the client has read nothing of a response for `timeout_after` to 1.5 times that long. An HTTP/2 client
/// can stall one response and still read from the connection.
async fn client_stalled(requests: &Requests, timeout_after: Duration) {
    loop {
        tokio::time::sleep(timeout_after / 2).await;
        if requests.scheduler().is_stuck(Instant::now(), timeout_after) {
            return;
        }
    }
}
