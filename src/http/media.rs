//! Manifests, init segments, segments and chunks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tokio::time::timeout;

use super::App;
use super::error::ApiError;
use super::manifests::Kind;
use super::reply::{self, Cache, Meta};
use crate::cmaf::Media;
use crate::manifest::path::{self, MediaFile};
use crate::manifest::{Place, hls};
use crate::spec::{Revision, StreamName, StreamSpec, TrackId};
use crate::timeline;
use crate::window::{Lookup, Output, Snapshot, Track};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_secs(31_536_000);
const SECOND: Duration = Duration::from_secs(1);
/// Longest wait for a segment that is being made or filled in, past its own length.
const PATIENCE: Duration = Duration::from_secs(10);
/// A client's clock may be ahead of ours by so much.
const CLOCK_SKEW: Duration = Duration::from_millis(500);

type Answer = Result<Response, ApiError>;

/// `/live/{stream}/{file}`
pub(super) async fn in_stream(
    State(app): State<App>,
    Path((stream, file)): Path<(String, String)>,
    request: HeaderMap,
) -> Answer {
    let kind = match file.as_str() {
        path::HLS => Kind::Multivariant(Place::Stream),
        path::DASH => Kind::Mpd(Place::Stream),
        _ => return no_such(format!("a stream has {} and {}, not {file}", path::HLS, path::DASH), SECOND),
    };
    manifest(&app, &request, &stream, kind).await
}

/// `/live/{stream}/{track}/{file}`
pub(super) async fn in_track(
    State(app): State<App>,
    Path((stream, track, file)): Path<(String, String, String)>,
    request: HeaderMap,
) -> Answer {
    let Some(track) = TrackId::parse(&track) else { return no_such(format!("no track is called {track}"), SECOND) };
    let kind = match file.as_str() {
        path::HLS => Kind::Media(track),
        path::IFRAMES => Kind::Iframes(track),
        _ => return no_such(format!("a track has {} and {}, not {file}", path::HLS, path::IFRAMES), SECOND),
    };
    manifest(&app, &request, &stream, kind).await
}

/// `/hls/{stream}.m3u8`
pub(super) async fn short_hls(State(app): State<App>, Path(file): Path<String>, request: HeaderMap) -> Answer {
    match file.strip_suffix(".m3u8") {
        Some(stream) => manifest(&app, &request, stream, Kind::Multivariant(Place::Short)).await,
        None => no_such(format!("playlists here are called STREAM.m3u8, not {file}"), SECOND),
    }
}

/// `/dash/{stream}.mpd`
pub(super) async fn short_dash(State(app): State<App>, Path(file): Path<String>, request: HeaderMap) -> Answer {
    match file.strip_suffix(".mpd") {
        Some(stream) => manifest(&app, &request, stream, Kind::Mpd(Place::Short)).await,
        None => no_such(format!("MPDs here are called STREAM.mpd, not {file}"), SECOND),
    }
}

/// `/live/{stream}/{track}/{revision}/{file}`
pub(super) async fn in_revision(
    State(app): State<App>,
    Path((stream, track, revision, file)): Path<(String, String, String, String)>,
    request: HeaderMap,
) -> Answer {
    let output = output(&app, &stream).await?;
    let Some(track) = TrackId::parse(&track).and_then(|id| output.track(&id)) else {
        return no_such(format!("stream {stream} has no track {track}"), SECOND);
    };
    if Revision::parse(&revision).is_none_or(|revision| revision != output.revision) {
        return no_such(format!("stream {stream} is at revision {}, not {revision}", output.revision), SECOND);
    }
    let content_type = match track.kind {
        timeline::Kind::Video => "video/mp4",
        timeline::Kind::Audio => "audio/mp4",
    };
    let spec = &output.spec;
    let (media, cache, modified) = match MediaFile::parse(&file) {
        Some(MediaFile::Init) => (init(track).await?, Cache::Immutable(YEAR), None),
        Some(MediaFile::Segment(number)) => {
            let media = segment(&app, &output, track, number).await?;
            (media, Cache::Immutable(lifetime(spec)), Some(spec.timeline.segment_start(number + 1)))
        }
        Some(MediaFile::Chunk { segment, chunk }) => {
            let media = self::chunk(&app, &output, track, (segment, chunk)).await?;
            let end = spec.timeline.chunk(timeline::Kind::Video, segment, chunk).end;
            (media, Cache::Immutable(lifetime(spec)), Some(spec.timeline.rate().frame_start(end)))
        }
        None => return no_such(format!("media files are called init.mp4, K.m4s or K.C.m4s, not {file}"), SECOND),
    };
    reply::media(&request, &media, &Meta { content_type, cache, etag: media.etag(), modified })
}

