//! Media that have left the window, from the archive.

use std::sync::Arc;

use super::App;
use super::cache_control::lifetime;
use super::error::ApiError;
use super::stream_lookup::{SECOND, no_such};
use crate::media::cmaf::Media;
use crate::media::window::{Epoch, Output, Segment, Window};
use crate::stream::ArchiveError;

/// A whole segment of track `track`.
pub(super) async fn segment(
    app: &App,
    output: &Output,
    left: (&Epoch, &Window),
    (track, number): (usize, u64),
) -> Result<Media, ApiError> {
    let segment = find(app, output, left, (track, number)).await?;
    segment.whole.clone().ok_or(ApiError::Archive(ArchiveError::Failed { number }))
}

/// A chunk of a segment.
pub(super) async fn chunk(
    app: &App,
    output: &Output,
    left: (&Epoch, &Window),
    (track, number, chunk): (usize, u64, u32),
) -> Result<Media, ApiError> {
    let chunks = output.spec.timeline.chunks_per_segment();
    if chunk >= chunks {
        return no_such(format!("a segment has {chunks} chunks, counted from 0; not {chunk}"), SECOND);
    }
    let segment = find(app, output, left, (track, number)).await?;
    let chunk = segment.chunks.get(chunk as usize);
    chunk.map(|chunk| chunk.media.clone()).ok_or(ApiError::Archive(ArchiveError::Failed { number }))
}

async fn find(
    app: &App,
    output: &Output,
    (epoch, window): (&Epoch, &Window),
    (track, number): (usize, u64),
) -> Result<Arc<Segment>, ApiError> {
    let _held = app.0.metrics.hold();
    app.0.registry.archive().segment(epoch, track, number).await.map_err(|error| match error {
        // After a step of the clock the window may be ahead of it.
        ArchiveError::Off | ArchiveError::Future { .. } => {
            let first = window.snapshot().first();
            ApiError::Expired { segment: number, first, keep: lifetime(&output.spec) }
        }
        ArchiveError::Busy | ArchiveError::Failed { .. } => error.into(),
    })
}
