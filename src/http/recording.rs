//! A stream from one moment until another as one file: a download whose length is known before its media, with ranges. Only
//! the segments of the requested part are rendered, one after another, as the client receives them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method};
use futures_util::future::try_join_all;
use futures_util::stream::{self, Stream};

use super::App;
use super::cache_control::{Cache, lifetime};
use super::error::ApiError;
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, DEADLINE};
use super::viewers;
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::condition::{Condition, ConditionError, Conditions, Resource};
use crate::definition::spec::{StreamSpec, TrackId};
use crate::media::manifest::extent::{Bounds, Extent};
use crate::media::single_file::{Container, Recording};
use crate::media::transport_stream::Track;
use crate::media::window::{Epoch, Init, Output, Segment};
use crate::stream::{ActiveOutput, ArchiveError};

/// First and last segment of the file under conditions.
///
/// # Errors
/// [`ApiError::Condition`] if the conditions do not name an end, or if one of them does not apply to files.
pub(super) fn bounds(conditions: &Conditions, spec: &StreamSpec, now: UnixTime) -> Result<Bounds, ApiError> {
    let is_other = |condition: &&Condition| !condition.description().changes.contains(&Resource::SingleFile);
    if let Some(other) = conditions.iter().find(is_other) {
        let (name, value) = (other.name(), other.to_string());
        return Err(ConditionError::Impossible { name, value, allowed: "left out".to_owned() }.into());
    }
    let extent = Extent::of(conditions, spec, now);
    extent.bounds.filter(|_| conditions.until().is_some()).ok_or_else(|| {
        let allowed = "a moment in the past".to_owned();
        ConditionError::Impossible { name: "until", value: "nothing".to_owned(), allowed }.into()
    })
}

/// Answers with the file of a part of the stream that is over, as the stream is defined now.
pub(super) async fn answer(
    app: &App,
    output: ActiveOutput,
    (container, video, bounds): (Container, Option<&TrackId>, Bounds),
    (method, request): (&Method, &HeaderMap),
) -> Answer {
    let timeline = output.spec.timeline;
    let (now, end) = (app.0.clock.now(), timeline.segment_start(bounds.last + 1));
    if end > now {
        let what = format!("the end of the file, segment {},", bounds.last);
        return Err(ApiError::TooEarly { what, newest: timeline.segment_at(now) - 1 });
    }
    let starting = || ApiError::Starting(output.spec.name.to_string());
    tokio::time::timeout(DEADLINE, output.opened()).await.map_err(|_| starting())?;
    let epoch = output.epoch(timeline.segment_at(now));
    let places = places(&output, video);
    let inits = places.iter().map(|place| output.tracks[*place].window.snapshot().init(&epoch.revision).cloned());
    let inits = inits.collect::<Option<Vec<_>>>().ok_or_else(starting)?;
    let tracks: Vec<_> = places.iter().zip(&inits).map(|(place, init)| track(&epoch, *place, init)).collect();
    let recording =
        Recording::new(container, timeline, &tracks, bounds.first..=bounds.last).ok_or(ApiError::Internal)?;
    let kind = output.tracks.get(*places.first().ok_or(ApiError::Internal)?).map_or(Kind::Video, |track| track.kind);
    // The bytes follow from the definition, the tracks and the interval.
    let name = format!("{}/{places:?}/{}/{}-{}", epoch.revision, container.file_name(), bounds.first, bounds.last);
    let etag = format!("\"{:016x}-{:x}\"", xxhash_rust::xxh3::xxh3_64(name.as_bytes()), recording.length());
    let content_type = container.media_type(kind);
    let meta = Meta { content_type, cache: Cache::Immutable(lifetime(&output.spec)), etag: &etag, modified: Some(end) };
    let audience = Arc::clone(&output.audience);
    let length = recording.length();
    let source = Source { app: app.clone(), output, epoch, places, recording };
    let body = async |part: Range<u64>| match *method == Method::HEAD {
        true => Ok(Body::empty()),
        false => Ok(Body::from_stream(Download::begin(source, part).await?.body())),
    };
    let mut response = reply::of_length(request, length, &meta, body).await?;
    viewers::count_bytes(audience, &mut response);
    Ok(response)
}

