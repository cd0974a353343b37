//! WHEP (draft-ietf-wish-whep): a client posts an offer, and gets an answer and the URL of a session in which it watches a
//! stream.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::post;

use super::App;
use super::conditions::Asked;
use super::error::ApiError;
use super::path_parameters::PathParameters;
use super::request_body::Body;
use super::stream_lookup::{Answer, SECOND, no_such, no_such_video};
use super::viewer_access;
use super::viewers::Caller;
use super::webrtc_error::WebrtcError;
use super::webrtc_session::{self as session, Client};
use crate::base::timeline::Kind;
use crate::media::manifest::path;
use crate::stream::ActiveOutput;
use crate::stream::webrtc::Watch;

/// The routes.
pub(super) fn routes(app: &App) -> Router<App> {
    session::routes(path::WHEP, post(open)).route_layer(from_fn_with_state(app.clone(), viewer_access::guard))
}

/// `POST /live/{stream}/whep`: opens a session.
async fn open(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    (client, caller): (Client, Caller),
    Asked(conditions): Asked,
    (uri, headers): (Uri, HeaderMap),
    body: Body,
) -> Answer {
    let webrtc = app.webrtc()?;
    if !conditions.is_empty() {
        return Err(WebrtcError::Conditions.into());
    }
    let offer = session::offer(&headers, body)?;
    let name = session::known(&app, &stream)?.spec.name.clone();
    let watching = match app.0.registry.admit_session(&name)? {
        Ok(watching) => watching,
        Err(refusal) => return caller.refused_session(refusal),
    };
    let output = session::running(&app, &name).await?;
    let video = video(&output, uri.query().unwrap_or_default())?;
    let segment = output.spec.timeline.segment_at(app.0.clock.now());
    let audio = output.epoch(segment).spec.audio.clone();
    let may_watch = client.permission(&app, &name);
    let Client { address: client, reached, .. } = client;
    let request = Watch { offer, output, watching, video, audio, client, reached, may_watch };
    let opened = webrtc.watch(request).await.map_err(|error| WebrtcError::of(error, &name))?;
    Ok(session::created(path::WHEP, &opened))
}

/// Index of the video track that the query names, or of the first. A publisher sends one.
fn video(output: &ActiveOutput, query: &str) -> Result<Option<usize>, ApiError> {
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "video").map(|(_, id)| id);
    if output.spec.is_published() && wanted.is_some() {
        return no_such(
            format!("stream {} has one video track, that of its publisher; leave out video", output.spec.name),
            SECOND,
        );
    }
    let is_wanted = |id: &str| wanted.as_ref().is_none_or(|wanted| wanted == id);
    let found = output.tracks.iter().position(|track| track.kind == Kind::Video && is_wanted(track.id.as_str()));
    match (found, wanted) {
        (None, Some(id)) => no_such_video(&output.spec.name, &id),
        (found, _) => Ok(found),
    }
}
