//! The HTTP surface: all routes and the layers around them. Each route names its handler; the handler names its cache
//! policy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::base::metrics::{Metrics, RequestLabels};
use crate::base::utc::{Clock, Offset};
use crate::stream::Registry;
use crate::stream::audience::ClientFormats;
use crate::stream::webrtc::Webrtc;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub mod exporter;
pub mod viewer_token;

mod access;
mod altered_media;
mod api;
mod blocking_reload;
mod cache_control;
mod condition_table;
mod conditions;
mod connection_limits;
mod early_hint;
mod egress;
mod error;
mod events;
mod faults;
mod held_answers;
mod held_media;
mod issue_token;
mod late_refusal;
mod manifest_cache;
mod manifest_reply;
mod media;
mod named_stream;
mod openapi;
mod ops;
mod page;
mod past_media;
mod patches;
mod path_parameters;
mod publish_access;
mod recording;
mod reply;
mod request_body;
mod serve;
mod single_file;
mod still;
mod stills;
mod stream_lookup;
mod stream_manifests;
mod tls;
mod token_origin;
mod track_playlists;
mod truth;
mod viewer_access;
mod viewers;
mod webrtc_error;
mod webrtc_session;
mod whep;
mod whip;

use cache_control::Cache;
use request_body::{MAX_BODY_BYTES, MAX_IMPORT_BYTES};

pub use access::Access;
pub use connection_limits::ConnectionLimits;
pub use serve::{Site, serve};
pub use tls::{Certificates, TlsError, TlsFiles};
pub use token_origin::TokenOrigin;
pub use viewer_access::{Routes, ViewerAccess};

/// Time that a browser may cache a CORS preflight: the maximum of Chromium.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(7200);

/// Which routes are served, in addition to probes and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serve {
    /// The page, the API and media.
    #[default]
    All,
    /// The API. Media are served by other servers from the media directory, or not at all.
    Api,
}

/// State shared by all handlers.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    registry: Arc<Registry>,
    clock: Clock,
    offset: Offset,
    metrics: Arc<Metrics>,
    manifests: manifest_cache::Manifests,
    altered: altered_media::AlteredMedia,
    late_refusals: late_refusal::LateRefusals,
    stills: stills::Stills,
    held_answers: Arc<held_answers::HeldAnswers>,
    /// Manifest format of each client.
    client_formats: ClientFormats,
    access: watch::Sender<Arc<Access>>,
    /// Sessions over WebRTC, if this server has any.
    webrtc: OnceLock<Webrtc>,
    draining: CancellationToken,
}

impl App {
    /// Serves the streams of `registry`. `access` decides who may change and who may watch them. Once `draining` is
    /// cancelled, `/readyz` answers 503.
    pub fn new(registry: Arc<Registry>, access: Access, draining: CancellationToken) -> Self {
        let setting = registry.setting();
        let (clock, metrics) = (setting.clock.clone(), Arc::clone(&setting.metrics));
        Self(Arc::new(Shared {
            registry,
            offset: Offset::new(clock.clone()),
            clock,
            metrics,
            manifests: manifest_cache::Manifests::default(),
            altered: altered_media::AlteredMedia::default(),
            late_refusals: late_refusal::LateRefusals::default(),
            stills: stills::Stills::default(),
            held_answers: Arc::default(),
            client_formats: ClientFormats::new(),
            access: watch::Sender::new(Arc::new(access)),
            webrtc: OnceLock::new(),
            draining,
        }))
    }

    /// Replaces the access rules.
    pub fn change_access(&self, access: Access) {
        self.0.access.send_replace(Arc::new(access));
    }

    /// Opens sessions of WHEP and WHIP with `webrtc`.
    #[must_use]
    pub fn with_webrtc(self, webrtc: Webrtc) -> Self {
        self.0.webrtc.get_or_init(|| webrtc);
        self
    }

    fn webrtc(&self) -> Result<&Webrtc, webrtc_error::WebrtcError> {
        self.0.webrtc.get().ok_or(webrtc_error::WebrtcError::Off)
    }

    fn access(&self) -> Arc<Access> {
        Arc::clone(&self.0.access.borrow())
    }
}