async fn manifest(app: &App, request: &HeaderMap, stream: &str, kind: Kind) -> Answer {
    let output = output(app, stream).await?;
    timeout(PATIENCE, output.opened()).await.map_err(|_| ApiError::Starting(stream.to_owned()))?;
    let target = Duration::from_secs(hls::target_duration(&output.spec));
    let (content_type, cache) = match &kind {
        Kind::Multivariant(_) => (PLAYLIST, Cache::MaxAge(target)),
        Kind::Media(_) | Kind::Iframes(_) => (PLAYLIST, Cache::MaxAge(target / 2)),
        Kind::Mpd(_) => (MPD, Cache::MaxAge(output.spec.timeline.segment_duration())),
    };
    let Some(rendered) = app.0.manifests.get(&output, kind) else {
        return no_such(format!("stream {stream} has no such manifest"), target);
    };
    let gzip = reply::accepts_gzip(request);
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
    Ok(response)
}

/// The init segment, as soon as the encoder has said what it makes.
async fn init(track: &Track) -> Result<Media, ApiError> {
    let mut snapshots = track.window.subscribe();
    let known = timeout(PATIENCE, snapshots.wait_for(|snapshot| snapshot.init().is_some())).await;
    let media = known.ok().and_then(Result::ok).and_then(|snapshot| Some(snapshot.init()?.media.clone()));
    media.ok_or_else(|| ApiError::Starting(track.id.to_string()))
}

/// A complete segment. One that is being made, or filled in, is waited for.
async fn segment(app: &App, output: &Output, track: &Track, number: u64) -> Result<Media, ApiError> {
    let ready = |snapshot: &Snapshot| match snapshot.lookup(number) {
        Lookup::Ready(media) => Some(media),
        Lookup::Growing(_) | Lookup::Missing | Lookup::Expired | Lookup::Future => None,
    };
    wait(app, output, track, (number, ready)).await
}

/// A chunk, as soon as it is there.
async fn chunk(app: &App, output: &Output, track: &Track, (number, chunk): (u64, u32)) -> Result<Media, ApiError> {
    if chunk >= output.spec.timeline.chunks_per_segment() {
        return no_such(format!("a segment has {} chunks", output.spec.timeline.chunks_per_segment()), SECOND);
    }
    let ready = |snapshot: &Snapshot| Some(snapshot.segment(number)?.chunks.get(chunk as usize)?.media.clone());
    wait(app, output, track, (number, ready)).await
}

async fn wait(
    app: &App,
    output: &Output,
    track: &Track,
    (number, ready): (u64, impl Fn(&Snapshot) -> Option<Media>),
) -> Result<Media, ApiError> {
    let mut snapshots = track.window.subscribe();
    let deadline = output.spec.timeline.segment_duration() + PATIENCE;
    let outcome = timeout(deadline, async {
        loop {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            if let Some(media) = ready(&snapshot) {
                return Ok(media);
            }
            if !may_come(app, output, &snapshot, number) {
                return Err(absent(output, &snapshot, number));
            }
            if snapshots.changed().await.is_err() {
                return Err(absent(output, &snapshot, number));
            }
        }
    });
    outcome.await.unwrap_or_else(|_| Err(absent(output, &track.window.snapshot(), number)))
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
        Lookup::Future => output.spec.timeline.segment_start(number) <= app.0.clock.now() + CLOCK_SKEW,
    }
}

fn absent(output: &Output, snapshot: &Snapshot, number: u64) -> ApiError {
    match snapshot.lookup(number) {
        Lookup::Expired => ApiError::Expired { segment: number, first: snapshot.first(), keep: lifetime(&output.spec) },
        Lookup::Future if !snapshot.ended() => {
            ApiError::TooEarly { segment: number, newest: snapshot.last_complete().unwrap_or_default() }
        }
        Lookup::Ready(_) | Lookup::Growing(_) | Lookup::Missing | Lookup::Future => {
            ApiError::NoSuchMedia { detail: format!("segment {number} was not made"), retry: SECOND }
        }
    }
}

/// What a stream publishes. A stream that is about to is waited for: to a player that goes on after a restart, "not found"
/// would be the end.
async fn output(app: &App, stream: &str) -> Result<Arc<Output>, ApiError> {
    let unknown = || ApiError::NoSuchMedia { detail: format!("there is no stream {stream}"), retry: SECOND };
    let name = StreamName::parse(stream).ok_or_else(unknown)?;
    match timeout(PATIENCE, app.0.registry.output(&name)).await {
        Ok(Ok(Some(output))) => Ok(output),
        Ok(Ok(None)) => no_such(format!("stream {stream} is not running"), SECOND),
        Ok(Err(_)) => Err(unknown()),
        Err(_) => Err(ApiError::Starting(stream.to_owned())),
    }
}

/// How long a segment may be kept: six target durations or the window, whichever is longer, up to a day.
fn lifetime(spec: &StreamSpec) -> Duration {
    Duration::from_secs(6 * hls::target_duration(spec)).max(spec.window).min(DAY)
}

fn no_such<T>(detail: impl Into<String>, retry: Duration) -> Result<T, ApiError> {
    Err(ApiError::NoSuchMedia { detail: detail.into(), retry })
}
