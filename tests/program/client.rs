//! Commands against a running server: their output and exit codes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Output;
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::server::{Server, feed, run, run_with};
use crate::support::web::Web;
use crate::support::{LONG, until};

/// Output and exit code of a command.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    error: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }
}

impl Ended {
    /// Standard output of a command that succeeded.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.error.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("one document")
    }

    /// Checks that the command failed with `code` and one line that contains all `words`.
    #[track_caller]
    fn check_failed(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.error.lines().count()), (Some(code), 1), "{self:?}");
        for word in words {
            assert!(self.error.contains(word), "{word:?} in {}", self.error);
        }
        assert!(!self.error.contains("os error"), "{}", self.error);
    }

    /// Checks that the command line was refused because of `word`.
    #[track_caller]
    fn check_usage(&self, word: &str) {
        assert!(self.code == Some(2) && self.out.is_empty() && self.error.contains(word), "{self:?}");
    }
}

/// A server with a stream `file` in its configuration that does not run.
fn quiet() -> Server {
    Server::configured("[[streams]]\nname = \"file\"\nenabled = false\n")
}

/// Runs a command with the address of the server appended.
fn ask(server: &Server, command: &str) -> Ended {
    ask_with(server, command, "")
}

fn ask_with(server: &Server, command: &str, input: &str) -> Ended {
    let url = format!("http://{}", server.address());
    let arguments: Vec<&str> = command.split(' ').chain(["--server", &url]).collect();
    feed(&arguments, &server.environment(), input).into()
}

/// Answers one request and returns its head.
fn answers_once(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let head = lines.by_ref().collect::<Vec<_>>().join("\n");
        (&stream).write_all(answer.as_bytes()).expect("somebody reads");
        head
    });
    (url, serving)
}

#[test]
fn a_stream_is_created_listed_started_stopped_and_deleted() {
    let server = quiet();
    let definition = json!({"name": "one", "title": "Erster", "enabled": false, "video": []});
    assert_eq!(ask_with(&server, "streams put -", &definition.to_string()).done(), "one: stopped\n");
    let shown = ask(&server, "streams get one").done();
    let url = format!("http://{}/live/one/llhls.m3u8", server.address());
    for words in ["one\n", "stopped since 20", "Erster", "25 fps", "128000 bit/s", "tag       \"", &url] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    assert!(!shown.contains("video"), "{shown}");
    let started = ask(&server, "streams start one").done();
    assert!(["one: starting\n", "one: running\n"].contains(&started.as_str()), "{started}");
    assert_eq!(ask(&server, "streams get one --json").json()["enabled"], true);
    assert_eq!(ask(&server, "streams stop one").done(), "one: stopped\n");
    assert_eq!(ask(&server, "streams get one --json").json()["enabled"], false);
    assert_eq!(ask(&server, "streams rm one").done(), "one: deleted\n");
    ask(&server, "streams get one").check_failed(3, &["barstone: there is no stream one"]);
}

#[test]
fn a_viewer_token_is_created_and_shown_in_links() {
    let server = quiet();
    let shown = ask(&server, "token file --seconds 60").done();
    let link = format!("  LL-HLS    http://{}/t/v1.", server.address());
    assert!(shown.starts_with("  expires   20") && shown.contains(&link), "{shown}");
    assert!(shown.contains("/live/file/lldash.mpd"), "{shown}");
    let answer = ask(&server, "token file --json").json();
    let (token, url) = (answer["token"].as_str().expect("a text"), answer["urls"]["hls"].as_str().expect("a text"));
    assert_eq!(url, format!("/t/{token}/live/file/hls.m3u8"));
    ask(&server, "token none").check_failed(3, &["there is no stream none"]);
    ask(&server, "token file --seconds 0").check_failed(4, &["seconds: must be 1 to 31536000, not 0"]);
    ask(&server, "token file --seconds many").check_usage("--seconds");
}

