//! The answer to a request for a hinted part under the fault `early-hint`: the first bytes immediately, and the rest when the part is
//! complete. A correct server sends no byte before the part is complete (RFC 8216bis 6.2.6).

use std::future;

use axum::response::Response;
use futures_util::stream::{self, StreamExt};

use super::App;
use super::altered_media::Alteration;
use super::cache_control::{Cache, lifetime};
use super::error::ApiError;
use super::{held_media, reply};
use crate::base::timeline::Kind;
use crate::media::cmaf;
use crate::media::window::Window;
use crate::stream::ActiveOutput;

/// The answer to a request for a part that is being encoded; `None` if the part is complete or has not begun.
pub(super) fn answer(
    app: &App,
    output: &ActiveOutput,
    window: &Window,
    (kind, segment, chunk): (Kind, u64, u32),
    (alteration, content_type): (&Alteration, &'static str),
) -> Option<Response> {
    if !held_media::is_being_made(app, output, window, (segment, chunk)) {
        return None;
    }
    let altered = alteration.chunks(chunk);
    // The bytes before the samples are a function of numbers.
    let smallest = cmaf::smallest(kind, output.spec.timeline, (segment, chunk))?;
    let early = cmaf::opening(&altered(smallest).ok()?)?;
    let cache = Cache::Immutable(lifetime(&output.spec));
    let (begin, app, output, window) = (early.clone(), app.clone(), output.clone(), window.clone());
    let rest = async move {
        let media = held_media::chunk(&app, &output, &window, (segment, chunk)).await?;
        let bytes = altered(media)?.joined();
        match bytes.starts_with(&begin) {
            true => Ok(bytes.slice(begin.len()..)),
            false => Err(ApiError::Internal),
        }
    };
    let body = stream::once(future::ready(Ok(early))).chain(stream::once(rest));
    Some(reply::growing(body, content_type, cache))
}