/// The file and where its media come from. Holds the stream up until it is dropped.
struct Source {
    app: App,
    output: ActiveOutput,
    epoch: Arc<Epoch>,
    /// Indices of the tracks, video first.
    places: Vec<usize>,
    recording: Recording,
}

/// A part of the file that is being sent.
struct Download {
    source: Source,
    part: Range<u64>,
    /// Segments that were not read yet.
    segments: Range<u64>,
    /// What is left of the header or of one segment.
    pieces: VecDeque<Bytes>,
}

/// Whether bytes of the file were sent, so that the client can no longer be refused.
#[derive(Debug, Clone, Copy)]
enum Begun {
    No,
    Yes,
}

impl Download {
    /// The bytes of a part. Resolves when the first segment is rendered, so that an error can still be an answer with its own status.
    async fn begin(source: Source, part: Range<u64>) -> Result<Self, ApiError> {
        let (segments, header) = (source.recording.segments_in(&part), source.recording.header().to_vec());
        let pieces = cut(header, 0, &part);
        let mut download = Self { source, part, segments, pieces };
        let first = download.segment(Begun::No).await?;
        download.pieces.extend(first);
        Ok(download)
    }

    fn body(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::try_unfold(self, |mut download| async move {
            if download.pieces.is_empty() {
                download.pieces = download.segment(Begun::Yes).await?;
            }
            Ok(download.pieces.pop_front().map(|piece| (piece, download)))
        })
    }

    /// The requested bytes of the next segment; empty after the last.
    async fn segment(&mut self, begun: Begun) -> Result<VecDeque<Bytes>, ApiError> {
        let Some(number) = self.segments.next() else { return Ok(VecDeque::new()) };
        let of_track = |place: &usize| self.source.segment(*place, number, begun);
        let segments = try_join_all(self.source.places.iter().map(of_track)).await?;
        let chunks: Vec<_> = segments.iter().map(|segment| segment.chunks.as_slice()).collect();
        let recording = &self.source.recording;
        let pieces = recording.segment(number, &chunks).ok_or(ArchiveError::Failed { number })?;
        Ok(cut(pieces, recording.start_of(number), &self.part))
    }
}

impl Source {
    /// A segment of a track by the definition, from the window or else from the archive.
    async fn segment(&self, place: usize, number: u64, begun: Begun) -> Result<Arc<Segment>, ApiError> {
        let is_same = self.output.epoch(number).revision == self.epoch.revision;
        let snapshot = self.output.tracks[place].window.snapshot();
        let there = snapshot.segment(number).filter(|segment| is_same && segment.whole.is_some());
        let archive = self.app.0.registry.archive();
        Ok(match (there, begun) {
            (Some(segment), _) => Arc::clone(segment),
            (None, Begun::No) => archive.segment(&self.epoch, place, number).await?,
            (None, Begun::Yes) => archive.segment_at_last(&self.epoch, place, number).await?,
        })
    }
}

/// The bytes of `pieces`, of which the first is at `start`, that are in `part`.
fn cut(pieces: Vec<Bytes>, mut start: u64, part: &Range<u64>) -> VecDeque<Bytes> {
    let mut found = VecDeque::new();
    for piece in pieces {
        let end = start + piece.len() as u64;
        let (from, to) = (part.start.max(start), part.end.min(end));
        if from < to {
            found.push_back(piece.slice((from - start) as usize..(to - start) as usize));
        }
        start = end;
    }
    found
}

/// Indices of the rendition and of the audio.
fn places(output: &Output, video: Option<&TrackId>) -> Vec<usize> {
    let is_picture = |place: &usize| {
        let track = &output.tracks[*place];
        track.kind == Kind::Video && video.is_none_or(|id| track.id == *id)
    };
    let all = 0..output.tracks.len();
    let sound = all.clone().find(|place| output.tracks[*place].kind == Kind::Audio);
    all.clone().find(is_picture).into_iter().chain(sound).collect()
}

/// A track with the bitrate of the definition, whose renditions come before the audio.
fn track<'a>(epoch: &Epoch, place: usize, init: &'a Init) -> Track<'a> {
    let video = epoch.spec.video.get(place).map(|rendition| rendition.bitrate);
    let audio = epoch.spec.audio.as_ref().map(|audio| audio.bitrate);
    Track { configuration: &init.configuration, bitrate: video.or(audio).unwrap_or_default() }
}
