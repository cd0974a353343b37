use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::*;
use crate::definitions::Definitions;
use crate::network::Lists;
use crate::spec::{StreamName, StreamSpec};
use crate::stream::{Capacity, Render, Setting};
use crate::timeline::UnixTime;
use crate::viewer_token::Keys;
use crate::window::fixture::{initialise, publish};

mod any_request;
mod viewers;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

/// Publishes everything up to now at once, and then waits.
fn app() -> Router {
    app_after(Duration::ZERO)
}

/// Publishes nothing before `delay` has passed.
fn app_after(delay: Duration) -> Router {
    app_with(delay, Capacity::Unlimited, Gate::of(keys()))
}

fn keys() -> Keys {
    Keys::parse("0123456789abcdef").unwrap()
}

/// With this much room, and this gate.
fn app_with(delay: Duration, capacity: Capacity, gate: Gate) -> Router {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let registry = Arc::new(registry_after(delay, capacity, StreamSpec::test(), &now));
    router(App::new(registry, Access::new("token", Local::Trusted, gate), CancellationToken::new()), Serve::All)
}

/// With one stream, at `now` in milliseconds.
fn registry_after(delay: Duration, capacity: Capacity, spec: StreamSpec, now: &Arc<AtomicU64>) -> Registry {
    let now = Arc::clone(now);
    let render = move |job: crate::pipeline::Job, stop: CancellationToken| async move {
        tokio::time::sleep(delay).await;
        initialise(&job.output);
        publish(&job.output, job.from..job.until.unwrap_or(SEGMENT));
        stop.cancelled().await;
        Ok(())
    };
    let render: Render = Arc::new(move |job, stop| Box::pin(render(job, stop)));
    let clock = Clock::from_fn(move || UnixTime::from_millis(now.load(Ordering::Relaxed)));
    let setting = Setting { capacity: watch::Sender::new(capacity), ..Setting::new(clock, render, "scripted") };
    Registry::new(setting, Definitions::in_memory(vec![spec]), CancellationToken::new())
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

async fn send(app: &Router, method: &str, path: &str, body: impl ToString) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    ask(app, request.body(Body::from(body.to_string())).unwrap()).await
}

async fn ready() -> (Router, String) {
    let app = app();
    let media = until_ready(&app).await;
    (app, media)
}

/// Resolves to where the media of the stream `test` is.
async fn until_ready(app: &Router) -> String {
    while get(app, "/readyz").await.status != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    let stream = get(app, "/api/v1/streams/test").await.json();
    format!("/live/test/v720/{}", stream["revision"].as_str().unwrap())
}

#[test]
fn the_readme_says_how_long_bodies_may_be() {
    let row = format!("| {} KiB; {} KiB |", MAX_BODY_BYTES / 1024, MAX_IMPORT_BYTES / 1024);
    assert!(include_str!("../../README.md").contains(&row), "{row}");
}

#[tokio::test]
async fn a_source_serves_its_api_and_no_media() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, StreamSpec::test(), &now));
    let access = Access::new("token", Local::Trusted, Gate::of(keys()));
    let app = router(App::new(registry, access, CancellationToken::new()), Serve::Api);
    for path in ["/", "/static/page.js", "/live/test/hls.m3u8", "/hls/test.m3u8", "/t/x/live/test/dash.mpd"] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("not_served")), "{path}");
    }
    for path in ["/api/v1/streams", "/time", "/metrics", "/livez", "/startupz", "/whoami"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_stuck_is_not_live() {
    let app = app();
    assert_eq!(get(&app, "/livez").await.status, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(60)).await;
    let answer = get(&app, "/livez").await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("wedged")));
}

