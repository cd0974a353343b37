//! Media that have left the window or were skipped, from the archive.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::App;
use super::error::ApiError;
use super::held_media;
use super::stream_lookup::{SECOND, no_such};
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Condition, Conditions};
use crate::media::cmaf::Media;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::hls;
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

/// The segments whose parts the low-latency playlist of track `track` lists or hints as byte ranges at `now` under the condition `shift`;
/// none without these conditions.
pub(super) async fn with_ranges(
    app: &App,
    output: &Output,
    track: usize,
    (conditions, now): (&Conditions, UnixTime),
) -> Result<Vec<Arc<Segment>>, ApiError> {
    let (spec, extent) = (&output.spec, Extent::of(conditions, &output.spec, now));
    if extent.shift.is_zero() || !conditions.has(&Condition::ByteRanges) {
        return Ok(Vec::new());
    }
    let (window, kind) = (&output.tracks[track].window, output.tracks[track].kind);
    let snapshot = window.snapshot();
    let listed = snapshot.listing(extent.listing(&snapshot, &spec.timeline, now));
    let numbers = hls::segments_with_parts(spec, kind, &listed).into_iter().flatten();
    let segment = async |number| match snapshot.segment(number) {
        Some(segment) => Ok(Some(Arc::clone(segment))),
        None if snapshot.has_left(number) || snapshot.is_skipped(number) => {
            find(app, output, (&output.epoch(number), window), (track, number)).await.map(Some)
        }
        // It has not begun.
        None => Ok(None),
    };
    Ok(try_join_all(numbers.map(segment)).await?.into_iter().flatten().collect())
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
        ArchiveError::Off | ArchiveError::Published | ArchiveError::Future { .. } => {
            held_media::absent(output, &window.snapshot(), number)
        }
        ArchiveError::Busy | ArchiveError::Failed { .. } => error.into(),
    })
}
