//! The byte stream of a connection, with time limits on the client: for sending a request head, and for reading
//! responses.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::requests::Requests;
use crate::http::ConnectionLimits;

/// Factor of the head limit up to which bytes are read, so that hyper can still answer 431.
const READ_FACTOR: usize = 2;

/// A byte stream that fails with [`ErrorKind::TimedOut`] if the client is too slow, and with
/// [`ErrorKind::InvalidData`] if a request head does not end.
#[derive(Debug)]
pub(super) struct Link<T: Socket> {
    stream: T,
    requests: Arc<Requests>,
    limits: ConnectionLimits,
    /// Deadline of the request head that is being read.
    head: Option<Deadline>,
    /// Bytes received of that head.
    head_bytes: usize,
    /// Deadline for the client to read something.
    sending: Option<Deadline>,
}

/// A stream that can end with a reset.
pub(super) trait Socket {
    /// Makes the end of the stream a reset.
    fn end_with_reset(&self);
}

impl Socket for TcpStream {
    fn end_with_reset(&self) {
        // Without it the client meets an ordinary end. An error is ignored.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl<T: Socket> Drop for Link<T> {
    fn drop(&mut self) {
        if self.requests.ends_with_reset() {
            self.stream.end_with_reset();
        }
    }
}

impl<T: Socket> Link<T> {
    /// Wraps `stream`. The time limit of the first request head starts now.
    pub(super) fn new(stream: T, requests: Arc<Requests>, limits: ConnectionLimits) -> Self {
        let head = Some(Deadline::after(limits.header));
        Self { stream, requests, limits, head, head_bytes: 0, sending: None }
    }

    pub(super) fn get_ref(&self) -> &T {
        &self.stream
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.requests.head_is_awaited() {
            self.head = None;
        }
        let Some(head) = &mut self.head else { return Poll::Pending };
        ready!(head.poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    fn poll_sent(&mut self, sent: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if sent.is_ready() {
            self.sending = None;
            return sent;
        }
        ready!(self.sending.get_or_insert_with(|| Deadline::after(self.limits.send)).poll(cx));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Socket + Unpin> AsyncRead for Link<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.head_bytes > self.limits.header_bytes * READ_FACTOR && self.requests.head_is_awaited() {
            return Poll::Ready(Err(ErrorKind::InvalidData.into()));
        }
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buf) else { return self.poll_head(cx) };
        let length = buf.filled().len() - before;
        if length > 0 && self.requests.head_begins() {
            self.head = Some(Deadline::after(self.limits.header));
            self.head_bytes = 0;
        }
        self.head_bytes += length;
        Poll::Ready(read)
    }
}

impl<T: AsyncWrite + Socket + Unpin> AsyncWrite for Link<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_sent(sent, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_sent(sent, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.requests.mark_flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl Socket for DuplexStream {
        fn end_with_reset(&self) {
            unreachable!("no test resets it");
        }
    }

    fn link() -> (Link<DuplexStream>, DuplexStream, Arc<Requests>) {
        let (server, client) = duplex(16);
        let requests = Requests::new();
        let limits = ConnectionLimits { header: 2 * SECOND, send: 3 * SECOND, ..ConnectionLimits::default() };
        (Link::new(server, Arc::clone(&requests), limits), client, requests)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_head_times_out() {
        let (mut link, mut client, _requests) = link();
        let began = Instant::now();
        let drip = async {
            while client.write_all(b"G").await.is_ok() {
                sleep(SECOND / 2).await;
            }
        };
        let read = async {
            loop {
                if let Err(error) = link.read_u8().await {
                    break error.kind();
                }
            }
        };
        tokio::select! {
            () = drip => unreachable!("the link is open"),
            kind = read => assert_eq!((kind, began.elapsed()), (ErrorKind::TimedOut, 2 * SECOND)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_limit_does_not_apply_between_requests() {
        let (mut link, mut client, requests) = link();
        client.write_all(b"G").await.unwrap();
        link.read_u8().await.unwrap();
        let under_way = requests.begin(&Request::new(()));
        client.write_all(b"body").await.unwrap();
        link.read_exact(&mut [0; 4]).await.unwrap();
        drop(under_way);
        assert!(timeout(60 * SECOND, link.read_u8()).await.is_err(), "it is idle");
        client.write_all(b"G").await.unwrap();
        link.read_u8().await.unwrap();
        let began = Instant::now();
        assert_eq!(link.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(began.elapsed(), 2 * SECOND);
    }

    #[tokio::test]
    async fn an_endless_request_head_is_cut_off() {
        let (mut link, mut client, requests) = link();
        link.limits.header_bytes = 2;
        client.write_all(&[0; 16]).await.unwrap();
        link.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(link.read_u8().await.unwrap_err().kind(), ErrorKind::InvalidData);
        let _under_way = requests.begin(&Request::new(()));
        link.read_exact(&mut [0; 11]).await.expect("a body may be long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_times_out() {
        let (mut link, mut client, _requests) = link();
        link.write_all(&[0; 16]).await.unwrap();
        let began = Instant::now();
        let slowly = async {
            sleep(2 * SECOND).await;
            client.read_u8().await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = slowly => unreachable!("it is pending"),
            sent = link.write_all(&[0; 2]) => assert_eq!(sent.unwrap_err().kind(), ErrorKind::TimedOut),
        }
        assert_eq!(began.elapsed(), 5 * SECOND);
    }
}
