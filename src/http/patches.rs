//! Requests for patches of MPDs (ISO/IEC 23009-1 5.15): which MPD the client has, and the wait for the next one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::App;
use super::error::ApiError;
use super::stream_lookup::{SECOND, missing};
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Conditions, Moment};
use crate::media::manifest::path;
use crate::media::window::{Output, Snapshot};

/// `publishTime` of the MPD that the client has, from the query.
///
/// # Errors
/// 404 if it is missing, or not a date.
pub(super) fn published(query: &str) -> Result<UnixTime, ApiError> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(path::PUBLISHED)?.strip_prefix('='));
    let decoded = percent_encoding::percent_decode_str(value.unwrap_or_default()).decode_utf8_lossy();
    match decoded.parse() {
        Ok(Moment::At(published)) => Ok(published),
        Ok(Moment::FromNow(_)) | Err(()) => Err(missing(
            format!(
                "a patch is requested with {} of the MPD that it changes, as PatchLocation has it",
                path::PUBLISHED
            ),
            SECOND,
        )),
    }
}

/// Holds a request until there is a newer MPD than that of `before`, if the next segment makes one.
///
/// # Errors
/// 404 if patches are not offered, or not for an MPD that is so old.
pub(super) async fn newer(
    app: &App,
    output: &Output,
    conditions: &Conditions,
    before: UnixTime,
) -> Result<(), ApiError> {
    let ttl = conditions.patch().ok_or_else(|| missing("patches are offered under the condition patch", SECOND))?;
    let (now, timeline) = (app.0.clock.now(), &output.spec.timeline);
    if before + ttl.duration() < now {
        return Err(missing(format!("the patch of an MPD is available for {ttl}; load the MPD"), SECOND));
    }
    // Times in an MPD are rounded down to milliseconds.
    let then = before + Duration::from_nanos(999_999);
    let next = timeline.segment_at(then);
    let limit = timeline.segment_duration() + SECOND;
    if !conditions.addressing().has_timeline() || before > now + SECOND {
        return Ok(());
    }
    let _held = app.0.metrics.hold();
    if let Some(shift) = conditions.shift() {
        // What is listed follows from the clock.
        let complete = timeline.segment_start(timeline.segment_at(then.saturating_sub(shift.duration())) + 1);
        sleep((complete + shift.duration()).saturating_since(now).min(limit)).await;
    } else {
        let is_complete = |snapshot: &Arc<Snapshot>| snapshot.ended() || snapshot.last_complete() >= Some(next);
        let complete = async {
            for track in &output.tracks {
                // The sender is part of the output.
                let _ = track.window.subscribe().wait_for(is_complete).await;
            }
        };
        // A patch without operations means that the MPD has not changed.
        let _ = timeout(limit, complete).await;
    }
    Ok(())
}
