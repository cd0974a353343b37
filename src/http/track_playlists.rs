//! Media playlists of tracks: those of the newest presentation, and those of earlier presentations for two windows after their
//! end. After that a playlist of an earlier presentation redirects to the newest.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::time::timeout;

use super::App;
use super::blocking_reload::Directives;
use super::cache_control::Cache;
use super::conditions::{self, Asked};
use super::manifest_cache::Kind;
use super::manifest_reply::manifest;
use super::path_parameters::PathParameters;
use super::reply;
use super::stream_lookup::{Answer, SECOND, no_such, output, target};
use super::viewers::Caller;
use crate::definition::condition::{Conditions, Resource, Track};
use crate::definition::spec::{StreamName, TrackId};
use crate::definition::store::NOTICE;
use crate::media::manifest::path;
use crate::stream::ActiveOutput;

/// A media playlist as it is named in a URL.
struct Name<'a> {
    stream: &'a str,
    track: &'a str,
    presentation: u64,
    file: &'a str,
}

/// `/live/{stream}/{track}/{file}`
pub(super) async fn in_track(
    State(app): State<App>,
    PathParameters((stream, track, file)): PathParameters<(String, String, String)>,
    RawQuery(query): RawQuery,
    caller: Caller,
    asked: Asked,
    request: HeaderMap,
) -> Answer {
    let name = Name { stream: &stream, track: &track, presentation: 0, file: &file };
    answer(&app, (&caller, &request), &name, (&query.unwrap_or_default(), &asked.0)).await
}

/// `/live/{stream}/{track}/{presentation}/` with the file of each route.
pub(super) async fn in_presentation(
    State(app): State<App>,
    PathParameters((stream, track, presentation)): PathParameters<(String, String, String)>,
    uri: Uri,
    caller: Caller,
    asked: Asked,
    request: HeaderMap,
) -> Answer {
    let Some(number) = path::presentation(&presentation) else {
        return no_such(format!("presentations in URLs are numbers from 1, not {presentation}"), SECOND);
    };
    let file = uri.path().rsplit('/').next().unwrap_or_default();
    let name = Name { stream: &stream, track: &track, presentation: number, file };
    answer(&app, (&caller, &request), &name, (uri.query().unwrap_or_default(), &asked.0)).await
}

async fn answer(
    app: &App,
    who: (&Caller, &HeaderMap),
    name: &Name<'_>,
    (query, conditions): (&str, &Conditions),
) -> Answer {
    let Name { stream, track, presentation, file } = *name;
    if let Some(name) = StreamName::parse(stream).filter(|_| presentation > 0) {
        // Past the limit it is refused below.
        _ = timeout(NOTICE, app.0.registry.knows(&name, presentation)).await;
    }
    let newest = output(app, stream).await?;
    let directives = match file {
        path::LLHLS | path::IFRAMES => Directives::parse(query)?.under(conditions),
        // It offers delta updates only if it is long, and no blocking reload.
        path::HLS => Directives::parse(query).map(Directives::without_wait).unwrap_or_default(),
        _ => Directives::default(),
    };
    let resource = if file == path::IFRAMES { Resource::Iframes } else { Resource::Playlist };
    if presentation > newest.presentation {
        return no_such(format!("stream {stream} has no presentation {presentation} yet"), SECOND);
    }
    let (output, moved) = match of_presentation(&newest, presentation) {
        Some(output) => (output, false),
        None => (newest, true),
    };
    let Some(track) = TrackId::parse(track).and_then(|id| output.place(&id)) else {
        let age = target(&output) * if directives.blocks() { 4 } else { 1 };
        return no_such(format!("stream {stream} has no track {track}"), age);
    };
    let kind = match file {
        path::HLS => Kind::Media(track, directives.skip),
        path::LLHLS => Kind::LowLatency(track, directives.skip),
        path::IFRAMES => Kind::Iframes(track),
        _ => {
            let [hls, llhls, iframes] = [path::HLS, path::LLHLS, path::IFRAMES];
            return no_such(format!("a track has {hls}, {llhls} and {iframes}, not {file}"), SECOND);
        }
    };
    let of_track = Some(Track { id: output.tracks[track].id.as_str(), kind: output.tracks[track].kind });
    conditions::check(conditions, kind.format(), &output.spec, app.0.clock.now())?;
    if let Some(elsewhere) = conditions::to_plain(conditions, (resource, of_track), who.0.path_and_query()) {
        return Ok(elsewhere);
    }
    match moved {
        true => {
            // Without the directives, which number the segments of the earlier presentation.
            let location = path::moved_playlist(presentation, output.presentation, file);
            Ok(reply::redirect(StatusCode::TEMPORARY_REDIRECT, &location, Cache::NoStore))
        }
        false => manifest(app, who, &output, (kind, directives, conditions)).await,
    }
}

/// The output of one presentation, while it is served.
fn of_presentation(newest: &ActiveOutput, number: u64) -> Option<ActiveOutput> {
    if newest.presentation == number {
        return Some(newest.clone());
    }
    let output = newest.earlier().into_iter().find(|output| output.presentation == number)?;
    Some(newest.clone().with(output))
}
