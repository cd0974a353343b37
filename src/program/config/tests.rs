use std::io::Write;

use clap::{CommandFactory, Parser};
use proptest::prelude::*;

use super::*;
use crate::base::test_texts::mutated;
use crate::cli::Cli;

fn sources(args: &[&str]) -> Sources {
    Cli::parse_from(["barstone"].iter().chain(args)).sources
}

fn load(file: &str) -> Result<Config, ConfigError> {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(file.as_bytes()).unwrap();
    Config::load(&sources(&["--config", on_disk.path().to_str().unwrap()]))
}

#[track_caller]
fn check_refused(file: &str, words: &[&str]) {
    let error = anyhow::Error::from(load(file).unwrap_err());
    let text = format!("{error:#}");
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn the_defaults_are_one_stream_on_port_8080() {
    let config = Config::load(&sources(&[])).unwrap();
    assert_eq!(config.listen.to_string(), "[::]:8080");
    assert_eq!((config.streams, config.state_dir), (None, None));
    assert_eq!(config.media_dir.path(8081), Some(std::env::temp_dir().join("barstone-8081")));
}

#[test]
fn flags_override_the_file() {
    let config = load("listen = '127.0.0.1:9000'\nmedia_dir = 'none'\n[[streams]]\nname = 'a'\n").unwrap();
    assert_eq!((config.listen.port(), config.media_dir, config.streams.unwrap().len()), (9000, MediaDir::None, 1));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"listen = '127.0.0.1:9000'\nlog = 'warn'").unwrap();
    let args = ["--listen", "[::1]:7000", "--config", file.path().to_str().unwrap(), "--media-dir", "/m"];
    let config = Config::load(&sources(&args)).unwrap();
    assert_eq!((config.listen.port(), config.log.as_str()), (7000, "warn"));
    assert_eq!(config.media_dir, MediaDir::At("/m".into()));
}

#[test]
fn errors_are_one_line() {
    check_refused("listen = 'here'", &["listen", "[::]:8080", "here"]);
    check_refused("listen = ", &["line 1"]);
    check_refused("\nlisten = ''\nlisden = ''", &["line 3", "lisden", "listen"]);
    check_refused("[[streams]]\nname = 'a'\n[[streams]]\nname = 'B'", &["streams[1].name", "a-z"]);
    check_refused("[[streams]]\nname = 'a'\n[[streams]]\nname = 'a'", &["two streams", "a"]);
    check_refused("[[streams]]\nname = 'a'\nfps = true", &["line 3", "a number, or a fraction"]);
    check_refused("log = 'loud=loud'", &["log: must be error, warn, info, debug, trace", "loud"]);
    check_refused("log_format = 'jsn'", &["line 1", "jsn", "log_format: must be one of text, json"]);
    check_refused("tls_key = 'k'", &["tls_cert", "tls_key"]);
    check_refused("max_streams = 1025", &["max_streams: must be 1 to 1024, not 1025"]);
    let two = "[[streams]]\nname = 'a'\n[[streams]]\nname = 'b'";
    check_refused(&format!("max_streams = 1\n{two}"), &["streams: must have at most 1 streams (max_streams), not 2"]);
    check_refused("max_viewers = 0", &["max_viewers: must be 1 to 1000000, not 0"]);
    check_refused("max_bandwidth = 1", &["max_bandwidth: must be 100000 to"]);
    check_refused("overflow_url = 'example.com'", &["overflow_url: must be a URL such as https://", "example.com"]);
    let error = Config::load(&sources(&["--config", "/nowhere/b.toml"])).unwrap_err();
    assert!(format!("{:#}", anyhow::Error::from(error)).starts_with("cannot read /nowhere/b.toml: No such file"));
}

#[test]
fn a_shown_configuration_has_the_same_effect() {
    let config =
        load("media_dir = 'none'\n[[streams]]\nname = 'a'\naudio = false\n[[streams]]\nname = 'b'\nvideo = []")
            .unwrap();
    assert_eq!(load(&toml::to_string(&config.to_table()).unwrap()).unwrap(), config);
}

