//! Settings from flags, `BARSTONE_*` environment variables, the TOML file and defaults, in this order of precedence.
//! Validation stops at the first error, whose text is one line that names the setting and the allowed values.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::base::network::{Lists, Network};
use crate::base::os_error;
use crate::definition::spec::{self, BaseUrl, SpecError, StreamRequest, StreamSpec, check_each, check_streams};
use crate::definition::store::{Address, DEFAULT_MAX_STREAMS};
use crate::http::{ConnectionLimits, Serve, TlsFiles};
use crate::stream::hooks::{Hook, HookRequest};

mod export;
mod limits;
mod pixels;
mod ranges;
mod secret_source;
mod settings;
mod token;
mod unknown;
mod viewer_key;
mod webrtc;

pub use pixels::MaxPixels;
use ranges::{archive_bytes, in_range, seconds};
use settings::Settings;
pub use settings::{LogFormat, Sources};
pub use token::ApiToken;
pub use unknown::check_environment;
pub use viewer_key::{VIEWER_KEY_VARIABLE, ViewerKey};
pub use webrtc::{Webrtc, WebrtcListen};

/// All IPv6 and IPv4 addresses, on a port that needs no privileges.
const LISTEN: &str = "[::]:8080";
/// Value of `media_dir` that disables the media directory.
const NO_DIRECTORY: &str = "none";
const LOG: &str = "info";
const LOG_RULE: &str =
    "must be error, warn, info, debug, trace or off, or target=level pairs such as warn,barstone::http=debug";
/// With the default pause of a second these are as many seconds as a database needs to start.
const WAIT_TRIES: u32 = 30;
const WAIT_SECONDS: u32 = 1;
/// Past segments of several streams for a few minutes. Padding takes no memory.
const ARCHIVE_BYTES: u64 = 256 * 1024 * 1024;
/// Limit of servers to wait for, and of hooks. All of them are served simultaneously.
const MAX_ENTRIES: usize = 16;
/// Limit of each list of networks. A longer list belongs in a firewall.
const MAX_NETWORKS: usize = 256;

/// Actions on the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Check the configuration and print the first mistake
    Check,
    /// Print the settings in effect as TOML; secrets are masked
    Show,
}

/// All settings, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Settings of WebRTC.
    pub webrtc: Webrtc,
    /// Directory that windows are written to.
    pub media_dir: MediaDir,
    /// Directory of definitions and secrets.
    pub state_dir: Option<PathBuf>,
    /// Address of the store that replicas share.
    pub store: Option<Address>,
    /// Which routes are served.
    pub serve: Serve,
    /// Certificate and key, if the server speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The API token, which every change needs. If `None`, one is created.
    pub api_token: Option<ApiToken>,
    /// Keys of viewer tokens. If `None`, one is created.
    pub viewer_key: Option<ViewerKey>,
    /// URL of this server for its clients, if it differs from the address to listen on.
    pub public_url: Option<BaseUrl>,
    /// Networks that get answers.
    pub lists: Lists,
    /// Networks of proxies whose header with the client address is believed.
    pub trusted_proxies: Vec<Network>,
    /// Maximum number of streams.
    pub max_streams: usize,
    /// Most bytes of past segments in memory or in `archive_dir`; 0 if past segments are not rendered again.
    pub archive_bytes: u64,
    /// Directory of past segments that were rendered again, if they are not in memory.
    pub archive_dir: Option<PathBuf>,
    /// Limits on the viewers of all streams together.
    pub viewer_limits: spec::Limits,
    /// Limits on connections.
    pub limits: ConnectionLimits,
    /// Whether this server pushes streams to their targets.
    pub push: bool,
    /// Filter of the log, valid.
    pub log: String,
    /// Format of the log.
    pub log_format: LogFormat,
    /// Servers to wait for at the start.
    pub wait: Wait,
    /// Encoding capacity.
    pub max_pixels: MaxPixels,
    /// Streams that the file declares. `None` if the file has no list of streams.
    pub streams: Option<Vec<StreamSpec>>,
    /// Servers that events are posted to.
    pub hooks: Vec<Hook>,
}

/// Directory that windows are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaDir {
    /// No directory.
    None,
    /// A directory below the temporary directory of the system, named after the port.
    Temporary,
    /// This directory.
    At(PathBuf),
}

