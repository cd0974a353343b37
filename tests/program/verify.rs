//! `barstone verify`: the segments of a running server as they are, and after something on the way has changed them.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::files::{self, Files};
use crate::support::server::{Server, run};
use crate::support::web::Web;

async fn verify(url: String, definition: String) -> (Option<i32>, Value, String) {
    let run = move || run(&["verify", &url, "--definition", &definition, "--segments=3", "--json"]);
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(run).await.expect("it does not panic");
    (status.code(), serde_json::from_slice(&stdout).unwrap_or_default(), String::from_utf8_lossy(&stderr).into_owned())
}

#[tokio::test]
async fn segments_are_as_defined_until_something_changes_them() {
    let server = Server::shared();
    let web = Web::of(&server);
    web.playable("test").await;
    for file in ["hls.m3u8", "lldash.mpd"] {
        let (code, report, error) = verify(web.url(&format!("/live/test/{file}")), web.url("/")).await;
        assert_eq!((code, &report["same"], &report["different"]), (Some(0), &json!(6), &json!(0)), "{report} {error}");
    }

    let text = web.text("/live/test/v720/hls.m3u8").await;
    let playlist = web.playlist("test", "v720").await;
    let newest = &playlist.segments[playlist.segments.len() - 3..];
    let mut files = Files::from([("/live/test/v720/hls.m3u8".to_owned(), Some(text.into()))]);
    let path = |uri: &str| format!("/live/test/v720/{uri}");
    let bodies = [&newest[0], &newest[0], &newest[2]].map(|segment| web.media("test", "v720", &segment.uri));
    let [first, stale, last] = bodies;
    let mut flipped = first.await.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    files.insert(path(&newest[0].uri), Some(flipped.into()));
    files.insert(path(&newest[1].uri), Some(stale.await));
    files.insert(path(&newest[2].uri), Some(last.await.slice(..1000)));
    let directory = TempDir::new().expect("a temporary directory");
    let definition = directory.path().join("test.json");
    let all: Value = serde_json::from_str(&web.text("/api/v1/definitions").await).expect("JSON");
    std::fs::write(&definition, all["streams"][0].to_string()).expect("it is written");
    let old = directory.path().join("old.json");
    let mut stream = all["streams"][0].clone();
    stream["title"] = json!("Another title");
    std::fs::write(&old, stream.to_string()).expect("it is written");
    let live = web.url("/live/test/hls.m3u8");
    let (code, report, error) = verify(live, old.to_str().expect("UTF-8").to_owned()).await;
    let segments = report["segments"].as_array().expect(&error);
    let is_old = |segment: &Value| segment["verdict"] == "other revision";
    assert!(code == Some(1) && segments.len() == 6 && segments.iter().all(is_old), "{report}");

    let url = format!("{}/live/test/v720/hls.m3u8", files::serve(files));
    let (code, report, error) = verify(url, definition.to_str().expect("UTF-8").to_owned()).await;
    let segments = report["segments"].as_array().expect(&error).iter();
    let verdicts: Vec<_> = segments.map(|one| one["verdict"].as_str().unwrap_or_default()).collect();
    assert_eq!((code, verdicts), (Some(1), vec!["damaged", "stale", "truncated"]), "{report}");
    let explained = format!("1 bytes differ, the first at {middle}");
    assert_eq!(report["segments"][0]["explanation"], explained);
}

#[tokio::test]
async fn what_cannot_be_verified_is_said() {
    let (code, _, error) =
        verify("http://127.0.0.1:1/live/test/hls.m3u8".to_owned(), "http://127.0.0.1:1".to_owned()).await;
    assert_eq!(code, Some(2));
    assert!(error.contains("cannot connect"), "{error}");
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile1.ts\n#EXT-X-ENDLIST\n";
    let base = files::serve([("/x.m3u8".to_owned(), Some(playlist.into()))].into());
    let (code, _, error) = verify(format!("{base}/x.m3u8"), "http://127.0.0.1:1".to_owned()).await;
    assert_eq!(code, Some(2));
    assert!(error.contains("not the path of a segment of barstone"), "{error}");
}