#[test]
fn a_misspelt_key_gets_a_suggestion() {
    for (file, meant) in [
        ("lisden = ''", "listen"),
        ("[[hook]]\nurl = 'http://a'", "hooks"),
        ("[[hooks]]\nurl = 'http://a'\nsecert = 'x'", "secret"),
        ("[[streams]]\nname = 'a'\nwindow_secs = 4", "window_seconds"),
        ("[[streams]]\nname = 'a'\n[[streams.video]]\nwdith = 4", "width"),
        ("[[streams]]\nname = 'a'\naudio = { beep_hertz = 4 }", "beep_hz"),
        ("[[streams]]\nname = 'a'\nschedule = { timezone = 'UTC' }", "time_zone"),
    ] {
        check_refused(file, &[&format!("unknown field; did you mean {meant}?")]);
    }
    check_refused("xyzzy = 1", &["xyzzy", "the fields are", "listen"]);
}

#[test]
fn an_error_of_a_hook_has_its_index_and_no_secret() {
    let good = "[[hooks]]\nurl = 'https://example.com/events'\n";
    check_refused("[[hooks]]\nurl = 'ftp://example.com/'", &[": hooks[0].url: must begin with http or https"]);
    check_refused(&format!("{good}[[hooks]]\nurl = 'http://a'\nevents = ['no']"), &["hooks[1].events[0]", "phase"]);
    check_refused(&good.repeat(MAX_ENTRIES + 1), &["hooks", "must have at most 16 hooks, not 17"]);
    let error = load("[[hooks]]\nurl = 'http://user:pass@example.com/token'").unwrap_err().to_string();
    assert!(!error.contains("pass@") && !error.contains("token"), "{error}");
}

#[test]
fn a_shown_hook_has_no_secret() {
    let file =
        "[[hooks]]\nurl = 'https://example.com/token?key=k'\nsecret = 'horse'\nevents = ['phase']\nstreams = ['a']";
    let shown = toml::to_string(&load(file).unwrap().to_table()["hooks"].as_array().unwrap()[0]).unwrap();
    assert_eq!(shown, "events = [\"phase\"]\nsecret = \"***\"\nstreams = [\"a\"]\nurl = \"https://example.com\"\n");
}

#[test]
fn a_token_is_never_printed() {
    let config = load("api_token = 'horse'").unwrap();
    assert_eq!(config.api_token.as_ref().unwrap().read().unwrap(), "horse");
    assert_eq!(config.to_table()["api_token"].as_str(), Some("***"));
    let debug = format!("{config:?}");
    assert!(debug.contains("***") && !debug.contains("horse"), "{debug}");
    let other = load("api_token = 'house'").unwrap();
    assert_eq!(config.differences(&other), ["api_token"]);
    for wrong in ["''", "'my horse'", "'é'", "'***'", "\"horse\\n\""] {
        let error = load(&format!("api_token = {wrong}")).unwrap_err().to_string();
        assert!(error.starts_with("api_token: must be 1 to 1024") && !error.contains("horse"), "{error}");
    }
    let error = load("api_token = 271828").unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("271828"), "{error}");
}

#[test]
fn a_token_may_be_in_a_file_of_its_own() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let toml = format!("api_token_file = '{}'", file.path().display());
    let read = || load(&toml).unwrap().api_token.unwrap().read();
    assert!(read().unwrap_err().to_string().contains("api_token_file"));
    file.write_all(b"horse\n").unwrap();
    assert_eq!(read().unwrap(), "horse");
    check_refused(&format!("api_token = 'a'\n{toml}"), &["api_token_file: must not be set beside api_token"]);
    let missing = load("api_token_file = '/nowhere/token'").unwrap().api_token.unwrap();
    assert!(missing.read().unwrap_err().to_string().starts_with("cannot read /nowhere/token: No such file"));
}

