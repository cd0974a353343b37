use std::io::Write;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

fn settings(args: &[&str]) -> Settings {
    Flags::parse_from(["barstone"].iter().chain(args)).settings
}

fn load(file: &str) -> Result<Config, ConfigError> {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(file.as_bytes()).unwrap();
    Config::load(settings(&["--config", on_disk.path().to_str().unwrap()]))
}

#[track_caller]
fn check_refused(file: &str, words: &[&str]) {
    let error = anyhow::Error::from(load(file).unwrap_err());
    let text = format!("{error:#}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn nothing_said_is_one_stream_on_port_8080() {
    let config = Config::load(settings(&[])).unwrap();
    assert_eq!(config.listen.port(), 8080);
    assert_eq!((config.streams, config.state_dir), (None, None));
    assert_eq!(config.media_dir.path(8081), Some(std::env::temp_dir().join("barstone-8081")));
}

#[test]
fn flags_come_before_the_file() {
    let config = load("listen = '127.0.0.1:9000'\nmedia_dir = 'none'\n[[streams]]\nname = 'a'\n").unwrap();
    assert_eq!((config.listen.port(), config.media_dir, config.streams.unwrap().len()), (9000, MediaDir::None, 1));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"listen = '127.0.0.1:9000'\nlog = 'warn'").unwrap();
    let args = ["--listen", "[::1]:7000", "--config", file.path().to_str().unwrap(), "--media-dir", "/m"];
    let config = Config::load(settings(&args)).unwrap();
    assert_eq!((config.listen.port(), config.log.as_str()), (7000, "warn"));
    assert_eq!(config.media_dir, MediaDir::At("/m".into()));
}

#[test]
fn mistakes_are_named_in_one_line() {
    check_refused("listen = 'here'", &["listen", "0.0.0.0:8080", "here"]);
    check_refused("listen = ", &["line 1"]);
    check_refused("\nlisten = ''\nlisden = ''", &["line 3", "lisden", "listen"]);
    check_refused("[[streams]]\nname = 'a'\n[[streams]]\nname = 'B'", &["stream 2", "name", "a-z"]);
    check_refused("[[streams]]\nname = 'a'\n[[streams]]\nname = 'a'", &["two streams", "a"]);
    check_refused("[[streams]]\nname = 'a'\nfps = 25", &["line 3", "string"]);
    let error = Config::load(settings(&["--config", "/nowhere/b.toml"])).unwrap_err();
    assert!(format!("{:#}", anyhow::Error::from(error)).starts_with("/nowhere/b.toml: No such file"));
}

#[test]
fn what_is_shown_is_a_file_with_the_same_effect() {
    let config =
        load("media_dir = 'none'\n[[streams]]\nname = 'a'\naudio = false\n[[streams]]\nname = 'b'\nvideo = []")
            .unwrap();
    assert_eq!(load(&config.to_toml().unwrap()).unwrap(), config);
}
