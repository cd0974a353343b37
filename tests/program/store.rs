//! Replicas that share their definitions in a store.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::nats::Nats;
use crate::support::server::{Server, run};
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";

struct Replica {
    web: Web,
    server: Server,
}

impl Replica {
    fn start(home: &Path, name: &str, store: &str) -> Self {
        let server = Server::at(&home.join(name), &["--store", store, "--wait-tries", "60"]);
        Self { web: Web::of(&server), server }
    }

    async fn stream(&self, name: &str) -> Value {
        self.web.get(&format!("{STREAMS}/{name}")).await.json()
    }

    async fn names(&self) -> Vec<String> {
        let list = self.web.get(STREAMS).await.json();
        list.as_array().expect("a list").iter().map(|stream| stream["name"].as_str().expect("a text").into()).collect()
    }

    async fn knows(&self, names: &[&str]) {
        until("it knows these", LONG, async || (self.names().await == names).then_some(())).await;
    }
}

fn sound(name: &str, title: &str) -> Value {
    json!({"name": name, "title": title, "video": [], "window_seconds": 20})
}

#[tokio::test]
async fn all_replicas_switch_to_a_new_definition_at_the_same_segment() {
    let home = TempDir::new().expect("a directory");
    let nats = Nats::start(&home.path().join("nats")).await;
    let [a, b] = ["a", "b"].map(|name| Replica::start(home.path(), name, &nats.url()));
    // The default stream exists once.
    b.knows(&["test"]).await;
    assert_eq!(a.web.json(Method::POST, STREAMS, &sound("one", "before")).await.status, 201);
    b.knows(&["one", "test"]).await;
    assert_eq!(b.web.json(Method::POST, STREAMS, &sound("one", "other")).await.status, 409);
    for replica in [&a, &b] {
        replica.web.playable("one").await;
    }

    let change = json!({"title": "after", "video": [], "window_seconds": 20, "audio": {"beep_hz": 500}});
    assert_eq!(b.web.json(Method::PUT, &format!("{STREAMS}/one"), &change).await.status, 200);
    let revision = b.stream("one").await["revision"].as_str().expect("a text").to_owned();
    let mut lists = Vec::new();
    for replica in [&a, &b] {
        let whole = async || {
            let list = replica.web.text("/live/one/a/hls.m3u8").await;
            let uris = list.lines().filter(|line| line.contains(&revision) && !line.starts_with('#'));
            (uris.count() > 1).then(|| list.clone())
        };
        lists.push(until("the new sound is there", LONG, whole).await);
    }
    // The first segment with the new audio.
    let first = |list: &str| {
        let after = list.split("#EXT-X-DISCONTINUITY\n").last().expect("a part").to_owned();
        after.lines().find(|line| line.contains(&revision) && !line.starts_with('#')).expect("a URI").to_owned()
    };
    assert_eq!(first(&lists[0]), first(&lists[1]));
    let uri = first(&lists[0]);
    assert_eq!(a.web.media("one", "a", &uri).await, b.web.media("one", "a", &uri).await);

    assert_eq!(send(a.web.request(Method::POST, &format!("{STREAMS}/one/stop"))).await.status, 200);
    until("it stops", LONG, async || (b.stream("one").await["phase"] == "stopped").then_some(())).await;
    assert_eq!(send(b.web.request(Method::DELETE, &format!("{STREAMS}/one"))).await.status, 204);
    a.knows(&["test"]).await;
    assert_eq!(a.web.json(Method::POST, STREAMS, &sound("one", "again")).await.status, 201);
    b.knows(&["one", "test"]).await;
}