#[test]
fn viewer_keys_are_never_printed_and_may_be_in_a_file_of_their_own() {
    let config = load("viewer_key = 'a-horse-of-16-let'").unwrap();
    assert!(config.viewer_key.as_ref().unwrap().read().is_ok());
    assert_eq!(config.to_table()["viewer_key"].as_str(), Some("***"));
    assert!(!format!("{config:?}").contains("horse"));
    assert_eq!(config.differences(&load("viewer_key = 'a-house-of-16-let'").unwrap()), ["viewer_key"]);
    let error = load("viewer_key = 'horse'").unwrap_err().to_string();
    assert!(error.starts_with("viewer_key: must be 1 to 8 lines") && !error.contains("horse"), "{error}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let toml = format!("viewer_key_file = '{}'", file.path().display());
    let read = || load(&toml).unwrap().viewer_key.unwrap().read();
    assert!(read().unwrap_err().to_string().contains("viewer_key_file"));
    file.write_all(b"a-horse-of-16-let\n\n a-house-of-16-let \n").unwrap();
    assert!(read().is_ok());
    check_refused(
        &format!("viewer_key = 'a-horse-of-16-let'\n{toml}"),
        &["viewer_key_file: must not be set beside viewer_key"],
    );
}

#[test]
fn networks_are_parsed_and_shown() {
    let config =
        load("allow = ['192.0.2.7/24', '::1']\ndeny = ['192.0.2.7']\ntrusted_proxies = ['10.0.0.0/8']").unwrap();
    assert_eq!(config.to_table()["allow"], vec!["192.0.2.0/24", "::1"].into());
    assert_eq!(load(&toml::to_string(&config.to_table()).unwrap()).unwrap(), config);
    for key in ["allow", "deny", "trusted_proxies"] {
        check_refused(&format!("{key} = ['here']"), &[&format!("{key}: must be an address or a network"), "here"]);
        check_refused(
            &format!("{key} = [{}]", "'::1',".repeat(257)),
            &[key, "must have at most 256 networks, not 257"],
        );
    }
}

#[test]
fn webrtc_has_a_port_and_addresses() {
    let listen = |file: &str| load(file).unwrap().webrtc.listen;
    assert_eq!(listen(""), WebrtcListen::Default);
    assert_eq!(listen("webrtc_listen = ''"), WebrtcListen::Off);
    assert_eq!(listen("webrtc_listen = '[::1]:9'"), WebrtcListen::At("[::1]:9".parse().unwrap()));
    check_refused("webrtc_listen = 'none'", &["webrtc_listen: must be an address and a port", "none"]);
    let config = load("webrtc_listen = ''\nwebrtc_addresses = ['::1', 'tv.example']").unwrap();
    assert_eq!(load(&toml::to_string(&config.to_table()).unwrap()).unwrap(), config);
    for wrong in ["", "192.0.2.1:8189", "[::1]", "tv example", "http://tv"] {
        check_refused(&format!("webrtc_addresses = ['{wrong}']"), &["webrtc_addresses: must be an address or a name"]);
    }
    check_refused(&format!("webrtc_addresses = [{}]", "'::1',".repeat(9)), &["must have at most 8 addresses, not 9"]);
    check_refused("max_webrtc_sessions = 0", &["max_webrtc_sessions: must be 1 to 1000000, not 0"]);
}

#[test]
fn servers_to_wait_for_have_a_host_and_a_port() {
    let config = load("wait_for = ['db:5432', '[::1]:80']\nwait_tries = 2\nwait_seconds = 3").unwrap();
    let targets = ["db:5432", "[::1]:80"].map(String::from).to_vec();
    assert_eq!(config.wait, Wait { targets, tries: 2, pause: Duration::from_secs(3) });
    for wrong in ["db", "db:", ":80", "db:0", "db:65536", "::1:80", "http://db:80"] {
        check_refused(&format!("wait_for = ['{wrong}']"), &["wait_for: must be a host and a port", wrong]);
    }
    check_refused("wait_tries = 0", &["wait_tries: must be 1 to 3600, not 0"]);
    check_refused("wait_seconds = 3601", &["wait_seconds: must be 1 to 3600, not 3601"]);
}

#[test]
fn a_store_has_servers_and_a_bucket() {
    let shown = |url: &str| load(&format!("store = '{url}'")).unwrap().to_table()["store"].as_str().unwrap().to_owned();
    assert_eq!(shown("nats://a"), "nats://a/barstone");
    assert_eq!(shown("tls://u:horse@a:4223,t@b/streams"), "tls://a:4223,b/streams");
    for wrong in ["a:4222", "http://a", "nats://", "nats://a/b.c", "nats://a b", "nats://a,/c"] {
        check_refused(&format!("store = '{wrong}'"), &["store: must be nats://"]);
    }
}

#[test]
fn pixels_are_a_number_or_a_word() {
    let read = |file: &str| load(file).unwrap().max_pixels;
    assert_eq!(read(""), MaxPixels::Auto);
    assert_eq!(read("max_pixels_per_second = 'none'"), MaxPixels::None);
    assert_eq!(read("max_pixels_per_second = 1_000_000"), MaxPixels::PerSecond(1_000_000));
    let config = Config::load(&sources(&["--max-pixels-per-second", "1000000"])).unwrap();
    assert_eq!(config.max_pixels, MaxPixels::PerSecond(1_000_000));
    assert_eq!(config.to_table()["max_pixels_per_second"].as_integer(), Some(1_000_000));
    for wrong in ["'much'", "0", "1000000000001"] {
        let allowed = "max_pixels_per_second: must be auto, none or 1 to 1000000000000, not";
        check_refused(&format!("max_pixels_per_second = {wrong}"), &[allowed, wrong.trim_matches('\'')]);
    }
    check_refused("max_pixels_per_second = -1", &["line 1", "must be a whole number or a word"]);
}

#[test]
fn limits_have_ranges() {
    let toml = "max_connections = 5\nmax_connections_per_address = 4\nmax_header_bytes = 8192\nheader_seconds = 1";
    let limits = load(toml).unwrap().limits;
    assert_eq!((limits.connections, limits.connections_per_address, limits.header_bytes), (5, 4, 8192));
    assert_eq!((limits.header, limits.send), (Duration::from_secs(1), ConnectionLimits::default().send));
    check_refused("max_connections = 0", &["max_connections: must be 1 to 1000000, not 0"]);
    check_refused("max_connections_per_address = 1000001", &["max_connections_per_address: must be 1 to 1000000"]);
    check_refused("max_header_bytes = 8191", &["max_header_bytes: must be 8192 to 1048576, not 8191"]);
    check_refused("header_seconds = 0", &["header_seconds: must be 1 to 3600, not 0"]);
    check_refused("body_seconds = 0", &["body_seconds: must be 1 to 3600, not 0"]);
    check_refused("send_seconds = 3601", &["send_seconds: must be 1 to 3600, not 3601"]);
}

#[test]
fn an_unknown_log_level_is_refused_with_the_list_of_levels() {
    let levels = "log: must be error, warn, info, debug, trace or off";
    for wrong in ["verbose", "information", "info,loud", "http"] {
        check_refused(&format!("log = '{wrong}'"), &[levels, wrong]);
    }
    for right in ["warn", "OFF", "info,barstone=debug", "barstone::http", "[stream{stream=a}]=debug", "h2=trace,error"]
    {
        assert_eq!(load(&format!("log = '{right}'")).unwrap().log, right);
    }
}

#[test]
fn a_required_stream_must_exist_if_the_file_has_all_streams() {
    let streams = "[[streams]]\nname = 'c'\n[[streams]]\nname = 'a'\nrequires = ['c', 'b']\n";
    check_refused(streams, &["streams[1].requires[1]: there is no stream b"]);
    // The required stream may be in the store.
    for elsewhere in ["state_dir = '/s'", "store = 'nats://a'"] {
        assert!(load(&format!("{elsewhere}\n{streams}")).is_ok(), "{elsewhere}");
    }
    assert!(load(&format!("{streams}[[streams]]\nname = 'b'")).is_ok());
}

#[test]
fn a_number_of_another_type_is_refused_with_its_range() {
    check_refused("\nmax_viewers = -1", &["line 2: max_viewers: must be a whole number from 1 to 1000000, not -1"]);
    check_refused("wait_tries = '2'", &["line 1: wait_tries: must be a whole number from 1 to 3600, not \"2\""]);
    let width = "[[streams]]\nname = 'a'\n[[streams.video]]\nwidth = 1280.5";
    check_refused(width, &["line 4: streams[0].video[0].width: must be a whole number from 90 to 4096, not 1280.5"]);
}

#[test]
fn differences_are_named_by_key() {
    let one = load("listen = '127.0.0.1:1'\nstate_dir = '/s'").unwrap();
    let other = load("log = 'warn'\nlisten = '127.0.0.1:2'\n[[streams]]\nname = 'a'").unwrap();
    assert_eq!(one.differences(&other), ["listen", "log", "state_dir"]);
    assert!(one.differences(&one).is_empty());
}

/// Mutations of these texts are sometimes valid configurations and sometimes not.
const NEARLY: &[&str] = &[
    "listen = '[::1]:9000'\nmedia_dir = 'none'\nlog = 'warn,barstone=debug'\nlog_format = 'json'\n",
    "tls_cert = 'a'\ntls_key = 'b'\nwait_for = ['db:5432']\nwait_tries = 2\nwait_seconds = 3\n",
    "[[streams]]\nname = 'a'\naudio = false\n[[streams]]\nname = 'b'\nfps = '50'\nsegment_frames = 96\nvideo = []\n",
    "[[streams]]\nname = 'a'\n[[streams.video]]\nid = 'v'\nwidth = 640\nheight = 360\nbitrate = 500000\n",
    "state_dir = '/s'\n[[streams]]\nname = 'a'\nschedule = { time_zone = 'UTC', start = ['0 8 * * *'] }\nrequires = ['b']\n",
    "streams = []\n[[hooks]]\nurl = 'https://example.com'\nevents = ['phase']\nstreams = ['a']\n",
];

proptest! {
    #[test]
    fn any_file_can_be_shown_or_is_refused_in_one_line(file in mutated(NEARLY)) {
        match load(&file) {
            Ok(config) => {
                let shown = load(&toml::to_string(&config.to_table()).unwrap()).unwrap();
                // The export contains only the origin of the URL of a hook.
                prop_assert_eq!(Config { hooks: Vec::new(), ..shown }, Config { hooks: Vec::new(), ..config });
            }
            Err(error) => prop_assert_eq!(format!("{:#}", anyhow::Error::from(error)).lines().count(), 1),
        }
    }
}

/// Every setting has the same name in all sources and a row in the documentation.
#[test]
fn the_documentation_lists_every_setting() {
    let command = Cli::command();
    let mut there: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| {
            let (key, value) = (argument.get_id().as_str(), argument.get_value_names()?.first()?);
            let variable = argument.get_env()?.to_str()?;
            assert_eq!(argument.get_long()?, key.replace('_', "-"));
            assert_eq!(variable, format!("BARSTONE_{}", key.to_uppercase()));
            let in_file = if key == "config" { String::new() } else { format!("`{key}`") };
            Some([format!("`--{} {value}`", key.replace('_', "-")), format!("`{variable}`"), in_file])
        })
        .collect();
    let document = include_str!("../../../docs/configuration.md");
    let rows = document.lines().filter(|line| line.starts_with("| `--"));
    let mut listed: Vec<_> = rows
        .map(|row| row.split('|').skip(1).take(3).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .map(|cells| <[String; 3]>::try_from(cells).unwrap())
        .collect();
    there.sort();
    listed.sort();
    assert_eq!(there, listed);
}

/// Settings of the example file, each a comment that begins with its key.
fn example() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../../examples/barstone.toml").lines().filter_map(|line| line.strip_prefix('#'));
    lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first == '['))
}

