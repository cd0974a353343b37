//! The output of a stream that is named in a URL, and the answer if there is no such media.

use std::time::Duration;

use axum::response::Response;
use tokio::time::timeout;

use super::App;
use super::error::ApiError;
use crate::definition::spec::StreamName;
use crate::media::manifest::hls;
use crate::media::window::Output;
use crate::stream::{ActiveOutput, Unplayable};

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Longest wait for a stream to open, and for media past their own length.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

pub(super) type Answer = Result<Response, ApiError>;

/// The output of a stream. Waits for a stream that is starting, because a player that plays during a restart treats 404 as the end
/// of the stream.
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

pub(super) fn no_such<T>(detail: impl Into<String>, retry: Duration) -> Result<T, ApiError> {
    Err(missing(detail, retry))
}

pub(super) fn no_such_video<T>(stream: &StreamName, id: &str) -> Result<T, ApiError> {
    no_such(format!("stream {stream} has no video track {id}"), SECOND)
}

pub(super) fn missing(detail: impl Into<String>, retry: Duration) -> ApiError {
    ApiError::NoSuchMedia { detail: detail.into(), retry }
}
