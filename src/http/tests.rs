use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tower::ServiceExt;

use super::*;
use crate::base::network::Lists;
use crate::base::timeline::UnixTime;
use crate::definition::spec::{BaseUrl, StreamName, StreamSpec};
use crate::definition::store::Definitions;
use crate::http::viewer_token::{Keys, Purpose};
use crate::media::window::Output;
use crate::media::window::fixture::{initialise, package, package_chunks, publish, publish_chunks};
use crate::stream::{Capacity, Render, Setting};

mod access;
mod any_request;
mod api;
mod conditions;
mod faults;
mod manifest_faults;
mod media;
mod media_faults;
mod presentations;
mod still;
mod truth;
mod viewers;
mod whep;
mod whip;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

/// A router whose stream publishes everything up to now immediately.
fn app() -> Routes {
    app_after(Duration::ZERO)
}

/// A router whose stream publishes after `delay`.
fn app_after(delay: Duration) -> Routes {
    app_with(delay, Capacity::Unlimited, ViewerAccess::of(keys()))
}

fn keys() -> Keys {
    Keys::parse("0123456789abcdef").unwrap()
}

/// A router with this capacity and these access rules.
fn app_with(delay: Duration, capacity: Capacity, viewer_access: ViewerAccess) -> Routes {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    router_of(registry_after(delay, capacity, StreamSpec::test(), &now).into(), viewer_access)
}

/// A router whose stream publishes everything up to `now` in milliseconds immediately, and its registry.
fn app_at(now: &Arc<AtomicU64>) -> (Routes, Arc<Registry>) {
    let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, StreamSpec::test(), now));
    (router_of(Arc::clone(&registry), ViewerAccess::of(keys())), registry)
}

fn router_of(registry: Arc<Registry>, viewer_access: ViewerAccess) -> Routes {
    let access = Access::new("token", TokenOrigin::Created, viewer_access);
    router(App::new(registry, access, CancellationToken::new()), Serve::All)
}

/// A registry with one stream, at the time `now` in milliseconds.
fn registry_after(delay: Duration, capacity: Capacity, spec: StreamSpec, now: &Arc<AtomicU64>) -> Registry {
    let setting = setting_after(delay, capacity, now);
    Registry::new(setting, Definitions::in_memory(vec![spec]), CancellationToken::new())
}

fn setting_after(delay: Duration, capacity: Capacity, now: &Arc<AtomicU64>) -> Setting {
    setting_with(delay, capacity, now, publish)
}

/// The same with a function that publishes segments.
fn setting_with(
    delay: Duration,
    capacity: Capacity,
    now: &Arc<AtomicU64>,
    publish: fn(&Output, std::ops::Range<u64>),
) -> Setting {
    let now = Arc::clone(now);
    let render = move |job: crate::media::pipeline::Job, stop: CancellationToken| async move {
        tokio::time::sleep(delay).await;
        initialise(&job.output);
        publish(&job.output, job.from..job.until.unwrap_or(SEGMENT));
        if job.until.is_none() {
            stop.cancelled().await;
        }
        Ok(())
    };
    let render: Render = Arc::new(move |job, stop| Box::pin(render(job, stop)));
    let clock = Clock::from_fn(move || UnixTime::from_millis(now.load(Ordering::Relaxed)));
    Setting { capacity: watch::Sender::new(capacity), ..Setting::new(clock, render, "scripted") }
}

