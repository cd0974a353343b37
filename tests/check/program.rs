//! `barstone check` as a command: with barstone in all formats, and with URLs that it cannot check.

use std::path::Path;
use std::thread;

use barstone::inspect::rules::table;
use tempfile::TempDir;

use crate::support::server::{Server, run};
use crate::support::tls::certify;
use crate::support::web::Web;
use crate::support::{LONG, until};

fn check(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["check"], arguments].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn this_server_breaks_no_rule_in_any_format() {
    let server = Server::shared();
    Web::of(&server).playable("test").await;
    let base = format!("http://{}/live/test", server.address());
    let checks = ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"].map(|file| {
        let url = format!("{base}/{file}");
        thread::spawn(move || check(&[&url, "--duration", "12s", "--level", "should"]))
    });
    for check in checks {
        let (code, out) = check.join().expect("it ends");
        assert!(code == Some(0) && out.contains("no findings"), "{out}");
    }
}

#[test]
fn what_cannot_be_checked_ends_with_2() {
    for arguments in [
        &["http://127.0.0.1:1/live.m3u8"][..],
        &["http://127.0.0.1:1/live.m3u8", "--only", "X1"],
        &["http://127.0.0.1:1/live.m3u8", "--duration", "soon"],
        &["not a URL"],
    ] {
        assert_eq!(check(arguments).0, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_ends_with_2() {
    let home = TempDir::new().expect("a directory");
    let [cert, key] = certify(home.path());
    let server = Server::at(&home.path().join("media"), &["--tls-cert", &cert, "--tls-key", &key]);
    let url = format!("https://{}/live/test/hls.m3u8", server.address());
    let output = run(&["check", &url, "--duration", "1s"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("certificate"), "{error}");
    let trusted = async || (check(&[&url, "--duration", "1s", "--cacert", &cert]).0 != Some(2)).then_some(());
    until("the stream is checked", LONG, trusted).await;
}

#[test]
fn the_documentation_lists_every_rule() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md")).expect("a file");
    let rows = table::RULES
        .iter()
        .map(|rule| format!("| {} | {} | {} | {} |\n", rule.id, rule.level.word(), rule.clause, rule.summary));
    let table: String = rows.collect();
    assert!(text.ends_with(&table), "docs/check.md needs this table:\n{table}");
}
