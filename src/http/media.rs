//! Manifests of whole streams, init segments, segments and chunks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::timeout;

use super::App;
use super::blocking_reload::Directives;
use super::cache::Cache;
use super::error::ApiError;
use super::manifests::Kind;
use super::path_parameters::PathParameters;
use super::reply::{self, Meta};
use super::viewers::Caller;
use crate::base::timeline;
use crate::definition::spec::{Revision, StreamName, StreamSpec, TrackId};
use crate::media::cmaf::Media;
use crate::media::manifest::path::{self, MediaFile};
use crate::media::manifest::{Latency, Place, View, hls};
use crate::media::window::{Lookup, Output, Snapshot, Window};
use crate::stream::{ActiveOutput, Unplayable};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_secs(31_536_000);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Longest wait for a segment that is being made or filled in, past its own length.
const DEADLINE: Duration = Duration::from_secs(10);
/// A client's clock may be ahead of ours by so much.
const CLOCK_SKEW: Duration = Duration::from_millis(500);

pub(super) type Answer = Result<Response, ApiError>;

/// `/live/{stream}/{file}`
pub(super) async fn in_stream(
    State(app): State<App>,
    PathParameters((stream, file)): PathParameters<(String, String)>,
    caller: Caller,
    request: HeaderMap,
) -> Answer {
    let kind = match file.as_str() {
        path::HLS => Kind::Multivariant(Place::Stream, Latency::Normal),
        path::LLHLS => Kind::Multivariant(Place::Stream, Latency::Low),
        path::DASH => Kind::Mpd(Place::Stream, Latency::Normal),
        path::LLDASH => Kind::Mpd(Place::Stream, Latency::Low),
        _ => {
            let [hls, llhls, dash, lldash] = [path::HLS, path::LLHLS, path::DASH, path::LLDASH];
            return no_such(format!("a stream has {hls}, {llhls}, {dash} and {lldash}, not {file}"), SECOND);
        }
    };
    whole(&app, (&caller, &request), &stream, kind).await
}

/// `/hls/{stream}.m3u8`
pub(super) async fn short_hls(
    State(app): State<App>,
    PathParameters(file): PathParameters<String>,
    caller: Caller,
    request: HeaderMap,
) -> Answer {
    let Some(stream) = file.strip_suffix(".m3u8") else {
        return no_such(format!("playlists here are called STREAM.m3u8, not {file}"), SECOND);
    };
    whole(&app, (&caller, &request), stream, Kind::Multivariant(Place::Short, Latency::Normal)).await
}

/// `/dash/{stream}.mpd`
pub(super) async fn short_dash(
    State(app): State<App>,
    PathParameters(file): PathParameters<String>,
    caller: Caller,
    request: HeaderMap,
) -> Answer {
    let Some(stream) = file.strip_suffix(".mpd") else {
        return no_such(format!("MPDs here are called STREAM.mpd, not {file}"), SECOND);
    };
    whole(&app, (&caller, &request), stream, Kind::Mpd(Place::Short, Latency::Normal)).await
}

