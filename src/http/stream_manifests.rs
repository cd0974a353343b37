//! Manifests of whole streams, with which players begin: multivariant playlists and MPDs.

use axum::extract::State;
use axum::http::HeaderMap;

use super::App;
use super::blocking_reload::Directives;
use super::conditions::{self, Asked};
use super::error::ApiError;
use super::manifest_cache::Kind;
use super::manifest_reply::manifest;
use super::patches;
use super::path_parameters::PathParameters;
use super::stream_lookup::{Answer, SECOND, no_such, output};
use super::viewers::Caller;
use crate::definition::condition::Conditions;
use crate::definition::spec::StreamName;
use crate::media::manifest::{Latency, Place, View, path};
use crate::media::single_file::Container;
use crate::media::still::ImageFormat;
use crate::stream::ActiveOutput;

/// `/live/{stream}/{file}`
pub(super) async fn in_stream(
    State(app): State<App>,
    PathParameters((stream, file)): PathParameters<(String, String)>,
    caller: Caller,
    asked: Asked,
    request: HeaderMap,
) -> Answer {
    let kind = match file.as_str() {
        path::HLS => Kind::Multivariant(Place::Stream, Latency::Normal),
        path::LLHLS => Kind::Multivariant(Place::Stream, Latency::Low),
        path::DASH => Kind::Mpd(Place::Stream, Latency::Normal),
        path::LLDASH => Kind::Mpd(Place::Stream, Latency::Low),
        path::DASH_PATCH => patch(&caller, Place::Stream, Latency::Normal)?,
        path::LLDASH_PATCH => patch(&caller, Place::Stream, Latency::Low)?,
        _ => {
            let [hls, llhls, dash, lldash] = [path::HLS, path::LLHLS, path::DASH, path::LLDASH];
            let [mp4, ts] = Container::ALL.map(Container::file_name);
            let [jpg, png] = ImageFormat::ALL.map(ImageFormat::file_name);
            let detail =
                format!("a stream has {hls}, {llhls}, {dash}, {lldash}, {mp4}, {ts}, {jpg} and {png}, not {file}");
            return no_such(detail, SECOND);
        }
    };
    whole(&app, (&caller, &request), &stream, (kind, &asked.0)).await
}

/// `/hls/{stream}.m3u8`
pub(super) async fn short_hls(
    State(app): State<App>,
    PathParameters(file): PathParameters<String>,
    caller: Caller,
    asked: Asked,
    request: HeaderMap,
) -> Answer {
    let kind = Kind::Multivariant(Place::Short, Latency::Normal);
    short(&app, (&caller, &request), (&file, ".m3u8", "playlists"), (kind, &asked.0)).await
}

/// `/dash/{stream}.mpd`
pub(super) async fn short_dash(
    State(app): State<App>,
    PathParameters(file): PathParameters<String>,
    caller: Caller,
    asked: Asked,
    request: HeaderMap,
) -> Answer {
    let (ending, kind) = match file.ends_with(".mpp") {
        true => (".mpp", patch(&caller, Place::Short, Latency::Normal)?),
        false => (".mpd", Kind::Mpd(Place::Short, Latency::Normal)),
    };
    short(&app, (&caller, &request), (&file, ending, "MPDs"), (kind, &asked.0)).await
}

/// The patch that the query of a request names.
fn patch(caller: &Caller, place: Place, latency: Latency) -> Result<Kind, ApiError> {
    let (_, query) = caller.path_and_query().split_once('?').unwrap_or_default();
    Ok(Kind::Patch(place, latency, patches::published(query)?))
}

/// Answers with the manifest of the stream that a file of the short forms names.
async fn short(
    app: &App,
    who: (&Caller, &HeaderMap),
    (file, ending, what): (&str, &str, &str),
    manifest: (Kind, &Conditions),
) -> Answer {
    match file.strip_suffix(ending) {
        Some(stream) => whole(app, who, stream, manifest).await,
        None => no_such(format!("{what} here are called STREAM{ending}, not {file}"), SECOND),
    }
}

/// Answers with a manifest of a whole stream, which has no delivery directives.
async fn whole(
    app: &App,
    (caller, request): (&Caller, &HeaderMap),
    stream: &str,
    (kind, conditions): (Kind, &Conditions),
) -> Answer {
    if let Some(Err(refusal)) = StreamName::parse(stream).map(|name| caller.admit(app, &name, kind)) {
        // A full stream must not hide that its conditions cannot be met.
        if let Some(Ok(output)) = StreamName::parse(stream).map(|name| app.0.registry.published(&name)) {
            conditions::check(conditions, kind.format(), &output.spec, app.0.clock.now())?;
        }
        return caller.refused(refusal, conditions);
    }
    let output = output(app, stream).await?;
    conditions::check(conditions, kind.format(), &output.spec, app.0.clock.now())?;
    let output = match kind {
        Kind::Mpd(..) => described(output),
        Kind::Patch(_, _, before) => {
            let output = described(output);
            patches::newer(app, &output, conditions, before).await?;
            output
        }
        Kind::Multivariant(..) | Kind::Media(..) | Kind::LowLatency(..) | Kind::Iframes(_) => output,
    };
    manifest(app, (caller, request), &output, (kind, Directives::default(), conditions)).await
}

/// The newest presentation that an MPD can describe. Players that continue from the presentation before need not wait for the next.
fn described(newest: ActiveOutput) -> ActiveOutput {
    let Some(before) = newest.before() else { return newest };
    let earlier = newest.earlier();
    match View::of(&newest).after(&earlier).is_described() {
        true => newest,
        false => newest.with(before),
    }
}
