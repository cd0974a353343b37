//! Responses with bodies: cache headers, conditional requests, ranges, and media whose bytes are shared with the
//! window.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::{Range, RangeInclusive};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};

use super::cache_control::Cache;
use super::error::ApiError;
use crate::base::timeline::UnixTime;
use crate::media::cmaf::Media;
use preconditions::Validators;
use range::Selection;

mod encoding;
mod preconditions;
mod range;

pub(super) use encoding::prefers_gzip;
pub(super) use range::Growing;

/// Capacity of the header map, including headers that layers add, so that it is allocated once.
const HEADER_CAPACITY: usize = 14;

/// Headers that describe a body.
#[derive(Debug)]
pub(super) struct Meta<'a> {
    pub(super) content_type: &'static str,
    pub(super) cache: Cache,
    pub(super) etag: &'a str,
    pub(super) modified: Option<UnixTime>,
}

impl<'a> Meta<'a> {
    fn validators(&self) -> Validators<'a> {
        Validators { etag: self.etag, modified: self.modified.map(UnixTime::as_secs) }
    }
}

/// Redirects to `location`, a URL that may be relative.
pub(super) fn redirect(status: StatusCode, location: &str, cache: Cache) -> Response {
    let mut response = (status, [(header::LOCATION, location)]).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, cache.value());
    response
}

/// Responds with media: the whole file, a range, or 304.
pub(super) fn media(request: &HeaderMap, media: &Media, meta: &Meta<'_>) -> Result<Response, ApiError> {
    if let Some(response) = not_modified(request, meta) {
        return Ok(response);
    }
    let Some(range) = range(request, meta, media.len())? else {
        return Ok(with_meta(StatusCode::OK, Pieces::body(media.pieces().to_vec()), meta, accept_ranges));
    };
    let content_range = content_range(&range, media.len());
    let body = Pieces::body(media.slice(range));
    Ok(with_meta(StatusCode::PARTIAL_CONTENT, body, meta, |headers| {
        accept_ranges(headers);
        headers.extend(content_range);
    }))
}

fn content_range(range: &Range<u64>, len: u64) -> Option<(HeaderName, HeaderValue)> {
    let text = format!("bytes {}-{}/{len}", range.start, range.end - 1);
    Some((header::CONTENT_RANGE, HeaderValue::try_from(text).ok()?))
}

/// Responds with a file of `len` bytes of which `body` makes a part: the whole file, a range, or 304.
pub(super) async fn of_length(
    request: &HeaderMap,
    len: u64,
    meta: &Meta<'_>,
    body: impl AsyncFnOnce(Range<u64>) -> Result<Body, ApiError>,
) -> Result<Response, ApiError> {
    if let Some(response) = not_modified(request, meta) {
        return Ok(response);
    }
    let range = range(request, meta, len)?;
    let part = range.clone().unwrap_or(0..len);
    let body = body(part.clone()).await?;
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    Ok(with_meta(status, body, meta, |headers| {
        accept_ranges(headers);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
        if range.is_some() {
            headers.extend(content_range(&part, len));
        }
    }))
}

/// Responds with bytes, without support of ranges.
pub(super) fn bytes(request: &HeaderMap, bytes: Bytes, meta: &Meta<'_>) -> Response {
    not_modified(request, meta).unwrap_or_else(|| with_meta(StatusCode::OK, Body::from(bytes), meta, |_| {}))
}

/// Responds with chunks as they are published, one body frame each. Length and validators are unknown.
pub(super) fn growing(
    chunks: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static,
    content_type: &'static str,
    cache: Cache,
) -> Response {
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, cache.value());
    // Without this nginx buffers the end of each chunk.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The range of a request, if it can be served while the file still grows. `If-Range` needs the whole file.
pub(super) fn growing_range(request: &HeaderMap) -> Option<Growing> {
    let range = preconditions::single(request, header::RANGE).filter(|_| !request.contains_key(header::IF_RANGE))?;
    Growing::parse(range)
}

/// Responds with bytes of a file whose length is not known yet: `range` has the first and the last of them.
pub(super) fn growing_part(
    body: Body,
    range: RangeInclusive<u64>,
    content_type: &'static str,
    cache: Cache,
) -> Response {
    let mut response = (StatusCode::PARTIAL_CONTENT, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, cache.value());
    let content_range = format!("bytes {}-{}/*", range.start(), range.end());
    headers.extend(HeaderValue::try_from(content_range).map(|value| (header::CONTENT_RANGE, value)));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    accept_ranges(headers);
    response
}

/// A body of existing bytes.
pub(super) fn pieces(pieces: Vec<Bytes>) -> Body {
    Pieces::body(pieces)
}

fn accept_ranges(headers: &mut HeaderMap) {
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
}

fn with_meta(status: StatusCode, body: Body, meta: &Meta<'_>, more: impl FnOnce(&mut HeaderMap)) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.reserve(HEADER_CAPACITY);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(meta.content_type));
    headers.insert(header::CACHE_CONTROL, meta.cache.value());
    headers.extend(HeaderValue::try_from(meta.etag).map(|etag| (header::ETAG, etag)));
    if let Some(modified) = meta.modified {
        let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(modified.as_secs()));
        headers.extend(HeaderValue::try_from(text).map(|date| (header::LAST_MODIFIED, date)));
    }
    more(headers);
    response
}

/// 304 if the client has the current body (RFC 9110 13.1.2, 13.1.3).
pub(super) fn not_modified(request: &HeaderMap, meta: &Meta<'_>) -> Option<Response> {
    preconditions::is_not_modified(request, meta.validators()).then(|| {
        with_meta(StatusCode::NOT_MODIFIED, Body::empty(), meta, |headers| {
            headers.remove(header::CONTENT_TYPE);
        })
    })
}

/// The requested range, if it is single and satisfiable (RFC 9110 14.2).
fn range(request: &HeaderMap, meta: &Meta<'_>, len: u64) -> Result<Option<Range<u64>>, ApiError> {
    let Some(asked) = preconditions::single(request, header::RANGE) else { return Ok(None) };
    if !preconditions::may_be_partial(request, meta.validators()) {
        return Ok(None);
    }
    match range::select(asked, len) {
        Selection::Whole => Ok(None),
        Selection::Part(range) => Ok(Some(range)),
        Selection::Unsatisfiable => Err(ApiError::Range { asked: asked.to_owned(), len }),
    }
}

/// A body of shared byte slices with a known length.
struct Pieces {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl Pieces {
    fn body(pieces: Vec<Bytes>) -> Body {
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Body::new(Self { pieces: pieces.into(), left })
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
