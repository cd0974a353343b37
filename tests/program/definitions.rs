//! Definitions are durable: after kills, beside a broken file, and with simultaneous writers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::server::{Server, run};
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";

fn at(home: &Path) -> (Server, Web) {
    let (media, state) = (home.join("media"), home.join("state"));
    let server = Server::at(&media, &["--state-dir", state.to_str().expect("UTF-8")]);
    let web = Web::of(&server);
    (server, web)
}

/// A stream that needs no capacity.
fn asleep(name: &str, title: &str) -> Value {
    json!({"name": name, "enabled": false, "title": title})
}

async fn put(web: &Web, name: &str, title: &str) -> Reply {
    web.json(Method::PUT, &format!("{STREAMS}/{name}"), &asleep(name, title)).await
}

async fn titles(web: &Web) -> Vec<(String, String)> {
    let list = web.get(STREAMS).await.json();
    let text = |stream: &Value, key: &str| stream[key].as_str().expect("a text").to_owned();
    list.as_array().expect("a list").iter().map(|stream| (text(stream, "name"), text(stream, "title"))).collect()
}

#[tokio::test]
async fn acknowledged_definitions_survive_kills_at_any_moment() {
    const WRITES: usize = 200;
    let home = TempDir::new().expect("a temporary directory");
    let (mut server, mut web) = at(home.path());
    // Acknowledged titles, and titles that may have been stored.
    let mut acknowledged = BTreeMap::from([("test".to_owned(), vec![String::new()])]);
    for write in 0..WRITES {
        let name = format!("s{}", write % 23);
        let title = format!("write {write}");
        let reply = if write % 7 == 6 {
            let path = format!("{STREAMS}/{name}");
            let request = web.request(Method::DELETE, &path);
            let killed = tokio::time::timeout(Duration::from_micros(write as u64 * 53 % 4001), request.send()).await;
            match killed {
                Ok(answer) if answer.as_ref().is_ok_and(|answer| answer.status() == 204) => {
                    _ = acknowledged.remove(&name)
                }
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => {
                    acknowledged.entry(name.clone()).or_default().push("gone".into());
                }
            }
            None
        } else {
            let path = format!("{STREAMS}/{name}");
            let request = web.request(Method::PUT, &path).json(&asleep(&name, &title));
            let patience = if write % 5 == 4 { write as u64 * 97 % 5003 } else { 60_000_000 };
            Some(tokio::time::timeout(Duration::from_micros(patience), request.send()).await)
        };
        match reply {
            None => {}
            Some(Ok(answer)) => {
                let status = answer.expect("the server answers").status();
                assert!(status.is_success(), "{status}");
                acknowledged.insert(name, vec![title]);
            }
            Some(Err(_)) => acknowledged.entry(name).or_insert_with(|| vec!["gone".into()]).push(title),
        }
        // The kill interrupts writes whose answer nobody waits for.
        if write % 5 == 4 {
            server.kill();
            (server, web) = at(home.path());
            let found: BTreeMap<_, _> = titles(&web).await.into_iter().collect();
            for (name, possible) in &mut acknowledged {
                let title = found.get(name).cloned().unwrap_or_else(|| "gone".into());
                assert!(possible.contains(&title), "{name} is {title:?}, and not one of {possible:?}");
                *possible = vec![title];
            }
            assert!(found.keys().all(|name| acknowledged.contains_key(name)), "{found:?}");
        }
    }
    assert!(!server.log().iter().any(|line| line.contains("set aside")), "{:#?}", server.log());
}

#[tokio::test]
async fn a_broken_file_is_reported_and_others_are_loaded() {
    let home = TempDir::new().expect("a temporary directory");
    let (server, web) = at(home.path());
    assert_eq!(put(&web, "good", "").await.status, 201);
    server.kill();
    std::fs::write(home.path().join("state/streams/bad.json"), "{").expect("there is room");
    let (server, web) = at(home.path());
    assert_eq!(titles(&web).await.len(), 2);
    web.playable("test").await;
    assert!(server.log().iter().any(|line| line.contains("bad.json") && line.contains("ERROR")), "{:#?}", server.log());
}

