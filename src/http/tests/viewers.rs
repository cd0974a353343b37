//! Counting viewers, and refusing viewers over a limit.

use super::*;
use crate::definition::spec::{Limits, StreamRequest};

struct Fixture {
    app: Routes,
    registry: Arc<Registry>,
    now: Arc<AtomicU64>,
    media: String,
}

impl Fixture {
    /// A server with the stream `test`, whose definition has the fields `definition`, and limits for all streams.
    async fn open(definition: Value, limits: Limits) -> Self {
        let mut request = serde_json::to_value(StreamRequest::named("test")).unwrap();
        request.as_object_mut().unwrap().extend(definition.as_object().unwrap().clone());
        let spec = serde_json::from_value::<StreamRequest>(request).unwrap().try_into().unwrap();
        let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
        let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, spec, &now));
        registry.setting().limits.send_replace(limits);
        let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
        let app = router(App::new(Arc::clone(&registry), access, CancellationToken::new()), Serve::All);
        let media = until_ready(&app).await;
        registry.count_viewers();
        Self { app, registry, now, media }
    }

    async fn with(definition: Value) -> Self {
        Self::open(definition, Limits::default()).await
    }

    /// The answer to client `number`, which has its own address.
    async fn get(&self, number: u8, path: &str) -> Answer {
        self.send(number, Request::get(path)).await
    }

    async fn send(&self, number: u8, request: axum::http::request::Builder) -> Answer {
        let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, number], 9)));
        ask(&self.app, request.extension(peer).body(Body::empty()).unwrap()).await
    }

    async fn viewers(&self) -> Value {
        get(&self.app, "/api/v1/streams/test").await.json()["viewers"].take()
    }

    /// Counts viewers once a second for `seconds` seconds.
    fn wait(&self, seconds: u64) {
        for _ in 0..seconds {
            self.now.fetch_add(1000, Ordering::Relaxed);
            self.registry.count_viewers();
        }
    }

    async fn metric(&self, line: &str) -> bool {
        String::from_utf8(get(&self.app, "/metrics").await.body).unwrap().contains(line)
    }
}

fn limits(definition: &Value) -> Limits {
    let number = |key: &str| definition[key].as_u64();
    let viewers = number("max_viewers").map(|number| u32::try_from(number).unwrap());
    Limits::check(viewers, number("max_bandwidth"), definition["overflow_url"].as_str()).unwrap()
}

#[track_caller]
fn check_refused(answer: &Answer, words: &str) {
    let json = answer.json();
    assert_eq!((answer.status.as_u16(), json["code"].as_str().unwrap()), (503, "crowded"), "{json}");
    assert!(json["detail"].as_str().unwrap().contains(words), "{json}");
    let headers = ["retry-after", "cache-control", "access-control-allow-origin"].map(|name| answer.header(name));
    assert_eq!(headers, ["10", "no-store", "*"]);
}

#[tokio::test]
async fn a_viewer_is_counted_by_the_first_byte_of_a_segment() {
    let fixture = Fixture::with(json!({})).await;
    assert_eq!(fixture.viewers().await["current"], 0);
    let segment = format!("{}/{}.m4s", fixture.media, SEGMENT - 3);
    let mut bytes = 0;
    for (number, manifest) in [(1, "hls.m3u8"), (2, "dash.mpd"), (3, "lldash.mpd")] {
        bytes += fixture.get(number, &format!("/live/test/{manifest}")).await.body.len();
        bytes += fixture.get(number, &segment).await.body.len();
    }
    for chunk in 0..6 {
        bytes += fixture.get(4, &segment.replace(".m4s", &format!(".{chunk}.m4s"))).await.body.len();
    }
    let ranged = |range: &str| Request::get(&segment).header("range", range);
    let first = fixture.send(1, ranged("bytes=0-3")).await;
    bytes += first.body.len();
    // None of these requests counts as a viewer.
    bytes += fixture.send(1, ranged("bytes=4-")).await.body.len();
    fixture.send(1, Request::head(&segment)).await;
    fixture.send(1, Request::get(&segment).header("if-none-match", "*")).await;
    bytes += fixture.get(1, &format!("{}/init.mp4", fixture.media)).await.body.len();
    let expired = fixture.get(1, &format!("{}/{}.m4s", fixture.media, SEGMENT - 1000)).await;
    assert_eq!((first.status.as_u16(), expired.status.as_u16()), (206, 410));
    fixture.wait(1);
    let viewers = fixture.viewers().await;
    assert_eq!(viewers["by_format"], json!({"hls": 2, "llhls": 1, "dash": 1, "lldash": 1, "webrtc": 0}));
    assert_eq!((&viewers["current"], &viewers["peak"], &viewers["bytes"]), (&json!(5), &json!(5), &json!(bytes)));
    assert!(fixture.metric("barstone_viewers{stream=\"test\",format=\"hls\"} 2").await);
    assert!(fixture.metric(&format!("barstone_stream_egress_bytes_total{{stream=\"test\"}} {bytes}")).await);
    fixture.wait(10);
    let viewers = fixture.viewers().await;
    assert_eq!((&viewers["current"], &viewers["peak"]), (&json!(0), &json!(5)));
    assert!(viewers["peak_at"].as_str().unwrap().starts_with("2026-11-21T03:40:"), "{viewers}");
}

