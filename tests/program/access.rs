//! Who may change things: whoever is on this machine, and whoever has the token.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::server::{Server, run_with};
use crate::support::web::{Reply, Web, send};

const STREAM: &str = "/api/v1/streams/test";

async fn stop(web: &Web, headers: &[(&str, &str)]) -> Reply {
    let request = web.request(Method::POST, &format!("{STREAM}/stop"));
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[track_caller]
fn check_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (status, &code.into()), "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_token_is_made_kept_and_shown_to_nobody() {
    let home = TempDir::new().expect("a temporary directory");
    let (media, state) = (home.path().join("media"), home.path().join("state"));
    let start = || Server::at(&media, &["--state-dir", state.to_str().expect("UTF-8"), "--log", "debug"]);
    let token = {
        let server = start();
        let web = Web::of(&server);
        let token = std::fs::read_to_string(state.join("token")).expect("it is kept").trim().to_owned();
        check_refused(&stop(&web, &[("x-forwarded-for", "192.0.2.7")]).await, 401, "token_needed");
        let bearer = format!("Bearer {token}");
        let with = [("x-forwarded-for", "192.0.2.7"), ("authorization", bearer.as_str())];
        assert_eq!(stop(&web, &with).await.status, 200);
        for path in ["/metrics", "/api/v1/streams", "/api/v1/definitions", STREAM] {
            assert!(!web.text(path).await.contains(&token), "{path}");
        }
        assert!(!server.log().iter().any(|line| line.contains(&token)), "{:#?}", server.log());
        server.kill();
        token
    };
    let _server = start();
    assert_eq!(std::fs::read_to_string(state.join("token")).expect("it is kept").trim(), token);
}

#[tokio::test]
async fn a_page_from_elsewhere_changes_nothing_and_reads_what_everybody_may() {
    let server = Server::fresh();
    let web = Web::of(&server);
    web.playable("test").await;
    check_refused(&stop(&web, &[("origin", "http://evil.example")]).await, 403, "foreign_page");
    check_refused(&stop(&web, &[("sec-fetch-site", "cross-site")]).await, 403, "foreign_page");
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    check_refused(&stop(&web, &rebound).await, 403, "foreign_host");
    for (method, path) in [(Method::PUT, STREAM), (Method::POST, "/api/v1/streams"), (Method::POST, "/api/v1/all/stop")]
    {
        let request = web.request(method, path).header("origin", "http://evil.example").json(&json!({"name": "evil"}));
        check_refused(&send(request).await, 403, "foreign_page");
    }
    let read = send(web.request(Method::GET, STREAM).header("origin", "http://evil.example")).await;
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(read.json()["phase"], "running");
    let own = format!("http://{}", server.address());
    assert_eq!(stop(&web, &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.status, 200);
}

#[tokio::test]
async fn a_configured_token_is_needed_from_this_machine_too_and_shown_to_nobody() {
    const TOKENS: [&str; 3] = ["horse-in-the-file", "horse-in-the-environment", "horse-in-a-file-of-its-own"];
    let home = TempDir::new().expect("a temporary directory");
    let (config, own) = (home.path().join("barstone.toml"), home.path().join("token"));
    let (config, own) = (config.to_str().expect("UTF-8"), own.to_str().expect("UTF-8"));
    std::fs::write(config, format!("api_token = '{}'\n[[streams]]\nname = 'test'\n", TOKENS[0]))
        .expect("there is room");
    std::fs::write(own, format!("{}\n", TOKENS[2])).expect("there is room");
    let in_environment = [("BARSTONE_API_TOKEN", TOKENS[1])];
    for (arguments, environment, token) in [
        (["--config", config], &[][..], TOKENS[0]),
        (["--config", config], &in_environment, TOKENS[1]),
        (["--api-token-file", own], &[], TOKENS[2]),
    ] {
        let server =
            Server::at_with(&home.path().join("media"), &[&arguments[..], &["--log", "debug"]].concat(), environment);
        let web = Web::of(&server);
        check_refused(&stop(&web, &[]).await, 401, "token_needed");
        check_refused(&stop(&web, &[("authorization", "Bearer horse")]).await, 401, "bad_token");
        assert_eq!(stop(&web, &[("authorization", &format!("Bearer {token}"))]).await.status, 200);
        let shown = run_with(&[&["config", "show"], &arguments[..]].concat(), environment);
        assert!(shown.status.success(), "{shown:?}");
        let told = format!("{shown:?} {:?}", server.log());
        assert!(told.contains("api_token") && !TOKENS.iter().any(|token| told.contains(token)), "{told}");
    }
}
