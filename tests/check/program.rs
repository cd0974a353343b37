//! `barstone check` as a command: with barstone in all formats, and with URLs that it cannot check.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use barstone::inspect::rules::table;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::faulty::answer;
use crate::memory::{self, Ask};
use crate::support::server::{Reaped, Server, program, run};
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

#[test]
fn a_report_that_cannot_be_written_ends_before_the_check() {
    let home = TempDir::new().expect("a directory");
    let url = "http://127.0.0.1:1/live.m3u8";
    let report = |file: &str| home.path().join(file).to_str().expect("UTF-8").to_owned();
    let failed = |arguments: &[&str]| {
        let output = run(&[&["check", url], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = failed(&["--junit", &report("none/check.xml")]);
    assert!(error.contains("none/check.xml") && !error.contains("connect"), "{error}");
    let error = failed(&["--junit", &report("check.xml")]);
    assert!(error.contains("connect") && !home.path().join("check.xml").exists(), "{error}");
    let error = failed(&["--only", "E7", "--level", "must"]);
    assert!(error.contains("no rule"), "{error}");
}

#[tokio::test]
async fn an_interrupted_check_reports_what_it_has_found() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let counted = move |ask: &Ask| {
        counter.fetch_add(1, Ordering::Relaxed);
        answer(ask)
    };
    let server = memory::Server::start(counted).await;
    let url = server.url("no-cors/live.m3u8");
    let mut command = program();
    command.args(["check", url.as_str(), "--duration", "10m", "--json"]).stdout(Stdio::piped());
    let mut check = Reaped(command.spawn().expect("it starts"));
    // A signal before the first manifest ends the process without a report.
    until("requests", LONG, async || (asked.load(Ordering::Relaxed) > 3).then_some(())).await;
    let pid = Pid::from_raw(i32::try_from(check.0.id()).expect("a pid")).expect("not 0");
    kill_process(pid, Signal::INT).expect("it runs");
    let mut out = String::new();
    check.0.stdout.take().expect("it is piped").read_to_string(&mut out).expect("UTF-8");
    let status = check.0.wait().expect("it ends");
    assert!(status.code() == Some(1) && out.contains("\"T5\"") && out.contains("interrupted"), "{out}");
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
