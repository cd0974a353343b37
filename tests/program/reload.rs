//! Reload of the configuration at `SIGHUP`, and what is logged about it.

use std::net::TcpListener;
use std::path::Path;

use reqwest::Method;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";
const READ: &str = "loaded the configuration again";

fn started(home: &Path, toml: &str) -> Server {
    let file = home.join("barstone.toml");
    std::fs::write(&file, toml).expect("the file is written");
    Server::at(&home.join("media"), &["--config", file.to_str().expect("UTF-8")])
}

/// Writes a configuration and sends `SIGHUP`. Resolves when the log has one more line that contains `word`.
async fn read_again(server: &Server, home: &Path, (toml, word): (&str, &str)) {
    let count = || server.log().iter().filter(|line| line.contains(word)).count();
    let before = count();
    std::fs::write(home.join("barstone.toml"), toml).expect("the file is written");
    server.signal(Signal::HUP);
    until("the configuration is read", LONG, async || (count() > before).then_some(())).await;
}

async fn names(web: &Web) -> Vec<String> {
    let list = web.get(STREAMS).await.json();
    list.as_array().expect("a list").iter().map(|stream| stream["name"].as_str().expect("a text").into()).collect()
}

fn asleep(names: &[&str]) -> String {
    names.iter().map(|name| format!("[[streams]]\nname = \"{name}\"\nenabled = false\n")).collect()
}

#[tokio::test]
async fn a_reload_applies_changes_and_nothing_else() {
    let home = TempDir::new().expect("a temporary directory");
    let server = started(home.path(), &asleep(&["a", "b"]));
    let web = Web::of(&server);
    let tag = web.get(&format!("{STREAMS}/a")).await.header("etag").to_owned();
    read_again(&server, home.path(), (&asleep(&["a", "c"]), READ)).await;
    assert_eq!(names(&web).await, ["a", "c"]);
    assert_eq!(web.get(&format!("{STREAMS}/a")).await.header("etag"), tag);

    read_again(&server, home.path(), ("listen = 1\n", "the old one stays in effect")).await;
    assert_eq!(names(&web).await, ["a", "c"]);

    let moved = format!("state_dir = \"/nowhere\"\nlog_format = \"json\"\n{}", asleep(&["a"]));
    read_again(&server, home.path(), (&moved, READ)).await;
    let log = server.log().join("\n");
    assert!(log.contains("log_format, state_dir") && log.contains("restart"), "{log}");
    assert_eq!(names(&web).await, ["a"]);
}

#[tokio::test]
async fn a_reload_applies_new_secrets() {
    let home = TempDir::new().expect("a temporary directory");
    let [token, key] = ["token", "key"].map(|name| home.path().join(name));
    let secrets = |one: &str| {
        std::fs::write(&token, one).expect("it is written");
        std::fs::write(&key, format!("the-viewer-key-{one}")).expect("it is written");
    };
    let with = |more: &str| {
        let files = format!("api_token_file = {token:?}\nviewer_key_file = {key:?}\n");
        format!("{files}{more}[[streams]]\nname = \"a\"\nenabled = false\naccess = \"private\"\n")
    };
    secrets("one");
    let server = started(home.path(), &with(""));
    let web = Web::of(&server);
    let post = async |token: &str, path: &str| {
        let request = web.request(Method::POST, &format!("{STREAMS}{path}")).bearer_auth(token);
        send(request.json(&serde_json::json!({}))).await
    };
    let made = post("one", "/a/tokens").await;
    let path = made.json()["urls"]["hls"].as_str().expect("a text").to_owned();
    let code = async |path: &str| web.get(path).await.json()["code"].clone();
    assert_eq!((made.status, code(&path).await), (201, "no_such_media".into()), "it does not run");

    secrets("two");
    read_again(&server, home.path(), (&with(""), READ)).await;
    assert_eq!((post("one", "/a/stop").await.status, post("two", "/a/stop").await.status), (401, 200));
    assert_eq!(code(&path).await, "bad_viewer_token");

    read_again(&server, home.path(), (&with("deny = [\"127.0.0.0/8\"]\n"), READ)).await;
    assert_eq!((code(STREAMS).await, web.get("/livez").await.status), ("address_denied".into(), 200));
    std::fs::write(&key, "short").expect("it is written");
    read_again(&server, home.path(), (&with(""), "the old one stays in effect")).await;
    assert_eq!(code(STREAMS).await, "address_denied");
    secrets("two");
    read_again(&server, home.path(), (&with("max_streams = 1\n"), READ)).await;
    let full =
        send(web.request(Method::POST, STREAMS).bearer_auth("two").json(&serde_json::json!({"name": "b"}))).await;
    assert_eq!((full.status, full.json()["code"].clone()), (507, "full".into()));
    let log = server.log().join("\n");
    assert!(!log.contains("restart") && !log.contains("viewer-key-"), "{log}");
}

