//! WHEP without a connected client: sessions, refusals and limits.

use std::net::UdpSocket;
use std::time::Instant;

use axum::http::Method;
use str0m::Rtc;
use str0m::media::{Direction, MediaKind};

use super::*;
use crate::definition::spec::{Limits, StreamRequest};
use crate::media::cmaf::Slices;
use crate::media::rtp::ParameterSets;
use crate::media::window::live;
use crate::stream::ActiveOutput;
use crate::stream::webrtc::{self, Sockets};

pub(super) mod client;

const ENDPOINT: &str = "/live/test/whep";
/// Constrained Baseline, as the preset `ultrafast` has.
const PARAMETERS: [u8; 13] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68];

pub(super) struct Fixture {
    pub(super) app: Routes,
    registry: Arc<Registry>,
    pub(super) now: Arc<AtomicU64>,
    /// The test signal has pictures as long as these exist.
    signal: Option<(live::Writer, ActiveOutput)>,
}

impl Fixture {
    /// A server with the stream `test`, whose definition has the fields `definition`, and limits of sessions.
    async fn open(definition: Value, limits: webrtc::Limits) -> Self {
        let mut request = serde_json::to_value(StreamRequest::named("test")).unwrap();
        request.as_object_mut().unwrap().extend(definition.as_object().unwrap().clone());
        let spec = serde_json::from_value::<StreamRequest>(request).unwrap().try_into().unwrap();
        let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
        let registry = Arc::new(registry_after(Duration::ZERO, Capacity::Unlimited, spec, &now));
        let sockets = Sockets {
            udp: UdpSocket::bind("0.0.0.0:0").unwrap(),
            tcp: tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap(),
        };
        let setting = (Vec::new(), limits);
        let webrtc = Webrtc::start(sockets, setting, registry.setting(), CancellationToken::new()).unwrap();
        let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
        let app = App::new(Arc::clone(&registry), access, CancellationToken::new()).with_webrtc(webrtc);
        let app = router(app, Serve::All);
        until_ready(&app).await;
        let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
        let mut fixture = Self { app, registry, now, signal: None };
        if !output.spec.is_published() {
            let writer = output.tracks[0].live.writer(ParameterSets::of(&PARAMETERS).unwrap());
            fixture.signal = Some((writer, output));
            fixture.show(SEGMENT * 48);
        }
        fixture
    }

    /// Encodes a picture, which is an IDR picture at the start of a segment.
    fn show(&mut self, frame: u64) {
        let is_idr = frame.is_multiple_of(48);
        let bytes = vec![0, 0, 0, 2, if is_idr { 0x65 } else { 0x41 }, 7];
        let due = UnixTime::from_millis(40 * frame);
        let (writer, _) = self.signal.as_mut().unwrap();
        writer.push(frame, due, Slices { bytes, is_idr }, due);
    }

    pub(super) async fn with(definition: Value) -> Self {
        Self::open(definition, webrtc::Limits::default()).await
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let is_named = headers.iter().any(|(name, _)| *name == "host");
        let host = [("host", "192.0.2.7:8080")].into_iter().filter(|_| !is_named);
        let request = Request::builder().method(method).uri(path);
        let request = host.fold(request, |request, (name, value)| request.header(name, value));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        ask(&self.app, request.body(Body::from(body)).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, offer: String) -> Answer {
        self.send("POST", path, &[("content-type", "application/sdp")], offer).await
    }

    pub(super) async fn patch(&self, path: &str, tag: Option<&str>, body: &str) -> Answer {
        let mut headers = vec![("content-type", "application/trickle-ice-sdpfrag")];
        headers.extend(tag.map(|tag| ("if-match", tag)));
        self.send("PATCH", path, &headers, body.to_owned()).await
    }

    fn viewers(&self) -> u64 {
        self.registry.count_viewers();
        self.registry.get(&StreamName::parse("test").unwrap()).unwrap().viewers.sessions
    }

    /// Waits until this many sessions are open.
    pub(super) async fn until_viewers(&self, expected: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.viewers() != expected {
            assert!(Instant::now() < deadline, "{} viewers", self.viewers());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// An offer of a browser.
fn offer(codecs: impl FnOnce(str0m::RtcConfig) -> str0m::RtcConfig) -> String {
    let mut rtc = codecs(Rtc::builder()).build(Instant::now());
    let mut change = rtc.sdp_api();
    change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
    change.apply().unwrap().0.to_sdp_string()
}

pub(super) fn usual() -> String {
    offer(|config| config)
}

#[track_caller]
pub(super) fn check_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)), "{}", answer.json());
    assert_eq!((answer.header("cache-control"), answer.header("access-control-allow-origin")), ("no-store", "*"));
    assert_eq!(answer.header("retry-after").is_empty(), !(status == 503 || code == "not_running"), "{code}");
}

