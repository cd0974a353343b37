//! Names and sources of settings. A setting has the same name as flag, environment variable and key in the file.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{ConfigError, VIEWER_KEY_VARIABLE, ranges, secret_source, token};
use crate::base::secret::Secret;
use crate::definition::spec::{SpecError, StreamRequest};
use crate::http::Serve;
use crate::stream::hooks::HookRequest;

/// Sources of the configuration: flags, environment variables and the path of the file.
#[derive(Debug, Clone, Args)]
pub struct Sources {
    /// TOML file with settings, streams and hooks
    #[arg(long, env = "BARSTONE_CONFIG", value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// Settings from flags and environment variables.
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Unchecked settings of one source. The field names are the keys in the file.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Address and port to listen on; [::] is all addresses, IPv6 and IPv4; port 0 is any free port [default: [::]:8080]
    #[arg(long, env = "BARSTONE_LISTEN", value_name = "ADDR:PORT", global = true)]
    pub(super) listen: Option<String>,
    /// Address of the UDP port and the TCP port of WebRTC; an empty one turns WebRTC off
    /// [default: port 8189 at the address of --listen, or any free port]
    #[arg(long, env = "BARSTONE_WEBRTC_LISTEN", value_name = "ADDR:PORT", global = true)]
    pub(super) webrtc_listen: Option<String>,
    /// Addresses and names of this host for WebRTC clients, in a container or behind NAT; may be given several times
    /// [default: found by the requests of the clients]
    #[arg(long, env = "BARSTONE_WEBRTC_ADDRESSES", value_name = "HOST", value_delimiter = ',', global = true)]
    pub(super) webrtc_addresses: Option<Vec<String>>,
    /// Directory to which segments and manifests are also written, for nginx and the like; `none` writes no media to
    /// disk [default: barstone-PORT in the temporary directory]
    #[arg(long, env = "BARSTONE_MEDIA_DIR", value_name = "DIR", global = true)]
    pub(super) media_dir: Option<PathBuf>,
    /// Directory for stream definitions, API token and viewer key
    /// [default: none; streams that you create are lost at exit]
    #[arg(long, env = "BARSTONE_STATE_DIR", value_name = "DIR", global = true)]
    pub(super) state_dir: Option<PathBuf>,
    /// NATS bucket with the definitions that replicas share, nats://HOST:PORT/BUCKET
    /// [default: none; definitions are in the state directory]
    #[arg(long, env = "BARSTONE_STORE", value_name = "URL", global = true)]
    pub(super) store: Option<String>,
    /// What to serve beside probes and metrics; `api` serves no page and no media [default: all]
    #[arg(long, env = "BARSTONE_SERVE", value_name = "WHAT", global = true)]
    pub(super) serve: Option<Serve>,
    /// PEM file with the certificate chain; the server then speaks TLS only
    #[arg(long, env = "BARSTONE_TLS_CERT", value_name = "FILE", global = true)]
    pub(super) tls_cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate
    #[arg(long, env = "BARSTONE_TLS_KEY", value_name = "FILE", global = true)]
    pub(super) tls_key: Option<PathBuf>,
    #[arg(skip = secret_source::from_environment(token::VARIABLE))]
    pub(super) api_token: Option<Secret>,
    /// File with the API token, which every change needs; BARSTONE_API_TOKEN may contain the token itself [default:
    /// barstone creates a token and prints it in the link to the page]
    #[arg(long, env = "BARSTONE_API_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(super) api_token_file: Option<PathBuf>,
    #[arg(skip = secret_source::from_environment(VIEWER_KEY_VARIABLE))]
    pub(super) viewer_key: Option<Secret>,
    /// File with up to 8 viewer keys, one a line: the first key signs viewer tokens, all keys verify them;
    /// BARSTONE_VIEWER_KEY may contain a key itself [default: barstone creates a key]
    #[arg(long, env = "BARSTONE_VIEWER_KEY_FILE", value_name = "FILE", global = true)]
    pub(super) viewer_key_file: Option<PathBuf>,
    /// URL at which clients find this server, if a reverse proxy has another host name or a path prefix [default: none;
    /// URLs are paths]
    #[arg(long, env = "BARSTONE_PUBLIC_URL", value_name = "URL", global = true)]
    pub(super) public_url: Option<String>,
    /// Addresses and networks that get answers; may be given several times [default: everyone]
    #[arg(long, env = "BARSTONE_ALLOW", value_name = "NETWORK", value_delimiter = ',', global = true)]
    pub(super) allow: Option<Vec<String>>,
    /// Addresses and networks that get no answers, even if --allow contains them [default: none]
    #[arg(long, env = "BARSTONE_DENY", value_name = "NETWORK", value_delimiter = ',', global = true)]
    pub(super) deny: Option<Vec<String>>,
    /// Networks whose X-Forwarded-For or Forwarded header is believed [default: none]
    #[arg(long, env = "BARSTONE_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',', global = true)]
    pub(super) trusted_proxies: Option<Vec<String>>,
    /// Most open connections, at most three quarters of the file descriptors [default: 10000]
    #[arg(long, env = "BARSTONE_MAX_CONNECTIONS", value_name = "NUMBER", global = true)]
    pub(super) max_connections: Option<u32>,
    /// Most open connections from one IPv4 address or IPv6 /64 network [default: 1024]
    #[arg(long, env = "BARSTONE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER", global = true)]
    pub(super) max_connections_per_address: Option<u32>,
    /// Most WebRTC sessions [default: 1000]
    #[arg(long, env = "BARSTONE_MAX_WEBRTC_SESSIONS", value_name = "NUMBER", global = true)]
    pub(super) max_webrtc_sessions: Option<u32>,
    /// Most WebRTC sessions of one stream [default: 1000]
    #[arg(long, env = "BARSTONE_MAX_WEBRTC_SESSIONS_PER_STREAM", value_name = "NUMBER", global = true)]
    pub(super) max_webrtc_sessions_per_stream: Option<u32>,
    /// Most WebRTC sessions of one IPv4 address or IPv6 /64 network [default: 100]
    #[arg(long, env = "BARSTONE_MAX_WEBRTC_SESSIONS_PER_ADDRESS", value_name = "NUMBER", global = true)]
    pub(super) max_webrtc_sessions_per_address: Option<u32>,
    /// Longest request head [default: 32768]
    #[arg(long, env = "BARSTONE_MAX_HEADER_BYTES", value_name = "BYTES", global = true)]
    pub(super) max_header_bytes: Option<u32>,
    /// Close a connection whose request head takes longer than this [default: 10]
    #[arg(long, env = "BARSTONE_HEADER_SECONDS", value_name = "SECONDS", global = true)]
    pub(super) header_seconds: Option<u32>,
    /// Refuse a request whose body takes longer than this [default: 10]
    #[arg(long, env = "BARSTONE_BODY_SECONDS", value_name = "SECONDS", global = true)]
    pub(super) body_seconds: Option<u32>,
    /// Close a connection whose client reads nothing of a response for this long [default: 30]
    #[arg(long, env = "BARSTONE_SEND_SECONDS", value_name = "SECONDS", global = true)]
    pub(super) send_seconds: Option<u32>,
    /// Most streams [default: 256]
    #[arg(long, env = "BARSTONE_MAX_STREAMS", value_name = "NUMBER", global = true)]
    pub(super) max_streams: Option<u32>,
    /// Most memory for past segments that are rendered again when they are requested, or most disk space in --archive-dir;
    /// 0 renders none [default: 268435456]
    #[arg(long, env = "BARSTONE_ARCHIVE_BYTES", value_name = "BYTES", global = true)]
    pub(super) archive_bytes: Option<u64>,
    /// Directory for past segments that were rendered again, where they survive a restart [default: none; they are in memory]
    #[arg(long, env = "BARSTONE_ARCHIVE_DIR", value_name = "DIR", global = true)]
    pub(super) archive_dir: Option<PathBuf>,
    /// Most viewers of all streams together [default: no limit]
    #[arg(long, env = "BARSTONE_MAX_VIEWERS", value_name = "NUMBER", global = true)]
    pub(super) max_viewers: Option<u32>,
    /// Refuse new viewers when all streams together send this many bits per second [default: no limit]
    #[arg(long, env = "BARSTONE_MAX_BANDWIDTH", value_name = "NUMBER", global = true)]
    pub(super) max_bandwidth: Option<u64>,
    /// Redirect viewers over the limit (302) to this base URL; path and query are appended [default: answer 503]
    #[arg(long, env = "BARSTONE_OVERFLOW_URL", value_name = "URL", global = true)]
    pub(super) overflow_url: Option<String>,
    /// Whether this server connects to the push targets of its streams [default: true]
    #[arg(long, env = "BARSTONE_PUSH", value_name = "BOOL", global = true)]
    pub(super) push: Option<bool>,
    /// What to log: error, warn, info, debug, trace or off, or target=level pairs [default: info]
    #[arg(long, env = "BARSTONE_LOG", value_name = "FILTER", global = true)]
    pub(super) log: Option<String>,
    /// Format of the log [default: text]
    #[arg(long, env = "BARSTONE_LOG_FORMAT", value_name = "FORMAT", global = true)]
    pub(super) log_format: Option<LogFormat>,
    /// Wait until these servers accept TCP connections, then listen; may be given several times
    #[arg(long, env = "BARSTONE_WAIT_FOR", value_name = "HOST:PORT", value_delimiter = ',', global = true)]
    pub(super) wait_for: Option<Vec<String>>,
    /// Attempts for each server of --wait-for [default: 30]
    #[arg(long, env = "BARSTONE_WAIT_TRIES", value_name = "NUMBER", global = true)]
    pub(super) wait_tries: Option<u32>,
    /// Pause between two attempts [default: 1]
    #[arg(long, env = "BARSTONE_WAIT_SECONDS", value_name = "SECONDS", global = true)]
    pub(super) wait_seconds: Option<u32>,
    /// Most pixels per second that all streams together may encode; `auto` measures the machine, `none` sets no limit
    /// [default: auto]
    #[arg(long, env = "BARSTONE_MAX_PIXELS_PER_SECOND", value_name = "NUMBER", global = true)]
    pub(super) max_pixels_per_second: Option<NumberOrWord>,
    #[arg(skip)]
    pub(super) streams: Option<Vec<StreamRequest>>,
    #[arg(skip)]
    pub(super) hooks: Option<Vec<HookRequest>>,
}