#[tokio::test]
async fn the_first_viewer_the_last_viewer_and_overflow_are_events() {
    let fixture = Fixture::with(json!({"max_viewers": 1})).await;
    let mut follower = fixture.registry.setting().events.follow(None);
    fixture.get(1, "/live/test/hls.m3u8").await;
    fixture.get(1, &format!("{}/{}.m4s", fixture.media, SEGMENT - 3)).await;
    fixture.wait(2);
    fixture.get(2, "/live/test/hls.m3u8").await;
    fixture.get(3, "/live/test/hls.m3u8").await;
    fixture.wait(20);
    let mut names = Vec::new();
    for _ in 0..3 {
        let crate::stream::Delivered::Event(event) = follower.next().await.unwrap() else {
            panic!("nothing is missed")
        };
        names.push(event.name());
    }
    assert_eq!(names, ["first_viewer", "overflow", "last_viewer"]);
    assert!(fixture.metric("barstone_refused_viewers_total{stream=\"test\",reason=\"viewers\"} 2").await);
}

#[tokio::test]
async fn a_reached_limit_does_not_affect_playing_viewers() {
    let fixture = Fixture::with(json!({"max_viewers": 2})).await;
    let revision = fixture.media.clone();
    assert_eq!(fixture.get(1, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(fixture.get(2, "/dash/test.mpd").await.status, 200);
    let words = "stream test is full (2 of 2 viewers)";
    for path in ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"] {
        check_refused(&fixture.get(3, &format!("/live/test/{path}")).await, words);
    }
    check_refused(&fixture.get(3, "/hls/test.m3u8").await, words);
    check_refused(&fixture.get(3, "/with/window=60s/hls/test.m3u8").await, words);
    let wrong = fixture.get(3, "/with/window=5s/hls/test.m3u8").await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["field"].clone()), (400, json!("window")));
    let head = fixture.send(3, Request::head("/live/test/hls.m3u8")).await;
    assert_eq!((head.status.as_u16(), head.header("retry-after")), (503, "10"));
    assert_eq!(fixture.get(1, "/live/test/v720/hls.m3u8").await.status, 200);
    assert_eq!(fixture.get(1, &format!("{}/{}.m4s", fixture.media, SEGMENT - 1)).await.status, 200);
    fixture.wait(50);
    for _ in 0..3 {
        assert_eq!(fixture.get(2, "/dash/test.mpd").await.status, 200, "it reads it again");
    }
    // A client that did not play no longer counts, and a changed limit changes nothing else.
    assert_eq!(fixture.get(3, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(fixture.get(4, "/live/test/hls.m3u8").await.status, 200);
    check_refused(&fixture.get(5, "/live/test/hls.m3u8").await, words);
    assert_eq!(send(&fixture.app, "PUT", "/api/v1/streams/test", json!({"max_viewers": 3})).await.status, 200);
    assert_eq!(fixture.get(5, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(until_ready(&fixture.app).await, revision);
}

#[tokio::test]
async fn forged_headers_do_not_multiply_a_viewer() {
    let fixture = Fixture::with(json!({"max_viewers": 1})).await;
    let read = |client: &str| Request::get("/live/test/dash.mpd").header("x-forwarded-for", client);
    for client in ["198.51.100.1", "198.51.100.2", "nobody"] {
        assert_eq!(fixture.send(1, read(client)).await.status, 200, "{client}");
    }
    check_refused(&fixture.send(2, read("198.51.100.1")).await, "stream test is full (1 of 1 viewers)");
}

#[tokio::test]
async fn refused_viewers_are_redirected() {
    let fixture = Fixture::with(json!({"max_viewers": 1, "overflow_url": "https://other.example/"})).await;
    assert_eq!(fixture.get(1, "/live/test/hls.m3u8").await.status, 200);
    for path in ["/live/test/llhls.m3u8?a=b", "/hls/test.m3u8", "/live/test/dash.mpd"] {
        let sent = fixture.get(2, path).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (302, &*format!("https://other.example{path}")));
        let headers = ["cache-control", "access-control-allow-origin"].map(|name| sent.header(name));
        assert_eq!(headers, ["no-store", "*"]);
    }
}

#[tokio::test]
async fn limits_apply_to_all_streams_together() {
    let fixture = Fixture::open(json!({}), limits(&json!({"max_viewers": 1}))).await;
    assert_eq!(fixture.get(1, "/live/test/hls.m3u8").await.status, 200);
    let words = "all streams together are full (1 of 1 viewers)";
    check_refused(&fixture.get(2, "/live/test/hls.m3u8").await, words);
    let elsewhere = limits(&json!({"max_viewers": 1, "overflow_url": "http://other.example:8080/b"}));
    let fixture = Fixture::open(json!({}), elsewhere).await;
    assert_eq!(fixture.get(1, "/live/test/hls.m3u8").await.status, 200);
    let sent = fixture.get(2, "/live/test/hls.m3u8").await;
    assert_eq!(sent.header("location"), "http://other.example:8080/b/live/test/hls.m3u8");
}

#[tokio::test]
async fn new_viewers_are_refused_over_the_bandwidth_limit() {
    let fixture = Fixture::with(json!({"max_bandwidth": 100_000})).await;
    while fixture.viewers().await["bytes"].as_u64().unwrap() < 30_000 {
        assert_eq!(fixture.get(1, "/live/test/v720/hls.m3u8").await.status, 200);
    }
    check_refused(&fixture.get(2, "/live/test/hls.m3u8").await, "of 100000 bit/s)");
    assert!(fixture.metric("barstone_refused_viewers_total{stream=\"test\",reason=\"bandwidth\"} 1").await);
    fixture.wait(3);
    assert_eq!(fixture.get(2, "/live/test/hls.m3u8").await.status, 200);
}