#[tokio::test]
async fn a_session_is_opened_restarted_and_ended() {
    let fixture = Fixture::with(json!({})).await;
    let answer = fixture.post(ENDPOINT, usual()).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/sdp", "no-store"));
    assert_eq!(answer.header("accept-patch"), "application/trickle-ice-sdpfrag");
    for exposed in ["location", "etag", "link", "retry-after"] {
        assert!(answer.header("access-control-expose-headers").contains(exposed), "{exposed}");
    }
    let sdp = String::from_utf8(answer.body.clone()).unwrap();
    for line in ["a=ice-lite", "a=rtcp-mux-only", "a=setup:passive"] {
        assert!(sdp.lines().any(|found| found == line), "{line} in {sdp}");
    }
    assert!(sdp.contains(" 192.0.2.7 ") && sdp.contains("tcptype passive"), "{sdp}");
    assert_eq!(sdp.matches("a=sendonly").count(), 2, "{sdp}");
    assert_eq!(fixture.viewers(), 1);
    let session = format!("/live/test/{}", answer.header("location"));
    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with('"') && session.len() == "/live/test/whep/sessions/".len() + 32);
    assert_eq!(fixture.send("GET", &session, &[], String::new()).await.status, 204);
    let head = fixture.send("HEAD", &session, &[], String::new()).await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-type"), head.header("etag")),
        (200, "application/sdp", &*tag)
    );
    check_refused(&fixture.patch(&session, None, "").await, 428, "no_precondition");
    check_refused(&fixture.patch(&session, Some("\"other\""), "").await, 412, "session_changed");
    check_refused(&fixture.post(&session, usual()).await, 405, "wrong_method");
    check_refused(&fixture.send("PATCH", &session, &[("if-match", "*")], String::new()).await, 415, "not_sdp_type");
    assert_eq!(fixture.patch(&session, Some(&tag), "a=candidate:1 1 udp 1 192.0.2.2 9 typ host").await.status, 204);
    check_refused(&fixture.patch(&session, Some("*"), "a=ice-ufrag:abcd").await, 400, "bad_sdp");
    let restarted =
        fixture.patch(&session, Some("*"), "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n").await;
    assert_eq!((restarted.status.as_u16(), restarted.header("etag") == tag), (200, false));
    let fragment = String::from_utf8(restarted.body.clone()).unwrap();
    let name = restarted.header("etag").trim_matches('"');
    assert!(fragment.contains(&format!("a=ice-ufrag:{name}\r\n")) && !fragment.contains("a=rtpmap"), "{fragment}");
    check_refused(&fixture.patch(&session, Some(&tag), "").await, 412, "session_changed");
    assert_eq!(fixture.send("DELETE", &session, &[], String::new()).await.status, 200);
    for method in ["DELETE", "GET"] {
        check_refused(&fixture.send(method, &session, &[], String::new()).await, 404, "no_such_session");
    }
    fixture.until_viewers(0).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_served_says_why() {
    let fixture = Fixture::with(json!({})).await;
    let sdp = [("content-type", "application/sdp")];
    check_refused(&fixture.send("POST", ENDPOINT, &[], usual()).await, 415, "not_sdp_type");
    for body in [String::new(), "v=0".into(), usual().replace("a=ice-ufrag", "a=ice-nothing"), "m=".repeat(9)] {
        let answer = fixture.post(ENDPOINT, body).await;
        check_refused(&answer, 400, "bad_sdp");
        let detail = answer.json()["detail"].to_string();
        assert!(!detail.contains("0x"), "an address in memory: {detail}");
    }
    check_refused(&fixture.post(ENDPOINT, "x".repeat(65 * 1024)).await, 413, "too_large");
    let no_h264 = offer(|config| config.enable_h264(false));
    check_refused(&fixture.post(ENDPOINT, no_h264).await, 422, "no_common_codec");
    check_refused(&fixture.post(&format!("/with/delay=1s{ENDPOINT}"), usual()).await, 400, "bad_condition");
    for path in ["/live/none/whep", "/live/test/whep?video=none"] {
        assert_eq!(fixture.post(path, usual()).await.json()["code"], "no_such_media", "{path}");
    }
    assert_eq!(fixture.viewers(), 0);
    assert_eq!(fixture.post("/live/test/whep?video=v720", usual()).await.status, 201);
    let options = [("origin", "https://example.com"), ("access-control-request-method", "POST")];
    let preflight = fixture.send("OPTIONS", ENDPOINT, &options, String::new()).await;
    assert_eq!((preflight.status.as_u16(), preflight.header("accept-post")), (200, "application/sdp"));
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        assert!(preflight.header("access-control-allow-methods").contains(method.as_str()), "{method}");
        let other = fixture.send("OPTIONS", "/api/v1/streams", &options, String::new()).await;
        assert!(!other.header("access-control-allow-methods").contains(method.as_str()), "{method}");
    }
    send(&fixture.app, "POST", "/api/v1/streams/test/stop", "").await;
    check_refused(&fixture.send("POST", ENDPOINT, &sdp, usual()).await, 409, "not_running");
    fixture.now.fetch_add(60_000, Ordering::Relaxed);
    fixture.until_viewers(0).await;
    let off = get(&ready().await.0, &format!("{ENDPOINT}/sessions/0")).await;
    check_refused(&off, 404, "webrtc_off");
}