#[test]
fn the_example_configuration_is_valid_and_has_every_key() {
    load(include_str!("../../../examples/barstone.toml")).unwrap();
    let exclusive = |line: &&str| !line.starts_with("api_token_file") && !line.starts_with("viewer_key_file");
    let text = example().filter(exclusive).collect::<Vec<_>>().join("\n");
    load(&text).unwrap();

    for argument in Cli::command().get_arguments().filter(|argument| argument.get_env().is_some()) {
        let key = argument.get_id().as_str();
        assert!(key == "config" || example().any(|line| line.starts_with(&format!("{key} ="))), "{key}");
    }
    let example: toml::Table = toml::from_str(&text).unwrap();
    let shown = serde_json::to_value(StreamRequest::named("test")).unwrap();
    let has_keys = |table: &toml::Value, keys: &serde_json::Value| {
        keys.as_object().unwrap().keys().for_each(|key| assert!(table.get(key).is_some(), "{key}"));
    };
    has_keys(&example["streams"][0], &shown);
    has_keys(&example["streams"][0]["video"][0], &shown["video"][0]);
    has_keys(&example["streams"][0]["audio"], &shown["audio"]);
    has_keys(&example["hooks"][0], &serde_json::json!({"url": 0, "secret": 0, "events": 0, "streams": 0}));
}
