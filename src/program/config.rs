//! Settings: flags, then `BARSTONE_*` environment, then the TOML file, then defaults; checked once. A mistake is one
//! line that says where it is and what is allowed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::base::network::{Lists, Network};
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

pub use pixels::MaxPixels;
use ranges::{in_range, seconds};
use settings::Settings;
pub use settings::{LogFormat, Sources};
pub use token::ApiToken;
pub use unknown::check_environment;
pub use viewer_key::{VIEWER_KEY_VARIABLE, ViewerKey};

/// All addresses, IPv6 and IPv4, on a port that needs no rights.
const LISTEN: &str = "[::]:8080";
/// Says that windows are not mirrored to disk.
const NO_DIRECTORY: &str = "none";
const LOG: &str = "info";
const LOG_RULE: &str =
    "must be error, warn, info, debug, trace or off, or target=level pairs such as warn,barstone::http=debug";
/// With the rest of a second: as long as a database takes to start.
const WAIT_TRIES: u32 = 30;
const WAIT_SECONDS: u32 = 1;
/// Servers to wait for, and hooks: more than anybody has, few enough to be tried and served at once.
const MOST: usize = 16;
/// Longer lists belong to a firewall.
const MOST_NETWORKS: usize = 256;

/// What to do with the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Check the configuration and print the first mistake
    Check,
    /// Print the settings in effect as TOML; secrets are masked
    Show,
}

/// All settings, valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where windows are mirrored to.
    pub media_dir: MediaDir,
    /// Where state is kept.
    pub state_dir: Option<PathBuf>,
    /// Where definitions are kept that replicas share.
    pub store: Option<Address>,
    /// What is served.
    pub serve: Serve,
    /// Certificate and key, if the server speaks TLS.
    pub tls: Option<TlsFiles>,
    /// The API token, which every change needs; without it one is created.
    pub api_token: Option<ApiToken>,
    /// What viewer tokens are signed with; without it a key is made.
    pub viewer_key: Option<ViewerKey>,
    /// Where clients find this server, if not where it listens.
    pub public_url: Option<BaseUrl>,
    /// Who is answered.
    pub lists: Lists,
    /// Who is believed to ask for others.
    pub trusted_proxies: Vec<Network>,
    /// The most streams that there may be.
    pub max_streams: usize,
    /// How much all streams together may be watched.
    pub watching: spec::Limits,
    /// What clients may have of the server.
    pub limits: ConnectionLimits,
    /// Whether streams are pushed from here.
    pub push: bool,
    /// Filter of the log, which parses.
    pub log: String,
    /// What a line of the log looks like.
    pub log_format: LogFormat,
    /// What has to be there first.
    pub wait: Wait,
    /// How much may be made at once.
    pub max_pixels: MaxPixels,
    /// Streams that the file declares, if it says anything of streams.
    pub streams: Option<Vec<StreamSpec>>,
    /// Where events are posted.
    pub hooks: Vec<Hook>,
}

/// Where windows are mirrored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaDir {
    /// Nowhere.
    None,
    /// A directory named after the port, under the system's temporary directory.
    Temporary,
    /// Here.
    At(PathBuf),
}

/// Servers to wait for, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// `HOST:PORT` of each.
    pub targets: Vec<String>,
    /// How often each is tried, at least once.
    pub tries: u32,
    /// Rest between two tries.
    pub rest: Duration,
}

/// What is wrong with the configuration, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The file is not TOML, or has a key or a type that is not known.
    #[error("{}: {problem}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line and what is wrong there.
        problem: String,
    },
    /// A stream or a hook in the file is not right.
    #[error("{}: {field}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Field and problem.
        field: SpecError,
    },
    /// A setting has a value that is not allowed, wherever it was said.
    #[error("{0}")]
    Value(SpecError),
    /// An environment variable has a name that nothing has.
    #[error("environment variable {name}: unknown; {advice}")]
    Environment {
        /// The variable.
        name: String,
        /// What there is.
        advice: String,
    },
}