/// Servers to wait for at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// `HOST:PORT` of each server.
    pub targets: Vec<String>,
    /// Attempts for each server, at least one.
    pub tries: u32,
    /// Pause between two attempts.
    pub pause: Duration,
}

/// An error of the configuration, one line of text.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {}", path.display(), os_error::text(why))]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The error of the operating system.
        why: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a wrong type.
    #[error("{}: {problem}", path.display())]
    Parse {
        /// Path of the file.
        path: PathBuf,
        /// Line number and problem.
        problem: String,
    },
    /// A stream or a hook in the file is invalid.
    #[error("{}: {field}", path.display())]
    Field {
        /// Path of the file.
        path: PathBuf,
        /// Field and problem.
        field: SpecError,
    },
    /// A setting has an invalid value, in whichever source.
    #[error("{0}")]
    Value(SpecError),
    /// An environment variable has an unknown name.
    #[error("environment variable {name}: unknown; {advice}")]
    Environment {
        /// Name of the variable.
        name: String,
        /// The suggested name.
        advice: String,
    },
}

impl Config {
    /// Merges the sources and validates the settings. Reads the file if a source names one.
    ///
    /// # Errors
    /// [`ConfigError`]: the first error.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let path = sources.config.as_deref();
        let file = path.map_or_else(|| Ok(Settings::default()), Settings::read)?;
        let in_file = |field| ConfigError::Field { path: path.unwrap_or(Path::new("")).to_owned(), field };
        let settings = sources.settings.clone().or(file);
        let max_streams = settings.max_streams.unwrap_or(DEFAULT_MAX_STREAMS as u32);
        let max_streams = in_range("max_streams", max_streams)? as usize;
        let (limits, webrtc) = (limits::limits(&settings)?, webrtc::webrtc(&settings)?);
        let streams = settings.streams.map(|streams| declared(streams, max_streams)).transpose().map_err(in_file)?;
        if let (Some(streams), None, None) = (&streams, &settings.state_dir, &settings.store) {
            check_requirements(streams).map_err(in_file)?;
        }
        Ok(Self {
            limits,
            webrtc,
            listen: listen(settings.listen)?,
            media_dir: media_dir(settings.media_dir),
            state_dir: settings.state_dir,
            store: settings
                .store
                .map(|text| text.parse().map_err(|problem: String| refused("store", problem)))
                .transpose()?,
            serve: settings.serve.unwrap_or_default(),
            tls: tls(settings.tls_cert, settings.tls_key)?,
            api_token: token::api_token(settings.api_token, settings.api_token_file)?,
            viewer_key: viewer_key::viewer_key(settings.viewer_key, settings.viewer_key_file)?,
            public_url: settings
                .public_url
                .map(|text| BaseUrl::check("public_url", &text).map_err(ConfigError::Value))
                .transpose()?,
            lists: Lists { allow: networks("allow", settings.allow)?, deny: networks("deny", settings.deny)? },
            trusted_proxies: networks("trusted_proxies", settings.trusted_proxies)?,
            max_streams,
            archive_bytes: archive_bytes(settings.archive_bytes.unwrap_or(ARCHIVE_BYTES))?,
            archive_dir: settings.archive_dir,
            viewer_limits: spec::Limits::check(
                settings.max_viewers,
                settings.max_bandwidth,
                settings.overflow_url.as_deref(),
            )
            .map_err(ConfigError::Value)?,
            push: settings.push.unwrap_or(true),
            log: log(settings.log)?,
            log_format: settings.log_format.unwrap_or_default(),
            wait: Wait {
                targets: targets(settings.wait_for)?,
                tries: in_range("wait_tries", settings.wait_tries.unwrap_or(WAIT_TRIES))?,
                pause: seconds("wait_seconds", settings.wait_seconds.unwrap_or(WAIT_SECONDS))?,
            },
            max_pixels: settings.max_pixels_per_second.map_or(Ok(MaxPixels::Auto), MaxPixels::read)?,
            streams,
            hooks: hooks(settings.hooks.unwrap_or_default()).map_err(in_file)?,
        })
    }
}

impl MediaDir {
    /// Path of the directory for a server on `port`.
    pub fn path(&self, port: u16) -> Option<PathBuf> {
        match self {
            Self::None => None,
            Self::Temporary => Some(std::env::temp_dir().join(format!("barstone-{port}"))),
            Self::At(path) => Some(path.clone()),
        }
    }
}

