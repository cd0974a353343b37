//! `/api/v1/events`: events of streams as server-sent events (WHATWG HTML 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::App;
use super::cache_control::Cache;
use crate::stream::{Delivered, Events};

/// Interval of comments that keep proxies from closing the connection.
const PULSE: Duration = Duration::from_secs(15);
/// Time that a browser waits before it reconnects.
const RETRY: Duration = Duration::from_secs(2);

/// Sends events from now on, or those after `Last-Event-ID`. An event `missed` means that older events were dropped,
/// and that a client which displays state must read the state again.
pub(super) async fn events(State(app): State<App>, headers: HeaderMap) -> Response {
    let events = &app.0.registry.setting().events;
    let follower = events.follow(headers.get("last-event-id").map(|id| after(events, id)));
    let series = events.series().to_owned();
    let draining = app.0.draining.clone();
    let sent = stream::unfold(follower, move |mut follower| {
        let (series, draining) = (series.clone(), draining.clone());
        async move {
            let followed = draining.run_until_cancelled(follower.next()).await??;
            let sent = match followed {
                Delivered::Missed => Sent::default().event("missed").data("{}"),
                Delivered::Event(event) => Sent::default()
                    .event(event.name())
                    .id(format!("{series}-{}", event.id))
                    .data(serde_json::to_string(&*event).unwrap_or_default()),
            };
            Some((Ok::<_, Infallible>(sent.retry(RETRY)), follower))
        }
    });
    let mut response = Sse::new(sent).keep_alive(KeepAlive::new().interval(PULSE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, Cache::NoStore.value());
    // Without this nginx buffers the response.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The id of the last event that the client received. An id of another process counts as unknown, so that the client
/// gets `missed`.
fn after(events: &Events, id: &HeaderValue) -> u64 {
    let id = id.to_str().ok().and_then(|id| id.rsplit_once('-'));
    let own = id.filter(|(series, _)| *series == events.series());
    own.and_then(|(_, id)| id.parse().ok()).unwrap_or(u64::MAX)
}
