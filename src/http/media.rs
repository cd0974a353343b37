//! Init segments, segments and chunks, by the revision in their path.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;

use super::App;
use super::altered_media::Alteration;
use super::cache_control::{Cache, lifetime};
use super::conditions::{self, Asked};
use super::early_hint;
use super::error::ApiError;
use super::faults::Chunks;
use super::held_media::{self, SoFar};
use super::past_media;
use super::path_parameters::PathParameters;
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, SECOND, missing, no_such, output};
use super::viewers::Caller;
use crate::base::timeline::Kind;
use crate::definition::condition::{Conditions, Track};
use crate::definition::spec::{Revision, TrackId};
use crate::media::cmaf::Media;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::jumps::Jumps;
use crate::media::manifest::path::{MediaFile, RequestedFile};
use crate::media::window::{Epoch, Output, Segment, Window};
use crate::stream::ActiveOutput;

const YEAR: Duration = Duration::from_secs(31_536_000);

/// `/live/{stream}/{track}/{revision}/{file}`
pub(super) async fn in_revision(
    State(app): State<App>,
    PathParameters((stream, track, revision, file)): PathParameters<(String, String, String, String)>,
    caller: Caller,
    Asked(conditions): Asked,
    (method, mut request): (Method, HeaderMap),
) -> Answer {
    let file = RequestedFile::parse(&file).ok_or_else(|| {
        missing(format!("media files are called init.mp4, K.m4s, K.C.m4s or tT.m4s, not {file}"), SECOND)
    })?;
    // Ranges are of GET alone (RFC 9110 14.2).
    if method != Method::GET {
        request.remove(header::RANGE);
    }
    let output = match output(&app, &stream).await {
        Ok(output) => output,
        Err(refusal) => return refused_late(&app, file, refusal).await,
    };
    let id = TrackId::parse(&track).and_then(|id| kind_of(&output, &id).map(|kind| (id, kind)));
    let Some((id, kind)) = id else { return no_such(format!("stream {stream} has no track {track}"), SECOND) };
    let (resource, of_track) = (file.resource(), Some(Track { id: id.as_str(), kind }));
    if let Some(elsewhere) = conditions::to_plain(&conditions, (resource, of_track), caller.path_and_query()) {
        return Ok(elsewhere);
    }
    let first = Extent::of(&conditions, &output.spec, app.0.clock.now()).origin;
    let Some(Found { output, place, file, epoch, source }) = find(output, &id, (&revision, file), (&conditions, first))
    else {
        let detail = format!("stream {stream} has no {} of revision {revision}", file.name());
        return refused_late(&app, file, missing(detail, SECOND)).await;
    };
    let track = &output.tracks[place];
    let content_type = match track.kind {
        Kind::Video => "video/mp4",
        Kind::Audio => "audio/mp4",
    };
    let spec = &output.spec;
    let path = caller.path_and_query().split('?').next().unwrap_or_default();
    let named = (file, resource, Track { id: id.as_str(), kind }, path);
    let alteration = Alteration::of(&conditions, spec, named, first);
    let counted = |mut response: Response| {
        caller.count_media(&app, &output, (track.kind, file), &mut response);
        conditions::mark(&app, &alteration.conditions, &mut response);
        response
    };
    let answer = (&request, content_type, &alteration);
    let mut sent = self::sent(&app, &output, (&source, place), (&epoch, file), answer).await;
    if matches!(sent, Err(ApiError::Expired { .. }))
        && let Some((epoch, past @ Source::Past(..))) = place_of(&output, place, (&revision, file))
    {
        // The segment has left the window since it was found there.
        sent = self::sent(&app, &output, (&past, place), (&epoch, file), answer).await;
    }
    let media = match sent? {
        Sent::Whole(media) => media,
        Sent::Growing(response) => return Ok(counted(response)),
    };
    let (cache, modified) = match file {
        MediaFile::Init => (Cache::Immutable(YEAR), None),
        MediaFile::Segment(number) => (Cache::Immutable(lifetime(spec)), Some(spec.timeline.segment_start(number + 1))),
        MediaFile::Chunk { segment, chunk } => {
            (Cache::Immutable(lifetime(spec)), Some(spec.timeline.chunk_span(segment, chunk).end))
        }
    };
    reply::media(&request, &media, &Meta { content_type, cache, etag: media.etag(), modified }).map(counted)
}

