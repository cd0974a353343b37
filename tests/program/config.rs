//! The configuration file: errors are one line, and a shown configuration can be loaded.

use std::net::TcpListener;
use std::path::PathBuf;

use barstone::cli::Cli;
use clap::CommandFactory;
use tempfile::TempDir;

use crate::support::server::{Server, run, run_with};

fn written(toml: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("wrong.toml");
    std::fs::write(&file, toml).expect("there is room");
    (directory, file)
}

/// Checks that the program exits with 2 and one line that contains all `words`.
#[track_caller]
fn check_refused(toml: &str, words: &[&str]) {
    let (_directory, file) = written(toml);
    for command in ["check", "show"] {
        let output = run(&["config", command, "--config", file.to_str().expect("UTF-8")]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        assert!(output.stdout.is_empty());
        assert_eq!(error.lines().count(), 1, "{error}");
        for word in words {
            assert!(error.contains(word), "{word:?} in {error}");
        }
    }
}

#[test]
fn errors_in_the_file_name_the_file_and_the_line() {
    check_refused("log = \"info\"\nlisten = ", &["wrong.toml", "line 2"]);
    check_refused("log = \"info\"\n\n[[stream]]\nname = \"x\"\n", &["wrong.toml", "line 3", "stream", "streams"]);
    check_refused("[[streams]]\nname = \"x\"\nfps = true\n", &["wrong.toml", "line 3", "fraction"]);
    check_refused("[[streams]]\nname = \"x\"\n[[streams.video]]\nwide = 4\n", &["wrong.toml", "wide", "width"]);
}

#[test]
fn invalid_values_are_reported_with_the_field_and_the_range() {
    check_refused("listen = \"everywhere\"\n", &["listen", "everywhere", "[::]:8080"]);
    check_refused("[[streams]]\nname = \"x\"\nwindow_seconds = 5\n", &["window_seconds", "10 to 604800", "5"]);
    check_refused("[[streams]]\nname = \"A\"\n", &["name", "a-z"]);
    check_refused("[[streams]]\nname = \"x\"\nfps = 29.97\n", &["streams[0].fps", "write \"30000/1001\""]);
    check_refused("[[streams]]\nname = \"x\"\n[[streams]]\nname = \"x\"\n", &["two streams are called x"]);
}

#[test]
fn errors_of_the_system_are_told_in_words_with_the_thing_that_they_concern() {
    let home = TempDir::new().expect("a temporary directory");
    let state = home.path().join("state");
    std::fs::create_dir_all(state.join("token")).expect("there is room");
    let state = state.to_str().expect("UTF-8");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    let environment =
        [("BARSTONE_LISTEN", "127.0.0.1:0"), ("BARSTONE_MEDIA_DIR", "none"), ("BARSTONE_WAIT_TRIES", "1")];
    for (arguments, words) in [
        (["--config", "/nowhere/barstone.toml"], ["cannot read /nowhere/barstone.toml: No such file or directory", ""]),
        (["--api-token-file", "/nowhere/token"], ["cannot read /nowhere/token: No such file or directory", ""]),
        (["--state-dir", "/dev/null/state"], ["/dev/null/state", "Not a directory"]),
        (["--state-dir", state], ["cannot use the file token in state_dir: Is a directory", ""]),
        (["--listen", &taken], ["another program uses this port", "--listen"]),
        (["--listen", "192.0.2.1:8080"], ["this machine does not have the address", "--listen"]),
        (["--webrtc-listen", &taken], ["webrtc_listen: cannot listen on", "Address already in use"]),
        (["--store", "nats://127.0.0.1:1"], ["nats://127.0.0.1:1", "Connection refused"]),
        (["--wait-for", "127.0.0.1:1"], ["127.0.0.1:1", "Connection refused"]),
    ] {
        let output = run_with(&["serve", arguments[0], arguments[1]], &environment);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        let last = error.lines().last().unwrap_or_default();
        assert!(last.starts_with("barstone: ") && words.iter().all(|word| last.contains(word)), "{error}");
        assert!(!error.contains("os error"), "{error}");
    }
}

#[test]
fn invalid_flags_are_reported() {
    for arguments in [&["--listen", "nowhere"][..], &["--colour"], &["config", "burn"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(arguments[arguments.len() - 1]), "{error}");
    }
}

#[test]
fn a_shown_configuration_has_the_same_effect() {
    let toml = "listen = \"127.0.0.1:9\"\nmedia_dir = \"none\"\n\n[[streams]]\nname = \"quiet\"\nfps = \"30000/1001\"\naudio = false\n\
        [[streams]]\nname = \"radio\"\nvideo = []\naudio = { beep_hz = 440 }\n";
    let (_directory, file) = written(toml);
    let path = file.to_str().expect("UTF-8");
    let shown = run(&["config", "show", "--config", path]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let (_again, file) = written(&String::from_utf8_lossy(&shown.stdout));
    let again = run(&["config", "show", "--config", file.to_str().expect("UTF-8")]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&again.stdout));
    let text = String::from_utf8_lossy(&shown.stdout);
    for words in ["127.0.0.1:9", "media_dir = \"none\"", "30000/1001", "beep_hz = 440", "quiet", "radio"] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    // The audio must be off explicitly, because its default is on.
    let value: toml::Value = toml::from_str(&text).expect("TOML");
    assert_eq!(value["streams"][0]["audio"], toml::Value::Boolean(false));
    let checked = run(&["config", "check", "--config", path]);
    assert!(checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("2 streams"));
}

/// Name of a setting, its default as shown, values for the file, the environment and the flag, and other settings that
/// it needs.
type Row = (&'static str, Option<&'static str>, [&'static str; 3], &'static [&'static str]);

const PRECEDENCE: &[Row] = &[
    ("listen", Some("'[::]:8080'"), ["'127.0.0.1:1'", "127.0.0.1:2", "127.0.0.1:3"], &[]),
    ("webrtc_listen", None, ["'127.0.0.1:1'", "127.0.0.1:2", "127.0.0.1:3"], &[]),
    ("webrtc_addresses", None, ["['192.0.2.1']", "tv.example,::1", "192.0.2.3"], &[]),
    ("media_dir", None, ["'/file'", "/variable", "none"], &[]),
    ("state_dir", None, ["'/file'", "/variable", "/flag"], &[]),
    ("store", None, ["'nats://file/b'", "nats://variable/b", "nats://flag/b"], &[]),
    ("serve", Some("'all'"), ["'api'", "all", "api"], &[]),
    ("tls_cert", None, ["'/file'", "/variable", "/flag"], &["--tls-key", "/key"]),
    ("tls_key", None, ["'/file'", "/variable", "/flag"], &["--tls-cert", "/cert"]),
    ("api_token_file", None, ["'/file'", "/variable", "/flag"], &[]),
    ("viewer_key_file", None, ["'/file'", "/variable", "/flag"], &[]),
    ("public_url", None, ["'http://file'", "http://variable", "https://flag/path"], &[]),
    ("allow", None, ["['10.0.0.0/8']", "10.1.0.0/16,::1", "10.2.0.0/16"], &[]),
    ("deny", None, ["['10.0.0.0/8']", "10.1.0.0/16,::1", "10.2.0.0/16"], &[]),
    ("trusted_proxies", None, ["['10.0.0.0/8']", "10.1.0.0/16,::1", "10.2.0.0/16"], &[]),
    ("max_connections", Some("10000"), ["2", "3", "4"], &[]),
    ("max_connections_per_address", Some("1024"), ["2", "3", "4"], &[]),
    ("max_webrtc_sessions", Some("1000"), ["2", "3", "4"], &[]),
    ("max_webrtc_sessions_per_stream", Some("1000"), ["2", "3", "4"], &[]),
    ("max_webrtc_sessions_per_address", Some("100"), ["2", "3", "4"], &[]),
    ("max_header_bytes", Some("32768"), ["8192", "8193", "8194"], &[]),
    ("header_seconds", Some("10"), ["2", "3", "4"], &[]),
    ("body_seconds", Some("10"), ["2", "3", "4"], &[]),
    ("send_seconds", Some("30"), ["2", "3", "4"], &[]),
    ("max_streams", Some("256"), ["2", "3", "4"], &[]),
    ("archive_bytes", Some("268435456"), ["0", "1", "2"], &[]),
    ("archive_dir", None, ["'/file'", "/variable", "/flag"], &[]),
    ("max_viewers", None, ["2", "3", "4"], &[]),
    ("max_bandwidth", None, ["200000", "300000", "400000"], &[]),
    ("overflow_url", None, ["'http://file'", "http://variable", "https://flag/path"], &[]),
    ("push", Some("true"), ["false", "true", "false"], &[]),
    ("log", Some("'info'"), ["'warn'", "error", "debug"], &[]),
    ("log_format", Some("'text'"), ["'json'", "text", "json"], &[]),
    ("wait_for", Some("[]"), ["['file:1']", "variable:1,variable:2", "flag:1"], &[]),
    ("wait_tries", Some("30"), ["2", "3", "4"], &[]),
    ("wait_seconds", Some("1"), ["2", "3", "4"], &[]),
    ("max_pixels_per_second", Some("'auto'"), ["'none'", "auto", "none"], &[]),
];

#[test]
fn flags_override_the_environment_the_file_and_the_default() {
    for &(key, default, [in_file, variable, flag], beside) in PRECEDENCE {
        let (_directory, file) = written(&format!("{key} = {in_file}\n"));
        let with_file = ["--config", file.to_str().expect("UTF-8")];
        let (long, name) = (format!("--{}", key.replace('_', "-")), format!("BARSTONE_{}", key.to_uppercase()));
        let with_flag = [long.as_str(), flag];
        // The environment and flags write lists in another way.
        let in_toml = |value: &str| match in_file.chars().next() {
            Some('\'') => format!("'{value}'"),
            Some('[') => format!("['{}']", value.replace(',', "','")),
            Some(_) | None => value.to_owned(),
        };
        let check = |arguments: &[&[&str]], environment: &[(&str, &str)], expected: Option<String>| {
            let needed: &[&str] = if arguments.is_empty() && environment.is_empty() { &[] } else { beside };
            let arguments = [&["config", "show"][..], &arguments.concat(), needed].concat();
            let output = run_with(&arguments, environment);
            let error = String::from_utf8_lossy(&output.stderr);
            let shown: toml::Table = toml::from_str(&String::from_utf8_lossy(&output.stdout)).expect("TOML");
            let expected =
                expected.map(|text| toml::from_str::<toml::Table>(&format!("{key} = {text}")).expect("TOML"));
            assert_eq!(shown.get(key), expected.as_ref().map(|table| &table[key]), "{arguments:?} {error}");
        };
        check(&[], &[], default.map(Into::into));
        check(&[&with_file], &[], Some(in_file.into()));
        check(&[&with_file], &[(&name, variable)], Some(in_toml(variable)));
        check(&[&with_file, &with_flag], &[(&name, variable)], Some(in_toml(flag)));
    }
}

#[test]
fn every_setting_is_in_the_table_of_precedence() {
    let command = Cli::command();
    let settings = command.get_arguments().filter(|argument| argument.get_env().is_some());
    let names: Vec<_> = settings.map(|argument| argument.get_id().as_str()).filter(|name| *name != "config").collect();
    assert_eq!(names, PRECEDENCE.iter().map(|(key, ..)| *key).collect::<Vec<_>>());
}

#[test]
fn an_unknown_variable_is_refused() {
    let output = run_with(&["config", "check"], &[("BARSTONE_STATEDIR", "/s")]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("BARSTONE_STATEDIR") && error.contains("did you mean BARSTONE_STATE_DIR?"), "{error}");
}

#[test]
fn variables_of_other_services_are_ignored_and_listed_at_debug() {
    let directory = TempDir::new().expect("a temporary directory");
    let neighbours = [("BARSTONE_STORE_SERVICE_HOST", "10.0.0.1"), ("BARSTONE_EDGE_PORT_8080_TCP_ADDR", "10.0.0.2")];
    let server = Server::at_with(directory.path(), &["--log", "barstone=debug"], &neighbours);
    for (name, _) in neighbours {
        let listed = |line: &String| line.contains(" DEBUG ") && line.contains(name);
        assert_eq!(server.log().iter().filter(|line| listed(line)).count(), 1, "{name}: {:?}", server.log());
    }
    let output = run_with(&["config", "check"], &neighbours);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unreachable_server_is_awaited_and_then_reported() {
    // A port that is bound and not listening, so that no other program gets it.
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let target = taken.local_addr().expect("an address").to_string();
    let output = run(&["--wait-for", &target, "--wait-tries", "2", "--listen", "127.0.0.1:0"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let (log, reported): (Vec<_>, Vec<_>) = error.lines().partition(|line| line.contains(" INFO "));
    assert_eq!(
        log.iter().filter(|line| line.contains("accepts no connections yet") && line.contains(&target)).count(),
        2,
        "{error}"
    );
    assert_eq!(reported.len(), 1, "{error}");
    assert!(
        reported[0].contains("wait_for") && reported[0].contains(&target) && reported[0].contains("2 tries"),
        "{error}"
    );
}
