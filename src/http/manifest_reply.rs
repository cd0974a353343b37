//! The answer with a manifest: the wait for what it has to list, how long caches may keep it, and its encoding.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::App;
use super::blocking_reload::Directives;
use super::cache_control::Cache;
use super::conditions;
use super::error::ApiError;
use super::manifest_cache::{Kind, Rendered, When};
use super::past_media;
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, DEADLINE, SECOND, no_such, target};
use super::viewers::Caller;
use crate::base::timeline::UnixTime;
use crate::definition::condition::{
    Conditions, Fault, FaultKind, Identity, InPlace, ManifestFault, MediaFault, Resource, Span, Track,
};
use crate::media::manifest::dash;
use crate::media::manifest::extent::Extent;
use crate::media::manifest::lag::Lag;
use crate::media::window::{Output, Segment};
use crate::stream::ActiveOutput;

/// Number of segments from which a playlist is rendered on another thread, so that it delays no other request. The playlist of an hour
/// takes about 2 ms.
const LONG_SEGMENTS: u64 = 2000;
/// How long caches may store a manifest of a VOD. It is the same until the definition of the stream changes.
const VOD_FOR: Duration = Duration::from_secs(60);
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";
const PATCH: &str = "application/dash-patch+xml";

/// Answers with the manifest `kind` of `output`, as soon as it lists what `directives` name.
pub(super) async fn manifest(
    app: &App,
    (caller, request): (&Caller, &HeaderMap),
    output: &ActiveOutput,
    (kind, directives, conditions): (Kind, Directives, &Conditions),
) -> Answer {
    let stream = &output.spec.name;
    let held = app.0.metrics.hold();
    // The MPD announces the next presentation to players of the current one as early as possible.
    if !matches!(kind, Kind::Mpd(..) | Kind::Patch(..)) || output.before().is_none() {
        timeout(DEADLINE, output.opened()).await.map_err(|_| ApiError::Starting(stream.to_string()))?;
    }
    let path = caller.path_and_query().split('?').next().unwrap_or_default();
    let now = app.0.clock.now();
    let manifest = identity(output, kind, path);
    let lag = Lag::of(conditions, manifest, &output.spec);
    let is_unblocked = conditions
        .faults()
        .any(|fault| fault.kind == FaultKind::Manifest(ManifestFault::Unblocked) && fault.applies(&manifest, now));
    let directives = if is_unblocked { directives.without_wait() } else { directives };
    if let Kind::LowLatency(track, _) | Kind::Iframes(track) = kind {
        let extent = Extent::of(conditions, &output.spec, app.0.clock.now());
        directives.wait((output, &output.tracks[track]), kind.granularity(), (&extent, &app.0.clock), &lag).await?;
    }
    drop(held);
    let now = app.0.clock.now();
    let target = target(output);
    let gzip = reply::prefers_gzip(request);
    let when = lag.shown(now).map_or(When::Now(now), When::Then);
    let past = match kind {
        Kind::LowLatency(track, _) => past_media::with_ranges(app, output, track, (conditions, when.time())).await?,
        _ => Vec::new(),
    };
    let Some((rendered, bytes)) = rendered(app, output, (kind, conditions, gzip), (when, past)).await else {
        return match kind {
            Kind::Patch(..) => no_such("there is no patch for an MPD of this publishTime; load the MPD", SECOND),
            _ => no_such(format!("stream {stream} has no segments yet; start it"), target),
        };
    };
    let (content_type, cache) = match kind {
        Kind::Mpd(..) if rendered.is_vod => (MPD, Cache::MaxAge(VOD_FOR)),
        Kind::Multivariant(..) | Kind::LowLatency(..) | Kind::Media(..) | Kind::Iframes(_) if rendered.is_vod => {
            (PLAYLIST, Cache::MaxAge(VOD_FOR))
        }
        Kind::Multivariant(..) => (PLAYLIST, Cache::MaxAge(target)),
        // A request that names what it waits for is answered once and for all (RFC 8216bis B.1).
        Kind::LowLatency(..) | Kind::Iframes(_) if directives.blocks() => (PLAYLIST, Cache::MaxAge(target * 6)),
        Kind::Media(..) | Kind::LowLatency(..) | Kind::Iframes(_) => (PLAYLIST, Cache::MaxAge(target / 2)),
        Kind::Mpd(..) if dash::is_of_the_moment(conditions) => (MPD, Cache::NoStore),
        Kind::Mpd(..) | Kind::Patch(..) => {
            let segment = output.spec.timeline.segment_duration();
            let period = conditions.update_period().flatten().map_or(segment, Span::duration);
            // A list of segments changes with each segment.
            let longest = if conditions.addressing().has_timeline() { segment / 2 } else { segment };
            let content_type = if matches!(kind, Kind::Mpd(..)) { MPD } else { PATCH };
            (content_type, Cache::MaxAge(period.min(longest)))
        }
    };
    let etag = if gzip { &rendered.gzip_etag } else { &rendered.etag };
    let modified = Some(rendered.modified.min(now));
    let mut response = reply::bytes(request, bytes, &Meta { content_type, cache, etag, modified });
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip && response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    caller.mark_format(app, output, kind, &mut response);
    let acts = |fault: &Fault| acts(fault, (&manifest, &lag), (now, rendered.modified));
    conditions::mark(app, &conditions.with_faults(acts), &mut response);
    Ok(response)
}