#[tokio::test]
async fn a_reload_applies_viewer_limits() {
    let home = TempDir::new().expect("a temporary directory");
    let stream = "[[streams]]\nname = \"a\"\nvideo = []\n";
    let server = started(home.path(), &format!("max_viewers = 1\n{stream}"));
    let web = Web::of(&server);
    web.playable("a").await;
    let status = async || web.get("/live/a/hls.m3u8").await.status;
    until("one is let in and no other", LONG, async || (status().await == 503).then_some(())).await;
    read_again(&server, home.path(), (&format!("max_viewers = 1000000\n{stream}"), READ)).await;
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_reload_changes_the_picture_at_a_segment() {
    let home = TempDir::new().expect("a temporary directory");
    let titled = |title: &str| {
        let video = "{ id = \"v\", width = 320, height = 180, bitrate = 400000 }";
        format!("[[streams]]\nname = \"a\"\ntitle = \"{title}\"\nvideo = [{video}]\n")
    };
    let server = started(home.path(), &titled("one"));
    let web = Web::of(&server);
    web.playable("a").await;
    let revision = web.get(&format!("{STREAMS}/a")).await.json()["revision"].clone();
    read_again(&server, home.path(), (&titled("other"), READ)).await;
    let playlist = until("players are told to go over", LONG, async || {
        let playlist = web.text("/live/a/v/hls.m3u8").await;
        playlist.contains("#EXT-X-DISCONTINUITY\n").then_some(playlist)
    })
    .await;
    let stream = web.get(&format!("{STREAMS}/a")).await.json();
    assert_ne!(stream["revision"], revision);
    for revision in [&revision, &stream["revision"]] {
        assert!(playlist.contains(revision.as_str().expect("text")), "{revision} in {playlist}");
    }
}

#[tokio::test]
async fn a_reload_applies_the_log_filter() {
    let home = TempDir::new().expect("a temporary directory");
    let server = started(home.path(), &asleep(&["a"]));
    let quiet = format!("log = \"warn\"\nstate_dir = \"/nowhere\"\n{}", asleep(&["a"]));
    read_again(&server, home.path(), (&quiet, "restart")).await;
    read_again(&server, home.path(), (&asleep(&["a"]), READ)).await;
    let log = server.log();
    assert_eq!(log.iter().filter(|line| line.contains(READ)).count(), 1, "{log:?}");
}

#[tokio::test]
async fn every_json_line_of_a_stream_has_its_name() {
    let home = TempDir::new().expect("a temporary directory");
    let waited = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = waited.local_addr().expect("an address");
    let server = started(home.path(), &format!("log_format = \"json\"\nwait_for = [\"{target}\"]\n"));
    Web::of(&server).playable("test").await;
    let lines = until("the stream runs", LONG, async || {
        let log = server.log();
        log.iter().any(|line| line.contains("\"phase\":\"running\"")).then_some(log)
    })
    .await;
    let lines: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect();
    let of_streams = lines.iter().filter(|line| line["target"].as_str().expect("text").starts_with("barstone::stream"));
    for line in of_streams.clone() {
        assert_eq!(line["spans"][0]["stream"], "test", "{line}");
    }
    assert!(of_streams.count() > 0);
    assert!(lines[0]["configuration"].as_str().expect("text").contains("log_format = \"json\""));
    assert!(lines.iter().any(|line| line["server"] == target.to_string().as_str()));
}
