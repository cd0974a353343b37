//! WHIP (RFC 9725): a client posts an offer, and gets an answer and the URL of a session in which it publishes to a stream.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::routing::post;

use super::App;
use super::conditions::Asked;
use super::path_parameters::PathParameters;
use super::publish_access::{self, Publisher};
use super::request_body::Body;
use super::stream_lookup::Answer;
use super::webrtc_error::WebrtcError;
use super::webrtc_session::{self as session, Client};
use crate::media::manifest::path;
use crate::stream::webrtc::Publish;

/// The routes.
pub(super) fn routes(app: &App) -> Router<App> {
    session::routes(path::WHIP, post(open)).route_layer(from_fn_with_state(app.clone(), publish_access::guard))
}

/// `POST /live/{stream}/whip`: opens a session.
async fn open(
    State(app): State<App>,
    PathParameters(stream): PathParameters<String>,
    (client, publisher): (Client, Publisher),
    Asked(conditions): Asked,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let webrtc = app.webrtc()?;
    if !conditions.is_empty() {
        return Err(WebrtcError::Conditions.into());
    }
    let offer = session::offer(&headers, body)?;
    let record = session::known(&app, &stream)?;
    let name = &record.spec.name;
    if !record.spec.is_published() {
        return Err(WebrtcError::NotPublishable(name.clone()).into());
    }
    let output = session::running(&app, name).await?;
    let may_publish = publisher.permission(&app, name);
    let Client { address: client, reached, .. } = client;
    let request = Publish { offer, output, client, reached, may_publish };
    let opened = webrtc.publish(request).await.map_err(|error| WebrtcError::of(error, name))?;
    Ok(session::created(path::WHIP, &opened))
}
