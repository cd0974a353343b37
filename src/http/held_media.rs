//! Media that do not exist yet. A request for the next segment, or for the part that a playlist hints, is held until the media
//! exist. A request for later media is refused after a second.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::timeout;

use super::App;
use super::cache_control::lifetime;
use super::error::ApiError;
use super::stream_lookup::{DEADLINE, SECOND, no_such};
use crate::base::timeline::Timeline;
use crate::definition::spec::Revision;
use crate::media::cmaf::Media;
use crate::media::window::{Lookup, Output, Segment, Snapshot, Window};
use crate::stream::ActiveOutput;

/// How far a client's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_millis(500);

/// The init segment, once the encoder has reported its configuration.
pub(super) async fn init(window: &Window, revision: &Revision) -> Result<Media, ApiError> {
    let mut snapshots = window.subscribe();
    let known =
        timeout(DEADLINE, snapshots.wait_for(|snapshot| snapshot.ended() || snapshot.init(revision).is_some())).await;
    let media = known.ok().and_then(Result::ok).and_then(|snapshot| Some(snapshot.init(revision)?.media.clone()));
    media.ok_or_else(|| ApiError::Starting(revision.to_string()))
}

/// A complete segment, or `None` for a segment that is being encoded, unless the client needs the segment `whole`. A request for a
/// segment that is about to begin is held.
pub(super) async fn segment(
    app: &App,
    output: &Output,
    window: &Window,
    (number, whole): (u64, bool),
) -> Result<Option<Media>, ApiError> {
    let ready = |snapshot: &Snapshot| match snapshot.lookup(number) {
        Lookup::Ready(media) => Some(Some(media)),
        Lookup::Growing(_) if !whole => Some(None),
        Lookup::Growing(_) | Lookup::Missing | Lookup::Expired | Lookup::Future => None,
    };
    wait(app, output, window, (number, ready)).await
}

/// The available part of a segment.
pub(super) enum SoFar {
    /// All of it.
    Whole(Media),
    /// Its first chunks.
    Growing(Arc<Segment>),
}

/// A segment, as soon as it is complete or enough of its bytes exist.
pub(super) async fn bytes(
    app: &App,
    output: &Output,
    window: &Window,
    (number, is_enough): (u64, impl Fn(&Segment) -> bool),
) -> Result<SoFar, ApiError> {
    let ready = |snapshot: &Snapshot| match snapshot.lookup(number) {
        Lookup::Ready(media) => Some(SoFar::Whole(media)),
        Lookup::Growing(segment) if is_enough(&segment) => Some(SoFar::Growing(segment)),
        Lookup::Growing(_) | Lookup::Missing | Lookup::Expired | Lookup::Future => None,
    };
    wait(app, output, window, (number, ready)).await
}

/// The same chunks without their first `skipped` bytes.
pub(super) fn after(
    chunks: impl Stream<Item = Result<Bytes, ApiError>>,
    skipped: u64,
) -> impl Stream<Item = Result<Bytes, ApiError>> {
    let mut left = skipped;
    let rest = chunks.map(move |chunk| {
        chunk.map(|mut bytes| {
            let cut = left.min(bytes.len() as u64);
            left -= cut;
            bytes.split_off(cut as usize)
        })
    });
    rest.filter(|chunk| future::ready(!chunk.as_ref().is_ok_and(Bytes::is_empty)))
}

/// The chunks of a segment, each as soon as it is published. The body breaks off if the segment is never finished.
pub(super) fn as_it_is_made(
    app: &App,
    output: &ActiveOutput,
    (window, number): (Window, u64),
) -> impl Stream<Item = Result<Bytes, ApiError>> + use<> {
    let (app, active) = (app.clone(), output.clone());
    let chunks = active.spec.timeline.chunks_per_segment() as usize;
    let chunk = move |next: usize| {
        let (app, output, window) = (app.clone(), Arc::clone(&active), window.clone());
        async move {
            let ready = |snapshot: &Snapshot| snapshot.segment(number)?.joined(next);
            wait(&app, &output, &window, (number, ready)).await
        }
    };
    stream::iter(0..chunks).then(chunk)
}