/// A router whose stream publishes chunks of the packager up to [`SEGMENT`], the path of its media, its output and its clock in
/// milliseconds.
async fn packaged() -> (Routes, String, Arc<Output>, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let setting = setting_with(Duration::ZERO, Capacity::Unlimited, &now, package);
    let setting = Setting { archive_bytes: 1 << 22, ..setting };
    let definitions = Definitions::in_memory(vec![StreamSpec::test()]);
    let registry = Arc::new(Registry::new(setting, definitions, CancellationToken::new()));
    let app = router_of(Arc::clone(&registry), ViewerAccess::of(keys()));
    let media = until_ready(&app).await;
    let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
    (app, media, Arc::clone(&output), now)
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn ask(app: &Routes, mut request: Request<Body>) -> Answer {
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
    }
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &Routes, path: &str) -> Answer {
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Sends a request with the API token.
async fn send(app: &Routes, method: &str, path: &str, body: impl ToString) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("authorization", "Bearer token");
    ask(app, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn ready() -> (Routes, String) {
    let app = app();
    let media = until_ready(&app).await;
    (app, media)
}

/// Resolves to the path of the media of the stream `test`, once it is ready.
async fn until_ready(app: &Routes) -> String {
    while get(app, "/readyz").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let stream = get(app, "/api/v1/streams/test").await.json();
    format!("/live/test/v720/{}", stream["revision"].as_str().unwrap())
}

#[test]
fn the_documentation_has_the_limits_of_bodies() {
    let row = format!("| {} KiB; {} KiB |", MAX_BODY_BYTES / 1024, MAX_IMPORT_BYTES / 1024);
    assert!(include_str!("../../docs/configuration.md").contains(&row), "{row}");
}

#[tokio::test]
async fn only_the_player_for_frames_can_be_framed() {
    let app = app();
    for (path, ancestors) in [
        ("/", "'none'"),
        ("/wall", "'none'"),
        ("/embed/test", "*"),
        ("/static/embed.html", "'none'"),
        ("/docs/check", "'none'"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with(&format!("; frame-ancestors {ancestors}")), "{path}: {policy}");
        assert!(policy.starts_with("default-src 'self'; ") && !policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn the_documentation_is_part_of_the_binary() {
    let app = app();
    let text = get(&app, "/docs/check.md").await;
    assert_eq!(text.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(text.body, include_bytes!("../../docs/check.md"));
    assert_eq!(get(&app, "/docs/check").await.header("content-type"), "text/html; charset=utf-8");
    for path in ["/docs/nothing", "/docs/..%2FCargo.toml"] {
        assert_eq!(get(&app, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn serve_api_answers_no_media_routes() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, StreamSpec::test(), &now));
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(registry, access, CancellationToken::new()), Serve::Api);
    for path in [
        "/",
        "/wall",
        "/embed/test",
        "/docs/check",
        "/still.png",
        "/static/page.js",
        "/live/test/hls.m3u8",
        "/hls/test.m3u8",
        "/t/x/live/test/dash.mpd",
    ] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("not_served")), "{path}");
    }
    for path in ["/api/v1/streams", "/time", "/metrics", "/livez", "/startupz", "/whoami"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn livez_fails_when_the_reconciler_is_stuck() {
    let app = app();
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(60)).await;
    let answer = get(&app, "/livez").await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("wedged")));
}

#[tokio::test(start_paused = true)]
async fn blocked_requests_are_counted() {
    let (app, _) = ready().await;
    let waits = async |number: u32| {
        let text = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
        text.contains(&format!("barstone_http_blocked_requests {number}\n"))
    };
    assert!(waits(0).await);
    let path = format!("/live/test/v720/llhls.m3u8?_HLS_msn={SEGMENT}");
    let mut request = std::pin::pin!(get(&app, &path));
    tokio::select! {
        biased;
        _ = &mut request => panic!("it has to wait"),
        () = std::future::ready(()) => {}
    }
    assert!(waits(1).await);
    assert_eq!(request.await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(waits(0).await);
}

#[tokio::test]
async fn probes_and_metrics_report_the_state() {
    let (app, _) = ready().await;
    assert_eq!(get(&app, "/time").await.body, b"2026-11-21T03:40:28.800Z");
    assert_eq!(get(&app, "/time").await.header("cache-control"), "no-store");
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
    let request = Request::get("/whoami?x=1").header("x-probe", "7").body(Body::empty()).unwrap();
    let who = ask(&app, request).await.json();
    assert_eq!((&who["uri"], &who["headers"]["x-probe"][0]), (&json!("/whoami?x=1"), &json!("7")));
    let metrics = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("barstone_stream_running{stream=\"test\"} 1"), "{metrics}");
    assert!(metrics.contains("barstone_http_requests_total{kind=\"operation\",status=\"200\"}"), "{metrics}");
}

#[track_caller]
fn check_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!(code)));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}