#[test]
fn a_list_is_a_table_or_the_document_of_the_server() {
    let server = quiet();
    for name in ["x1", "x2"] {
        ask_with(&server, "streams put -", &json!({"name": name, "enabled": false}).to_string()).done();
    }
    let table = ask(&server, "streams list").done();
    let first: Vec<_> = table.lines().map(|line| line.split_whitespace().next().expect("a name")).collect();
    assert_eq!(first, ["NAME", "file", "x1", "x2"]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert_eq!(ask(&server, "streams list --search x --phase stopped").done().lines().count(), 3);
    assert_eq!(ask(&server, "streams list --phase failed").done().lines().count(), 1);
    let list = ask(&server, "streams list --search x2 --json").json();
    assert_eq!((list[0]["name"].as_str(), list[0]["urls"]["hls"].as_str()), (Some("x2"), Some("/live/x2/hls.m3u8")));
    ask(&server, "streams list --phase asleep").check_failed(4, &["phase", "stopped", "asleep"]);
}

#[test]
fn files_are_json_or_toml_by_their_name() {
    let server = quiet();
    let home = TempDir::new().expect("a temporary directory");
    let put = |name: &str, text: &str| {
        let file = home.path().join(name);
        std::fs::write(&file, text).expect("there is room");
        ask(&server, &format!("streams put {}", file.display()))
    };
    let toml = "name = \"t\"\nenabled = false\naudio = false\n[[video]]\nid = \"v\"\nbitrate = 3000000\n\
        [schedule]\ntime_zone = \"UTC\"\n[[schedule.windows]]\nfrom = 2030-01-01T00:00:00Z\nuntil = 2030-01-02T00:00:00Z\n";
    put("t.toml", toml).done();
    let found = ask(&server, "streams get t --json").json();
    assert_eq!((&found["audio"], &found["video"][0]["bitrate"]), (&Value::Null, &3_000_000.into()));
    assert_eq!(found["schedule"]["windows"][0]["from"], "2030-01-01T00:00:00Z");
    put("j.json", "{\"name\": \"j\", \"enabled\": false}").done();
    put("broken.toml", "name = \"t\"\nfps = ").check_failed(2, &["broken.toml", "line 2"]);
    put("broken.json", "{").check_failed(2, &["broken.json is not JSON (line 1, column 1)\n"]);
    ask_with(&server, "streams put -", "nobody")
        .check_failed(2, &["barstone: standard input is not JSON (line 1, column 2)\n"]);
    put("nameless.json", "{\"title\": \"x\"}").check_failed(2, &["nameless.json", "name"]);
    put("list.json", "[]").check_failed(2, &["list.json", "name"]);
    put("long.json", &" ".repeat(2 << 20)).check_failed(2, &["long.json", "longer"]);
    ask(&server, "streams put /nowhere/x.json").check_failed(2, &["/nowhere/x.json", "No such file"]);
}

#[test]
fn a_refusal_of_the_server_names_the_field() {
    let server = quiet();
    let put = |definition: Value| ask_with(&server, "streams put -", &definition.to_string());
    put(json!({"name": "x", "fps": "none"})).check_failed(4, &["barstone: fps: ", "none"]);
    put(json!({"name": "x", "video": [{"wide": 4}]})).check_failed(4, &["video[0].wide", "width"]);
    put(json!({"name": ".."})).check_failed(4, &["name", "\"..\""]);
    put(json!({"name": "file"})).check_failed(4, &["the configuration file declares stream file; change it there"]);
    ask(&server, "streams rm file").check_failed(4, &["barstone: file: ", "declares"]);
}

#[test]
fn a_definition_is_not_overwritten_by_an_outdated_writer() {
    let server = quiet();
    let put = |command: &str, title: &str| {
        let definition = json!({"name": "tagged", "enabled": false, "title": title});
        ask_with(&server, &format!("streams put - {command}"), &definition.to_string())
    };
    put("--create", "first").done();
    put("--create", "second").check_failed(4, &["barstone: tagged exists already; leave out --create to replace it\n"]);
    let shown = ask(&server, "streams get tagged").done();
    let tag = shown.lines().find_map(|line| line.trim().strip_prefix("tag ")).expect("a tag").trim();
    put(&format!("--if-match {tag}"), "second").done();
    put(&format!("--if-match {}", tag.trim_matches('"')), "third")
        .check_failed(4, &["barstone: stream tagged has changed since you read it; get it again\n"]);
    put("--if-match *", "third").done();
    assert_eq!(ask(&server, "streams get tagged --json").json()["title"], "third");
    put("--if-match a --create", "fourth").check_usage("--create");
}

#[test]
fn all_streams_are_tried_and_the_worst_exit_code_counts() {
    let server = quiet();
    for name in ["a", "b"] {
        ask_with(&server, "streams put -", &json!({"name": name, "enabled": false}).to_string()).done();
    }
    let stopped = ask(&server, "streams stop a none b");
    stopped.check_failed(3, &["barstone: none: there is no stream none"]);
    assert_eq!(stopped.out, "a: stopped\nb: stopped\n");
    let stopped = ask(&server, "streams stop b .. a --json");
    stopped.check_failed(3, &["no stream can have the name \"..\""]);
    let list: Value = serde_json::from_str(&stopped.out).expect("one document");
    assert_eq!((&list[0]["name"], &list[1]["name"], &list[2]), (&"b".into(), &"a".into(), &Value::Null));
    let removed = ask(&server, "streams rm none file a b");
    assert_eq!((removed.code, removed.out.as_str()), (Some(4), "a: deleted\nb: deleted\n"));
    assert_eq!(removed.error.lines().count(), 2, "{}", removed.error);
}

#[test]
fn all_streams_are_stopped_at_once() {
    let server = quiet();
    assert_eq!(ask(&server, "streams stop --all").done(), "file: stopped\n");
    assert_eq!(ask(&server, "streams stop --all --json").json()[0]["name"], "file");
    let started = ask(&server, "streams start --all").done();
    assert!(["file: starting\n", "file: running\n"].contains(&started.as_str()), "{started}");
    assert_eq!(ask(&server, "streams get file --json").json()["enabled"], true);
    ask(&server, "streams stop").check_usage("<NAME>");
    ask(&server, "streams stop --all file").check_usage("--all");
}

#[test]
fn definitions_are_exported_and_imported() {
    let (from, to) = (quiet(), quiet());
    for name in ["x", "y"] {
        ask_with(&from, "streams put -", &json!({"name": name, "enabled": false, "title": "moved"}).to_string()).done();
    }
    ask(&from, "streams rm file").check_failed(4, &["declares"]);
    let mut exported = ask(&from, "definitions export").json();
    exported["streams"].as_array_mut().expect("a list").retain(|stream| stream["name"] != "file");
    let imported = ask_with(&to, "definitions import -", &exported.to_string()).done();
    assert_eq!(imported, "x: stopped\ny: stopped\n");
    let home = TempDir::new().expect("a temporary directory");
    let file = home.path().join("all.json");
    assert_eq!(ask(&to, &format!("definitions export {}", file.display())).done(), "");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), ask(&to, "definitions export --json").done());
    exported["streams"][1]["fps"] = "none".into();
    ask_with(&to, "definitions import -", &exported.to_string()).check_failed(4, &["streams[1].fps"]);
    ask(&to, "definitions export /nowhere/all.json").check_failed(2, &["/nowhere/all.json"]);
    let toml = home.path().join("all.toml");
    std::fs::write(&toml, "[[streams]]\nname = \"z\"\nenabled = false\n").expect("there is room");
    assert_eq!(ask(&to, &format!("definitions import {} --json", toml.display())).json()[0]["name"], "z");
}