/// Whether a fault changed a manifest whose newest media end at `modified`.
fn acts(fault: &Fault, (manifest, lag): (&Identity<'_>, &Lag<'_>), (now, modified): (UnixTime, UnixTime)) -> bool {
    match &fault.kind {
        FaultKind::Media(MediaFault::Discontinuity { .. }) | FaultKind::InPlace(InPlace::LostHint) => true,
        FaultKind::InPlace(InPlace::Gap) => conditions::lists_gaps(fault, manifest.track),
        FaultKind::Manifest(kind) => match kind {
            ManifestFault::Rewind(_) | ManifestFault::Stale(_) => lag.is_by(fault, now),
            ManifestFault::Unblocked => fault.applies(manifest, now),
            ManifestFault::WrongReport => fault.applies(manifest, modified),
        },
        FaultKind::Media(
            MediaFault::Corrupt(_) | MediaFault::Drift { .. } | MediaFault::EarlyHint | MediaFault::Offset(_),
        )
        | FaultKind::InPlace(InPlace::Missing | InPlace::Reset | InPlace::Status { .. })
        | FaultKind::Headers(_)
        | FaultKind::Delivery(_) => false,
    }
}

/// What selectors of faults see of a manifest.
fn identity<'a>(output: &'a Output, kind: Kind, path: &'a str) -> Identity<'a> {
    let (resource, track) = match kind {
        Kind::Multivariant(..) => (Resource::Multivariant, None),
        Kind::Mpd(..) | Kind::Patch(..) => (Resource::Mpd, None),
        Kind::Media(track, _) | Kind::LowLatency(track, _) => (Resource::Playlist, output.tracks.get(track)),
        Kind::Iframes(track) => (Resource::Iframes, output.tracks.get(track)),
    };
    let track = track.map(|track| Track { id: track.id.as_str(), kind: track.kind });
    Identity { resource, track, number: None, begins: None, path }
}

/// The rendered manifest, and its bytes in the encoding of the answer.
async fn rendered(
    app: &App,
    output: &ActiveOutput,
    (kind, conditions, gzip): (Kind, &Conditions, bool),
    (when, past): (When, Vec<Arc<Segment>>),
) -> Option<(Arc<Rendered>, Bytes)> {
    let get = move |app: &App, output: &ActiveOutput, conditions: &Conditions| {
        let rendered = app.0.manifests.get(output, kind, conditions, (when, &past))?;
        let bytes = if gzip { rendered.gzip.clone() } else { rendered.text() };
        Some((rendered, bytes))
    };
    let extent = Extent::of(conditions, &output.spec, when.time());
    if extent.segments(&output.spec.timeline) <= LONG_SEGMENTS {
        return get(app, output, conditions);
    }
    let (app, output, conditions) = (app.clone(), output.clone(), conditions.clone());
    // If it panics, the panic is reported where it happens.
    spawn_blocking(move || get(&app, &output, &conditions)).await.ok()?
}
