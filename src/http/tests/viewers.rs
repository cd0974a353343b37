//! Viewers that are counted, and viewers for whom there is no room.

use super::*;
use crate::definition::spec::{Limits, StreamRequest};

struct House {
    app: Router,
    registry: Arc<Registry>,
    now: Arc<AtomicU64>,
    media: String,
}

impl House {
    /// With the stream `test`, which has this in its definition, and these limits for all streams.
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

    /// What client `number`, which has an address of its own, gets.
    async fn gets(&self, number: u8, path: &str) -> Answer {
        self.gets_with(number, Request::get(path)).await
    }

    async fn gets_with(&self, number: u8, request: axum::http::request::Builder) -> Answer {
        let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, number], 9)));
        ask(&self.app, request.extension(peer).body(Body::empty()).unwrap()).await
    }

    async fn viewers(&self) -> Value {
        get(&self.app, "/api/v1/streams/test").await.json()["viewers"].take()
    }

    /// Takes stock after so many seconds.
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
async fn viewers_are_those_who_begin_a_segment() {
    let house = House::with(json!({})).await;
    assert_eq!(house.viewers().await["current"], 0);
    let segment = format!("{}/{}.m4s", house.media, SEGMENT - 3);
    let mut bytes = 0;
    for (number, manifest) in [(1, "hls.m3u8"), (2, "dash.mpd"), (3, "lldash.mpd")] {
        bytes += house.gets(number, &format!("/live/test/{manifest}")).await.body.len();
        bytes += house.gets(number, &segment).await.body.len();
    }
    for chunk in 0..6 {
        bytes += house.gets(4, &segment.replace(".m4s", &format!(".{chunk}.m4s"))).await.body.len();
    }
    let ranged = |range: &str| Request::get(&segment).header("range", range);
    let first = house.gets_with(1, ranged("bytes=0-3")).await;
    bytes += first.body.len();
    // Nobody begins to watch by any of these.
    bytes += house.gets_with(1, ranged("bytes=4-")).await.body.len();
    house.gets_with(1, Request::head(&segment)).await;
    house.gets_with(1, Request::get(&segment).header("if-none-match", "*")).await;
    bytes += house.gets(1, &format!("{}/init.mp4", house.media)).await.body.len();
    let expired = house.gets(1, &format!("{}/{}.m4s", house.media, SEGMENT - 1000)).await;
    assert_eq!((first.status.as_u16(), expired.status.as_u16()), (206, 410));
    house.wait(1);
    let viewers = house.viewers().await;
    assert_eq!(viewers["by_format"], json!({"hls": 2, "llhls": 1, "dash": 1, "lldash": 1}));
    assert_eq!((&viewers["current"], &viewers["peak"], &viewers["bytes"]), (&json!(5), &json!(5), &json!(bytes)));
    assert!(house.metric("barstone_viewers{stream=\"test\",format=\"hls\"} 2").await);
    assert!(house.metric(&format!("barstone_stream_egress_bytes_total{{stream=\"test\"}} {bytes}")).await);
    house.wait(10);
    let viewers = house.viewers().await;
    assert_eq!((&viewers["current"], &viewers["peak"]), (&json!(0), &json!(5)));
    assert!(viewers["peak_at"].as_str().unwrap().starts_with("2026-11-21T03:40:"), "{viewers}");
}

#[tokio::test]
async fn the_first_and_the_last_viewer_and_overflow_are_told() {
    let house = House::with(json!({"max_viewers": 1})).await;
    let mut told = house.registry.setting().events.follow(None);
    house.gets(1, "/live/test/hls.m3u8").await;
    house.gets(1, &format!("{}/{}.m4s", house.media, SEGMENT - 3)).await;
    house.wait(2);
    house.gets(2, "/live/test/hls.m3u8").await;
    house.gets(3, "/live/test/hls.m3u8").await;
    house.wait(20);
    let mut names = Vec::new();
    for _ in 0..3 {
        let crate::stream::Delivered::Event(event) = told.next().await.unwrap() else { panic!("nothing is missed") };
        names.push(event.name());
    }
    assert_eq!(names, ["first_viewer", "overflow", "last_viewer"]);
    assert!(house.metric("barstone_refused_viewers_total{stream=\"test\",reason=\"viewers\"} 2").await);
}

