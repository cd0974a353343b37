//! Bodies that break off, pause, or are sent slowly.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::stream::{self, Stream, StreamExt};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, sleep, sleep_until};

use crate::definition::condition::Share;
use crate::http::held_answers::Held;

/// Number of chunks of a body whose length is not known yet, as an extension of the answer.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Chunks(pub(in crate::http) u32);

/// Time between two pieces of a slow body, unless one byte takes longer. With a thousand slow bodies, shorter times would need more
/// processor time than live viewers need.
const TICK: Duration = Duration::from_millis(200);
/// Largest piece of a slow body.
const LARGEST_PIECE: u64 = 16 * 1024;

/// Changes of a body by faults.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Share of the body after which it breaks off.
    pub(super) cut: Option<Share>,
    /// Pause in the middle of the body.
    pub(super) hang: Option<Duration>,
    /// Bits per second.
    pub(super) rate: Option<u64>,
}

/// The body breaks off because the URL asks for it.
#[derive(Debug, thiserror::Error)]
#[error("the URL asks for a body that breaks off")]
struct Cut;

impl Shape {
    pub(super) const fn is_plain(&self) -> bool {
        self.cut.is_none() && self.hang.is_none() && self.rate.is_none()
    }

    /// The body with these changes. Positions count bytes, or chunks if only the number of chunks is known. `held` is dropped at the end of
    /// the body.
    pub(super) fn apply(self, body: Body, chunks: Option<Chunks>, held: Option<Held>) -> Body {
        let bytes = body.size_hint().exact();
        let whole = bytes.or(chunks.map(|Chunks(chunks)| u64::from(chunks)));
        let state = State {
            cut: self.cut.zip(whole).map(|(share, whole)| share.of(whole)),
            hang: self.hang.zip(whole).map(|(pause, whole)| (whole / 2, pause)),
            rate: self.rate,
            counts_bytes: bytes.is_some(),
            body: body.into_data_stream(),
            rest: Bytes::new(),
            sent: 0,
            free: Instant::now(),
            _held: held,
        };
        let pieces = stream::unfold(state, |mut state| async move { Some((state.next().await?, state)) });
        Body::new(Shaped { pieces: Box::pin(pieces), left: bytes })
    }
}

/// The rest of a body, and the faults that have not acted yet.
struct State {
    body: BodyDataStream,
    /// Bytes read from the body and not sent yet.
    rest: Bytes,
    /// Number of bytes or chunks sent.
    sent: u64,
    counts_bytes: bool,
    /// Where the body breaks off.
    cut: Option<u64>,
    /// Where it pauses, and how long.
    hang: Option<(u64, Duration)>,
    rate: Option<u64>,
    /// When the last piece has been sent at this rate.
    free: Instant,
    _held: Option<Held>,
}

impl State {
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        loop {
            if self.cut == Some(self.sent) {
                return Some(Err(axum::Error::new(Cut)));
            }
            if let Some((_, pause)) = self.hang.take_if(|(place, _)| *place == self.sent) {
                sleep(pause).await;
            }
            if !self.rest.is_empty() {
                let length = self.piece();
                self.wait_for(length).await;
                return Some(Ok(self.take(length)));
            }
            match self.body.next().await? {
                Ok(data) => self.rest = data,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Length of the next piece.
    fn piece(&self) -> usize {
        let events = [self.cut, self.hang.map(|(place, _)| place)].into_iter().flatten();
        let until_event = events.map(|place| place - self.sent).filter(|_| self.counts_bytes).min();
        let of_rate = self.rate.map(|rate| (rate * TICK.as_millis() as u64 / 8000).clamp(1, LARGEST_PIECE));
        let most = until_event.into_iter().chain(of_rate).min().unwrap_or(u64::MAX);
        self.rest.len().min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Resolves once the bits of a piece have had their time.
    async fn wait_for(&mut self, length: usize) {
        let Some(rate) = self.rate else { return };
        let nanos = length as u128 * 8_000_000_000 / u128::from(rate);
        self.free = self.free.max(Instant::now()) + Duration::from_nanos(nanos as u64);
        sleep_until(self.free).await;
    }

    fn take(&mut self, length: usize) -> Bytes {
        let piece = self.rest.split_to(length);
        match self.counts_bytes {
            true => self.sent += length as u64,
            false => self.sent += u64::from(self.rest.is_empty()),
        }
        piece
    }
}

/// A body with the length that it would have without its faults.
struct Shaped {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, axum::Error>> + Send>>,
    left: Option<u64>,
}

impl http_body::Body for Shaped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let piece = ready!(self.pieces.as_mut().poll_next(context));
        if let (Some(Ok(piece)), Some(left)) = (&piece, &mut self.left) {
            *left -= piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// The lengths of the pieces until the end or an error, the moments at which they come, and whether there is an error.
    async fn pieces(shape: Shape, body: Body, chunks: Option<Chunks>) -> (Vec<(usize, u64)>, bool) {
        let began = Instant::now();
        let mut pieces = shape.apply(body, chunks, None).into_data_stream();
        let mut found = Vec::new();
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { return (found, true) };
            found.push((piece.len(), began.elapsed().as_millis() as u64));
        }
        (found, false)
    }

    fn growing() -> (Body, Option<Chunks>) {
        let chunks = [5, 6, 7, 8].map(|length| Ok::<_, Infallible>(vec![0; length]));
        (Body::from_stream(stream::iter(chunks)), Some(Chunks(4)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_breaks_off_pauses_and_keeps_its_rate() {
        let cut = || Shape { cut: "0.3".parse().ok(), ..Shape::default() };
        let hang = || Shape { hang: Some(Duration::from_secs(2)), ..Shape::default() };
        let whole = || Body::from(vec![0; 1000]);
        assert_eq!(pieces(cut(), whole(), None).await, (vec![(300, 0)], true));
        assert_eq!(pieces(hang(), whole(), None).await, (vec![(500, 0), (500, 2000)], false));
        let both = Shape { hang: hang().hang, ..cut() };
        assert_eq!(pieces(both, whole(), None).await, (vec![(300, 0)], true));
        // 1000 bytes at 16 kbit/s take half a second.
        let rate = Shape { rate: Some(16_000), ..Shape::default() };
        let (slow, _) = pieces(rate, whole(), None).await;
        assert_eq!((slow.len(), slow[0], slow[2]), (3, (400, 200), (200, 500)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_grows_is_cut_by_chunks() {
        let (body, chunks) = growing();
        let cut = Shape { cut: "0.5".parse().ok(), ..Shape::default() };
        assert_eq!(pieces(cut, body, chunks).await, (vec![(5, 0), (6, 0)], true));
        let (body, chunks) = growing();
        let hang = Shape { hang: Some(Duration::from_secs(2)), ..Shape::default() };
        assert_eq!(pieces(hang, body, chunks).await.0, [(5, 0), (6, 0), (7, 2000), (8, 2000)]);
        let (body, _) = growing();
        assert_eq!(pieces(Shape::default(), body, None).await.0.len(), 4);
    }

    #[tokio::test]
    async fn the_length_stays_that_of_the_whole_body() {
        let shape = Shape { cut: "0.5".parse().ok(), ..Shape::default() };
        let body = shape.apply(Body::from(vec![0; 1000]), None, None);
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(1000), false));
    }
}
