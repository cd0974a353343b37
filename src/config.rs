//! Settings: flags, then `BARSTONE_*` environment, then the TOML file, then defaults; checked once. A mistake is one
//! line that says where it is and what is allowed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::spec::{SpecError, StreamName, StreamRequest, StreamSpec};

/// All interfaces, on the port that needs no rights.
const LISTEN: &str = "0.0.0.0:8080";
/// Says that windows are not mirrored to disk.
const NO_DIRECTORY: &str = "none";
const LOG: &str = "info";

/// What to do with the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Say whether it is right
    Check,
    /// Print it as it takes effect, as TOML
    Show,
}

/// Flags, each also as an environment variable.
#[derive(Debug, Args)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes a free one [default: 0.0.0.0:8080]
    #[arg(long, env = "BARSTONE_LISTEN", value_name = "ADDR:PORT", global = true)]
    listen: Option<String>,
    /// TOML file with these settings and streams
    #[arg(long, env = "BARSTONE_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Where windows are mirrored to for other servers, or `none` [default: barstone-PORT in the temporary directory]
    #[arg(long, env = "BARSTONE_MEDIA_DIR", value_name = "DIR", global = true)]
    media_dir: Option<PathBuf>,
    /// Where state is kept [default: none; definitions made over REST last until the program ends]
    #[arg(long, env = "BARSTONE_STATE_DIR", value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
    /// PEM file with the certificate chain; with it the server speaks TLS only
    #[arg(long, env = "BARSTONE_TLS_CERT", value_name = "FILE", global = true)]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, env = "BARSTONE_TLS_KEY", value_name = "FILE", global = true)]
    tls_key: Option<PathBuf>,
    /// What is logged: a level, or target=level pairs [default: info]
    #[arg(long, env = "BARSTONE_LOG", value_name = "FILTER", global = true)]
    log: Option<String>,
}

/// The TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<String>,
    media_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    log: Option<String>,
    streams: Option<Vec<StreamRequest>>,
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
    /// Certificate and key, if the server speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Filter of the log.
    pub log: String,
    /// Streams that the file declares, if it says anything of streams.
    pub streams: Option<Vec<StreamSpec>>,
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

/// Where a certificate and its key are, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or a type that is not known.
    #[error("{}: {problem}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        problem: String,
    },
    /// `listen` is not an address.
    #[error("listen: an address and a port such as 0.0.0.0:8080 or [::]:8080, not {0:?}")]
    Listen(String),
    /// One of two settings that belong together.
    #[error("{missing}: needed beside {given}")]
    Pair {
        /// What is there.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A stream is not right.
    #[error("{}: stream {index}", path.display())]
    Stream {
        /// The file.
        path: PathBuf,
        /// From 1.
        index: usize,
        /// Field and problem.
        source: SpecError,
    },
    /// Two streams have one name.
    #[error("{}: two streams are called {name}", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        name: StreamName,
    },
}

impl Settings {
    /// These, and of `others` what these leave open.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        let Self { listen, config, media_dir, state_dir, tls_cert, tls_key, log } = self;
        Self {
            listen: listen.or(others.listen),
            config: config.or(others.config),
            media_dir: media_dir.or(others.media_dir),
            state_dir: state_dir.or(others.state_dir),
            tls_cert: tls_cert.or(others.tls_cert),
            tls_key: tls_key.or(others.tls_key),
            log: log.or(others.log),
        }
    }
}

impl Config {
    /// Puts the settings together; reads the file if one is named.
    ///
    /// # Errors
    /// [`ConfigError`]; the first one found.
    pub fn load(settings: Settings) -> Result<Self, ConfigError> {
        let path = settings.config.clone().unwrap_or_default();
        let file = settings.config.as_deref().map_or_else(|| Ok(File::default()), read)?;
        let listen = settings.listen.or(file.listen).unwrap_or_else(|| LISTEN.into());
        Ok(Self {
            listen: listen.parse().map_err(|_| ConfigError::Listen(listen))?,
            media_dir: media_dir(settings.media_dir.or(file.media_dir)),
            state_dir: settings.state_dir.or(file.state_dir),
            tls: tls(settings.tls_cert.or(file.tls_cert), settings.tls_key.or(file.tls_key))?,
            log: settings.log.or(file.log).unwrap_or_else(|| LOG.into()),
            streams: file.streams.map(|streams| check_streams(streams, &path)).transpose()?,
        })
    }

    /// The configuration as a file that would have the same effect.
    ///
    /// # Errors
    /// If a value has no form in TOML, such as a path that is not UTF-8.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            listen: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            media_dir: Option<&'a Path>,
            #[serde(skip_serializing_if = "Option::is_none")]
            state_dir: Option<&'a Path>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tls_cert: Option<&'a Path>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tls_key: Option<&'a Path>,
            log: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            streams: Option<Vec<toml::Table>>,
        }
        let media_dir = match &self.media_dir {
            MediaDir::None => Some(Path::new(NO_DIRECTORY)),
            MediaDir::Temporary => None,
            MediaDir::At(path) => Some(path.as_path()),
        };
        let streams = self.streams.as_ref().map(|streams| streams.iter().map(stream_to_toml).collect());
        toml::to_string(&Shown {
            listen: self.listen.to_string(),
            media_dir,
            state_dir: self.state_dir.as_deref(),
            tls_cert: self.tls.as_ref().map(|files| files.cert.as_path()),
            tls_key: self.tls.as_ref().map(|files| files.key.as_path()),
            log: &self.log,
            streams: streams.transpose()?,
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

fn stream_to_toml(spec: &StreamSpec) -> Result<toml::Table, toml::ser::Error> {
    let mut table = toml::Table::try_from(StreamRequest::from(spec))?;
    if spec.audio.is_none() {
        // TOML has no null, and without the key there would be sound.
        table.insert("audio".into(), false.into());
    }
    Ok(table)
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
        (Some(_), None) => Err(ConfigError::Pair { given: "tls_cert", missing: "tls_key" }),
        (None, Some(_)) => Err(ConfigError::Pair { given: "tls_key", missing: "tls_cert" }),
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        ConfigError::Parse { path: path.to_owned(), problem: format!("line {line}: {}", error.message()) }
    })
}

fn check_streams(requests: Vec<StreamRequest>, path: &Path) -> Result<Vec<StreamSpec>, ConfigError> {
    let mut streams: Vec<StreamSpec> = Vec::new();
    for (index, request) in requests.into_iter().enumerate() {
        let spec = StreamSpec::try_from(request).map_err(|source| ConfigError::Stream {
            path: path.to_owned(),
            index: index + 1,
            source,
        })?;
        if streams.iter().any(|other| other.name == spec.name) {
            return Err(ConfigError::Twice { path: path.to_owned(), name: spec.name });
        }
        streams.push(spec);
    }
    Ok(streams)
}

#[cfg(test)]
mod tests;
