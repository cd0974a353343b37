//! A media directory that is not writable, full, or contains foreign files: the stream continues from memory, one
//! warning is logged, and a metric counts the errors.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};
use barstone::inspect::boxes::Segment;

const ERRORS: &str = "barstone_directory_errors_total";
const WARNING: &str = "cannot write to the media directory";
const RECOVERED: &str = "writing to the media directory again";

fn count(server: &Server, words: &str) -> usize {
    server.log().iter().filter(|line| line.contains(words)).count()
}

async fn errors(web: &Web, at_least: u64) {
    until("errors are counted", LONG, async || (web.counter(ERRORS, "test").await >= at_least).then_some(())).await;
}

/// Checks that new segments are published over HTTP.
async fn check_goes_on(web: &Web) {
    web.playable("test").await;
    let first = web.playlist("test", "v720").await.last().number;
    let next = until("the stream goes on", LONG, async || {
        let playlist = web.playlist("test", "v720").await;
        (playlist.last().number > first).then(|| playlist.last().uri.clone())
    });
    Segment::parse(&web.media("test", "v720", &next.await).await).expect("a segment");
}

/// Path on disk of the video segment `number`.
async fn on_disk(web: &Web, root: &Path, number: u64) -> PathBuf {
    let init = web.playlist("test", "v720").await.init();
    root.join("live/test/v720").join(init).with_file_name(format!("{number}.m4s"))
}

#[tokio::test]
async fn without_a_directory_the_stream_plays_from_memory() {
    let home = TempDir::new().expect("a temporary directory");
    std::fs::write(home.path().join("file"), "not a directory").expect("there is room");
    let server = Server::at(&home.path().join("file/media"), &[]);
    let web = Web::of(&server);
    check_goes_on(&web).await;
    let before = web.counter(ERRORS, "test").await;
    errors(&web, before + 2).await;
    assert_eq!(count(&server, WARNING), 1, "{:?}", server.log());
    assert_eq!(std::fs::read(home.path().join("file")).expect("a file"), b"not a directory");
    assert_eq!(web.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn files_are_written_once_a_full_disk_has_space() {
    let home = TempDir::new().expect("a temporary directory");
    let server = Server::at(home.path(), &[]);
    let web = Web::of(&server);
    web.playable("test").await;
    let now = web.playlist("test", "v720").await.last().number;
    let victim = now + 2;
    let segment = on_disk(&web, home.path(), victim).await;
    until("the directory is there", LONG, async || segment.parent().expect("a revision").is_dir().then_some(())).await;
    // Writing to it fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", segment.with_extension("m4s.part")).expect("a link");
    errors(&web, 1).await;
    check_goes_on(&web).await;
    until("it is written", LONG, async || (count(&server, RECOVERED) == 1).then_some(())).await;
    let uri = segment.strip_prefix(home.path().join("live/test/v720")).expect("it is there");
    let sent = web.media("test", "v720", uri.to_str().expect("UTF-8")).await;
    assert_eq!(std::fs::read(&segment).expect("a segment"), sent);
    assert!(segment.symlink_metadata().expect("a segment").is_file(), "the link is not what was renamed");
    assert_eq!(count(&server, WARNING), 1, "{:?}", server.log());
}

#[tokio::test]
async fn foreign_files_do_not_stop_the_stream() {
    let home = TempDir::new().expect("a temporary directory");
    let server = Server::at(home.path(), &[]);
    let web = Web::of(&server);
    web.playable("test").await;
    let now = web.playlist("test", "v720").await.last().number;
    let cut = on_disk(&web, home.path(), now).await;
    until("a segment is on disk", LONG, async || cut.exists().then_some(())).await;
    server.kill();

    std::fs::write(&cut, "cut short").expect("there is room");
    let foreign = [home.path().join("notes.txt"), cut.with_file_name("notes.txt")];
    for file in &foreign {
        std::fs::write(file, "somebody's").expect("there is room");
    }
    let ahead = cut.with_file_name(format!("{}.m4s", now + 10));
    std::fs::create_dir(&ahead).expect("there is room");
    std::fs::write(ahead.join("inside.txt"), "somebody's").expect("there is room");

    let server = Server::at(home.path(), &[]);
    let web = Web::of(&server);
    web.playable("test").await;
    let whole = until("the cut segment is replaced", LONG, async || {
        std::fs::read(&cut).ok().filter(|bytes| bytes.len() > 1000)
    });
    Segment::parse(&whole.await).expect("a segment");
    errors(&web, 1).await;
    check_goes_on(&web).await;
    assert_eq!(count(&server, WARNING), 1, "{:?}", server.log());
    for file in foreign.iter().chain([&ahead.join("inside.txt")]) {
        assert_eq!(std::fs::read_to_string(file).expect("it stays"), "somebody's");
    }
}

#[tokio::test]
async fn on_a_full_disk_a_definition_is_refused_by_name_and_logged_with_its_path() {
    let home = TempDir::new().expect("a temporary directory");
    let state = home.path().join("state");
    let server = Server::at(&home.path().join("media"), &["--state-dir", state.to_str().expect("UTF-8")]);
    let web = Web::of(&server);
    // Writing to it fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", state.join("streams/disk.part")).expect("a link");
    let reply = web.json(Method::POST, "/api/v1/streams", &json!({"name": "disk", "enabled": false})).await;
    let (problem, words) = (reply.json(), "could not save stream disk: No space left on device");
    assert_eq!((reply.status, &problem["code"], &problem["detail"]), (503, &"not_kept".into(), &words.into()));
    let path = state.join("streams/disk.json").display().to_string();
    let is_logged = |line: &&String| line.contains("ERROR") && line.contains(words) && line.contains(&path);
    until("it is logged", LONG, async || (server.log().iter().filter(is_logged).count() == 1).then_some(())).await;
    let left = std::fs::read_dir(state.join("streams")).expect("a directory");
    let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, ["test.json"]);
}
