//! Delivery directives of low-latency playlists (RFC 8216bis 6.2.5), and the hold of a request until the playlist lists the
//! segment or part that the directives name.

use std::future;
use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::error::ApiError;
use crate::base::timeline::{Timeline, UnixTime};
use crate::base::utc::Clock;
use crate::definition::condition::{Condition, Conditions};
use crate::media::manifest::extent::Extent;
use crate::media::manifest::hls::{self, Skip};
use crate::media::manifest::lag::Lag;
use crate::media::window::{Edge, Granularity, Output, Snapshot, Track};

/// Longest hold of a request, in target durations (RFC 8216bis 6.2.5.2).
const PATIENCE_TARGETS: u32 = 3;
/// Largest distance of a requested segment from the last complete one (RFC 8216bis 6.2.5.2).
const AHEAD_SEGMENTS: u64 = 2;

/// The directives of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Directives {
    pub(super) skip: Skip,
    /// The segment or part that the playlist has to list before the answer.
    wanted: Option<Wanted>,
}

/// `_HLS_msn`, and `_HLS_part` if the request has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    segment: u64,
    part: Option<u64>,
}

impl Directives {
    /// Parses a query. Other parameters and unknown directives are ignored.
    ///
    /// # Errors
    /// [`ApiError::Directive`].
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let number = |name: &str, value: &str| {
            match value.bytes().all(|b| b.is_ascii_digit()) {
                true => value.parse::<u64>().ok().filter(|number| *number <= u64::from(u32::MAX)),
                false => None,
            }
            .ok_or_else(|| ApiError::Directive(format!("{name} is a decimal number up to {}, not {value:?}", u32::MAX)))
        };
        let (mut segment, mut part, mut skip) = (None, None, Skip::No);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "_HLS_msn" => segment = Some(number(&name, &value)?),
                "_HLS_part" => part = Some(number(&name, &value)?),
                "_HLS_skip" => {
                    skip = match &*value {
                        "YES" => Skip::Segments,
                        "v2" => Skip::SegmentsAndDates,
                        _ => return Err(ApiError::Directive(format!("_HLS_skip is YES or v2, not {value:?}"))),
                    }
                }
                _ => {}
            }
        }
        match (segment, part) {
            (None, Some(_)) => Err(ApiError::Directive("_HLS_part needs _HLS_msn".into())),
            (None, None) => Ok(Self { skip, wanted: None }),
            (Some(segment), part) => Ok(Self { skip, wanted: Some(Wanted { segment, part }) }),
        }
    }

    /// The directives that the playlist under these conditions offers.
    #[must_use]
    pub(super) fn under(self, conditions: &Conditions) -> Self {
        Self {
            skip: if conditions.has(&Condition::NoDeltas) { Skip::No } else { self.skip },
            wanted: self.wanted.filter(|_| !conditions.has(&Condition::NoBlocking)),
        }
    }

    /// The same for a playlist that holds no requests.
    #[must_use]
    pub(super) fn without_wait(self) -> Self {
        Self { wanted: None, ..self }
    }

    /// Whether the request names a segment, so that its answer never changes.
    pub(super) fn blocks(&self) -> bool {
        self.wanted.is_some()
    }

    /// Resolves when the playlist of `track` at this granularity lists the segment or part that the directives name.
    ///
    /// A server that is behind the clock, for example after a suspend, holds requests for segments that other replicas list already.
    ///
    /// # Errors
    /// [`ApiError::TooFarAhead`] immediately, [`ApiError::Overdue`] after three target durations.
    pub(super) async fn wait(
        &self,
        (output, track): (&Output, &Track),
        granularity: Granularity,
        (extent, clock): (&Extent, &Clock),
        lag: &Lag<'_>,
    ) -> Result<(), ApiError> {
        let Some(wanted) = self.wanted.map(|wanted| wanted.after(extent.origin)) else { return Ok(()) };
        let timeline = &output.spec.timeline;
        let chunks = u64::from(timeline.chunks_per_segment());
        let mut snapshots = track.window.subscribe();
        let now = clock.now().saturating_sub(extent.shift);
        // A presentation that is over is listed to its end, whatever is wanted.
        let end = extent.bounds.map_or(u64::MAX, |bounds| (bounds.last + 1) * chunks);
        if due(timeline, granularity, now) < end {
            let snapshot = Arc::clone(&snapshots.borrow());
            let shifted = |snapshot: &Snapshot| snapshot.listing(extent.listing(snapshot, timeline, clock.now()));
            let snapshot = if extent.shift.is_zero() { snapshot } else { Arc::new(shifted(&snapshot)) };
            wanted.check(output, &snapshot, granularity, (now, extent.origin))?;
        }
        let timeout_after = hls::target_duration(&output.spec) * PATIENCE_TARGETS;
        let until = wanted.until(chunks, granularity).min(end);
        let until_listed = async {
            if !extent.shift.is_zero() {
                return until_due(timeline, until, (extent, clock)).await;
            }
            // The window outlives the wait, so the sender cannot be gone.
            _ = snapshots.wait_for(|snapshot| snapshot.ended() || listed(snapshot, chunks, granularity) >= until).await;
        };
        let there = async {
            until_listed.await;
            // A manifest that is behind the clock lists it later.
            let (now, ends) = (clock.now(), end_of(timeline, until) + extent.shift);
            match lag.lists(ends, (now, now + timeout_after)) {
                Some(time) => sleep(time.saturating_since(now)).await,
                None => future::pending().await,
            }
        };
        timeout(timeout_after, there).await.map_err(|_| ApiError::Overdue { waited: timeout_after })
    }
}