/// A number, or a word such as `auto`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a whole number or a word")]
pub(super) enum NumberOrWord {
    Number(u64),
    Word(String),
}

impl From<String> for NumberOrWord {
    fn from(text: String) -> Self {
        text.parse().map_or(Self::Word(text), Self::Number)
    }
}

/// Format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

impl Sources {
    /// Fills settings that are not set here from `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self { config: self.config.or(others.config), settings: self.settings.or(others.settings) }
    }
}

impl Settings {
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            listen: self.listen.or(others.listen),
            webrtc_listen: self.webrtc_listen.or(others.webrtc_listen),
            webrtc_addresses: self.webrtc_addresses.or(others.webrtc_addresses),
            media_dir: self.media_dir.or(others.media_dir),
            state_dir: self.state_dir.or(others.state_dir),
            store: self.store.or(others.store),
            serve: self.serve.or(others.serve),
            tls_cert: self.tls_cert.or(others.tls_cert),
            tls_key: self.tls_key.or(others.tls_key),
            api_token: self.api_token.or(others.api_token),
            api_token_file: self.api_token_file.or(others.api_token_file),
            viewer_key: self.viewer_key.or(others.viewer_key),
            viewer_key_file: self.viewer_key_file.or(others.viewer_key_file),
            public_url: self.public_url.or(others.public_url),
            allow: self.allow.or(others.allow),
            deny: self.deny.or(others.deny),
            trusted_proxies: self.trusted_proxies.or(others.trusted_proxies),
            max_connections: self.max_connections.or(others.max_connections),
            max_connections_per_address: self.max_connections_per_address.or(others.max_connections_per_address),
            max_webrtc_sessions: self.max_webrtc_sessions.or(others.max_webrtc_sessions),
            max_webrtc_sessions_per_stream: self
                .max_webrtc_sessions_per_stream
                .or(others.max_webrtc_sessions_per_stream),
            max_webrtc_sessions_per_address: self
                .max_webrtc_sessions_per_address
                .or(others.max_webrtc_sessions_per_address),
            max_header_bytes: self.max_header_bytes.or(others.max_header_bytes),
            header_seconds: self.header_seconds.or(others.header_seconds),
            body_seconds: self.body_seconds.or(others.body_seconds),
            send_seconds: self.send_seconds.or(others.send_seconds),
            max_streams: self.max_streams.or(others.max_streams),
            archive_bytes: self.archive_bytes.or(others.archive_bytes),
            archive_dir: self.archive_dir.or(others.archive_dir),
            max_viewers: self.max_viewers.or(others.max_viewers),
            max_bandwidth: self.max_bandwidth.or(others.max_bandwidth),
            overflow_url: self.overflow_url.or(others.overflow_url),
            push: self.push.or(others.push),
            log: self.log.or(others.log),
            log_format: self.log_format.or(others.log_format),
            wait_for: self.wait_for.or(others.wait_for),
            wait_tries: self.wait_tries.or(others.wait_tries),
            wait_seconds: self.wait_seconds.or(others.wait_seconds),
            max_pixels_per_second: self.max_pixels_per_second.or(others.max_pixels_per_second),
            streams: self.streams.or(others.streams),
            hooks: self.hooks.or(others.hooks),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
        let wrong = |error: &toml::de::Error, problem: String| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            ConfigError::Parse { path: path.to_owned(), problem: format!("line {line}: {problem}") }
        };
        let document = toml::Deserializer::parse(&text).map_err(|error| wrong(&error, error.message().to_owned()))?;
        serde_path_to_error::deserialize(document).map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.inner());
            wrong(inner, SpecError::from_serde(&path, inner.message(), &ranges::schema()).to_string())
        })
    }
}
