//! `barstone load` against this program, and against servers that are missing, wrong or stop.

use std::collections::BTreeSet;
use std::process::Output;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::files;
use crate::support::server::{Server, run};
use crate::support::tls::certify;
use crate::support::web::Web;

async fn load(arguments: Vec<String>) -> Output {
    let run = move || {
        let arguments: Vec<_> = ["load"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        run(&arguments)
    };
    tokio::task::spawn_blocking(run).await.expect("it does not panic")
}

#[tokio::test]
async fn clients_of_all_formats_play_without_an_error() {
    let server = Server::shared();
    let web = Web::of(&server);
    web.playable("test").await;
    let url = |file: &str| web.url(&format!("/live/test/{file}"));
    let mixed = ["hls.m3u8", "dash.mpd", "lldash.mpd"].map(|file| format!("--mix={}", url(file)));
    // On a loaded machine a client may stall.
    let more = ["--clients=64", "--duration=10s", "--ramp=1s", "--max-stalls=1000", "--json"].map(str::to_owned);
    let output = load([vec![url("llhls.m3u8")], mixed.to_vec(), more.to_vec()].concat()).await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["total"]["errors"]), (Some(0), &0.into()), "{report}");
    assert_eq!((&report["total"]["clients"], &report["total"]["tracks_played"]), (&64.into(), &128.into()), "{report}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifests = report["manifests"].as_array().expect("a list");
    let formats: BTreeSet<_> = manifests.iter().filter_map(|manifest| manifest["format"].as_str()).collect();
    assert_eq!(formats, ["dash", "hls", "lldash", "llhls"].into());
    for manifest in manifests {
        assert!(manifest["bytes"].as_u64() > Some(500_000), "{manifest}");
        assert!(manifest["latency_ms"]["p50"].as_u64().is_some(), "{manifest}");
    }
}

#[tokio::test]
async fn clients_use_http_2_over_tls_and_if_they_are_told_to() {
    let directory = TempDir::new().expect("a temporary directory");
    let [cert, key] = certify(directory.path());
    let secure = Server::at_with(&directory.path().join("media"), &["--tls-cert", &cert, "--tls-key", &key], &[]);
    let shared = Server::shared();
    Web::of(&shared).playable("test").await;
    let cases = [
        (format!("https://{}", secure.address()), format!("--cacert={cert}"), "HTTP/2.0"),
        (format!("http://{}", shared.address()), "--http2".to_owned(), "HTTP/2.0"),
        (format!("http://{}", shared.address()), "--clients=1".to_owned(), "HTTP/1.1"),
    ];
    let loads = cases.map(|(server, argument, version)| async move {
        let url = format!("{server}/live/test/llhls.m3u8");
        let more = ["--duration=5s", "--ramp=0s", "--max-stalls=1000", "--json"].map(str::to_owned);
        let output = load([vec![url, argument], more.to_vec()].concat()).await;
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let versions = report["total"]["answers_by_version"].as_object().expect("numbers by version");
        assert_eq!(versions.keys().collect::<Vec<_>>(), [version], "{server}: {report}");
        assert_eq!((output.status.code(), &report["total"]["errors"]), (Some(0), &0.into()), "{server}: {report}");
    });
    join_all(loads).await;
}

#[tokio::test]
async fn what_cannot_be_played_is_said_in_time() {
    let empty = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nmissing.ts\n#EXT-X-ENDLIST\n";
    let base = files::serve(
        [
            ("/page.html".to_owned(), Some(Bytes::from_static(b"<html>hello</html>"))),
            ("/empty.m3u8".to_owned(), Some(Bytes::from_static(empty.as_bytes()))),
            ("/hangs.mpd".to_owned(), None),
        ]
        .into(),
    );
    let cases = [
        ("http://127.0.0.1:1/live/test/hls.m3u8".to_owned(), "cannot connect: Connection refused"),
        (format!("{base}/page.html"), "this is neither a playlist"),
        (format!("{base}/none.mpd"), "the server answers with status 404"),
        (format!("{base}/empty.m3u8"), "no client received media"),
        (format!("{base}/hangs.mpd"), "no complete answer within 10 s"),
        ("file:///live.m3u8".to_owned(), "only http and https can be requested"),
    ];
    for (url, expected) in cases {
        let output = load(vec![url.clone(), "--duration=5s".to_owned()]).await;
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{url}: {message}");
        assert!(message.contains(expected), "{url}: {message}");
    }
}

#[tokio::test]
async fn a_server_that_stops_to_answer_makes_clients_stall() {
    let playlist = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:5\n\
        #EXTINF:1,\n5.ts\n#EXTINF:1,\n6.ts\n#EXTINF:1,\n7.ts\n";
    let base = files::serve(
        [
            ("/live.m3u8".to_owned(), Some(Bytes::from_static(playlist.as_bytes()))),
            ("/5.ts".to_owned(), Some(Bytes::from_static(&[7; 1000]))),
            ("/6.ts".to_owned(), None),
        ]
        .into(),
    );
    let output = load(vec![format!("{base}/live.m3u8"), "--duration=4s".to_owned(), "--ramp=0s".to_owned()]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("1, 1 tracks played") && text.contains("stalls    1, "), "{text}");
}