/// All routes. Routes that `serve` excludes answer `not_served`.
pub fn router(app: App, serve: Serve) -> Routes {
    let media = Router::new()
        .route("/live/{stream}/{file}", get(stream_manifests::in_stream))
        .route("/live/{stream}/{track}/{file}", get(track_playlists::in_track))
        .route("/live/{stream}/{track}/{presentation}/hls.m3u8", get(track_playlists::in_presentation))
        .route("/live/{stream}/{track}/{presentation}/llhls.m3u8", get(track_playlists::in_presentation))
        .route("/live/{stream}/{track}/{presentation}/iframes.m3u8", get(track_playlists::in_presentation))
        .route("/live/{stream}/stream.mp4", get(single_file::in_stream))
        .route("/live/{stream}/stream.ts", get(single_file::in_stream))
        .route("/live/{stream}/still.jpg", get(still::in_stream))
        .route("/live/{stream}/still.png", get(still::in_stream))
        .route("/live/{stream}/{track}/{revision}/{file}", get(media::in_revision))
        .route("/hls/{file}", get(stream_manifests::short_hls))
        .route("/dash/{file}", get(stream_manifests::short_dash))
        .route_layer(from_fn_with_state(app.clone(), viewer_access::guard));
    let operation = Router::new()
        .route("/time", get(ops::time))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/startupz", get(ops::startupz))
        .route("/metrics", get(ops::metrics))
        .route("/whoami", get(ops::whoami));
    let api = Router::new()
        .route("/api/v1/definitions", get(api::export).post(api::import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
        .route("/api/v1/all/start", post(api::start_all))
        .route("/api/v1/all/stop", post(api::stop_all))
        .route("/api/v1/conditions", get(condition_table::table))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/api/v1/streams", get(api::list).post(api::create))
        .route("/api/v1/streams/{name}", get(api::get).put(api::replace).delete(api::remove))
        .route("/api/v1/streams/{name}/start", post(api::start))
        .route("/api/v1/streams/{name}/stop", post(api::stop))
        .route("/api/v1/streams/{name}/tokens", post(issue_token::issue))
        .route("/api/v1/streams/{name}/truth", get(truth::truth))
        .route_layer(from_fn_with_state(app.clone(), access::guard));
    let page = Router::new()
        .route("/", get(page::index))
        .route("/wall", get(page::wall))
        .route("/embed/{stream}", get(page::embed))
        .route("/docs/{file}", get(page::docs))
        .route("/still.jpg", get(still::of_definition))
        .route("/still.png", get(still::of_definition))
        .route("/static/{*path}", get(page::asset));
    let served = |routes: Router<App>| match serve {
        Serve::All => routes,
        Serve::Api => routes.route_layer(from_fn(async |_: Request, _: Next| error::ApiError::NotServed)),
    };
    let all = Router::new().merge(served(media.merge(page))).merge(operation).merge(api).fallback(error::unknown_path);
    let webrtc = served(whep::routes(&app).merge(whip::routes(&app)));
    let webrtc = with_layers(webrtc, webrtc_session::cors(PREFLIGHT_MAX_AGE), &app);
    let webrtc = webrtc.layer(from_fn(webrtc_session::mark_options));
    let plain = with_layers(all, cors(), &app).merge(webrtc).with_state(app);
    Routes::new(plain)
}

/// Routes with what all of them have.
fn with_layers(routes: Router<App>, cors: CorsLayer, app: &App) -> Router<App> {
    // One tuple, because each call of `layer` boxes every route, and a request clones all boxes.
    routes.method_not_allowed_fallback(error::wrong_method).layer((
        cors,
        SetResponseHeaderLayer::overriding(
            HeaderName::from_static("timing-allow-origin"),
            HeaderValue::from_static("*"),
        ),
        CatchPanicLayer::custom(error::panicked),
        from_fn_with_state(app.clone(), count),
        DefaultBodyLimit::max(MAX_BODY_BYTES),
    ))
}

/// Pages of any origin may read, and none of another origin may write.
fn cors() -> CorsLayer {
    let exposed = ["date", "age", "etag", "content-length", "content-range", "last-modified", "server-timing"];
    let exposed = exposed.map(HeaderName::from_static).into_iter().chain([conditions::HEADER]).collect::<Vec<_>>();
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers(Any)
        .expose_headers(exposed)
        .max_age(PREFLIGHT_MAX_AGE)
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let kind = kind(route);
    let admitted = if is_probe(route) { Ok(()) } else { app.access().viewer_access.admit(&request) };
    let mut response = match admitted {
        Ok(()) => match conditions::to_absolute(&request, app.0.clock.now()) {
            Ok(Some(redirect)) => redirect,
            Ok(None) => next.run(request).await,
            Err(error) => error.into_response(),
        },
        Err(error) => error.into_response(),
    };
    // An intended fault is counted apart from errors of the server.
    let kind = if response.extensions().get::<faults::Intended>().is_some() { "fault" } else { kind };
    let labels = RequestLabels { kind, status: response.status().as_u16() };
    app.0.metrics.requests.get_or_create(&labels).inc();
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(Cache::NoStore.value());
    egress::counted(response, Arc::clone(&app.0.metrics))
}

/// Whether the route is a probe, which is answered to every address.
fn is_probe(route: Option<&str>) -> bool {
    matches!(route, Some("/livez" | "/readyz" | "/startupz"))
}

/// Kind of a route in metrics.
fn kind(route: Option<&str>) -> &'static str {
    match route.unwrap_or_default() {
        "/live/{stream}/{file}" | "/live/{stream}/{track}/{file}" | "/hls/{file}" | "/dash/{file}" => "manifest",
        "/live/{stream}/stream.mp4" | "/live/{stream}/stream.ts" => "media",
        "/live/{stream}/still.jpg" | "/live/{stream}/still.png" | "/still.jpg" | "/still.png" => "still",
        "/live/{stream}/{track}/{revision}/{file}" => "media",
        route if route.starts_with("/live/{stream}/whep") => "whep",
        route if route.starts_with("/live/{stream}/whip") => "whip",
        route if route.starts_with("/live/{stream}/{track}/{presentation}/") => "manifest",
        "/" | "/wall" | "/embed/{stream}" | "/docs/{file}" | "/static/{*path}" => "page",
        route if route.starts_with("/api/") => "api",
        "" => "unknown",
        _ => "operation",
    }
}

#[cfg(test)]
mod tests;