/// What a request is answered with.
enum Sent {
    /// All of the file.
    Whole(Media),
    /// A segment or chunk while it is encoded.
    Growing(Response),
}

/// A file of the epoch with a revision.
async fn sent(
    app: &App,
    output: &ActiveOutput,
    (source, place): (&Source, usize),
    (epoch, file): (&Revision, MediaFile),
    answer: (&HeaderMap, &'static str, &Alteration),
) -> Result<Sent, ApiError> {
    match file {
        MediaFile::Init => held_media::init(source.window(), epoch).await.map(Sent::Whole),
        MediaFile::Segment(number) => segment(app, output, (source, place), number, answer).await,
        MediaFile::Chunk { segment, chunk } => {
            self::chunk(app, output, (source, place), (segment, chunk), answer).await
        }
    }
}

/// A chunk, or its beginning and the rest as soon as it is published.
async fn chunk(
    app: &App,
    output: &ActiveOutput,
    (source, place): (&Source, usize),
    (segment, chunk): (u64, u32),
    (request, content_type, alteration): (&HeaderMap, &'static str, &Alteration),
) -> Result<Sent, ApiError> {
    let media = match source {
        Source::Window(window) => {
            let is_early = alteration.is_early() && !request.contains_key(header::RANGE);
            let part = (output.tracks[place].kind, segment, chunk);
            let early = || early_hint::answer(app, output, window, part, (alteration, content_type));
            if let Some(response) = is_early.then(early).flatten() {
                return Ok(Sent::Growing(response));
            }
            held_media::chunk(app, output, window, (segment, chunk)).await?
        }
        Source::Past(epoch, window) => past_media::chunk(app, output, (epoch, window), (place, segment, chunk)).await?,
    };
    app.0.altered.get(alteration, media, chunk).map(Sent::Whole)
}

/// A segment. While the segment is encoded, the answer consists of all chunks, each as soon as it is published, or of the bytes of a
/// range.
async fn segment(
    app: &App,
    output: &ActiveOutput,
    (source, place): (&Source, usize),
    number: u64,
    (request, content_type, alteration): (&HeaderMap, &'static str, &Alteration),
) -> Result<Sent, ApiError> {
    let window = match source {
        Source::Window(window) => window,
        Source::Past(epoch, window) => {
            let media = past_media::segment(app, output, (epoch, window), (place, number)).await?;
            return app.0.altered.get(alteration, media, 0).map(Sent::Whole);
        }
    };
    let cache = Cache::Immutable(lifetime(&output.spec));
    let chunks = || alteration.stream(held_media::as_it_is_made(app, output, (window.clone(), number)));
    let in_chunks = |mut response: Response| {
        response.extensions_mut().insert(Chunks(output.spec.timeline.chunks_per_segment()));
        Sent::Growing(response)
    };
    let Some(range) = reply::growing_range(request) else {
        let whole = request.contains_key(header::RANGE);
        let media = held_media::segment(app, output, window, (number, whole)).await?;
        return match media {
            Some(media) => app.0.altered.get(alteration, media, 0).map(Sent::Whole),
            None => Ok(in_chunks(reply::growing(chunks(), content_type, cache))),
        };
    };
    let is_enough = |segment: &Segment| range.is_served_by(segment.chunk_ends());
    let segment = match held_media::bytes(app, output, window, (number, is_enough)).await? {
        SoFar::Whole(media) => return app.0.altered.get(alteration, media, 0).map(Sent::Whole),
        SoFar::Growing(segment) => segment,
    };
    let end = segment.chunk_ends().last().unwrap_or_default();
    let (body, last) = match range.last {
        Some(last) if range.is_endless() => (Body::from_stream(held_media::after(chunks(), range.first)), last),
        Some(last) => (reply::pieces(alteration.slice(&segment, range.first..last + 1)?), last),
        None => (reply::pieces(alteration.slice(&segment, range.first..end)?), end - 1),
    };
    Ok(in_chunks(reply::growing_part(body, range.first..=last, content_type, cache)))
}

/// The place of a file.
struct Found {
    output: ActiveOutput,
    /// Index of the track in `output`.
    place: usize,
    file: MediaFile,
    /// Revision of its epoch.
    epoch: Revision,
    source: Source,
}

/// Where the media come from.
enum Source {
    /// The window.
    Window(Window),
    /// The archive, with the definition of an epoch. The segment has left the window, or was skipped.
    Past(Arc<Epoch>, Window),
}

impl Source {
    fn window(&self) -> &Window {
        match self {
            Self::Window(window) | Self::Past(_, window) => window,
        }
    }
}

/// Kind of a track in the newest presentation, or in an earlier one that is still served.
fn kind_of(newest: &Output, id: &TrackId) -> Option<Kind> {
    let kind_in = |output: &Output| Some(output.tracks.get(output.place(id)?)?.kind);
    kind_in(newest).or_else(|| newest.earlier().iter().find_map(|output| kind_in(output)))
}

/// The place of a file that is requested under `revision`, in the newest presentation or in an earlier one. Numbers count from
/// segment `origin` of the newest one.
fn find(
    newest: ActiveOutput,
    track: &TrackId,
    (revision, requested): (&str, RequestedFile),
    (conditions, origin): (&Conditions, u64),
) -> Option<Found> {
    let place_in = |output: &Output| {
        let place = output.place(track)?;
        let counted = (origin, Jumps::of(conditions, &output.spec, origin));
        let file = requested.of_track(&output.spec.timeline, output.tracks.get(place)?.kind, counted)?;
        let (epoch, source) = place_of(output, place, (revision, file))?;
        Some((place, file, epoch, source))
    };
    if let Some((place, file, epoch, source)) = place_in(&newest) {
        return Some(Found { output: newest, place, file, epoch, source });
    }
    // The segments of earlier presentations may have another length.
    let mut earlier = newest.earlier().into_iter().rev().filter(|_| origin == 0);
    let ((place, file, epoch, source), output) = earlier.find_map(|output| Some((place_in(&output)?, output)))?;
    Some(Found { output: newest.with(output), place, file, epoch, source })
}

/// The source of a file that is requested under `revision`, and the revision of its epoch.
fn place_of(output: &Output, track: usize, (revision, file): (&str, MediaFile)) -> Option<(Revision, Source)> {
    let window = || Some(output.tracks.get(track)?.window.clone());
    match file {
        MediaFile::Init => {
            let epoch = output.find_init(track, revision)?;
            Some((epoch.revision.clone(), Source::Window(window()?)))
        }
        MediaFile::Segment(segment) | MediaFile::Chunk { segment, .. } => {
            if let Some(epoch) = output.past_epoch(track, revision, segment) {
                return Some((epoch.revision.clone(), Source::Past(epoch, window()?)));
            }
            Some((output.epoch(segment).revision.clone(), Source::Window(output.find(track, revision, segment)?)))
        }
    }
}

/// Refuses a segment or a chunk after a delay. A client that plays then requests the next segment.
async fn refused_late<T>(app: &App, file: RequestedFile, refusal: ApiError) -> Result<T, ApiError> {
    if file != RequestedFile::Named(MediaFile::Init) {
        app.0.late_refusals.hold().await;
    }
    Err(refusal)
}