#[test]
fn an_unreachable_server_is_reported_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let list = |options: &[&str]| Ended::from(run(&[&["streams", "list"], options].concat()));
    let silent = list(&["--timeout", "1", "--server", &format!("http://user:secret@{address}")]);
    silent.check_failed(1, &[&address, "within 1 s"]);
    assert!(!silent.error.contains("secret"), "{}", silent.error);
    list(&["--server", "http://127.0.0.1:1/"]).check_failed(1, &["http://127.0.0.1:1 cannot", "refused"]);
    for server in ["localhost:8080", "ftp://localhost", "nowhere"] {
        list(&["--server", server]).check_usage("http://127.0.0.1:8080");
    }
    list(&["--timeout", "0"]).check_usage("--timeout");
}

#[test]
fn answers_of_other_programs_are_reported_as_such() {
    let get = |answer: &'static str| {
        let (url, serving) = answers_once(answer);
        let ended = Ended::from(run(&["streams", "get", "x", "--server", &url]));
        serving.join().expect("it was asked");
        ended
    };
    get("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone").check_failed(1, &["404 Not Found"]);
    get("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>").check_failed(1, &["not the answer of a barstone server"]);
    get("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").check_failed(1, &["302"]);
    get("HTTP/1.1 503 Unavailable\r\nContent-Length: 15\r\n\r\n{\"detail\":\"no\"}")
        .check_failed(1, &["the server answered 503: no"]);
    get("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").check_failed(4, &["403 Forbidden"]);
    get("HTTP/1.1 401 Unauthorized\r\nContent-Length: 26\r\n\r\n{\"detail\":\"a\\u001b[1m\\nb\"}")
        .check_failed(4, &["barstone: a [1m b\n"]);
    get("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{").check_failed(1, &["cannot be reached"]);
}