#[tokio::test]
async fn sessions_are_limited_and_redirected() {
    let defaults = webrtc::Limits::default();
    for limits in [
        webrtc::Limits { sessions: 1, ..defaults },
        webrtc::Limits { per_stream: 1, ..defaults },
        webrtc::Limits { per_address: 1, ..defaults },
    ] {
        let fixture = Fixture::open(json!({}), limits).await;
        assert_eq!(fixture.post(ENDPOINT, usual()).await.status, 201);
        check_refused(&fixture.post(ENDPOINT, usual()).await, 503, "too_many_sessions");
        assert_eq!(fixture.viewers(), 1);
    }
    let fixture = Fixture::with(json!({})).await;
    for _ in 0..20 {
        assert_eq!(fixture.post(ENDPOINT, usual()).await.status, 201);
    }
    let answer = fixture.post(ENDPOINT, usual()).await;
    check_refused(&answer, 503, "too_many_sessions");
    assert!(answer.json()["detail"].as_str().unwrap().contains("20 WebRTC sessions wait"), "{}", answer.json());
    let fixture = Fixture::with(json!({"max_viewers": 1})).await;
    assert_eq!(fixture.post(ENDPOINT, usual()).await.status, 201);
    check_refused(&fixture.post(ENDPOINT, usual()).await, 503, "crowded");
    let elsewhere = Limits::check(Some(1), None, Some("https://example.com/b")).unwrap();
    fixture.registry.setting().limits.send_replace(elsewhere);
    let answer = fixture.post("/live/test/whep?video=v720", usual()).await;
    let found = (answer.status.as_u16(), answer.header("location"));
    assert_eq!(found, (307, "https://example.com/b/live/test/whep?video=v720"));
}

#[tokio::test]
async fn requests_of_clients_that_never_connect_stay_within_the_limit() {
    let (fixture, offer) = (Fixture::with(json!({})).await, usual());
    for request in 0..10_000 {
        let status = fixture.post(ENDPOINT, offer.clone()).await.status.as_u16();
        assert!([201, 503].contains(&status) && fixture.viewers() <= 20, "request {request}: {status}");
    }
}

#[tokio::test]
async fn a_session_of_a_private_stream_ends_with_its_token() {
    let fixture = Fixture::with(json!({"access": "private"})).await;
    check_refused(&fixture.post(ENDPOINT, usual()).await, 403, "viewer_token_needed");
    let expires = UnixTime::from_millis(SEGMENT * 1920 + 60_000);
    let token = keys().sign(Purpose::Watch, &StreamName::parse("test").unwrap(), expires);
    let answer = fixture.post(&format!("/t/{token}{ENDPOINT}"), usual()).await;
    assert_eq!(answer.status, 201);
    let session = format!("/live/test/{}", answer.header("location"));
    check_refused(&fixture.send("DELETE", &session, &[], String::new()).await, 403, "viewer_token_needed");
    assert_eq!(fixture.send("GET", &format!("/t/{token}{session}"), &[], String::new()).await.status, 204);
    fixture.until_viewers(1).await;
    fixture.now.fetch_add(60_000, Ordering::Relaxed);
    fixture.until_viewers(0).await;
}