#[tokio::test]
async fn a_stream_for_which_there_is_no_room_is_refused_with_figures() {
    let app = app_with(Duration::ZERO, Capacity::Limited(50_000_000), Gate::of(keys()));
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
async fn requests_that_wait_are_counted() {
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
async fn manifests_have_their_types_and_short_lives() {
    let (app, _) = ready().await;
    for (path, kind, age) in [
        ("/live/test/hls.m3u8", "application/vnd.apple.mpegurl", "public, max-age=2"),
        ("/live/test/v720/hls.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("/live/test/v720/iframes.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1"),
        ("/live/test/dash.mpd", "application/dash+xml", "public, max-age=1"),
        ("/hls/test.m3u8", "application/vnd.apple.mpegurl", "public, max-age=2"),
        ("/dash/test.mpd", "application/dash+xml", "public, max-age=1"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, age), "{path}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("last-modified"), "Sat, 21 Nov 2026 03:40:28 GMT");
    }
}

#[tokio::test]
async fn manifests_are_compressed_for_those_who_ask() {
    let (app, _) = ready().await;
    let plain = get(&app, "/live/test/a/hls.m3u8").await;
    let with = |value: &str| Request::get("/live/test/a/hls.m3u8").header("accept-encoding", value).body(Body::empty());
    let gzip = ask(&app, with("br, gzip;q=0.5").unwrap()).await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip.body[..]), &mut text).unwrap();
    assert_eq!(text, plain.body);
    for refused in ["identity", "gzip;q=0", "br"] {
        assert_eq!(ask(&app, with(refused).unwrap()).await.header("content-encoding"), "");
    }
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let (app, media) = ready().await;
    for path in ["/live/test/hls.m3u8", &format!("{media}/{}.m4s", SEGMENT - 1), &format!("{media}/init.mp4"), "/"] {
        let first = get(&app, path).await;
        let again = Request::get(path).header("if-none-match", first.header("etag")).body(Body::empty()).unwrap();
        let again = ask(&app, again).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(again.header("etag"), first.header("etag"));
    }
}

#[tokio::test]
async fn media_is_served_whole_and_in_ranges() {
    let (app, media) = ready().await;
    let path = format!("{media}/{}.m4s", SEGMENT - 1);
    let whole = get(&app, &path).await;
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("cache-control"), "public, max-age=60, immutable");
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    assert_eq!(whole.body.len(), 6 * 12);
    let range = |range: &str| Request::get(&path).header("range", range).body(Body::empty()).unwrap();
    for (asked, from, to) in [("bytes=0-0", 0, 1), ("bytes=10-13", 10, 14), ("bytes=70-", 70, 72), ("bytes=-3", 69, 72)]
    {
        let part = ask(&app, range(asked)).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body, &whole.body[from..to], "{asked}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/72", to - 1));
    }
    let beyond = ask(&app, range("bytes=72-")).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */72"));
    assert_eq!(ask(&app, range("lines=1-2")).await.status, StatusCode::OK);
    let other = Request::get(&path).header("range", "bytes=0-0").header("if-range", "\"other\"").body(Body::empty());
    assert_eq!(ask(&app, other.unwrap()).await.status, StatusCode::OK);
    let chunk = get(&app, &format!("{media}/{}.2.m4s", SEGMENT - 1)).await;
    assert_eq!(chunk.body, &whole.body[24..36]);
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let (app, media) = ready().await;
    for path in ["/live/test/hls.m3u8", &format!("{media}/{}.m4s", SEGMENT - 1), "/time", "/"] {
        let whole = get(&app, path).await;
        let head = ask(&app, Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), whole.body.len().to_string(), "{path}");
        assert_eq!(head.header("etag"), whole.header("etag"));
    }
}