/// `/live/{stream}/{track}/{revision}/{file}`
pub(super) async fn in_revision(
    State(app): State<App>,
    PathParameters((stream, track, revision, file)): PathParameters<(String, String, String, String)>,
    caller: Caller,
    method: Method,
    mut request: HeaderMap,
) -> Answer {
    // Ranges are of GET alone (RFC 9110 14.2).
    if method != Method::GET {
        request.remove(header::RANGE);
    }
    let file = MediaFile::parse(&file)
        .ok_or_else(|| missing(format!("media files are called init.mp4, K.m4s or K.C.m4s, not {file}"), SECOND))?;
    let output = match output(&app, &stream).await {
        Ok(output) => output,
        Err(refusal) => return refused_late(&app, file, refusal).await,
    };
    let id = TrackId::parse(&track).filter(|id| is_track(&output, id));
    let Some(id) = id else { return no_such(format!("stream {stream} has no track {track}"), SECOND) };
    let Some(Found { output, place, revision, window }) = find(output, &id, (&revision, file)) else {
        let detail = format!("stream {stream} has no {} of revision {revision}", file.name());
        return refused_late(&app, file, missing(detail, SECOND)).await;
    };
    let track = &output.tracks[place];
    let content_type = match track.kind {
        timeline::Kind::Video => "video/mp4",
        timeline::Kind::Audio => "audio/mp4",
    };
    let spec = &output.spec;
    let counted = |mut response: Response| {
        caller.count_media(&app, &output, (track.kind, file), &mut response);
        response
    };
    let (media, cache, modified) = match file {
        MediaFile::Init => (init(&window, &revision).await?, Cache::Immutable(YEAR), None),
        MediaFile::Segment(number) => {
            let whole = request.contains_key(header::RANGE);
            let Some(media) = segment(&app, &output, &window, (number, whole)).await? else {
                let chunks = as_it_is_made(&app, &output, (window, number));
                return Ok(counted(reply::growing(chunks, content_type, Cache::Immutable(lifetime(spec)))));
            };
            (media, Cache::Immutable(lifetime(spec)), Some(spec.timeline.segment_start(number + 1)))
        }
        MediaFile::Chunk { segment, chunk } => {
            let media = self::chunk(&app, &output, &window, (segment, chunk)).await?;
            (media, Cache::Immutable(lifetime(spec)), Some(spec.timeline.chunk_span(segment, chunk).end))
        }
    };
    reply::media(&request, &media, &Meta { content_type, cache, etag: media.etag(), modified }).map(counted)
}

/// A manifest that a player begins with, for which no directives are.
async fn whole(app: &App, (caller, request): (&Caller, &HeaderMap), stream: &str, kind: Kind) -> Answer {
    if let Some(Err(refusal)) = StreamName::parse(stream).map(|name| caller.admit(app, &name, kind)) {
        return caller.refused(refusal);
    }
    let output = output(app, stream).await?;
    let output = match kind {
        Kind::Mpd(..) => described(output),
        Kind::Multivariant(..) | Kind::Media(_) | Kind::LowLatency(..) | Kind::Iframes(_) => output,
    };
    manifest(app, (caller, request), &output, (kind, Directives::default())).await
}

/// The newest presentation that an MPD can describe: players that go on from the one before do not wait for the next.
fn described(newest: ActiveOutput) -> ActiveOutput {
    let Some(before) = newest.before() else { return newest };
    let earlier = newest.earlier();
    match View::of(&newest).after(&earlier).is_described() {
        true => newest,
        false => newest.with(before),
    }
}

pub(super) async fn manifest(
    app: &App,
    (caller, request): (&Caller, &HeaderMap),
    output: &ActiveOutput,
    (kind, directives): (Kind, Directives),
) -> Answer {
    let stream = &output.spec.name;
    let held = app.0.metrics.hold();
    // An MPD tells players of the one before where the next begins, as soon as it can.
    if !matches!(kind, Kind::Mpd(..)) || output.before().is_none() {
        timeout(DEADLINE, output.opened()).await.map_err(|_| ApiError::Starting(stream.to_string()))?;
    }
    if let Kind::LowLatency(track, _) | Kind::Iframes(track) = kind {
        directives.wait(output, &output.tracks[track], kind.granularity(), app.0.clock.now()).await?;
    }
    drop(held);
    let target = target(output);
    let (content_type, cache) = match kind {
        Kind::Multivariant(..) => (PLAYLIST, Cache::MaxAge(target)),
        // A request that names what it waits for is answered once and for all (RFC 8216bis B.1).
        Kind::LowLatency(..) | Kind::Iframes(_) if directives.blocks() => (PLAYLIST, Cache::MaxAge(target * 6)),
        Kind::Media(_) | Kind::LowLatency(..) | Kind::Iframes(_) => (PLAYLIST, Cache::MaxAge(target / 2)),
        Kind::Mpd(..) => (MPD, Cache::MaxAge(output.spec.timeline.segment_duration())),
    };
    let Some(rendered) = app.0.manifests.get(output, kind) else {
        return no_such(format!("stream {stream} has no segments yet; start it"), target);
    };
    let gzip = reply::prefers_gzip(request);
    let (bytes, etag) = match gzip {
        true => (rendered.gzip.clone(), &rendered.gzip_etag),
        false => (rendered.text.clone(), &rendered.etag),
    };
    let modified = Some(rendered.modified.min(app.0.clock.now()));
    let mut response = reply::bytes(request, bytes, &Meta { content_type, cache, etag, modified });
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip && response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    caller.mark_format(app, output, kind, &mut response);
    Ok(response)
}

