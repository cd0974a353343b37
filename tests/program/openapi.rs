//! The OpenAPI document against routes, answers and refusals. The server has scripted encoders, so that generated
//! streams need no processor time.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use barstone::base::timeline::UnixTime;
use barstone::base::utc::Clock;
use barstone::definition::spec::StreamSpec;
use barstone::definition::store::Definitions;
use barstone::http::viewer_token::Keys;
use barstone::http::{Access, App, ConnectionLimits, Serve, Site, TokenOrigin, ViewerAccess, router, serve};
use barstone::stream::{Event, EventKind, Phase, PushPhase, Registry, Render, Setting};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const TOKEN: &str = "the token of this test";
const DOCUMENT: &str = "/api/v1/openapi.json";

/// Serves until the runtime of the test ends.
async fn start() -> SocketAddr {
    let tasks = TaskTracker::new();
    let render: Render = Arc::new(|_, stop| {
        Box::pin(async move {
            stop.cancelled().await;
            Ok(())
        })
    });
    let setting = Setting { tasks: tasks.clone(), ..Setting::new(Clock::system(), render, "none") };
    let metrics = Arc::clone(&setting.metrics);
    let definitions = Definitions::in_memory(vec![StreamSpec::test()]);
    let registry = Arc::new(Registry::new(setting, definitions, CancellationToken::new()));
    let reconciler = Arc::clone(&registry);
    tasks.spawn(async move { reconciler.maintain().await });
    let viewer_access = ViewerAccess::of(Keys::parse("the-key-of-this-test").expect("a key"));
    let app = App::new(registry, Access::new(TOKEN, TokenOrigin::Created, viewer_access), CancellationToken::new());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let site =
        Site { routes: router(app, Serve::All), certificates: None, limits: ConnectionLimits::default(), metrics };
    tasks.spawn(serve(listener, site, CancellationToken::new()));
    address
}

fn client() -> Client {
    // Every client installs a TLS provider; another test may have been first.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

async fn document(address: SocketAddr) -> Value {
    let reply = client().get(format!("http://{address}{DOCUMENT}")).send().await.expect("it answers");
    reply.json().await.expect("JSON")
}

/// Methods and paths in the document.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("an object");
    let of = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
        let methods = item.as_object().expect("an object").keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_is_described_and_no_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http.rs");
    let source = std::fs::read_to_string(source).expect("a source file");
    let mut routes = BTreeSet::new();
    for route in source.split(".route(\"").skip(1) {
        let (path, rest) = route.split_once('"').expect("a path");
        let handlers = rest.lines().next().expect("handlers");
        let methods = ["get", "post", "put", "delete", "patch"];
        let taken = methods.iter().filter(|method| handlers.contains(&format!("{method}(")));
        routes.extend(taken.map(|method| (method.to_uppercase(), path.to_owned())));
    }
    // Media and the page are not part of the API.
    let elsewhere = ["/live/", "/hls/", "/dash/", "/static/", "/embed/", "/wall", "/docs/", "/still."];
    routes.retain(|(_, path)| path != "/" && !elsewhere.iter().any(|start| path.starts_with(start)));
    assert_eq!(described(&document(start().await).await), routes);
}

#[tokio::test]
async fn every_path_allows_exactly_the_described_methods() {
    let address = start().await;
    let described = described(&document(address).await);
    for (_, path) in &described {
        let mut expected: BTreeSet<_> =
            described.iter().filter(|(_, other)| other == path).map(|(method, _)| method.as_str()).collect();
        if expected.contains("GET") {
            expected.insert("HEAD");
        }
        let url = format!("http://{address}{}", path.replace("{name}", "test"));
        let reply = client().request(Method::PATCH, url).send().await.expect("it answers");
        assert_eq!(reply.status(), 405, "{path}");
        let allowed = reply.headers()["allow"].to_str().expect("ASCII");
        assert_eq!(allowed.split(',').map(str::trim).collect::<BTreeSet<_>>(), expected, "{path}");
    }
}

#[tokio::test]
async fn the_schema_of_events_matches_their_json() {
    let document = document(start().await).await;
    let properties = document["components"]["schemas"]["Event"]["properties"].as_object().expect("an object");
    let phase = EventKind::Phase { phase: Phase::Failed, error: None };
    let push = EventKind::Push { target: String::new(), phase: PushPhase::Waiting, error: None };
    let mut written = BTreeSet::new();
    for kind in [phase, push] {
        let event = Event { id: 1, at: UnixTime::default(), stream: StreamSpec::test().name, kind };
        let event = serde_json::to_value(event).expect("JSON");
        written.extend(event.as_object().expect("an object").keys().cloned());
    }
    assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), written);
}

/// Generates valid and invalid requests from the document and compares the answers with it.
async fn make_up(headers: &[&str]) {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let program = home.join("venv/bin/schemathesis");
    assert!(program.exists(), "make schemathesis installs {}", program.display());
    let work = tempfile::TempDir::new().expect("a temporary directory");
    let mut command = Command::new(program);
    // Schemathesis stores examples in its working directory.
    command.current_dir(&work).arg("--config-file").arg(home.join("schemathesis.toml"));
    command.args(["run", &format!("http://{}{DOCUMENT}", start().await)]);
    for header in headers {
        command.args(["--header", header]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends").expect("it runs");
    let [told, warned] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{told}\n{warned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_the_token_are_answered_as_described() {
    make_up(&[&format!("Authorization: Bearer {TOKEN}")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_the_token_are_answered_as_described() {
    make_up(&[]).await;
}