#[tokio::test]
async fn absence_has_its_reasons() {
    let (app, media) = ready().await;
    let newest = SEGMENT - 1;
    for (path, status, code, age) in [
        (format!("{media}/{}.m4s", SEGMENT + 10), 425, "too_early", "public, max-age=1"),
        (format!("{media}/{}.m4s", SEGMENT - 1000), 410, "expired", "public, max-age=60"),
        (format!("{media}/{newest}.6.m4s"), 404, "no_such_media", "public, max-age=1"),
        (format!("{media}/0{newest}.m4s"), 404, "no_such_media", "public, max-age=1"),
        (format!("/live/test/v720/00000000/{newest}.m4s"), 404, "no_such_media", "public, max-age=1"),
        ("/live/test/v1080/hls.m3u8".into(), 404, "no_such_media", "public, max-age=2"),
        ("/live/other/hls.m3u8".into(), 404, "no_such_media", "public, max-age=1"),
        ("/live/test/index.m3u8".into(), 404, "no_such_media", "public, max-age=1"),
        ("/elsewhere".into(), 404, "unknown_path", "public, max-age=1"),
        ("/static/../Cargo.toml".into(), 404, "unknown_path", "public, max-age=1"),
    ] {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code, "{path}");
        assert_eq!(answer.header("cache-control"), age, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_starting_is_waited_for_and_never_denied() {
    for path in ["/live/test/hls.m3u8", "/live/test/a/hls.m3u8", "/dash/test.mpd"] {
        assert_eq!(get(&app_after(Duration::from_secs(9)), path).await.status, StatusCode::OK, "{path}");
        let late = get(&app_after(Duration::from_secs(30)), path).await;
        assert_eq!((late.status.as_u16(), late.header("retry-after")), (503, "1"), "{path}");
        assert_eq!(late.json()["code"], "starting");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_three_target_durations() {
    let app = app();
    let began = tokio::time::Instant::now();
    let path = format!("/live/test/v720/llhls.m3u8?_HLS_msn={SEGMENT}&_HLS_part=0");
    let overdue = get(&app, &path).await;
    assert_eq!((overdue.status.as_u16(), overdue.header("retry-after")), (503, "1"));
    assert_eq!((overdue.json()["code"].clone(), overdue.header("cache-control")), (json!("overdue"), "no-store"));
    assert_eq!(began.elapsed().as_secs(), 6);
    let there = get(&app, &path.replace(&SEGMENT.to_string(), &(SEGMENT - 1).to_string())).await;
    assert_eq!((there.status, began.elapsed().as_secs()), (StatusCode::OK, 6));
}

#[tokio::test]
async fn bodies_are_judged_in_order() {
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
    let form = Request::post(streams).header("content-type", "text/plain").body(Body::from("{\"name\": \"a\"}"));
    assert_eq!(ask(&app, form.unwrap()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn streams_come_and_go() {
    let app = app();
    let made = send(&app, "POST", "/api/v1/streams", json!({"name": "a", "enabled": false})).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::CREATED, "/api/v1/streams/a"));
    assert_eq!(made.json()["phase"], "stopped");
    let names = get(&app, "/api/v1/streams").await.json();
    assert_eq!(names.as_array().unwrap().iter().map(|s| s["name"].clone()).collect::<Vec<_>>(), ["a", "test"]);
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", "{}").await.status, StatusCode::CREATED);
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", json!({"title": "t"})).await.status, StatusCode::OK);
    let wrong = send(&app, "PUT", "/api/v1/streams/b", json!({"name": "c"})).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["field"].clone()), (422, json!("name")));
    assert_eq!(send(&app, "POST", "/api/v1/streams/a/start", "").await.json()["enabled"], true);
    assert_eq!(send(&app, "DELETE", "/api/v1/streams/a", "").await.status, StatusCode::NO_CONTENT);
    let gone = send(&app, "DELETE", "/api/v1/streams/a", "").await;
    assert_eq!((gone.status.as_u16(), gone.json()["code"].clone()), (404, json!("unknown_stream")));
    assert_eq!(send(&app, "PATCH", "/api/v1/streams/test", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn anybody_may_read_and_no_other_page_may_write() {
    let (app, media) = ready().await;
    let preflight = |method: &str| {
        let request = Request::options(format!("{media}/init.mp4")).header("origin", "http://a.example");
        let request = request.header("access-control-request-method", method);
        request.header("access-control-request-headers", "range,cmcd-request").body(Body::empty()).unwrap()
    };
    let allowed = ask(&app, preflight("GET")).await;
    assert_eq!(allowed.status, StatusCode::OK);
    assert!(!allowed.header("access-control-allow-methods").contains("POST"));
    assert!(["*", "range,cmcd-request"].contains(&allowed.header("access-control-allow-headers")));
    let answer = get(&app, "/live/test/hls.m3u8").await;
    assert!(answer.header("access-control-expose-headers").contains("date"));
    assert_eq!(answer.header("timing-allow-origin"), "*");
}

#[tokio::test]
async fn operators_are_told() {
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

#[tokio::test]
async fn whoever_is_elsewhere_needs_the_token() {
    let (app, _) = ready().await;
    let stop = |headers: &[(&'static str, &'static str)]| {
        let mut request = Request::post("/api/v1/streams/test/stop").header("x-forwarded-for", "192.0.2.1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ask(&app, request.body(Body::empty()).unwrap())
    };
    let refused = stop(&[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(refused.json()["code"], "token_needed");
    let wrong = stop(&[("authorization", "Bearer guess")]).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["code"].clone()), (401, json!("bad_token")));
    assert_eq!(get(&app, "/api/v1/streams/test").await.json()["phase"], "running");
    assert_eq!(stop(&[("authorization", "Bearer token")]).await.status, StatusCode::OK);
    let whoami = Request::get("/whoami").header("authorization", "Bearer token").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, whoami).await.json()["headers"]["authorization"], json!(["***"]));
}

/// The next event of a stream of them, but for comments.
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
async fn what_happens_is_told_and_can_be_taken_up_again() {
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

/// Has the stream `test` be private, and makes a token for it.
async fn private(app: &Router) -> String {
    let put = send(app, "PUT", "/api/v1/streams/test", json!({"access": "private"})).await;
    assert_eq!((put.status.as_u16(), &put.json()["access"]), (200, &json!("private")));
    let made = send(app, "POST", "/api/v1/streams/test/tokens", json!({"seconds": 30})).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let (token, answer) = (made.json()["token"].as_str().unwrap().to_owned(), made.json());
    assert_eq!(answer["expires"], "2026-11-21T03:40:58.000Z");
    assert_eq!(answer["urls"]["llhls"], format!("/t/{token}/live/test/llhls.m3u8"));
    format!("/t/{token}")
}

#[track_caller]
fn check_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!(code)));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn a_private_stream_is_for_whoever_has_a_token() {
    let (app, media) = ready().await;
    let public = get(&app, "/live/test/hls.m3u8").await;
    let token = private(&app).await;
    for path in [
        "/live/test/hls.m3u8".into(),
        "/live/%74est/hls.m3u8".into(),
        "/live/test/v720/llhls.m3u8".into(),
        "/live/test/dash.mpd".into(),
        "/hls/test.m3u8".into(),
        "/dash/test.mpd".into(),
        format!("{media}/init.mp4"),
        format!("{media}/{}.m4s", SEGMENT - 1),
        format!("{media}/{}.2.m4s", SEGMENT - 1),
    ] {
        check_refused(&get(&app, &path).await, "viewer_token_needed");
        check_refused(&get(&app, &format!("/t/v1.1.test.x{path}")).await, "bad_viewer_token");
        let head = ask(&app, Request::head(&path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (403, 0), "{path}");
        let with = get(&app, &format!("{token}{path}")).await;
        assert_eq!(with.status, StatusCode::OK, "{path}");
    }
    let same = get(&app, &format!("{token}/live/test/hls.m3u8")).await;
    assert_eq!((same.body, same.headers.get("etag")), (public.body, public.headers.get("etag")));
    assert_eq!(get(&app, &format!("{token}/time")).await.status, StatusCode::OK);
    let preflight = Request::options(format!("{token}/live/test/hls.m3u8")).header("origin", "http://a.example");
    let preflight = preflight.header("access-control-request-method", "GET").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, preflight).await.status, StatusCode::OK);
    for elsewhere in ["/api/v1/streams", "/whoami", "/metrics", "/", "/live/none/hls.m3u8"] {
        let answer = get(&app, &format!("{token}{elsewhere}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{elsewhere}");
        assert!(!String::from_utf8(answer.body).unwrap().contains(&token), "{elsewhere}");
    }
    let metrics = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("{kind=\"manifest\",status=\"403\"}"), "{metrics}");
    assert_eq!(send(&app, "PUT", "/api/v1/streams/test", "{}").await.status, StatusCode::OK);
    assert_eq!(get(&app, "/live/test/hls.m3u8").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_is_for_its_stream_and_its_time() {
    let (app, media) = ready().await;
    let token = private(&app).await;
    let init = get(&app, &format!("{token}{media}/init.mp4")).await;
    assert_eq!(init.header("cache-control"), "public, max-age=29, immutable");
    let expired = keys().sign(&StreamSpec::test().name, UnixTime::from_millis(SEGMENT * 1920));
    check_refused(&get(&app, &format!("/t/{expired}{media}/init.mp4")).await, "viewer_token_expired");
    send(&app, "POST", "/api/v1/streams", json!({"name": "other", "access": "private", "enabled": false})).await;
    check_refused(&get(&app, &format!("{token}/live/other/hls.m3u8")).await, "bad_viewer_token");
    for (body, field) in [(json!({"seconds": 0}), "seconds"), (json!({"seconds": 31_536_001}), "seconds")] {
        let refused = send(&app, "POST", "/api/v1/streams/test/tokens", body).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (422, &json!(field)));
    }
    assert_eq!(send(&app, "POST", "/api/v1/streams/none/tokens", "{}").await.status, StatusCode::NOT_FOUND);
    let elsewhere = Request::post("/api/v1/streams/test/tokens").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(ask(&app, elsewhere.body(Body::from("{}")).unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_whoever_has_a_token_starts_a_private_stream() {
    let (app, _) = ready().await;
    let definition = json!({"name": "idle", "access": "private", "on_demand": true});
    send(&app, "POST", "/api/v1/streams", definition).await;
    let token = keys().sign(&StreamName::parse("idle").unwrap(), UnixTime::from_millis((SEGMENT + 9) * 1920));
    let phase = async || get(&app, "/api/v1/streams/idle").await.json()["wanted"].clone();
    check_refused(&get(&app, "/live/idle/hls.m3u8").await, "viewer_token_needed");
    assert_eq!(phase().await, json!(false));
    assert_eq!(get(&app, &format!("/t/{token}/live/idle/hls.m3u8")).await.status, StatusCode::OK);
    assert_eq!(phase().await, json!(true));
}

#[tokio::test]
async fn lists_say_from_where_a_stream_may_be_watched() {
    let (app, media) = ready().await;
    let put = async |lists: Value| send(&app, "PUT", "/api/v1/streams/test", lists).await;
    assert_eq!(put(json!({"deny": ["127.0.0.0/8"]})).await.status, StatusCode::OK);
    check_refused(&get(&app, "/live/test/hls.m3u8").await, "address_denied");
    check_refused(&get(&app, &format!("/t/x{media}/init.mp4")).await, "address_denied");
    assert_eq!(get(&app, "/api/v1/streams/test").await.json()["deny"], json!(["127.0.0.0/8"]));
    put(json!({"allow": ["192.0.2.0/24"]})).await;
    check_refused(&get(&app, "/live/test/hls.m3u8").await, "address_denied");
    put(json!({"allow": ["::ffff:127.0.0.1"]})).await;
    assert_eq!(get(&app, "/live/test/hls.m3u8").await.status, StatusCode::OK);
    let wrong = put(json!({"allow": ["127.0.0.1", "here"]})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (422, &json!("allow[1]")));
}

#[tokio::test]
async fn lists_of_all_leave_nothing_but_probes() {
    let parse = |text: &str| vec![text.parse().unwrap()];
    let lists = Lists { allow: parse("192.0.2.0/24"), deny: Vec::new() };
    let app = app_with(Duration::ZERO, Capacity::Unlimited, Gate { keys: keys(), lists, proxies: parse("127.0.0.1") });
    for path in ["/", "/live/test/hls.m3u8", "/t/x/live/test/hls.m3u8", "/api/v1/streams", "/metrics", "/elsewhere"] {
        check_refused(&get(&app, path).await, "address_denied");
    }
    for path in ["/livez", "/startupz"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
    }
    let through = |client: &str| Request::get("/time").header("x-forwarded-for", client).body(Body::empty()).unwrap();
    assert_eq!(ask(&app, through("198.51.100.1, 192.0.2.9")).await.status, StatusCode::OK);
    check_refused(&ask(&app, through("192.0.2.9, 198.51.100.1")).await, "address_denied");
    check_refused(&ask(&app, through("nobody")).await, "address_denied");
}