impl Config {
    /// Puts the settings together; reads the file if one is named.
    ///
    /// # Errors
    /// [`ConfigError`]; the first one found.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let path = sources.config.as_deref();
        let file = path.map_or_else(|| Ok(Settings::default()), Settings::read)?;
        let in_file = |field| ConfigError::Field { path: path.unwrap_or(Path::new("")).to_owned(), field };
        let said = sources.said.clone().or(file);
        let max_streams = said.max_streams.unwrap_or(DEFAULT_MAX_STREAMS as u32);
        let max_streams = in_range("max_streams", max_streams)? as usize;
        let limits = limits::limits(&said)?;
        let streams = said.streams.map(|streams| declared(streams, max_streams)).transpose().map_err(in_file)?;
        if let (Some(streams), None, None) = (&streams, &said.state_dir, &said.store) {
            check_requirements(streams).map_err(in_file)?;
        }
        Ok(Self {
            limits,
            listen: listen(said.listen)?,
            media_dir: media_dir(said.media_dir),
            state_dir: said.state_dir,
            store: said
                .store
                .map(|text| text.parse().map_err(|problem: String| refused("store", problem)))
                .transpose()?,
            serve: said.serve.unwrap_or_default(),
            tls: tls(said.tls_cert, said.tls_key)?,
            api_token: token::api_token(said.api_token, said.api_token_file)?,
            viewer_key: viewer_key::viewer_key(said.viewer_key, said.viewer_key_file)?,
            public_url: said
                .public_url
                .map(|text| BaseUrl::check("public_url", &text).map_err(ConfigError::Value))
                .transpose()?,
            lists: Lists { allow: networks("allow", said.allow)?, deny: networks("deny", said.deny)? },
            trusted_proxies: networks("trusted_proxies", said.trusted_proxies)?,
            max_streams,
            watching: spec::Limits::check(said.max_viewers, said.max_bandwidth, said.overflow_url.as_deref())
                .map_err(ConfigError::Value)?,
            push: said.push.unwrap_or(true),
            log: log(said.log)?,
            log_format: said.log_format.unwrap_or_default(),
            wait: Wait {
                targets: targets(said.wait_for)?,
                tries: in_range("wait_tries", said.wait_tries.unwrap_or(WAIT_TRIES))?,
                rest: seconds("wait_seconds", said.wait_seconds.unwrap_or(WAIT_SECONDS))?,
            },
            max_pixels: said.max_pixels_per_second.map_or(Ok(MaxPixels::Auto), MaxPixels::read)?,
            streams,
            hooks: hooks(said.hooks.unwrap_or_default()).map_err(in_file)?,
        })
    }
}

impl MediaDir {
    /// The directory for a server on `port`.
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

/// Whether a part of a filter says what it means. The library takes any word for a target of which all is logged, a level that
/// does not exist among them.
fn is_directive(part: &str) -> bool {
    let part = part.trim();
    let is_level = part.parse::<LevelFilter>().is_ok();
    let is_own_target = part == env!("CARGO_PKG_NAME") || part.starts_with(concat!(env!("CARGO_PKG_NAME"), "::"));
    is_level || is_own_target || part.contains(['=', '[', ']'])
}

fn targets(targets: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let targets = targets.unwrap_or_default();
    if targets.len() > MOST {
        return Err(refused("wait_for", format!("must have at most {MOST} servers, not {}", targets.len())));
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
    if texts.len() > MOST_NETWORKS {
        return Err(refused(name, format!("must have at most {MOST_NETWORKS} networks, not {}", texts.len())));
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

/// Checks that the streams exist that others require. Where definitions are stored beside the file, they may be among those.
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
    if requests.len() > MOST {
        return Err(SpecError {
            field: "hooks".into(),
            problem: format!("must have at most {MOST} hooks, not {}", requests.len()),
        });
    }
    check_each("hooks", requests)
}

#[cfg(test)]
mod tests;
