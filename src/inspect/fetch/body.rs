//! Bodies of answers, within limits of size.

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use reqwest::Response;

use super::error::FetchError;
use super::exchange::Request;

/// The body of a response, and the number of bytes received up to each moment after `began`.
pub(super) async fn read(
    mut response: Response,
    request: &Request,
    began: Instant,
) -> Result<(Bytes, Vec<(usize, Duration)>), FetchError> {
    let is_dropped = request.is_dropped && response.status().is_success();
    let (mut body, mut length, mut arrivals) = (BytesMut::new(), 0, Vec::new());
    while let Some(piece) = response.chunk().await.map_err(|error| FetchError::of(&error))? {
        length += piece.len();
        if length > request.most_bytes {
            return Err(FetchError::TooLong(request.most_bytes));
        }
        if !is_dropped {
            body.extend_from_slice(&piece);
        }
        arrivals.push((length, began.elapsed()));
    }
    Ok((body.freeze(), arrivals))
}

/// The decompressed body.
pub(super) fn inflate(body: &[u8], most: usize) -> Result<Bytes, FetchError> {
    // A response to HEAD, or without content, has a coding and no body.
    if body.is_empty() {
        return Ok(Bytes::new());
    }
    let mut text = Vec::new();
    let read = GzDecoder::new(body).take(most as u64 + 1).read_to_end(&mut text);
    match read {
        Ok(length) if length > most => Err(FetchError::Inflated(most)),
        Ok(_) => Ok(text.into()),
        Err(error) => Err(FetchError::Coding(error.to_string())),
    }
}