fn listen(text: Option<String>) -> Result<SocketAddr, ConfigError> {
    let text = text.unwrap_or_else(|| LISTEN.into());
    text.parse().map_err(|_| {
        refused("listen", format!("must be an address and a port such as [::]:8080 or 127.0.0.1:8080, not {text:?}"))
    })
}

fn media_dir(path: Option<PathBuf>) -> MediaDir {
    match path {
        None => MediaDir::Temporary,
        Some(path) if path == Path::new(NO_DIRECTORY) => MediaDir::None,
        Some(path) => MediaDir::At(path),
    }
}

fn tls(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(refused("tls_key", "is missing; tls_cert needs it")),
        (None, Some(_)) => Err(refused("tls_cert", "is missing; tls_key needs it")),
    }
}

fn log(filter: Option<String>) -> Result<String, ConfigError> {
    let filter = filter.unwrap_or_else(|| LOG.into());
    let is_right = EnvFilter::builder().parse(&filter).is_ok() && filter.split(',').all(is_directive);
    match is_right {
        true => Ok(filter),
        false => Err(refused("log", format!("{LOG_RULE}; not {filter:?}"))),
    }
}

/// Whether a part of a log filter is meaningful. The library accepts any word as a target, including a misspelt level.
fn is_directive(part: &str) -> bool {
    let part = part.trim();
    let is_level = part.parse::<LevelFilter>().is_ok();
    let is_own_target = part == env!("CARGO_PKG_NAME") || part.starts_with(concat!(env!("CARGO_PKG_NAME"), "::"));
    is_level || is_own_target || part.contains(['=', '[', ']'])
}

fn targets(targets: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let targets = targets.unwrap_or_default();
    if targets.len() > MAX_ENTRIES {
        return Err(refused("wait_for", format!("must have at most {MAX_ENTRIES} servers, not {}", targets.len())));
    }
    match targets.iter().find(|target| !is_target(target)) {
        Some(wrong) => Err(refused(
            "wait_for",
            format!("must be a host and a port such as db.example:5432 or [::1]:80, not {wrong:?}"),
        )),
        None => Ok(targets),
    }
}

fn is_target(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let port = port.parse::<u16>().is_ok_and(|port| port > 0);
    port && !host.is_empty() && (!host.contains(':') || text.parse::<SocketAddr>().is_ok())
}

fn networks(name: &str, texts: Option<Vec<String>>) -> Result<Vec<Network>, ConfigError> {
    let texts = texts.unwrap_or_default();
    if texts.len() > MAX_NETWORKS {
        return Err(refused(name, format!("must have at most {MAX_NETWORKS} networks, not {}", texts.len())));
    }
    let read = |text: &String| text.parse().map_err(|error| refused(name, format!("{error}; not {text:?}")));
    texts.iter().map(read).collect()
}

fn refused(name: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Value(SpecError { field: name.into(), problem: problem.into() })
}

fn declared(requests: Vec<StreamRequest>, most: usize) -> Result<Vec<StreamSpec>, SpecError> {
    if requests.len() > most {
        let problem = format!("must have at most {most} streams (max_streams), not {}", requests.len());
        return Err(SpecError { field: "streams".into(), problem });
    }
    check_streams(requests)
}

/// Checks that required streams exist. Does not apply if the store may contain them.
fn check_requirements(streams: &[StreamSpec]) -> Result<(), SpecError> {
    for (index, spec) in streams.iter().enumerate() {
        for (place, required) in spec.control.requires.iter().enumerate() {
            if !streams.iter().any(|other| other.name == *required) {
                let field = format!("streams[{index}].requires[{place}]");
                return Err(SpecError { field, problem: format!("there is no stream {required}") });
            }
        }
    }
    Ok(())
}

fn hooks(requests: Vec<HookRequest>) -> Result<Vec<Hook>, SpecError> {
    if requests.len() > MAX_ENTRIES {
        return Err(SpecError {
            field: "hooks".into(),
            problem: format!("must have at most {MAX_ENTRIES} hooks, not {}", requests.len()),
        });
    }
    check_each("hooks", requests)
}

#[cfg(test)]
mod tests;
