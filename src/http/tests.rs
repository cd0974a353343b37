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
use crate::http::viewer_token::Keys;
use crate::media::window::Output;
use crate::media::window::fixture::{initialise, package, package_chunks, publish, publish_chunks};
use crate::stream::{Capacity, Render, Setting};

mod access;
mod any_request;
mod conditions;
mod faults;
mod manifest_faults;
mod media;
mod media_faults;
mod presentations;
mod still;
mod truth;
mod viewers;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

/// A router whose stream publishes everything up to now immediately.
fn app() -> Router {
    app_after(Duration::ZERO)
}

/// A router whose stream publishes after `delay`.
fn app_after(delay: Duration) -> Router {
    app_with(delay, Capacity::Unlimited, ViewerAccess::of(keys()))
}

fn keys() -> Keys {
    Keys::parse("0123456789abcdef").unwrap()
}

/// A router with this capacity and these access rules.
fn app_with(delay: Duration, capacity: Capacity, viewer_access: ViewerAccess) -> Router {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let registry = Arc::new(registry_after(delay, capacity, StreamSpec::test(), &now));
    router(
        App::new(registry, Access::new("token", TokenOrigin::Created, viewer_access), CancellationToken::new()),
        Serve::All,
    )
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
async fn packaged() -> (Router, String, Arc<Output>, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let setting = setting_with(Duration::ZERO, Capacity::Unlimited, &now, package);
    let setting = Setting { archive_bytes: 1 << 22, ..setting };
    let definitions = Definitions::in_memory(vec![StreamSpec::test()]);
    let registry = Arc::new(Registry::new(setting, definitions, CancellationToken::new()));
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(Arc::clone(&registry), access, CancellationToken::new()), Serve::All);
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

async fn ask(app: &Router, mut request: Request<Body>) -> Answer {
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
    }
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(app: &Router, path: &str) -> Answer {
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Sends a request with the API token.
async fn send(app: &Router, method: &str, path: &str, body: impl ToString) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("authorization", "Bearer token");
    ask(app, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn ready() -> (Router, String) {
    let app = app();
    let media = until_ready(&app).await;
    (app, media)
}

/// Resolves to the path of the media of the stream `test`, once it is ready.
async fn until_ready(app: &Router) -> String {
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
    for (path, ancestors) in
        [("/", "'none'"), ("/wall", "'none'"), ("/embed/test", "*"), ("/static/embed.html", "'none'")]
    {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with(&format!("; frame-ancestors {ancestors}")), "{path}: {policy}");
        assert!(policy.starts_with("default-src 'self'; ") && !policy.contains("unsafe"), "{path}: {policy}");
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

#[tokio::test]
async fn a_stream_over_the_capacity_is_refused_with_figures() {
    let app = app_with(Duration::ZERO, Capacity::Limited(50_000_000), ViewerAccess::of(keys()));
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "a"})).await.status, 201);
    let figures = json!({"wanted": 23_040_000, "used": 46_080_000, "capacity": 50_000_000});
    let check_refused = |answer: Answer| {
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (StatusCode::INSUFFICIENT_STORAGE, &json!("no_room")));
        assert_eq!(problem["pixels_per_second"], figures);
    };
    check_refused(send(&app, "POST", "/api/v1/streams", json!({"name": "b"})).await);
    assert_eq!(get(&app, "/api/v1/streams/b").await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "b", "enabled": false})).await.status, 201);
    check_refused(send(&app, "PUT", "/api/v1/streams/b", json!({})).await);
    check_refused(send(&app, "POST", "/api/v1/streams/b/start", "").await);
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", json!({"video": []})).await.status, StatusCode::OK);
    assert_eq!(send(&app, "POST", "/api/v1/streams/test/start", "").await.status, StatusCode::OK);
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
async fn errors_of_a_body_are_found_in_order() {
    let app = app();
    let streams = "/api/v1/streams";
    for (body, status, field) in [
        (String::from("{"), 400, Value::Null),
        ("{\"name\": \"a\"} x".into(), 400, Value::Null),
        (json!({"name": "A"}).to_string(), 422, json!("name")),
        (json!({"name": "a", "colour": 1}).to_string(), 422, json!("colour")),
        (json!({"name": "a", "video": [{"depth": 1}]}).to_string(), 422, json!("video[0].depth")),
        (json!({"name": "a", "video": [{"width": "1280"}]}).to_string(), 422, json!("video[0].width")),
        (json!({"name": "a", "segment_frames": -1}).to_string(), 422, json!("segment_frames")),
        (json!({"name": "test"}).to_string(), 409, Value::Null),
        (format!("{{\"name\": \"{}\"}}", "a".repeat(70_000)), 413, Value::Null),
    ] {
        let answer = send(&app, "POST", streams, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", &body[..body.len().min(80)]);
        assert_eq!(answer.json()["field"], field, "{body}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let form = Request::post(streams).header("content-type", "text/plain").header("authorization", "Bearer token");
    let form = form.body(Body::from("{\"name\": \"a\"}"));
    assert_eq!(ask(&app, form.unwrap()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn streams_are_created_changed_and_deleted() {
    let app = app();
    let made = send(&app, "POST", "/api/v1/streams", json!({"name": "a", "enabled": false})).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::CREATED, "streams/a"));
    assert_eq!(made.json()["phase"], "stopped");
    let names = get(&app, "/api/v1/streams").await.json();
    assert_eq!(names.as_array().unwrap().iter().map(|s| s["name"].clone()).collect::<Vec<_>>(), ["a", "test"]);
    let created = send(&app, "PUT", "/api/v1/streams/b", "{}").await;
    assert_eq!((created.status, &created.json()["phase"] == "stopped"), (StatusCode::CREATED, false));
    assert_eq!(created.header("location"), "b");
    let page = get(&app, "/api/v1/streams?limit=1&search=").await;
    assert_eq!(page.header("link"), "<?search=&limit=1&after=a>; rel=\"next\"");
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", json!({"title": "t"})).await.status, StatusCode::OK);
    let wrong = send(&app, "PUT", "/api/v1/streams/b", json!({"name": "c"})).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["field"].clone()), (422, json!("name")));
    let started = send(&app, "POST", "/api/v1/streams/a/start", "").await.json();
    assert_eq!((&started["enabled"], &started["phase"] == "stopped"), (&json!(true), false), "{started}");
    let stopped = send(&app, "POST", "/api/v1/streams/a/stop", "").await.json();
    assert_eq!((&stopped["enabled"], &stopped["phase"]), (&json!(false), &json!("stopped")));
    let all = send(&app, "POST", "/api/v1/all/start", "").await.json();
    assert!(all.as_array().unwrap().iter().all(|stream| stream["phase"] != "stopped"), "{all}");
    let all = send(&app, "POST", "/api/v1/all/stop", "").await.json();
    assert!(all.as_array().unwrap().iter().all(|stream| stream["phase"] == "stopped"), "{all}");
    assert_eq!(send(&app, "DELETE", "/api/v1/streams/a", "").await.status, StatusCode::NO_CONTENT);
    let gone = send(&app, "DELETE", "/api/v1/streams/a", "").await;
    assert_eq!((gone.status.as_u16(), gone.json()["code"].clone()), (404, json!("unknown_stream")));
    assert_eq!(send(&app, "PATCH", "/api/v1/streams/test", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn with_public_url_urls_are_absolute() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let public_url = BaseUrl::parse("https://example.com/tv/");
    let setting = Setting { public_url, ..setting_after(Duration::ZERO, Capacity::Unlimited, &now) };
    let definitions = Definitions::in_memory(vec![StreamSpec::test()]);
    let registry = Arc::new(Registry::new(setting, definitions, CancellationToken::new()));
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(registry, access, CancellationToken::new()), Serve::All);
    until_ready(&app).await;
    let urls = get(&app, "/api/v1/streams/test").await.json()["urls"].clone();
    assert_eq!(urls["lldash"], "https://example.com/tv/live/test/lldash.mpd");
    let private = send(&app, "POST", "/api/v1/streams/test/tokens", "{}").await.json();
    let token = private["token"].as_str().unwrap();
    assert_eq!(private["urls"]["hls"], format!("https://example.com/tv/t/{token}/live/test/hls.m3u8"));
    for path in ["/live/test/dash.mpd", "/live/test/lldash.mpd", "/dash/test.mpd"] {
        let mpd = String::from_utf8(get(&app, path).await.body).unwrap();
        assert!(mpd.contains("value=\"https://example.com/tv/time\""), "{mpd}");
    }
    let mpd = String::from_utf8(get(&ready().await.0, "/live/test/dash.mpd").await.body).unwrap();
    assert!(mpd.contains("value=\"../../time\""), "{mpd}");
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

/// The next server-sent event, skipping comments.
async fn next_event(body: &mut axum::body::BodyDataStream) -> (String, Value, String) {
    use futures_util::StreamExt;
    loop {
        let block = String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap();
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        if !field("event:").is_empty() {
            return (field("event:"), serde_json::from_str(&field("data:")).unwrap(), field("id:"));
        }
    }
}

#[tokio::test]
async fn events_are_sent_and_can_be_resumed() {
    let (app, _) = ready().await;
    let follow = async |last: Option<&str>| {
        let mut request = Request::get("/api/v1/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body().into_data_stream()
    };
    let mut events = follow(None).await;
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "b", "enabled": false})).await.status, 201);
    let (name, data, first) = next_event(&mut events).await;
    assert_eq!((name.as_str(), &data["stream"]), ("created", &json!("b")));
    assert_eq!(send(&app, "POST", "/api/v1/streams/test/stop", "").await.status, 200);
    let (name, _, second) = next_event(&mut events).await;
    assert_eq!(name, "replaced");
    let (name, data, _) = next_event(&mut events).await;
    assert_eq!((name.as_str(), &data["phase"]), ("phase", &json!("stopped")));
    let mut again = follow(Some(&first)).await;
    assert_eq!(next_event(&mut again).await.2, second);
    let mut stranger = follow(Some("0123456789abcdef-1")).await;
    assert_eq!(next_event(&mut stranger).await.0, "missed");
}

#[track_caller]
fn check_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!(code)));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}
