//! Arbitrary requests in any order never panic, and each refusal has a reason.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::timeout;

use super::*;
use crate::base::test_texts::mutated;

const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"];
/// Paths with a route. `R` stands for the revision of the stream.
const PATHS: &[&str] = &[
    "/live/test/hls.m3u8",
    "/live/test/llhls.m3u8",
    "/live/test/dash.mpd",
    "/live/test/lldash.mpd",
    "/live/test/v720/hls.m3u8",
    "/live/test/v720/llhls.m3u8?_HLS_msn=935016889&_HLS_part=1&_HLS_skip=YES",
    "/live/test/a/llhls.m3u8?_HLS_msn=935016890",
    "/live/test/v720/R/init.mp4",
    "/live/test/v720/R/935016889.m4s",
    "/live/test/a/R/935016880.3.m4s",
    "/hls/test.m3u8",
    "/dash/test.mpd",
    "/with/no-deltas,delay=9s/live/test/llhls.m3u8",
    "/with/no-blocking/live/test/v720/llhls.m3u8?_HLS_msn=935016890",
    "/with/utc-timing=http-head+direct,clock-skew=-5s/dash/test.mpd",
    "/t/x/with/clock-skew=5s/time",
    "/with/no-hints/live/test/v720/R/935016889.m4s",
    "/api/v1/streams?phase=running&limit=3&after=a",
    "/api/v1/streams/test",
    "/api/v1/streams/other/start",
    "/api/v1/streams/test/stop",
    "/api/v1/definitions",
    "/api/v1/all/stop",
    "/api/v1/events",
    "/static/page.js",
    "/embed/test",
    "/wall",
    "/docs/check",
    "/still.png?definition={}",
    "/time",
    "/readyz",
];
const BODIES: &[&str] = &[
    "",
    "{}",
    r#"{"name": "other"}"#,
    r#"{"name": "other", "enabled": false, "fps": "30000/1001", "segment_frames": 60, "chunk_frames": 15}"#,
    r#"{"video": [{"id": "v1", "width": 640, "height": 360, "bitrate": 500000}], "audio": false, "window_seconds": 20}"#,
    r#"{"schedule": {"zone": "Europe/Berlin", "start": ["0 8 * * 1-5"], "stop": ["0 18 * * *"]}, "requires": ["test"]}"#,
    r#"{"streams": [{"name": "a"}, {"name": "b", "on_demand": true, "idle_seconds": 10}]}"#,
];
const HEADERS: &[&str] = &[
    "range: bytes=0-99",
    "range: bytes=-1",
    "if-none-match: \"0123456789abcdef\"",
    "if-match: *",
    "if-modified-since: Sat, 21 Nov 2026 03:40:28 GMT",
    "if-range: \"0123456789abcdef\"",
    "accept-encoding: gzip;q=0.5, identity",
    "authorization: Bearer guess",
    "origin: http://localhost:8080",
    "host: localhost:8080",
    "last-event-id: 1-1",
];

#[derive(Debug, Clone)]
struct MediaRequest {
    method: &'static str,
    path: String,
    headers: Vec<String>,
    body: String,
}

fn any_request() -> impl Strategy<Value = MediaRequest> {
    let parts = (select(METHODS), mutated(PATHS), vec(mutated(HEADERS), 0..4), mutated(BODIES));
    parts.prop_map(|(method, path, headers, body)| MediaRequest { method, path, headers, body })
}

impl MediaRequest {
    /// The request, or `None` if it is not valid HTTP.
    fn request(&self, revision: &str) -> Option<Request<Body>> {
        let path = self.path.replace('R', revision);
        let mut request = Request::builder().method(self.method).uri(path).header("content-type", "application/json");
        for header in &self.headers {
            let (name, value) = header.split_once(':')?;
            request = request.header(name, value.trim());
        }
        // Without the token no handler would read the body.
        if !self.headers.iter().any(|header| header.starts_with("authorization")) {
            request = request.header("authorization", "Bearer token");
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

/// Time after which an endless body of events is abandoned.
const LONG: Duration = Duration::from_secs(60);

async fn answers(requests: Vec<MediaRequest>) -> Result<(), TestCaseError> {
    let (app, media) = ready().await;
    let revision = media.rsplit('/').next().unwrap_or_default();
    for asked in requests {
        let Some(request) = asked.request(revision) else { continue };
        let Ok(answer) = timeout(LONG, ask(&app, request)).await else { continue };
        let status = answer.status.as_u16();
        prop_assert!(status != 500, "{asked:?}");
        if status >= 400 && asked.method != "HEAD" {
            prop_assert_eq!(answer.header("content-type"), "application/problem+json", "{:?} {}", &asked, status);
            prop_assert!(answer.json()["code"].is_string(), "{:?}", &asked);
        }
    }
    let after = get(&app, "/time").await.status;
    prop_assert_eq!(after, StatusCode::OK);
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_requests_are_answered(requests in vec(any_request(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
        runtime.block_on(answers(requests))?;
    }
}
