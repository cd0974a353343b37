//! The answer with a manifest: the wait for what it has to list, how long caches may keep it, and its encoding.

use axum::http::{HeaderMap, HeaderValue, header};
use tokio::time::timeout;

use super::App;
use super::blocking_reload::Directives;
use super::cache_control::Cache;
use super::conditions;
use super::error::ApiError;
use super::manifest_cache::Kind;
use super::reply::{self, Meta};
use super::stream_lookup::{Answer, DEADLINE, no_such, target};
use super::viewers::Caller;
use crate::definition::condition::{Conditions, Span};
use crate::media::manifest::dash;
use crate::stream::ActiveOutput;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MPD: &str = "application/dash+xml";

/// Answers with the manifest `kind` of `output`, as soon as it lists what `directives` name.
pub(super) async fn manifest(
    app: &App,
    (caller, request): (&Caller, &HeaderMap),
    output: &ActiveOutput,
    (kind, directives, conditions): (Kind, Directives, &Conditions),
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
        Kind::Mpd(..) if dash::is_of_the_moment(conditions) => (MPD, Cache::NoStore),
        Kind::Mpd(..) => {
            let segment = output.spec.timeline.segment_duration();
            let period = conditions.update_period().flatten().map_or(segment, Span::duration);
            (MPD, Cache::MaxAge(period.min(segment)))
        }
    };
    let now = app.0.clock.now();
    let Some(rendered) = app.0.manifests.get(output, kind, conditions, now) else {
        return no_such(format!("stream {stream} has no segments yet; start it"), target);
    };
    let gzip = reply::prefers_gzip(request);
    let (bytes, etag) = match gzip {
        true => (rendered.gzip.clone(), &rendered.gzip_etag),
        false => (rendered.text.clone(), &rendered.etag),
    };
    let modified = Some(rendered.modified.min(now));
    let mut response = reply::bytes(request, bytes, &Meta { content_type, cache, etag, modified });
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip && response.status().is_success() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    caller.mark_format(app, output, kind, &mut response);
    conditions::mark(app, conditions, &mut response);
    Ok(response)
}
