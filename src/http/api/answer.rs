//! Answers with streams: definition and state.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::definition::spec::StreamRequest;
use crate::definition::store::Origin;
use crate::http::App;
use crate::media::manifest::{date_time, path};
use crate::stream::audience::Figures;
use crate::stream::{Moment, Phase, PushPhase, StreamView, TargetView};

/// A stream: its definition and its state.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct StreamAnswer {
    #[serde(flatten)]
    definition: StreamRequest,
    phase: Phase,
    #[schemars(extend("format" = "date-time"))]
    since: String,
    error: Option<String>,
    /// Whether the stream should run now.
    wanted: bool,
    /// When the definition was last written.
    #[schemars(extend("format" = "date-time"))]
    changed: String,
    /// Whether the configuration file declares the stream; the API cannot change it then.
    declared: bool,
    revision: String,
    /// Whether every replica publishes the same bytes.
    deterministic: bool,
    urls: Urls,
    /// Number of the newest segment that is complete on all tracks.
    segment: Option<u64>,
    viewers: Viewers,
    /// State of each target in `push`, in the same order.
    targets: Vec<Target>,
}

/// A target that a stream is pushed to.
#[derive(Debug, Serialize, JsonSchema)]
struct Target {
    /// URL of the target, without its secret.
    url: String,
    /// Id of the rendition that is pushed; null for the first.
    video: Option<String>,
    phase: PushPhase,
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
    /// Why the push failed, until it runs again.
    error: Option<String>,
    /// When the next attempt starts.
    #[schemars(extend("format" = "date-time"))]
    next_try: Option<String>,
    /// Bytes that the target has accepted.
    bytes: u64,
    /// How often the push has failed.
    restarts: u64,
}

impl From<&TargetView> for Target {
    fn from(view: &TargetView) -> Self {
        let TargetView { push, phase, since, error, next_try, bytes, restarts } = view;
        Self {
            url: push.url.to_string(),
            video: push.video.as_ref().map(ToString::to_string),
            phase: *phase,
            since: since.map(date_time),
            error: error.clone(),
            next_try: next_try.map(date_time),
            bytes: *bytes,
            restarts: *restarts,
        }
    }
}

/// Viewers of a stream, estimated from their requests.
#[derive(Debug, Serialize, JsonSchema)]
struct Viewers {
    /// Viewers now.
    current: u64,
    /// Most viewers since barstone started.
    peak: u64,
    /// When the peak was first reached.
    #[schemars(extend("format" = "date-time"))]
    peak_at: Option<String>,
    /// Mean number of viewers while the stream ran.
    average: f64,
    /// Bytes sent to viewers, manifests included.
    bytes: u64,
    by_format: ByFormat,
}

/// Viewers now, by the format that they play.
#[derive(Debug, Serialize, JsonSchema)]
struct ByFormat {
    hls: u64,
    llhls: u64,
    dash: u64,
    lldash: u64,
    webrtc: u64,
}

impl From<&Figures> for Viewers {
    fn from(figures: &Figures) -> Self {
        let Figures { current: [hls, llhls, dash, lldash], sessions: webrtc, peak, peak_at, average, bytes } = *figures;
        Self {
            current: figures.viewers(),
            peak,
            peak_at: peak_at.map(date_time),
            average: (average * 100.0).round() / 100.0,
            bytes,
            by_format: ByFormat { hls, llhls, dash, lldash, webrtc },
        }
    }
}

/// A stream with its earlier phases.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct OneStream {
    #[serde(flatten)]
    stream: StreamAnswer,
    /// Up to 50 phases, oldest first; the last is the current one.
    history: Vec<Past>,
}

/// A phase of a stream.
#[derive(Debug, Serialize, JsonSchema)]
struct Past {
    phase: Phase,
    #[schemars(extend("format" = "date-time"))]
    since: String,
    error: Option<String>,
}

impl From<&Moment> for Past {
    fn from(moment: &Moment) -> Self {
        let Moment { phase, since, error } = moment;
        Self { phase: *phase, since: date_time(*since), error: error.clone() }
    }
}

/// URLs of the manifests, of WHEP and WHIP: paths, or absolute URLs where `public_url` is set.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct Urls {
    hls: String,
    llhls: String,
    dash: String,
    lldash: String,
    webrtc: String,
    /// Where a client publishes, if a publisher sends the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    whip: Option<String>,
}

impl Urls {
    /// URLs of the stream whose media path is `directory`, from the root of the server.
    pub(in crate::http) fn in_directory(app: &App, directory: &str) -> Self {
        let files = [path::HLS, path::LLHLS, path::DASH, path::LLDASH, path::WHEP];
        let [hls, llhls, dash, lldash, webrtc] = files.map(|file| url(app, directory, file));
        Self { hls, llhls, dash, lldash, webrtc, whip: None }
    }
}

/// URL of a file of the stream whose media path is `directory`.
pub(in crate::http) fn url(app: &App, directory: &str, file: &str) -> String {
    let path = format!("/{directory}/{file}");
    app.0.registry.setting().public_url.as_ref().map_or_else(|| path.clone(), |url| url.with(&path))
}

/// Answer to the creation of a stream. The `Location` is relative to the URL of the request, because a URL from the
/// root would leave the path prefix of a reverse proxy (RFC 9110 10.2.2).
pub(super) fn created(app: &App, view: &StreamView, directory: &str) -> Response {
    let mut response = one(app, view);
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::try_from(format!("{directory}{}", view.record.spec.name));
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    response
}

/// One stream with its history, and the entity tag for later preconditions (RFC 9110 13.1.1).
pub(super) fn one(app: &App, view: &StreamView) -> Response {
    let history = view.status.history.iter().map(Past::from).collect();
    let answer = OneStream { stream: answer(app, view), history };
    let mut response = Json(answer).into_response();
    let tag = HeaderValue::try_from(format!("\"{}\"", view.record.tag()));
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    response
}

pub(super) fn answers(app: &App, views: &[StreamView]) -> Vec<StreamAnswer> {
    views.iter().map(|view| answer(app, view)).collect()
}

fn answer(app: &App, view: &StreamView) -> StreamAnswer {
    let StreamView { record, wanted, status, viewers, targets } = view;
    let spec = &record.spec;
    let directory = path::stream_directory(&spec.name);
    let whip = spec.is_published().then(|| url(app, &directory, path::WHIP));
    StreamAnswer {
        definition: StreamRequest::from(spec).masked(),
        phase: status.phase,
        since: date_time(status.since),
        error: status.error.clone(),
        wanted: *wanted,
        changed: date_time(record.changed),
        declared: record.origin == Origin::Declared,
        revision: record.revision(spec, &app.0.registry.setting().encoders).to_string(),
        deterministic: spec.is_deterministic(),
        urls: Urls { whip, ..Urls::in_directory(app, &directory) },
        segment: status.output.as_ref().and_then(|output| output.last_complete()),
        viewers: viewers.into(),
        targets: targets.iter().map(Target::from).collect(),
    }
}
