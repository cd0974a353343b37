//! `barstone check` as a command: on this server in all formats, on the muxers of ffmpeg, and on what is no server.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use barstone::inspect::rules::table;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::{Server, run};
use crate::support::web::Web;
use crate::support::{LONG, until};

fn check(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["check"], arguments].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Ids of the rules that a check finds broken.
fn found(url: &str) -> Vec<String> {
    let (code, out) = check(&[url, "--json", "--duration", "12s", "--skip", "T5,H27,D21"]);
    let result: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    let findings = result["findings"].as_array().expect("findings");
    assert_eq!(code, Some(i32::from(!findings.is_empty())), "{out}");
    findings.iter().map(|finding| finding["rule"].as_str().expect("a rule").to_owned()).collect()
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

/// An encoder that is killed with the test.
struct Encoder(Child);

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn encode(directory: &Path, arguments: &str) -> Encoder {
    let source = "-v error -nostdin -re -f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i sine=r=48000 \
        -c:v libx264 -preset ultrafast -g 25 -keyint_min 25 -sc_threshold 0 -threads 1 -c:a aac -t 120";
    let words = source.split_whitespace().chain(arguments.split_whitespace());
    let child = Command::new("ffmpeg").args(words).current_dir(directory).stdin(Stdio::null()).spawn();
    Encoder(child.expect("ffmpeg is installed"))
}

/// A server of files that knows no compression.
fn serve(directory: &Path) -> (Encoder, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    drop(listener);
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &port]).current_dir(directory);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python3 is installed");
    (Encoder(child), format!("http://127.0.0.1:{port}"))
}

/// What is found was looked up: the server of files compresses nothing (H20, D15) and has no ETag (D15), and the MPD of
/// ffmpeg has no UTCTiming unless it is asked for (D2). Types and access by pages are those of the server of files.
#[tokio::test]
async fn muxers_of_ffmpeg_break_only_rules_that_they_really_break() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    let hls =
        "-f hls -hls_time 1 -hls_list_size 6 -hls_flags delete_segments+program_date_time -hls_delete_threshold 9";
    let _encoders = [
        encode(path, &format!("{hls} ts.m3u8")),
        encode(path, &format!("{hls} -hls_segment_type fmp4 -hls_fmp4_init_filename i.mp4 fmp4.m3u8")),
        encode(path, "-f dash -seg_duration 1 -window_size 6 -extra_window_size 9 dash.mpd"),
    ];
    let (_server, base) = serve(path);
    for file in ["ts.m3u8", "fmp4.m3u8", "dash.mpd"] {
        let listed = async || {
            let text = std::fs::read_to_string(path.join(file)).ok()?;
            (text.matches("EXTINF").count() >= 5 || text.matches("<S ").count() >= 2).then_some(())
        };
        until(file, LONG, listed).await;
    }
    let all = ["ts.m3u8", "fmp4.m3u8", "dash.mpd"].map(|file| {
        let url = format!("{base}/{file}");
        thread::spawn(move || found(&url))
    });
    let expected: [&[&str]; 3] = [&["H20"], &["H20"], &["D15", "D2"]];
    for (check, expected) in all.into_iter().zip(expected) {
        let mut found = check.join().expect("it ends");
        found.sort();
        found.dedup();
        assert_eq!(found, expected);
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
fn the_documentation_lists_every_rule() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md")).expect("a file");
    let rows = table::RULES
        .iter()
        .map(|rule| format!("| {} | {} | {} | {} |\n", rule.id, rule.level.word(), rule.clause, rule.summary));
    let table: String = rows.collect();
    assert!(text.ends_with(&table), "docs/check.md needs this table:\n{table}");
}