#[test]
fn a_token_is_sent_and_never_printed() {
    let home = TempDir::new().expect("a directory");
    let file = home.path().join("token");
    std::fs::write(&file, "sesame\n").expect("a file");
    let from_file = ["--token-file", file.to_str().expect("UTF-8")];
    let not_from_file = [&from_file[..], &["--token", ""]].concat();
    for (arguments, expected) in [
        (&["--token", "sesame"][..], true),
        (&from_file, true),
        (&[], false),
        (&["--token", ""], false),
        (&not_from_file, false),
    ] {
        let (url, serving) = answers_once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
        let url = format!("{url}/below");
        Ended::from(run(&[&["streams", "list", "--server", &url], arguments].concat())).done();
        let head = serving.join().expect("it was asked").to_lowercase();
        assert!(head.starts_with("get /below/api/v1/streams http/1.1"), "{head}");
        assert_eq!(head.contains("authorization: bearer sesame"), expected, "{head}");
        assert_eq!(head.contains("authorization"), expected, "{head}");
    }
    let wrong = Ended::from(run(&["streams", "list", "--token", "ses\name"]));
    wrong.check_failed(2, &["--token"]);
    assert!(!wrong.error.contains("ses"), "{}", wrong.error);
    let missing = Ended::from(run(&["streams", "list", "--token-file", "/nowhere/token"]));
    missing.check_failed(2, &["/nowhere/token", "No such file"]);
}

#[tokio::test]
async fn health_checks_the_server_with_the_same_settings() {
    let server = Server::fresh();
    let health = |listen: &str| Ended::from(run_with(&["health"], &[("BARSTONE_LISTEN", listen)]));
    Web::of(&server).playable("test").await;
    until("it is ready", LONG, async || (health(server.address()).code == Some(0)).then_some(())).await;
    assert_eq!(health(&server.address().replace("127.0.0.1", "0.0.0.0")).done(), "ready\n");
    health("127.0.0.1:1")
        .check_failed(1, &["http://127.0.0.1:1 cannot be reached: Connection refused. Is the server running?"]);
    health("127.0.0.1:0").check_failed(2, &["--listen: must have a port other than 0"]);
    health("nowhere").check_failed(2, &["[::]:8080"]);
    let (url, serving) =
        answers_once("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\n\r\n{\"ready\":false}");
    health(url.trim_start_matches("http://")).check_failed(1, &["503"]);
    assert!(serving.join().expect("it was asked").starts_with("GET /readyz "));
}

#[test]
fn the_help_of_client_commands_has_no_server_settings() {
    for command in ["streams", "definitions"] {
        let help = Ended::from(run(&[command, "--help"])).done();
        for word in ["--server", "--token", "--json", "--timeout", "Exit codes", "BARSTONE_SERVER"] {
            assert!(help.contains(word), "{word} in {help}");
        }
        assert!(!help.contains("--listen") && !help.contains("--log"), "{help}");
    }
    let help = Ended::from(run(&["serve", "--help"])).done();
    assert!(help.contains("--listen") && !help.contains("--server"), "{help}");
}

#[test]
fn a_url_with_conditions_is_composed_or_refused() {
    let base = "http://localhost:8080/live/test/llhls.m3u8";
    let url = |conditions: &[&str]| Ended::from(run(&[&["url", base], conditions].concat()));
    let composed = "http://localhost:8080/with/delay=3s,no-hints/live/test/llhls.m3u8\n";
    assert_eq!(url(&["no-hints", "delay=3s"]).done(), composed);
    let explained = url(&["no-hints", "delay=3s", "--explain"]).done();
    assert_eq!((explained.starts_with(composed), explained.lines().count()), (true, 3), "{explained}");
    for (condition, words) in [
        ("no-hint", ["no-hint", "did you mean no-hints?"]),
        ("delay=soon", ["delay", "a duration"]),
        ("update-period=3s", ["update-period", "DASH"]),
    ] {
        url(&[condition]).check_failed(2, &words);
    }
}

#[test]
fn completions_and_the_man_page_are_printed() {
    let bash = Ended::from(run(&["completions", "bash"])).done();
    assert!(bash.contains("complete") && bash.contains("barstone") && bash.contains("--state-dir"), "{bash}");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(Ended::from(run(&["completions", shell])).done().contains("barstone"), "{shell}");
    }
    let page = Ended::from(run(&["man"])).done();
    assert!(page.contains(".TH barstone 1") && page.contains("BARSTONE STREAMS PUT"), "{page}");
    Ended::from(run(&["completions", "cmd"])).check_usage("cmd");
}
