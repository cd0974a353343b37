//! Counts bytes of response bodies as they are passed to connections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body::{Frame, SizeHint};

use crate::base::metrics::Metrics;
use crate::stream::audience::Audience;

/// A body that counts its bytes.
struct Counted {
    body: Body,
    metrics: Arc<Metrics>,
    /// Audience of the stream that the manifest or media belongs to.
    audience: Option<Arc<Audience>>,
}

/// Wraps the body of a response. Its bytes count in `metrics`, and for the audience in the extensions of the response,
/// if there is one.
pub(super) fn counted(mut response: Response, metrics: Arc<Metrics>) -> Response {
    let audience = response.extensions_mut().remove::<Arc<Audience>>();
    response.map(|body| Body::new(Counted { body, metrics, audience }))
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.metrics.egress.inc_by(bytes);
            self.audience.iter().for_each(|audience| audience.count_bytes(bytes));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