/// A chunk, as soon as it is published. Before the chunk begins, the request is refused: a playlist hints only the part that is being
/// encoded (RFC 8216bis 4.4.5.3).
pub(super) async fn chunk(
    app: &App,
    output: &Output,
    window: &Window,
    (number, chunk): (u64, u32),
) -> Result<Media, ApiError> {
    let timeline = &output.spec.timeline;
    if chunk >= timeline.chunks_per_segment() {
        return no_such(
            format!("a segment has {} chunks, counted from 0; not {chunk}", timeline.chunks_per_segment()),
            SECOND,
        );
    }
    let ready = |snapshot: &Snapshot| published(snapshot, (number, chunk));
    let is_refused = || {
        let snapshot = window.snapshot();
        !has_begun(app, timeline, (number, chunk)) && ready(&snapshot).is_none() && !snapshot.ended()
    };
    if is_refused() {
        app.0.late_refusals.hold().await;
        if is_refused() {
            return Err(too_early(format!("chunk {chunk} of segment {number}"), &window.snapshot()));
        }
    }
    wait(app, output, window, (number, ready)).await
}

/// Whether a chunk is being encoded: it has begun and is not published.
pub(super) fn is_being_made(app: &App, output: &Output, window: &Window, (number, chunk): (u64, u32)) -> bool {
    let (snapshot, timeline) = (window.snapshot(), &output.spec.timeline);
    let is_there = chunk >= timeline.chunks_per_segment() || published(&snapshot, (number, chunk)).is_some();
    !is_there && has_begun(app, timeline, (number, chunk)) && may_come(app, output, &snapshot, number)
}

fn published(snapshot: &Snapshot, (number, chunk): (u64, u32)) -> Option<Media> {
    Some(snapshot.segment(number)?.chunks.get(chunk as usize)?.media.clone())
}

fn has_begun(app: &App, timeline: &Timeline, (number, chunk): (u64, u32)) -> bool {
    timeline.chunk_span(number, chunk).start <= app.0.clock.now() + CLOCK_SKEW
}

/// Holds a request until `ready` finds its media in a snapshot. A refusal of a segment that is far ahead is sent after a
/// second ([`super::late_refusal`]).
async fn wait<T>(
    app: &App,
    output: &Output,
    window: &Window,
    (number, ready): (u64, impl Fn(&Snapshot) -> Option<T>),
) -> Result<T, ApiError> {
    let _held = app.0.metrics.hold();
    let snapshot = window.snapshot();
    let is_ahead = matches!(snapshot.lookup(number), Lookup::Future);
    if is_ahead && !may_come(app, output, &snapshot, number) {
        app.0.late_refusals.hold().await;
    }
    wait_while_it_may_come(app, output, window, (number, ready)).await
}

async fn wait_while_it_may_come<T>(
    app: &App,
    output: &Output,
    window: &Window,
    (number, ready): (u64, impl Fn(&Snapshot) -> Option<T>),
) -> Result<T, ApiError> {
    let mut snapshots = window.subscribe();
    let deadline = output.spec.timeline.segment_duration() + DEADLINE;
    let outcome = timeout(deadline, async {
        loop {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            if let Some(found) = ready(&snapshot) {
                return Ok(found);
            }
            if !may_come(app, output, &snapshot, number) || snapshots.changed().await.is_err() {
                return Err(absent(output, &snapshot, number));
            }
        }
    });
    // The media may still come: another request may find them.
    outcome.await.unwrap_or_else(|_| Err(ApiError::Overdue { waited: deadline }))
}

/// Whether a request for a segment is held: the segment is being encoded, begins within a segment duration, or is a past segment that
/// is being rendered.
fn may_come(app: &App, output: &Output, snapshot: &Snapshot, number: u64) -> bool {
    if snapshot.ended() {
        return false;
    }
    match snapshot.lookup(number) {
        Lookup::Ready(_) | Lookup::Growing(_) => true,
        // Before its run has a permit to start, a stream has not announced which segments it renders.
        Lookup::Missing => snapshot.is_available(number) || !snapshot.has_begun(),
        Lookup::Expired => false,
        // Players request the next segment while they still receive the current segment.
        Lookup::Future => {
            let timeline = &output.spec.timeline;
            timeline.segment_start(number) <= app.0.clock.now() + timeline.segment_duration()
        }
    }
}

/// Why a segment is not there and will not come.
pub(super) fn absent(output: &Output, snapshot: &Snapshot, number: u64) -> ApiError {
    match snapshot.lookup(number) {
        Lookup::Expired => ApiError::Expired { segment: number, first: snapshot.first(), keep: lifetime(&output.spec) },
        Lookup::Future if !snapshot.ended() => too_early(format!("segment {number}"), snapshot),
        Lookup::Ready(_) | Lookup::Growing(_) | Lookup::Missing | Lookup::Future => ApiError::NoSuchMedia {
            detail: format!("segment {number} was skipped; load the manifest again"),
            retry: SECOND,
        },
    }
}

fn too_early(what: String, snapshot: &Snapshot) -> ApiError {
    ApiError::TooEarly { what, newest: snapshot.last_complete().unwrap_or_default() }
}
