//! The API token: every change needs it, from this machine too, and commands of the same user find it.

use std::fs::File;
use std::process::Stdio;

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::server::{Reaped, Server, feed, program, run_with};
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};

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
async fn a_token_is_created_stored_and_never_printed() {
    let home = TempDir::new().expect("a temporary directory");
    let (media, state) = (home.path().join("media"), home.path().join("state"));
    let start = || Server::at(&media, &["--state-dir", state.to_str().expect("UTF-8"), "--log", "debug"]);
    let token = {
        let server = start();
        let web = Web::without_token(&server);
        let token = std::fs::read_to_string(state.join("token")).expect("it is kept").trim().to_owned();
        check_refused(&stop(&web, &[]).await, 401, "token_needed");
        assert_eq!(stop(&web, &[("authorization", &format!("Bearer {token}"))]).await.status, 200);
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

/// A proxy on this machine may add headers or not, and may send any host. Its requests may come from anywhere.
#[tokio::test]
async fn only_the_token_permits_changes() {
    let server = Server::fresh();
    let web = Web::without_token(&server);
    let own = format!("http://{}", server.address());
    for headers in [
        &[][..],
        &[("host", "localhost")],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
        &[("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")],
        &[("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.7")],
        &[("cookie", "token=x"), ("authorization", "Basic eDp5")],
    ] {
        check_refused(&stop(&web, headers).await, 401, "token_needed");
    }
    for (method, path) in [
        (Method::PUT, STREAM),
        (Method::DELETE, STREAM),
        (Method::POST, "/api/v1/streams"),
        (Method::POST, "/api/v1/definitions"),
        (Method::POST, "/api/v1/all/stop"),
        (Method::POST, "/api/v1/streams/test/tokens"),
    ] {
        check_refused(&send(web.request(method, path).json(&json!({"name": "evil"}))).await, 401, "token_needed");
    }
    let read = send(web.request(Method::GET, STREAM).header("origin", "http://a.example")).await;
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(read.json()["enabled"], true);
    assert_eq!(stop(&Web::of(&server), &[("origin", "http://a.example")]).await.status, 200);
}

#[tokio::test]
async fn a_configured_token_is_needed_and_never_printed() {
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
        let web = Web::without_token(&server);
        let needed = stop(&web, &[]).await;
        check_refused(&needed, 401, "token_needed");
        assert!(needed.text().contains("--token-file") && !needed.text().contains("link"), "{}", needed.text());
        check_refused(&stop(&web, &[("authorization", "Bearer horse")]).await, 401, "bad_token");
        assert_eq!(stop(&web, &[("authorization", &format!("Bearer {token}"))]).await.status, 200);
        let shown = run_with(&[&["config", "show"], &arguments[..]].concat(), environment);
        assert!(shown.status.success(), "{shown:?}");
        let output = format!("{shown:?} {:?}", server.log());
        assert!(output.contains("api_token") && !TOKENS.iter().any(|token| output.contains(token)), "{output}");
    }
}

/// Exit code and standard error of `barstone streams stop test`.
fn stop_by_command(server: &Server, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let url = format!("http://{}", server.address());
    let ended = feed(&[&["streams", "stop", "test", "--server", &url], arguments].concat(), environment, "");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn commands_of_the_same_user_find_the_token() {
    let home = TempDir::new().expect("a temporary directory");
    let state = home.path().join("state");
    let state = state.to_str().expect("UTF-8");
    let server = Server::at(&home.path().join("media"), &["--state-dir", state]);
    let other = Server::fresh();
    let done = (Some(0), String::new());
    assert_eq!(stop_by_command(&server, &[], &server.environment()), done);
    assert_eq!(stop_by_command(&server, &["--state-dir", state], &[]), done);
    assert_eq!(stop_by_command(&server, &[], &[("BARSTONE_STATE_DIR", state)]), done);
    let token = server.token();
    assert_eq!(stop_by_command(&server, &[], &[("BARSTONE_API_TOKEN", &token)]), done);

    let needs = format!("http://{} needs the API token for this: use --token-file FILE", server.address());
    for environment in [&[][..], &other.environment()] {
        let (code, error) = stop_by_command(&server, &[], environment);
        assert!(code == Some(4) && error.contains(&needs) && !error.contains("link"), "{error}");
    }
    let (code, error) = stop_by_command(&server, &["--token", "guess"], &server.environment());
    assert!(code == Some(4) && error.contains("refuses the API token of --token or BARSTONE_API_TOKEN"), "{error}");
    assert!(!error.contains("guess"), "{error}");
}

#[tokio::test]
async fn the_token_file_exists_only_while_the_server_runs() {
    let home = TempDir::new().expect("a temporary directory");
    let token = home.path().join("token");
    std::fs::write(&token, "first").expect("there is room");
    let server = Server::at(&home.path().join("media"), &["--api-token-file", token.to_str().expect("UTF-8")]);
    assert_eq!(server.token(), "first");
    std::fs::write(&token, "second").expect("there is room");
    server.signal(rustix::process::Signal::HUP);
    until("the new token is found", LONG, async || (server.token() == "second").then_some(())).await;
    server.signal(rustix::process::Signal::TERM);
    until("the file is gone", LONG, async || (!server.token_file().exists()).then_some(())).await;
}

/// The log and the standard output as a terminal shows them, in the order of writing.
#[tokio::test]
async fn the_last_line_on_the_terminal_is_the_link() {
    let home = TempDir::new().expect("a temporary directory");
    let file = home.path().join("terminal");
    let terminal = File::create(&file).expect("there is room");
    let mut command = program();
    command.env("XDG_RUNTIME_DIR", home.path()).args(["serve", "--listen", "0.0.0.0:0", "--media-dir", "none"]);
    command.stdin(Stdio::null()).stdout(terminal.try_clone().expect("a file")).stderr(terminal);
    let _server = Reaped(command.spawn().expect("it starts"));
    let shown = || std::fs::read_to_string(&file).expect("it is there");
    let text = until("there is a link", LONG, async || Some(shown()).filter(|text| text.contains("#token="))).await;
    let lines: Vec<_> = text.lines().collect();
    let (last, before) = lines.split_last().expect("a link");
    assert!(last.starts_with("http://localhost:") && last.contains("/#token="), "{text}");
    for words in ["listening", "running", "cores"] {
        assert!(before.iter().any(|line| line.to_lowercase().contains(words)), "{words} before the link in {text}");
    }
}