/// The place of a file.
struct Found {
    output: ActiveOutput,
    /// Index of the track in `output`.
    place: usize,
    /// Revision of its epoch.
    revision: Revision,
    window: Window,
}

/// Whether the newest presentation has the track, or an earlier one that is still served.
fn is_track(newest: &Output, id: &TrackId) -> bool {
    newest.place(id).is_some() || newest.earlier().iter().any(|output| output.place(id).is_some())
}

/// The place of a file that is requested under `revision`, in the newest presentation or in an earlier one.
fn find(newest: ActiveOutput, track: &TrackId, requested: (&str, MediaFile)) -> Option<Found> {
    let place_in = |output: &Output| {
        let place = output.place(track)?;
        let (revision, window) = place_of(output, place, requested)?;
        Some((place, revision, window))
    };
    if let Some((place, revision, window)) = place_in(&newest) {
        return Some(Found { output: newest, place, revision, window });
    }
    let mut earlier = newest.earlier().into_iter().rev();
    let ((place, revision, window), output) = earlier.find_map(|output| Some((place_in(&output)?, output)))?;
    Some(Found { output: newest.with(output), place, revision, window })
}

/// The window of a file that is requested under `revision`, and the revision of its epoch.
fn place_of(output: &Output, track: usize, (revision, file): (&str, MediaFile)) -> Option<(Revision, Window)> {
    match file {
        MediaFile::Init => {
            let epoch = output.find_init(track, revision)?;
            Some((epoch.revision.clone(), output.tracks.get(track)?.window.clone()))
        }
        MediaFile::Segment(segment) | MediaFile::Chunk { segment, .. } => {
            Some((output.epoch(segment).revision.clone(), output.find(track, revision, segment)?))
        }
    }
}

/// The init segment, as soon as the encoder has said what it makes.
async fn init(window: &Window, revision: &Revision) -> Result<Media, ApiError> {
    let mut snapshots = window.subscribe();
    let known =
        timeout(DEADLINE, snapshots.wait_for(|snapshot| snapshot.ended() || snapshot.init(revision).is_some())).await;
    let media = known.ok().and_then(Result::ok).and_then(|snapshot| Some(snapshot.init(revision)?.media.clone()));
    media.ok_or_else(|| ApiError::Starting(revision.to_string()))
}

/// A complete segment, or `None` for one of which there is something and not all, unless it is wanted `whole`. One
/// that is about to be made is waited for.
async fn segment(
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

/// The chunks of a segment, each when it is there. It breaks off if the segment is never finished.
fn as_it_is_made(
    app: &App,
    visit: &ActiveOutput,
    (window, number): (Window, u64),
) -> impl Stream<Item = Result<Bytes, ApiError>> + use<> {
    let (app, visit) = (app.clone(), visit.clone());
    let chunks = visit.spec.timeline.chunks_per_segment() as usize;
    let chunk = move |next: usize| {
        let (app, output, window) = (app.clone(), Arc::clone(&visit), window.clone());
        async move {
            let ready = |snapshot: &Snapshot| snapshot.segment(number)?.joined(next);
            wait(&app, &output, &window, (number, ready)).await
        }
    };
    stream::iter(0..chunks).then(chunk)
}

/// A chunk, as soon as it is there.
async fn chunk(app: &App, output: &Output, window: &Window, (number, chunk): (u64, u32)) -> Result<Media, ApiError> {
    let timeline = &output.spec.timeline;
    if chunk >= timeline.chunks_per_segment() {
        return no_such(
            format!("a segment has {} chunks, counted from 0; not {chunk}", timeline.chunks_per_segment()),
            SECOND,
        );
    }
    let ready = |snapshot: &Snapshot| Some(snapshot.segment(number)?.chunks.get(chunk as usize)?.media.clone());
    let is_refused = || {
        let has_begun = timeline.chunk_span(number, chunk).start <= app.0.clock.now() + CLOCK_SKEW;
        let snapshot = window.snapshot();
        !has_begun && ready(&snapshot).is_none() && !snapshot.ended()
    };
    if is_refused() {
        app.0.late_refusals.hold().await;
        if is_refused() {
            return Err(too_early(format!("chunk {chunk} of segment {number}"), &window.snapshot()));
        }
    }
    wait(app, output, window, (number, ready)).await
}

/// What is `ready` of a segment, as soon as it is. A refusal of a segment that has not begun is held back.
async fn wait<T>(
    app: &App,
    output: &Output,
    window: &Window,
    (number, ready): (u64, impl Fn(&Snapshot) -> Option<T>),
) -> Result<T, ApiError> {
    let _held = app.0.metrics.hold();
    let has_begun = |snapshot: &Snapshot| !matches!(snapshot.lookup(number), Lookup::Future);
    if may_come(app, output, &window.snapshot(), number) || has_begun(&window.snapshot()) {
        return wait_while_it_may_come(app, output, window, (number, ready)).await;
    }
    app.0.late_refusals.hold().await;
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
            if !may_come(app, output, &snapshot, number) {
                return Err(absent(output, &snapshot, number));
            }
            if snapshots.changed().await.is_err() {
                return Err(absent(output, &snapshot, number));
            }
        }
    });
    // It is promised still.
    outcome.await.unwrap_or_else(|_| Err(ApiError::Overdue { waited: deadline }))
}