#[tokio::test]
async fn of_two_simultaneous_writes_one_is_refused() {
    let home = TempDir::new().expect("a directory");
    let nats = Nats::start(&home.path().join("nats")).await;
    let [a, b] = ["a", "b"].map(|name| Replica::start(home.path(), name, &nats.url()));
    b.knows(&["test"]).await;
    let asleep = |title: &str| json!({"title": title, "enabled": false});
    for round in 0..20 {
        let path = format!("{STREAMS}/race");
        let tag = a.web.get(&path).await.header("etag").to_owned();
        let put = async |replica: &Replica, title: &str| {
            let request = replica.web.request(Method::PUT, &path).json(&asleep(title));
            let condition = if tag.is_empty() { ("if-none-match", "*") } else { ("if-match", tag.as_str()) };
            send(request.header(condition.0, condition.1)).await.status
        };
        let (one, other) = (format!("a {round}"), format!("b {round}"));
        let mut statuses = <[u16; 2]>::from(tokio::join!(put(&a, &one), put(&b, &other)));
        statuses.sort_unstable();
        assert_eq!(statuses, [if tag.is_empty() { 201 } else { 200 }, 412], "{round}");
        let same = async || {
            let titles = [a.stream("race").await["title"].clone(), b.stream("race").await["title"].clone()];
            (titles[0] == titles[1] && titles[0] != Value::Null).then_some(())
        };
        until("both have what one of them wrote", LONG, same).await;
    }
}

#[test]
fn an_unreachable_store_is_given_up_like_any_server() {
    let home = TempDir::new().expect("a directory");
    let media = home.path().join("media");
    let media = media.to_str().expect("UTF-8");
    let start = ["serve", "--listen", "127.0.0.1:0", "--media-dir", media];
    for missing in [["--store", "nats://127.0.0.1:1"], ["--wait-for", "127.0.0.1:1"]] {
        let ended = run(&[&start[..], &missing, &["--wait-tries", "2", "--log", "error"]].concat());
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), text.lines().count()), (Some(2), 1), "{text}");
    }
}

#[tokio::test]
async fn without_the_store_streams_continue_and_writes_are_refused() {
    let home = TempDir::new().expect("a directory");
    let data = home.path().join("nats");
    let nats = Nats::start(&data).await;
    let (port, url) = (nats.port(), nats.url());
    let [a, b] = ["a", "b"].map(|name| Replica::start(home.path(), name, &url));
    b.knows(&["test"]).await;
    a.web.playable("test").await;
    let before = a.web.playlist("test", "v720").await.last().number;
    drop(nats);

    let refused = async || {
        let reply = a.web.json(Method::POST, STREAMS, &sound("late", "")).await;
        (reply.status == 503 && reply.json()["code"] == "not_kept").then(|| reply.header("retry-after").to_owned())
    };
    assert_eq!(until("a write is refused", LONG, refused).await, "1");
    assert_eq!(a.names().await, ["test"]);
    // The stream runs, as far as this replica knows; another may have stopped it.
    let start = send(a.web.request(Method::POST, &format!("{STREAMS}/test/start"))).await;
    assert_eq!((start.status, start.json()["code"].as_str()), (503, Some("not_kept")));
    let goes_on = async || (a.web.playlist("test", "v720").await.last().number > before + 1).then_some(());
    until("the stream goes on", LONG, goes_on).await;

    let nats = Nats::start_at(&data, port).await;
    let written = async || (b.web.json(Method::POST, STREAMS, &sound("back", "")).await.status == 201).then_some(());
    until("writes are taken again", LONG, written).await;
    a.knows(&["back", "test"]).await;
    drop(nats);

    // The store comes back empty.
    std::fs::remove_dir_all(&data).expect("it is removed");
    let _nats = Nats::start_at(&data, port).await;
    let written = async || (a.web.json(Method::POST, STREAMS, &sound("new", "")).await.status == 201).then_some(());
    until("writes are taken again", LONG, written).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for replica in [&a, &b] {
        replica.knows(&["back", "new", "test"]).await;
    }
    let c = Replica::start(home.path(), "c", &url);
    c.knows(&["back", "new", "test"]).await;
    assert_eq!(a.web.counter("barstone_skipped_segments_total", "test").await, 0);
    assert!(a.server.log().iter().any(|line| line.contains("the store is not reachable")));
}