/// Resolves when `chunks` chunks since 1970 have ended on the shifted clock.
async fn until_due(timeline: &Timeline, chunks: u64, (extent, clock): (&Extent, &Clock)) {
    let end = end_of(timeline, chunks) + extent.shift;
    loop {
        let left = end.saturating_since(clock.now());
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// End of the last of `chunks` chunks since 1970.
fn end_of(timeline: &Timeline, chunks: u64) -> UnixTime {
    let per_segment = u64::from(timeline.chunks_per_segment());
    let newest = chunks.saturating_sub(1);
    timeline.chunk_span(newest / per_segment, (newest % per_segment) as u32).end
}

impl Wanted {
    /// The same, counted from 1970, if its numbers count from segment `origin`.
    fn after(self, origin: u64) -> Self {
        Self { segment: self.segment + origin, ..self }
    }

    /// Number of chunks since 1970 that the playlist has to list. A part past the last of its segment is the first of the next
    /// (RFC 8216bis 6.2.5.2).
    fn until(self, chunks: u64, granularity: Granularity) -> u64 {
        match self.part.filter(|_| granularity == Granularity::Chunk) {
            Some(part) => self.segment * chunks + part.min(chunks) + 1,
            None => (self.segment + 1) * chunks,
        }
    }

    fn check(
        self,
        output: &Output,
        snapshot: &Snapshot,
        granularity: Granularity,
        (now, origin): (UnixTime, u64),
    ) -> Result<(), ApiError> {
        let timeline = &output.spec.timeline;
        let chunks = u64::from(timeline.chunks_per_segment());
        let last = snapshot.last_complete().unwrap_or_default().max(timeline.segment_at(now).saturating_sub(1));
        let listed = listed(snapshot, chunks, granularity).max(due(timeline, granularity, now));
        let ahead = self.until(chunks, granularity).saturating_sub(listed);
        let part_too_far = self.part.is_some() && ahead > hls::advance_part_limit(&output.spec);
        match (self.segment > last + AHEAD_SEGMENTS || part_too_far) && !snapshot.ended() {
            true => Err(ApiError::TooFarAhead { last: last.saturating_sub(origin) }),
            false => Ok(()),
        }
    }
}

/// Number of chunks since 1970 that have ended at `now`, in whole segments for playlists without parts.
fn due(timeline: &Timeline, granularity: Granularity, now: UnixTime) -> u64 {
    match granularity {
        Granularity::Segment => timeline.segment_at(now) * u64::from(timeline.chunks_per_segment()),
        Granularity::Chunk => timeline.chunks_until(now),
    }
}

/// Number of chunks since 1970 up to the end of a playlist.
fn listed(snapshot: &Snapshot, chunks: u64, granularity: Granularity) -> u64 {
    match granularity {
        Granularity::Segment => snapshot.last_complete().map_or(0, |last| (last + 1) * chunks),
        Granularity::Chunk => {
            snapshot.edge().map_or(0, |Edge { segment, chunk }| segment * chunks + u64::from(chunk) + 1)
        }
    }
}
