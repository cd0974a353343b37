//! Private streams: every URL in the manifests is served with a token and refused without, and access rules.

use std::collections::BTreeSet;

use dash_mpd_core::MPD;
use reqwest::{Method, Url};
use serde_json::json;
use tempfile::TempDir;

use crate::support::playlist::Playlist;
use crate::support::server::{Server, run_with};
use crate::support::template::Template;
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};
use barstone::inspect::playlist::{attribute, tags};

const KEYS: [&str; 2] = ["the-older-key-of-this-test", "the-newer-key-of-this-test"];
const PRIVATE: &str = "[[streams]]\nname = 'test'\naccess = 'private'\n[[streams]]\nname = 'other'\nenabled = false\naccess = 'private'\n";

/// A server of private streams with these viewer keys. Returns its API token and log too.
fn start(home: &TempDir, name: &str, keys: &str) -> Server {
    let file = |name: String, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).expect("there is room");
        path.to_str().expect("UTF-8").to_owned()
    };
    let config = file(format!("{name}.toml"), PRIVATE);
    let keys = file(format!("{name}.keys"), keys);
    let arguments = ["--config", &config, "--viewer-key-file", &keys, "--log", "debug"];
    Server::at(&home.path().join(name), &arguments)
}

async fn token(web: &Web, stream: &str, seconds: u32) -> String {
    let made = web.json(Method::POST, &format!("/api/v1/streams/{stream}/tokens"), &json!({"seconds": seconds})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["token"].as_str().expect("a text").to_owned()
}

/// Resolves when the stream is playable with the token.
async fn playable(web: &Web, token: &str) {
    let path = format!("/t/{token}/live/test/llhls.m3u8");
    until(&path, LONG, async || (web.get(&path).await.status == 200).then_some(())).await;
}

#[track_caller]
fn check_refused(reply: &Reply, code: &str) {
    assert_eq!((reply.status, reply.json()["code"].as_str()), (403, Some(code)), "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
}

/// Absolute paths of URLs relative to `base`.
fn resolve(base: &str, relative: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let base = Url::parse("http://a.example").and_then(|root| root.join(base)).expect("a URL");
    let path = |url: Url| url.path().to_owned();
    relative.into_iter().map(|relative| path(base.join(&relative).expect("a URL"))).collect()
}

/// URIs of a playlist: for media the last two segments and what follows.
fn in_playlist(text: &str) -> Vec<String> {
    let playlist = Playlist::parse(text);
    let lists =
        ["#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MAP", "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT"];
    let tagged = lists.iter().flat_map(|tag| tags(text, tag)).filter_map(|(list, _)| attribute(list, "URI"));
    let variants = tags(text, "#EXT-X-STREAM-INF").into_iter().map(|(_, uri)| uri.to_owned());
    let segments = playlist.segments.iter().rev().take(2).map(|segment| segment.uri.clone());
    let parts = playlist.parts.iter().rev().take(2).map(|part| part.uri.clone());
    let of_media = segments.filter(|uri| !uri.ends_with(".m3u8")).chain(parts);
    tagged.chain(variants).chain(of_media).collect()
}

/// URLs of an MPD: the clock, init segments and the newest whole segments.
fn in_mpd(text: &str, now_ms: u64) -> Vec<String> {
    let clock = text.split("<UTCTiming ").nth(1).and_then(|rest| rest.split("value=\"").nth(1)?.split('"').next());
    let mpd: MPD = dash_mpd_core::parse(text).expect("an MPD");
    let media = Template::all(&mpd).into_iter().flat_map(|template| {
        let newest = template.available(now_ms, 20_000).end - 1;
        [template.init(), template.segment(newest - 1), template.segment(newest)]
    });
    media.chain(clock.map(str::to_owned)).collect()
}

/// Requests all URLs that are reachable from two manifests, each once.
async fn walk(web: &Web, start: [&str; 2]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next: BTreeSet<String> = start.map(str::to_owned).into();
    while let Some(path) = next.pop_first() {
        let reply = web.receive(&path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let text = reply.text();
        let found = match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("m3u8") => in_playlist(&text),
            Some("mpd") => {
                let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
                in_mpd(&text, now.as_millisecond() as u64)
            }
            _ => Vec::new(),
        };
        seen.insert(path.clone());
        next.extend(resolve(&path, found).into_iter().filter(|found| !seen.contains(found)));
        assert!(seen.len() < 200, "it does not end");
    }
    seen
}

#[tokio::test]
async fn every_url_of_a_private_stream_needs_its_token() {
    let home = TempDir::new().expect("a temporary directory");
    let server = start(&home, "a", KEYS[0]);
    let web = Web::of(&server);
    let good = token(&web, "test", 3600).await;
    playable(&web, &good).await;
    let prefix = format!("/t/{good}");
    let manifests = [
        ["live/test/llhls.m3u8", "live/test/lldash.mpd"],
        ["live/test/hls.m3u8", "live/test/dash.mpd"],
        ["hls/test.m3u8", "dash/test.mpd"],
    ];
    for start in manifests {
        let start = start.map(|path| format!("{prefix}/{path}"));
        let seen = walk(&web, [&start[0], &start[1]]).await;
        let has = |part: &str| assert!(seen.iter().any(|path| path.contains(part)), "{part} in {seen:#?}");
        ["/init.mp4", ".m4s", "/a/", "/v720/", "/time", "iframes.m3u8"].iter().for_each(|part| has(part));
        for path in &seen {
            let plain = path.strip_prefix(&prefix).unwrap_or_else(|| panic!("{path} is under the token"));
            if plain == "/time" {
                assert_eq!(web.get(plain).await.status, 200);
                continue;
            }
            check_refused(&web.get(plain).await, "viewer_token_needed");
            assert_eq!(send(web.request(Method::HEAD, plain)).await.status, 403, "{plain}");
        }
    }

    let other = token(&web, "other", 3600).await;
    check_refused(&web.get(&format!("/t/{other}/live/test/hls.m3u8")).await, "bad_viewer_token");
    let short = token(&web, "test", 1).await;
    let path = format!("/t/{short}/live/test/hls.m3u8");
    let expired =
        until("it expires", LONG, async || Some(web.get(&path).await).filter(|reply| reply.status != 200)).await;
    check_refused(&expired, "viewer_token_expired");

    for path in ["/metrics", "/api/v1/streams", "/api/v1/definitions", "/api/v1/streams/test", "/api/v1/openapi.json"] {
        let text = web.text(path).await;
        assert!(!text.contains(&good) && !text.contains(KEYS[0]), "{path}");
    }
    let log = server.log().join("\n");
    assert!(!log.contains(&good) && !log.contains(KEYS[0]), "{log}");
    let keys = home.path().join("a.keys");
    let shown = run_with(&["config", "show", "--viewer-key-file", keys.to_str().expect("UTF-8")], &[]);
    let hidden = run_with(&["config", "show"], &[("BARSTONE_VIEWER_KEY", KEYS[0])]);
    let output = format!("{shown:?} {hidden:?}");
    assert!(shown.status.success() && output.contains("viewer_key = ") && !output.contains(KEYS[0]), "{output}");
}

#[tokio::test]
async fn replicas_accept_each_others_tokens_and_keys_change_without_a_gap() {
    let home = TempDir::new().expect("a temporary directory");
    let both = format!("{}\n{}\n", KEYS[1], KEYS[0]);
    let servers = [("old", KEYS[0]), ("both", &both), ("new", KEYS[1])].map(|(name, keys)| start(&home, name, keys));
    let webs: Vec<_> = servers.iter().map(Web::of).collect();
    // For a stream that does not run, a missing token is refused first.
    let status = async |signer: usize, verifier: usize| {
        let token = token(&webs[signer], "other", 3600).await;
        webs[verifier].get(&format!("/t/{token}/live/other/hls.m3u8")).await.status
    };
    for (signer, verifier) in [(0, 0), (0, 1), (1, 1), (1, 2), (2, 1)] {
        assert_eq!(status(signer, verifier).await, 404, "{signer} {verifier}");
    }
    for (signer, verifier) in [(0, 2), (2, 0), (1, 0)] {
        assert_eq!(status(signer, verifier).await, 403, "{signer} {verifier}");
    }
}

#[tokio::test]
async fn a_key_is_created_stored_and_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = TempDir::new().expect("a temporary directory");
    let (media, state) = (home.path().join("media"), home.path().join("state"));
    let start = || Server::at(&media, &["--state-dir", state.to_str().expect("UTF-8"), "--log", "debug"]);
    let before = {
        let server = start();
        let web = Web::of(&server);
        let key = state.join("viewer_key");
        let meta = std::fs::metadata(&key).expect("it is kept");
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        let key = std::fs::read_to_string(key).expect("it is kept");
        assert!(!server.log().iter().any(|line| line.contains(key.trim())));
        web.json(Method::PUT, "/api/v1/streams/other", &json!({"enabled": false, "access": "private"})).await;
        let token = token(&web, "other", 3600).await;
        server.kill();
        token
    };
    let server = start();
    assert_eq!(Web::of(&server).get(&format!("/t/{before}/live/other/hls.m3u8")).await.status, 404);
}

#[tokio::test]
async fn a_stream_that_becomes_private_leaves_no_files_for_other_servers() {
    let home = TempDir::new().expect("a temporary directory");
    let media = home.path().join("media");
    let server = Server::at(&media, &[]);
    let web = Web::of(&server);
    web.playable("test").await;
    let files = ["live/test", "hls/test.m3u8", "dash/test.mpd"].map(|file| media.join(file));
    until("files", LONG, async || files.iter().all(|file| file.exists()).then_some(())).await;
    let put = async |access: &str| {
        let put = web.json(Method::PUT, "/api/v1/streams/test", &json!({"access": access})).await;
        assert_eq!(put.status, 200, "{}", put.text());
        put.json()["revision"].clone()
    };
    let before = web.get("/api/v1/streams/test").await.json();
    assert_eq!(put("private").await, before["revision"]);
    check_refused(&web.get("/live/test/hls.m3u8").await, "viewer_token_needed");
    until("no files", LONG, async || files.iter().all(|file| !file.exists()).then_some(())).await;
    put("public").await;
    assert_eq!(web.get("/live/test/hls.m3u8").await.status, 200);
    until("files again", LONG, async || files.iter().all(|file| file.exists()).then_some(())).await;
    assert_eq!(web.get("/api/v1/streams/test").await.json()["since"], before["since"], "it went on");
}
