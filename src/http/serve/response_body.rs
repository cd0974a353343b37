//! Response bodies. In HTTP/2 a body is sent in pieces, in the order that the scheduler decides; in HTTP/1.1 it is
//! sent unchanged.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::requests::ActiveRequest;

/// Bytes sent before a more urgent response may go first: the largest frame that every client accepts (RFC 9113 4.2).
const PIECE: usize = 16 * 1024;
/// Longest wait until the pieces before an error have left. A client that reads so slowly gets fewer of them.
const MAX_FLUSH: Duration = Duration::from_secs(10);
/// Time after a flush by which one has ended that began after the last piece: in HTTP/2 another task writes.
const SETTLED: Duration = Duration::from_millis(20);

/// The body of a response.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    /// The response in the scheduler, until it is complete.
    sending: Option<Sending>,
    /// The error with which the body breaks off, once what was sent before has left.
    breaking: Option<Breaking>,
    active: ActiveRequest,
}

/// A body that breaks off.
struct Breaking {
    error: axum::Error,
    sent: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Breaking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

#[derive(Debug)]
struct Sending {
    id: u64,
    /// Bytes taken from the body and not sent yet.
    rest: Bytes,
    held: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn new(body: Body, active: ActiveRequest) -> Self {
        let join =
            |priority| Sending { id: active.requests.scheduler().join(priority), rest: Bytes::new(), held: None };
        let sending = active.priority.filter(|_| !body.is_end_stream()).map(join);
        Self { body, sending, breaking: None, active }
    }

    /// The next piece. An error ends the connection or the stream, and discards what is not sent by then.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.breaking.is_none() {
            match ready!(self.poll_piece(cx)) {
                Some(Err(error)) => {
                    self.leave();
                    self.breaking = Some(Breaking { error, sent: self.all_sent() });
                }
                piece => return Poll::Ready(piece),
            }
        }
        if let Some(breaking) = &mut self.breaking {
            ready!(breaking.sent.as_mut().poll(cx));
        }
        Poll::Ready(self.breaking.take().map(|breaking| Err(breaking.error)))
    }

    /// Resolves when the pieces have left for the client, or cannot.
    fn all_sent(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let requests = Arc::clone(&self.active.requests);
        Box::pin(async move {
            _ = timeout(MAX_FLUSH, requests.next_flush()).await;
            sleep(SETTLED).await;
        })
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(sending) = &mut self.sending else { return Pin::new(&mut self.body).poll_frame(cx) };
        let scheduler = || self.active.requests.scheduler();
        if sending.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                scheduler().wait(sending.id);
                return Poll::Pending;
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => sending.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let hold = scheduler().hold(sending.id, Instant::now(), cx.waker());
        ready!(sending.poll_held(hold, cx));
        let piece = sending.rest.split_to(sending.rest.len().min(PIECE));
        if sending.rest.is_empty() && self.body.is_end_stream() {
            self.leave();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn leave(&mut self) {
        if let Some(sending) = self.sending.take() {
            self.active.requests.scheduler().leave(sending.id);
        }
    }
}

impl Sending {
    /// Ready if `hold` is `None`. Otherwise the task is woken at that moment, or earlier by the scheduler.
    fn poll_held(&mut self, hold: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = hold else {
            self.held = None;
            return Poll::Ready(());
        };
        let held = self.held.get_or_insert_with(|| Box::pin(sleep_until(until)));
        held.as_mut().reset(until);
        if held.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.get_mut().poll_next(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.sending.as_ref().is_none_or(|sending| sending.rest.is_empty()) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.sending.as_ref().map_or(0, |sending| sending.rest.len() as u64);
        let body = self.body.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use axum::http::{Request, Version};
    use futures_util::stream;

    use super::super::requests::Requests;
    use super::super::scheduler::GRACE;
    use super::*;

    fn answer(requests: &Arc<Requests>, version: Version, priority: &str, body: Body) -> Answer {
        let request = Request::get("/").version(version).header("priority", priority).body(()).unwrap();
        Answer::new(body, requests.begin(&request))
    }

    async fn next(answer: &mut Answer) -> Option<usize> {
        let frame = poll_fn(|cx| Pin::new(&mut *answer).poll_frame(cx)).await?;
        Some(frame.unwrap().into_data().unwrap().len())
    }

    #[tokio::test]
    async fn a_large_body_is_sent_in_pieces_and_has_a_size_hint() {
        let body = || Body::from(vec![0; PIECE + 5]);
        let requests = Requests::new();
        let mut shared = answer(&requests, Version::HTTP_2, "", body());
        assert_eq!(shared.size_hint().exact(), Some(PIECE as u64 + 5));
        assert_eq!(next(&mut shared).await, Some(PIECE));
        assert_eq!((shared.size_hint().exact(), shared.is_end_stream()), (Some(5), false));
        assert_eq!((next(&mut shared).await, shared.is_end_stream()), (Some(5), true));
        let mut alone = answer(&requests, Version::HTTP_11, "", body());
        assert_eq!(next(&mut alone).await, Some(PIECE + 5));
    }

    #[tokio::test]
    async fn chunks_of_a_body_are_not_joined() {
        let chunks = [PIECE + 1, 3].map(|length| Ok::<_, std::io::Error>(vec![0; length]));
        let mut growing = answer(&Requests::new(), Version::HTTP_2, "", Body::from_stream(stream::iter(chunks)));
        for expected in [Some(PIECE), Some(1), Some(3), None] {
            assert_eq!(next(&mut growing).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_less_urgent_response_waits_only_for_urgent_ones() {
        let requests = Requests::new();
        let of = |priority| answer(&requests, Version::HTTP_2, priority, Body::from(vec![0; 2 * PIECE]));
        let (mut urgent, mut less) = (of("u=0"), of("u=7"));
        let began = Instant::now();
        assert_eq!(next(&mut urgent).await, Some(PIECE));
        assert_eq!((next(&mut less).await, began.elapsed()), (Some(PIECE), GRACE), "nobody asks for the rest");
        assert_eq!(next(&mut urgent).await, Some(PIECE));
        assert_eq!((next(&mut less).await, began.elapsed()), (Some(PIECE), GRACE), "it has gone");

        let (mut urgent, mut less) = (of("u=0"), of("u=7"));
        let began = Instant::now();
        assert_eq!(next(&mut urgent).await, Some(PIECE));
        let (piece, ()) = tokio::join!(next(&mut less), async { drop(urgent) });
        assert_eq!((piece, began.elapsed()), (Some(PIECE), Duration::ZERO), "it is told");
    }

    #[tokio::test(start_paused = true)]
    async fn an_urgent_response_without_data_delays_no_other() {
        let requests = Requests::new();
        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let mut urgent = answer(&requests, Version::HTTP_2, "u=0", silent);
        let mut less = answer(&requests, Version::HTTP_2, "u=7", Body::from("less"));
        let began = Instant::now();
        let both = async {
            tokio::select! { _ = next(&mut urgent) => None, piece = next(&mut less) => piece }
        };
        assert_eq!((both.await, began.elapsed()), (Some(4), Duration::ZERO));
    }
}