#[tokio::test]
async fn an_unusable_directory_is_reported_in_one_line() {
    let home = TempDir::new().expect("a temporary directory");
    let file = home.path().join("file");
    std::fs::write(&file, "").expect("there is room");
    let (_server, _web) = at(home.path());
    for (directory, words) in [(file, "file"), (home.path().join("state"), "another barstone")] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--media-dir", "none", "--log", "error", "--state-dir"];
        let output = run(&[&arguments[..], &[directory.to_str().expect("UTF-8")]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
        assert!(error.contains("state_dir") && error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_declared_stream_cannot_be_changed_over_the_api() {
    let server = Server::configured("[[streams]]\nname = \"fixed\"\n[[streams]]\nname = \"other\"\nenabled = false\n");
    let web = Web::of(&server);
    let found = web.get("/api/v1/streams/fixed").await.json();
    assert_eq!(found["declared"], true);
    let delete = send(web.request(Method::DELETE, "/api/v1/streams/fixed")).await;
    for reply in [put(&web, "fixed", "x").await, delete] {
        assert_eq!((reply.status, &reply.json()["code"]), (409, &"declared".into()), "{}", reply.text());
    }
    let stopped = send(web.request(Method::POST, "/api/v1/streams/fixed/stop")).await;
    assert_eq!((stopped.status, &stopped.json()["enabled"]), (200, &false.into()));
    assert_eq!(put(&web, "mine", "x").await.status, 201);
    assert_eq!(titles(&web).await.len(), 3);
}

#[tokio::test]
async fn an_outdated_writer_does_not_overwrite_the_newest_definition() {
    let server = Server::fresh();
    let web = Web::of(&server);
    let path = format!("{STREAMS}/tagged");
    let created = put(&web, "tagged", "first").await;
    let tag = created.header("etag").to_owned();
    assert_eq!(web.get(&path).await.header("etag"), tag);
    let with = |header: &'static str, value: &str, title: &str| {
        send(web.request(Method::PUT, &path).header(header, value).json(&asleep("tagged", title)))
    };
    let replaced = with("if-match", &tag, "second").await;
    assert_eq!(replaced.status, 200);
    assert_ne!(replaced.header("etag"), tag);
    for (header, value) in [("if-match", tag.as_str()), ("if-match", "\"x\", \"y\""), ("if-none-match", "*")] {
        let refused = with(header, value, "third").await;
        assert_eq!((refused.status, &refused.json()["code"]), (412, &"changed".into()), "{header}: {value}");
    }
    assert_eq!(with("if-match", "*", "third").await.status, 200);
    for (method, path) in [(Method::DELETE, path.clone()), (Method::POST, format!("{path}/start"))] {
        let refused = send(web.request(method, &path).header("if-none-match", "*")).await;
        assert_eq!((refused.status, &refused.json()["code"]), (412, &"changed".into()), "{path}");
    }
    let missing = send(web.request(Method::PUT, &format!("{STREAMS}/none")).header("if-match", "*").json(&json!({})));
    assert_eq!(missing.await.status, 412);
    let delete = |tag: &str| send(web.request(Method::DELETE, &path).header("if-match", tag.to_owned()));
    assert_eq!(delete(&tag).await.status, 412);
    let newest = web.get(&path).await.header("etag").to_owned();
    assert_eq!(delete(&format!("\"x\", {newest}")).await.status, 204);
}

#[tokio::test]
async fn a_list_is_searched_and_read_in_pages() {
    let server = Server::fresh();
    let web = Web::of(&server);
    for number in 0..7 {
        assert_eq!(put(&web, &format!("p{number}"), if number == 3 { "Grüße" } else { "" }).await.status, 201);
    }
    let names = |reply: &Reply| -> Vec<String> {
        let list = reply.json();
        list.as_array().expect("a list").iter().map(|stream| stream["name"].as_str().expect("a name").into()).collect()
    };
    assert_eq!(names(&web.get(&format!("{STREAMS}?search=Gr%C3%BC")).await), ["p3"]);
    assert_eq!(names(&web.get(&format!("{STREAMS}?phase=stopped&search=p")).await).len(), 7);
    let (mut next, mut found) = (format!("{STREAMS}?search=p&limit=3"), Vec::new());
    for expected in [3, 3, 1] {
        let page = web.get(&next).await;
        assert_eq!(names(&page).len(), expected);
        found.extend(names(&page));
        // The link is relative to the URL of the request, so that it works below a path prefix.
        let query = page.header("link").trim_start_matches('<').split('>').next().expect("a URL").to_owned();
        assert!(query.is_empty() || query.starts_with('?'), "{query}");
        next = format!("{STREAMS}{query}");
    }
    assert_eq!((found.len(), found.is_sorted(), next.as_str()), (7, true, STREAMS));
    for query in ["limit=0", "limit=x", "limit=1025", "phase=asleep", "page=2"] {
        let refused = web.get(&format!("{STREAMS}?{query}")).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &"bad_query".into()), "{query}");
    }
}

#[tokio::test]
async fn an_export_creates_the_same_streams_elsewhere() {
    let (one, other) = (Server::fresh(), Server::fresh());
    let (from, to) = (Web::of(&one), Web::of(&other));
    for name in ["x", "y"] {
        assert_eq!(put(&from, name, "exported").await.status, 201);
    }
    let exported = from.get("/api/v1/definitions").await.json();
    let imported = to.json(Method::POST, "/api/v1/definitions", &exported).await;
    assert_eq!(imported.status, 200, "{}", imported.text());
    assert_eq!(to.get("/api/v1/definitions").await.json(), exported);
    let mut wrong = exported.clone();
    wrong["streams"][0]["title"] = "another".into();
    wrong["streams"][1]["fps"] = "none".into();
    let refused = to.json(Method::POST, "/api/v1/definitions", &wrong).await;
    assert_eq!((refused.status, &refused.json()["field"]), (422, &"streams[1].fps".into()), "{}", refused.text());
    assert_eq!(to.get("/api/v1/definitions").await.json(), exported, "nothing was written");
    let many = (0..250).map(|number| {
        let mut definition = exported["streams"][1].clone();
        definition["name"] = format!("n{number}").into();
        definition
    });
    let many = json!({"streams": many.collect::<Vec<_>>()});
    let imported = to.json(Method::POST, "/api/v1/definitions", &many).await;
    assert_eq!(imported.status, 200, "as many as there may be: {}", imported.text());
}

#[tokio::test]
async fn all_streams_are_stopped_and_started_at_once() {
    let server = Server::fresh();
    let web = Web::of(&server);
    put(&web, "second", "").await;
    for (action, enabled) in [("stop", false), ("start", true), ("start", true)] {
        let reply = send(web.request(Method::POST, &format!("/api/v1/all/{action}"))).await;
        let list = reply.json();
        let all = list.as_array().expect("a list");
        assert!(all.len() == 2 && all.iter().all(|stream| stream["enabled"] == enabled), "{list}");
    }
}

/// A segment around the change, and the lines of the playlist about the change.
async fn around_the_change(web: &Web, revision: &str) -> (String, String) {
    let path = "/live/test/v720/hls.m3u8";
    let text = until("the change is listed", LONG, async || {
        let reply = web.get(path).await;
        // All segments before the change and one whole segment after it.
        (reply.status == 200 && reply.text().contains(&format!("\n{revision}/"))).then(|| reply.text())
    });
    let text = text.await;
    let (_, after) = text.split_once("#EXT-X-DISCONTINUITY\n").unwrap_or_else(|| panic!("no discontinuity in {text}"));
    let before = text.lines().rfind(|line| line.ends_with(".m4s") && !line.starts_with(revision));
    let first = after.lines().take_while(|line| !line.ends_with(".m4s")).collect::<Vec<_>>().join("\n");
    (before.expect("a segment before").to_owned(), first)
}

#[tokio::test]
async fn a_change_is_the_same_after_a_kill() {
    let home = TempDir::new().expect("a temporary directory");
    let (server, web) = at(home.path());
    web.playable("test").await;
    let reply = web.json(Method::PUT, &format!("{STREAMS}/test"), &json!({"title": "after", "pattern": "grid"})).await;
    let revision = reply.json()["revision"].as_str().expect("a revision").to_owned();
    let (last, first) = around_the_change(&web, &revision).await;
    let before = web.media("test", "v720", &last).await;
    server.kill();
    let (server, web) = at(home.path());
    assert_eq!(around_the_change(&web, &revision).await, (last.clone(), first), "{:#?}", server.log());
    assert_eq!(web.media("test", "v720", &last).await, before);
}
