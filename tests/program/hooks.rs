//! Webhooks, seen from the server that receives them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const SECRET: &str = "horse";
const STREAM: &str = "/api/v1/streams/told";

/// Received posts in order. The first ones are refused.
#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

async fn receive(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut all = received.0.lock().expect("no panic");
    all.push((headers, body));
    // The first attempt fails and is repeated.
    if all.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

impl Received {
    fn all(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().expect("no panic").clone()
    }

    fn phases(&self) -> Vec<String> {
        let events = self.all().into_iter().map(|(_, body)| serde_json::from_slice(&body).expect("JSON"));
        events.map(|event: Value| event["phase"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[track_caller]
fn check_signature(headers: &HeaderMap, body: &[u8]) {
    let signature = headers["barstone-signature"].to_str().expect("ASCII");
    let (time, hex) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("t=…,v1=…");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[tokio::test]
async fn a_hook_gets_events_in_order_signed_and_repeated_after_a_failure() {
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let router = Router::new().route("/events", post(receive)).with_state(received.clone());
    let mut receiver = JoinSet::new();
    receiver.spawn(async move { axum::serve(listener, router).await });

    let server = Server::configured(&format!(
        "streams = []\n[[hooks]]\nurl = 'http://127.0.0.1:{port}/events'\nsecret = '{SECRET}'\nevents = ['phase']\nstreams = ['told']\n"
    ));
    let web = Web::of(&server);
    for name in ["told", "untold"] {
        let body = json!({"name": name, "video": [], "window_seconds": 20});
        assert_eq!(web.json(Method::POST, "/api/v1/streams", &body).await.status, 201);
    }
    let last = async |phase: &str| {
        let reported = async || received.phases().last().filter(|last| *last == phase).map(|_| ());
        until(phase, LONG, reported).await;
    };
    last("running").await;
    assert_eq!(send(web.request(Method::POST, &format!("{STREAM}/stop"))).await.status, 200);
    last("stopped").await;

    let all = received.all();
    assert_eq!(received.phases(), ["starting", "starting", "running", "stopped"]);
    assert_eq!(all[0].1, all[1].1, "the same again");
    let deliveries: Vec<_> = all[1..].iter().map(|(headers, _)| headers["barstone-delivery"].clone()).collect();
    assert!(deliveries.windows(2).all(|pair| pair[0] != pair[1]), "{deliveries:?}");
    for (headers, body) in &all {
        assert_eq!(
            (&headers["barstone-event"], &headers["content-type"]),
            (&"phase".parse().expect("a value"), &"application/json".parse().expect("a value"))
        );
        check_signature(headers, body);
    }
    // The delivery is counted when the answer has been read.
    until("it is counted", Duration::from_secs(10), async || {
        let text = web.text("/metrics").await;
        text.contains("barstone_hook_deliveries_total{outcome=\"delivered\"} 3").then_some(())
    })
    .await;
}