#[tokio::test]
async fn when_there_is_no_room_those_who_play_go_on() {
    let house = House::with(json!({"max_viewers": 2})).await;
    let revision = house.media.clone();
    assert_eq!(house.gets(1, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(house.gets(2, "/dash/test.mpd").await.status, 200);
    let words = "stream test is full (2 of 2 viewers)";
    for path in ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"] {
        check_refused(&house.gets(3, &format!("/live/test/{path}")).await, words);
    }
    check_refused(&house.gets(3, "/hls/test.m3u8").await, words);
    let head = house.gets_with(3, Request::head("/live/test/hls.m3u8")).await;
    assert_eq!((head.status.as_u16(), head.header("retry-after")), (503, "10"));
    assert_eq!(house.gets(1, "/live/test/v720/hls.m3u8").await.status, 200);
    assert_eq!(house.gets(1, &format!("{}/{}.m4s", house.media, SEGMENT - 1)).await.status, 200);
    house.wait(50);
    for _ in 0..3 {
        assert_eq!(house.gets(2, "/dash/test.mpd").await.status, 200, "it reads it again");
    }
    // Who did not play has gone, and a limit changes nothing but itself.
    assert_eq!(house.gets(3, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(house.gets(4, "/live/test/hls.m3u8").await.status, 200);
    check_refused(&house.gets(5, "/live/test/hls.m3u8").await, words);
    assert_eq!(send(&house.app, "PUT", "/api/v1/streams/test", json!({"max_viewers": 3})).await.status, 200);
    assert_eq!(house.gets(5, "/live/test/hls.m3u8").await.status, 200);
    assert_eq!(until_ready(&house.app).await, revision);
}

#[tokio::test]
async fn nobody_passes_for_many_by_what_they_write() {
    let house = House::with(json!({"max_viewers": 1})).await;
    let read = |client: &str| Request::get("/live/test/dash.mpd").header("x-forwarded-for", client);
    for client in ["198.51.100.1", "198.51.100.2", "nobody"] {
        assert_eq!(house.gets_with(1, read(client)).await.status, 200, "{client}");
    }
    check_refused(&house.gets_with(2, read("198.51.100.1")).await, "stream test is full (1 of 1 viewers)");
}

#[tokio::test]
async fn those_for_whom_there_is_no_room_are_sent_elsewhere() {
    let house = House::with(json!({"max_viewers": 1, "overflow_url": "https://other.example/"})).await;
    assert_eq!(house.gets(1, "/live/test/hls.m3u8").await.status, 200);
    for path in ["/live/test/llhls.m3u8?a=b", "/hls/test.m3u8", "/live/test/dash.mpd"] {
        let sent = house.gets(2, path).await;
        assert_eq!((sent.status.as_u16(), sent.header("location")), (302, &*format!("https://other.example{path}")));
        let headers = ["cache-control", "access-control-allow-origin"].map(|name| sent.header(name));
        assert_eq!(headers, ["no-store", "*"]);
    }
}

#[tokio::test]
async fn all_streams_together_have_limits() {
    let house = House::open(json!({}), limits(&json!({"max_viewers": 1}))).await;
    assert_eq!(house.gets(1, "/live/test/hls.m3u8").await.status, 200);
    let words = "all streams together are full (1 of 1 viewers)";
    check_refused(&house.gets(2, "/live/test/hls.m3u8").await, words);
    let elsewhere = limits(&json!({"max_viewers": 1, "overflow_url": "http://other.example:8080/b"}));
    let house = House::open(json!({}), elsewhere).await;
    assert_eq!(house.gets(1, "/live/test/hls.m3u8").await.status, 200);
    let sent = house.gets(2, "/live/test/hls.m3u8").await;
    assert_eq!(sent.header("location"), "http://other.example:8080/b/live/test/hls.m3u8");
}

#[tokio::test]
async fn bandwidth_has_a_limit() {
    let house = House::with(json!({"max_bandwidth": 100_000})).await;
    while house.viewers().await["bytes"].as_u64().unwrap() < 30_000 {
        assert_eq!(house.gets(1, "/live/test/v720/hls.m3u8").await.status, 200);
    }
    check_refused(&house.gets(2, "/live/test/hls.m3u8").await, "of 100000 bit/s)");
    assert!(house.metric("barstone_refused_viewers_total{stream=\"test\",reason=\"bandwidth\"} 1").await);
    house.wait(3);
    assert_eq!(house.gets(2, "/live/test/hls.m3u8").await.status, 200);
}