/// Whether a segment that is not there is being made, about to be, or being filled in.
fn may_come(app: &App, output: &Output, snapshot: &Snapshot, number: u64) -> bool {
    if snapshot.ended() {
        return false;
    }
    match snapshot.lookup(number) {
        Lookup::Ready(_) | Lookup::Growing(_) => true,
        Lookup::Missing => snapshot.is_available(number),
        Lookup::Expired => false,
        // Players ask for the one after that which is being made as soon as they have asked for that.
        Lookup::Future => {
            let timeline = &output.spec.timeline;
            timeline.segment_start(number) <= app.0.clock.now() + timeline.segment_duration()
        }
    }
}

fn absent(output: &Output, snapshot: &Snapshot, number: u64) -> ApiError {
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

/// What a stream publishes. A stream that is about to is waited for: to a player that goes on after a restart, "not found"
/// would be the end.
pub(super) async fn output(app: &App, stream: &str) -> Result<ActiveOutput, ApiError> {
    let unknown = || ApiError::NoSuchMedia { detail: format!("there is no stream {stream}"), retry: SECOND };
    let name = StreamName::parse(stream).ok_or_else(unknown)?;
    match timeout(DEADLINE, app.0.registry.output(&name)).await {
        Ok(Ok(Some(output))) => Ok(output),
        Ok(Ok(None)) => {
            let phase = app.0.registry.get(&name).map_or("stopped", |view| view.status.phase.as_str());
            no_such(format!("stream {stream} is {phase} and has no segments yet; start it"), SECOND)
        }
        Ok(Err(Unplayable::Unknown(_))) => Err(unknown()),
        Ok(Err(Unplayable::NoRoom(no_room))) => Err(ApiError::NoRoomYet(no_room)),
        Err(_) => Err(ApiError::Starting(stream.to_owned())),
    }
}

pub(super) fn target(output: &Output) -> Duration {
    hls::target_duration(&output.spec)
}

/// How long a segment may be kept: six target durations or the window, whichever is longer, up to a day.
fn lifetime(spec: &StreamSpec) -> Duration {
    (hls::target_duration(spec) * 6).max(spec.window).min(DAY)
}

/// Refuses a segment or a chunk later than it could be refused; a client that plays asks for the next one then.
async fn refused_late<T>(app: &App, file: MediaFile, refusal: ApiError) -> Result<T, ApiError> {
    match file {
        MediaFile::Init => {}
        MediaFile::Segment(_) | MediaFile::Chunk { .. } => app.0.late_refusals.hold().await,
    }
    Err(refusal)
}

pub(super) fn no_such<T>(detail: impl Into<String>, retry: Duration) -> Result<T, ApiError> {
    Err(missing(detail, retry))
}

fn missing(detail: impl Into<String>, retry: Duration) -> ApiError {
    ApiError::NoSuchMedia { detail: detail.into(), retry }
}
