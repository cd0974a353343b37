//! WHIP: who may publish, and what viewers get.

use std::time::Instant;

use str0m::net::Protocol;

use super::whep::client::Viewer;
use super::whep::{Fixture, check_refused, usual};
use super::*;

const ENDPOINT: &str = "/live/test/whip";
/// Parameter sets and a slice of an IDR picture in one packet (STAP-A), and a slice of another picture.
const IDR: &[u8] = &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2, 0, 2, 0x65, 3];
const INTER: &[u8] = &[0x41, 4];

async fn fixture() -> Fixture {
    Fixture::with(json!({"source": "publish"})).await
}

/// A token that expires after a minute.
fn token(purpose: Purpose, stream: &str) -> String {
    keys().sign(purpose, &StreamName::parse(stream).unwrap(), UnixTime::from_millis(SEGMENT * 1920 + 60_000))
}

/// An offer of a browser that publishes.
fn offer() -> String {
    usual().replace("a=recvonly", "a=sendonly")
}

async fn post(fixture: &Fixture, path: &str, token: &str, offer: String) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/sdp"), ("authorization", authorization.as_str())];
    fixture.send("POST", path, &headers[..if token.is_empty() { 1 } else { 2 }], offer).await
}

async fn until_phase(fixture: &Fixture, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let stream = get(&fixture.app, "/api/v1/streams/test").await.json();
        if stream["phase"] == expected {
            return assert_eq!(stream["error"].is_null(), expected == "running", "{stream}");
        }
        assert!(Instant::now() < deadline, "{stream}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets both clients send and receive until `is_enough`.
async fn until(what: &str, publisher: &mut Viewer, viewer: &mut Viewer, is_enough: impl Fn(&Viewer, &Viewer) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_enough(publisher, viewer) {
        assert!(Instant::now() < deadline, "{what}: {:?}", viewer.pictures);
        publisher.step().await;
        viewer.step().await;
    }
}

#[tokio::test]
async fn pictures_of_a_publisher_reach_viewers_until_somebody_else_publishes() {
    let fixture = fixture().await;
    until_phase(&fixture, "waiting").await;
    check_refused(&fixture.post("/live/test/whep", usual()).await, 409, "not_running");
    let mut publisher = Viewer::publish(&fixture, &token(Purpose::Publish, "test")).await;
    publisher.until("the connection", |publisher| publisher.is_connected).await;
    let mut viewer = Viewer::open(&fixture, Protocol::Udp).await;
    publisher.show(1000, INTER);
    publisher.show(4600, IDR);
    publisher.show(8200, INTER);
    until("two pictures", &mut publisher, &mut viewer, |_, viewer| viewer.pictures.len() == 2).await;
    assert_eq!(viewer.payloads, [IDR, INTER], "from the IDR picture on, unchanged");
    until_phase(&fixture, "running").await;
    let refused = post(&fixture, ENDPOINT, "token", offer()).await;
    check_refused(&refused, 409, "already_published");
    // A viewer that loses a picture gets the group again, and an IDR picture is requested from the publisher.
    let before = publisher.requests;
    viewer.lose();
    until("a request", &mut publisher, &mut viewer, |publisher, _| publisher.requests > before).await;
    let newest = viewer.pictures[1].wrapping_add(3600);
    publisher.show(11_800, IDR);
    until("a picture", &mut publisher, &mut viewer, |_, viewer| viewer.pictures.last() == Some(&newest)).await;
    // The publisher ends; the viewer waits for the next one.
    let session = publisher.session.clone();
    fixture.send("DELETE", &session, &[("authorization", "Bearer token")], String::new()).await;
    publisher.until("the end", |publisher| publisher.is_closed).await;
    until_phase(&fixture, "waiting").await;
    check_refused(&fixture.post("/live/test/whep", usual()).await, 409, "not_running");
    fixture.now.fetch_add(5000, Ordering::Relaxed);
    let mut next = Viewer::publish(&fixture, &token(Purpose::Publish, "test")).await;
    next.until("the connection", |next| next.is_connected).await;
    let shown = viewer.pictures.len();
    next.show(77, IDR);
    until("a picture of the next", &mut next, &mut viewer, |_, viewer| viewer.pictures.len() > shown).await;
    assert!(!viewer.is_closed && viewer.pictures.is_sorted_by(|a, b| a < b), "{:?}", viewer.pictures);
    let metrics = String::from_utf8(get(&fixture.app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("barstone_webrtc_received_packets_total 5\n"), "{metrics}");
    // The token of the publisher expires.
    fixture.now.fetch_add(60_000, Ordering::Relaxed);
    next.until("the end", |next| next.is_closed).await;
    until_phase(&fixture, "waiting").await;
}

#[tokio::test]
async fn publishing_needs_a_publish_token() {
    let fixture = fixture().await;
    let (publish, watch) = (token(Purpose::Publish, "test"), token(Purpose::Watch, "test"));
    let refused = post(&fixture, ENDPOINT, "", offer()).await;
    check_refused(&refused, 401, "publish_token_needed");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    for other in [&watch, &token(Purpose::Publish, "other"), "guess"] {
        check_refused(&post(&fixture, ENDPOINT, other, offer()).await, 401, "bad_publish_token");
    }
    let in_path = post(&fixture, &format!("/t/{publish}{ENDPOINT}"), "", offer()).await;
    assert_eq!(in_path.status, 201, "{}", String::from_utf8_lossy(&in_path.body));
    let session = format!("/t/{publish}/live/test/{}", in_path.header("location"));
    let without = format!("/live/test/{}", in_path.header("location"));
    check_refused(&fixture.send("DELETE", &without, &[], String::new()).await, 401, "publish_token_needed");
    assert_eq!(fixture.send("DELETE", &session, &[], String::new()).await.status, 200);
    // The session ends in a moment, and somebody else may publish.
    let deadline = Instant::now() + Duration::from_secs(10);
    while post(&fixture, ENDPOINT, "token", offer()).await.status != 201 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    send(&fixture.app, "PUT", "/api/v1/streams/test", json!({"source": "publish", "access": "private"})).await;
    check_refused(&get(&fixture.app, "/live/test/hls.m3u8").await, 403, "viewer_token_needed");
    check_refused(&get(&fixture.app, &format!("/t/{publish}/live/test/hls.m3u8")).await, 403, "bad_viewer_token");
    fixture.now.fetch_add(60_000, Ordering::Relaxed);
    check_refused(&post(&fixture, ENDPOINT, &publish, offer()).await, 401, "publish_token_expired");
    let made = send(&fixture.app, "POST", "/api/v1/streams/test/tokens", json!({"purpose": "publish"})).await.json();
    let url = format!("/t/{}/live/test/whip", made["token"].as_str().unwrap());
    assert_eq!(made["urls"], json!({"whip": url}));
    let stream = get(&fixture.app, "/api/v1/streams/test").await.json();
    assert_eq!((&stream["urls"]["whip"], &stream["deterministic"]), (&json!(ENDPOINT), &json!(false)));
}

#[tokio::test]
async fn a_session_is_opened_restarted_and_ended() {
    let fixture = fixture().await;
    let authorization = format!("Bearer {}", token(Purpose::Publish, "test"));
    let answer = post(&fixture, ENDPOINT, &token(Purpose::Publish, "test"), offer()).await;
    let sdp = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, "application/sdp"), "{sdp}");
    assert_eq!((sdp.matches("a=recvonly").count(), sdp.matches("a=sendonly").count()), (2, 0), "{sdp}");
    for part in ["profile-level-id=42e01f", "transport-wide-cc", "a=rtcp-mux-only", "nack pli"] {
        assert!(sdp.contains(part), "{part} in {sdp}");
    }
    assert!(!sdp.contains("VP8") && sdp.matches("H264").count() == 1, "{sdp}");
    let (session, tag) = (format!("/live/test/{}", answer.header("location")), answer.header("etag").to_owned());
    assert!(session.starts_with("/live/test/whip/sessions/"));
    let patch = async |tag: &str, body: &str| {
        let headers = [
            ("content-type", "application/trickle-ice-sdpfrag"),
            ("authorization", authorization.as_str()),
            ("if-match", tag),
        ];
        fixture.send("PATCH", &session, &headers, body.to_owned()).await
    };
    assert_eq!(patch(&tag, "a=candidate:1 1 udp 1 192.0.2.2 9 typ host").await.status, 204);
    let restarted = patch("*", "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n").await;
    assert_eq!((restarted.status.as_u16(), restarted.header("etag") == tag), (200, false));
    check_refused(&patch(&tag, "").await, 412, "session_changed");
    let ended = fixture.send("DELETE", &session, &[("authorization", &authorization)], String::new()).await;
    assert_eq!(ended.status, 200);
    let options = [
        ("origin", "https://example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let preflight = fixture.send("OPTIONS", ENDPOINT, &options, String::new()).await;
    assert_eq!((preflight.status.as_u16(), preflight.header("accept-post")), (200, "application/sdp"));
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn a_request_that_cannot_be_served_says_why() {
    let fixture = fixture().await;
    for (offer, status, code) in [
        ("v=0".to_owned(), 400, "bad_sdp"),
        (usual(), 422, "no_common_codec"),
        (offer().replace("opus/48000/2", "other/48000/2"), 422, "no_common_codec"),
    ] {
        check_refused(&post(&fixture, ENDPOINT, "token", offer).await, status, code);
    }
    let vp8 = post(&fixture, ENDPOINT, "token", offer().replace(" H264/", " other/")).await;
    assert!(vp8.status == 201 && String::from_utf8_lossy(&vp8.body).contains(" VP8/"));
    check_refused(&post(&fixture, "/with/delay=1s/live/test/whip", "token", offer()).await, 400, "bad_condition");
    for path in ["/live/test/still.jpg", "/live/test/still.png?at=-1m", "/api/v1/streams/test/truth"] {
        assert_eq!(get(&fixture.app, path).await.json()["code"], "not_painted", "{path}");
    }
    assert_eq!(fixture.post("/live/test/whep?video=v720", usual()).await.json()["code"], "no_such_media");
    let signal = Fixture::with(json!({})).await;
    check_refused(&post(&signal, ENDPOINT, "token", offer()).await, 409, "not_publishable");
    let tokens = send(&signal.app, "POST", "/api/v1/streams/test/tokens", json!({"purpose": "publish"})).await;
    check_refused(&tokens, 409, "not_publishable");
    send(&fixture.app, "POST", "/api/v1/streams/test/stop", "").await;
    check_refused(&post(&fixture, ENDPOINT, "token", offer()).await, 409, "not_running");
}

#[tokio::test]
async fn what_a_publisher_sends_is_served_as_hls_and_dash_but_not_its_past() {
    let fixture = fixture().await;
    until_phase(&fixture, "waiting").await;
    let revision = get(&fixture.app, "/api/v1/streams/test").await.json()["revision"].as_str().unwrap().to_owned();
    let newest = SEGMENT - 1;
    for path in ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd", "v720/hls.m3u8"] {
        assert_eq!(get(&fixture.app, &format!("/live/test/{path}")).await.status, 200, "{path}");
    }
    let segment = async |number: u64| get(&fixture.app, &format!("/live/test/v720/{revision}/{number}.m4s")).await;
    assert_eq!(segment(newest).await.status, 200);
    assert_eq!(segment(newest - 5000).await.json()["code"], "expired");
}
