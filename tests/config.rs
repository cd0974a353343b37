//! The configuration file: what is wrong in it is told in one line, and what is shown can be read again.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::server::run;

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

fn written(toml: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("wrong.toml");
    std::fs::write(&file, toml).expect("there is room");
    (directory, file)
}

/// The program ends with 2 and one line that holds all of `words`.
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
fn mistakes_in_the_file_are_told_with_the_file_and_the_line() {
    check_refused("log = \"info\"\nlisten = ", &["wrong.toml", "line 2"]);
    check_refused("log = \"info\"\n\n[[stream]]\nname = \"x\"\n", &["wrong.toml", "line 3", "stream", "streams"]);
    check_refused("[[streams]]\nname = \"x\"\nfps = 25\n", &["wrong.toml", "line 3", "string"]);
    check_refused("[[streams]]\nname = \"x\"\n[[streams.video]]\nwide = 4\n", &["wrong.toml", "wide", "width"]);
}

#[test]
fn values_that_are_not_allowed_are_told_with_the_field_and_what_is() {
    check_refused("listen = \"everywhere\"\n", &["listen", "everywhere", "0.0.0.0:8080"]);
    check_refused("[[streams]]\nname = \"x\"\nwindow_seconds = 5\n", &["window_seconds", "10 to 3600", "5"]);
    check_refused("[[streams]]\nname = \"A\"\n", &["name", "a-z"]);
    check_refused("[[streams]]\nname = \"x\"\n[[streams]]\nname = \"x\"\n", &["two streams are called x"]);
}

#[test]
fn a_file_that_is_not_there_is_told_by_name() {
    let output = run(&["config", "check", "--config", "/nowhere/barstone.toml"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("/nowhere/barstone.toml"), "{error}");
}

#[test]
fn flags_that_are_wrong_are_told() {
    for arguments in [&["--listen", "nowhere"][..], &["--colour"], &["config", "burn"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(arguments[arguments.len() - 1]), "{error}");
    }
}

#[test]
fn what_is_shown_is_a_configuration_with_the_same_effect() {
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
    // Without the sound being said to be off it would be on again.
    let value: toml::Value = toml::from_str(&text).expect("TOML");
    assert_eq!(value["streams"][0]["audio"], toml::Value::Boolean(false));
    let checked = run(&["config", "check", "--config", path]);
    assert!(checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("2 streams"));
}
