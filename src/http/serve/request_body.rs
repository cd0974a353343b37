//! A request body with a time limit.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::deadline::Deadline;
use crate::http::error::TooSlow;

/// A body that fails with [`TooSlow`] after its time limit.
#[derive(Debug)]
pub(super) struct Timely<B> {
    body: B,
    limit: Duration,
    /// Set when the body is first waited for.
    deadline: Option<Deadline>,
}

impl<B> Timely<B> {
    pub(super) fn new(body: B, limit: Duration) -> Self {
        Self { body, limit, deadline: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Timely<B>
where
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        ready!(self.deadline.get_or_insert_with(|| Deadline::after(limit)).poll(cx));
        Poll::Ready(Some(Err(TooSlow(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body as AnyBody, to_bytes};
    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Number of bytes read from a body of `bytes` bytes that arrive one a second.
    async fn read(bytes: usize) -> Result<usize, axum::Error> {
        let drip = stream::unfold(0, move |sent| async move {
            sleep(SECOND).await;
            (sent < bytes).then(|| (Ok::<_, axum::Error>(Bytes::from_static(b"x")), sent + 1))
        });
        let body = Timely::new(AnyBody::from_stream(drip), 5 * SECOND);
        to_bytes(AnyBody::new(body), usize::MAX).await.map(|bytes| bytes.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_body_times_out() {
        let began = Instant::now();
        assert_eq!(read(4).await.unwrap(), 4);
        assert!(TooSlow::find(&read(100).await.unwrap_err()).is_some());
        assert_eq!(began.elapsed(), 10 * SECOND);
    }
}
