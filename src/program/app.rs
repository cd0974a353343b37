//! Start and shutdown of the server: it connects the store, the streams, the hooks and HTTP.

use std::io::ErrorKind;
use std::iter;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::os_error;
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::definition::spec::StreamSpec;
use crate::definition::store::{Address, Definitions, StoreError};
use crate::http::{self, App, Certificates, Site, TlsError};
use crate::media::pipeline::{self, PipelineError};
use crate::program::config::{Config, ConfigError, MaxPixels, MediaDir, Sources, Wait};
use crate::program::telemetry::Log;
use crate::program::wait::{self, Unreachable};
use crate::stream::hooks::{self, RetryTimes, Workers};
use crate::stream::webrtc::{Sockets, Webrtc, deliver};
use crate::stream::{Registry, Render, Setting};

mod capacity;
mod created_secrets;
mod listener;
mod page_link;
mod reload;
mod secrets;
mod webrtc;

pub use created_secrets::TOKEN as TOKEN_IN_STATE_DIR;
use reload::Reloader;
use secrets::Secrets;

/// Time that requests and pipelines get to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(8);

/// Arguments of [`run`].
#[derive(Debug)]
pub struct Start {
    /// Sources of the configuration, read again at each signal of `hangups`.
    pub sources: Sources,
    /// The configuration that `sources` contain.
    pub config: Config,
    /// The log, already started.
    pub log: Log,
    /// Received `SIGHUP` signals.
    pub hangups: Signal,
}

/// Why the program could not start or continue.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration names something that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A server of `wait_for` does not accept connections.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The server cannot listen on the address.
    #[error("cannot listen on {listen}: {}", advice(*listen, why))]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// The error of the operating system.
        why: std::io::Error,
    },
    /// WebRTC cannot use the address.
    #[error("webrtc_listen: cannot listen on {listen}: {}", os_error::text(why))]
    ListenWebrtc {
        /// The address.
        listen: SocketAddr,
        /// The error of the operating system.
        why: std::io::Error,
    },
    /// GStreamer cannot be used.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A created secret cannot be stored, or a stored one is invalid. The text names it.
    #[error("cannot use the file {} in state_dir: {}", .0, os_error::text(.1))]
    Token(&'static str, std::io::Error),
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl AppError {
    /// Whether the operator must change the configuration, or something that it names.
    pub const fn is_of_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Unreachable(_) | Self::Store(StoreError::Bucket(_)) | Self::Tls(_) => true,
            Self::Listen { .. }
            | Self::ListenWebrtc { .. }
            | Self::Pipeline(_)
            | Self::Store(StoreError::File(_))
            | Self::Token(..) => false,
        }
    }
}

/// Runs the server until `end` is cancelled, then waits for requests and pipelines to finish.
///
/// # Errors
/// [`AppError`].
pub async fn run(start: Start, end: CancellationToken) -> Result<(), AppError> {
    let Start { sources, config, log, hangups } = start;
    tracing::info!(configuration = %toml::Value::Table(config.to_table()), "starting");
    let Some(reached) = end.run_until_cancelled(wait::until_reachable(&config.wait)).await else { return Ok(()) };
    reached?;
    let listen = config.listen;
    let listener = listener::bind(listen).map_err(|why| AppError::Listen { listen, why })?;
    let address = listener.local_addr().map_err(|why| AppError::Listen { listen, why })?;
    let sockets = webrtc::bind(&config)?;
    let tasks = TaskTracker::new();
    let watch = |files| Certificates::watch(files, &tasks, end.clone());
    let certificates = config.tls.clone().map(watch).transpose()?;
    let encoders = pipeline::probe()?;
    let streams_over = CancellationToken::new();
    let render: Render = Arc::new(|job, stop| Box::pin(pipeline::run(job, stop)));
    let setting = Setting::new(Clock::system(), render, encoders.versions());
    let setting = Setting {
        deliver: deliver(&setting),
        directory: config.media_dir.path(address.port()),
        tasks: tasks.clone(),
        pushes: config.push,
        archive_bytes: config.archive_bytes,
        archive_dir: config.archive_dir.clone(),
        public_url: config.public_url.clone(),
        capacity: watch::Sender::new(capacity::initial(config.max_pixels)),
        limits: watch::Sender::new(config.viewer_limits.clone()),
        ..setting
    };
    let given = definitions(&config, setting.clock.now());
    let Some(definitions) = end.run_until_cancelled(given).await else { return Ok(()) };
    let definitions = definitions?;
    let mut secrets = Secrets::new(listeners(&listener, address));
    let access = secrets.access(&config)?;
    let (limits, metrics) = (config.limits, Arc::clone(&setting.metrics));
    log_start(&config, &setting, address);
    // The hooks start before the first event and end after the last.
    let (posts, hooks_over) = (TaskTracker::new(), CancellationToken::new());
    let mut workers = Workers::new(posted(&setting), posts.clone(), hooks_over.clone());
    workers.set(&config.hooks);
    let registry = Arc::new(Registry::new(setting, definitions, streams_over.clone()));
    let reconciler = Arc::clone(&registry);
    tasks.spawn(async move { reconciler.maintain().await });
    if config.max_pixels == MaxPixels::Auto {
        let (measured, stop) = (Arc::clone(&registry), end.clone());
        tasks.spawn(async move { stop.run_until_cancelled(capacity::measure(&measured.setting().capacity)).await });
    }
    let (link, started, stop) = (secrets.link(&config), Arc::clone(&registry), end.clone());
    tasks.spawn(async move { stop.run_until_cancelled(page_link::print_when_started(&link, &started)).await });
    let app = App::new(Arc::clone(&registry), access, end.clone());
    let app = with_webrtc(app, sockets, &config, (registry.setting(), end.clone()));
    let site = Site { routes: http::router(app.clone(), config.serve), certificates, limits, metrics };
    let (reloader, stop) = (Reloader { sources, config, log, registry, workers, app, secrets }, end.clone());
    tasks.spawn(async move { stop.run_until_cancelled(reloader.run(hangups)).await });
    tokio::select! {
        () = http::serve(listener, site, end.clone()) => {}
        () = async { end.cancelled().await; tokio::time::sleep(DRAIN).await } => {}
    }
    streams_over.cancel();
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("streams have not ended within {} s; ending without them", DRAIN.as_secs());
    }
    hooks_over.cancel();
    posts.close();
    posts.wait().await;
    tracing::info!("ended");
    Ok(())
}

/// The app with sessions on `sockets` until the token is cancelled.
fn with_webrtc(
    app: App,
    sockets: Option<Sockets>,
    config: &Config,
    (setting, end): (&Setting, CancellationToken),
) -> App {
    let Some(sockets) = sockets else { return app };
    let configured = (config.webrtc.addresses.clone(), config.webrtc.limits);
    match Webrtc::start(sockets, configured, setting, end) {
        Ok(webrtc) => app.with_webrtc(webrtc),
        Err(error) => {
            tracing::error!(error = os_error::text(&error), "cannot start WebRTC: streams are served without it");
            app
        }
    }
}

fn posted(setting: &Setting) -> hooks::Setting {
    hooks::Setting {
        events: Arc::clone(&setting.events),
        clock: setting.clock.clone(),
        metrics: Arc::clone(&setting.metrics),
        retry_times: RetryTimes::default(),
    }
}

/// Opens the store. A new store gets the default stream unless streams are configured.
async fn definitions(config: &Config, now: UnixTime) -> Result<Definitions, StoreError> {
    let (declared, given) = match &config.streams {
        Some(declared) => (declared.clone(), Vec::new()),
        None => (Vec::new(), vec![StreamSpec::test()]),
    };
    let definitions = match (&config.store, &config.state_dir) {
        (Some(store), _) => join(store, given, &config.wait).await?,
        (None, Some(directory)) => Definitions::open(directory, given)?,
        (None, None) => Definitions::in_memory(given),
    };
    definitions.set_max_streams(config.max_streams);
    definitions.declare(declared, now).await;
    Ok(definitions)
}

/// Connects to the store, with the attempts and pauses of `wait_for`.
async fn join(store: &Address, given: Vec<StreamSpec>, wait: &Wait) -> Result<Definitions, StoreError> {
    let mut attempt = 1;
    loop {
        match Definitions::join(store, given.clone()).await {
            Err(error) if attempt < wait.tries => {
                tracing::info!(%error, attempt, "the store is not reachable; trying again")
            }
            outcome => return outcome,
        }
        attempt += 1;
        tokio::time::sleep(wait.pause).await;
    }
}

/// Error text and remedy for an address that the server cannot listen on.
fn advice(listen: SocketAddr, why: &std::io::Error) -> String {
    let other = SocketAddr::new(listen.ip(), if listen.port() == 8081 { 8082 } else { 8081 });
    match why.kind() {
        ErrorKind::AddrInUse => format!("another program uses this port; choose another with --listen {other}"),
        ErrorKind::PermissionDenied if listen.port() < 1024 => {
            "ports below 1024 need CAP_NET_BIND_SERVICE; choose one from 1024 up".into()
        }
        ErrorKind::AddrNotAvailable => "this machine does not have the address; correct --listen".into(),
        _ => os_error::text(why),
    }
}

/// Addresses through which programs on this machine reach `listener`. A socket on all IPv6 addresses may accept IPv4
/// too.
fn listeners(listener: &TcpListener, address: SocketAddr) -> Vec<SocketAddr> {
    let takes_both = address.ip() == Ipv6Addr::UNSPECIFIED && SockRef::from(listener).only_v6().is_ok_and(|only| !only);
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    iter::once(address).chain(takes_both.then_some(v4)).collect()
}

fn log_start(config: &Config, setting: &Setting, address: SocketAddr) {
    let directory = setting.directory.as_deref().map(|path| path.display().to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %address,
        media_dir = directory.as_deref().unwrap_or("none"),
        encoders = setting.encoders,
        "listening"
    );
    if config.state_dir.is_none() && config.store.is_none() {
        tracing::warn!("streams created over REST or in the page are lost at exit; set --state-dir DIR to keep them");
    }
    if config.media_dir == MediaDir::None {
        tracing::info!("segments are not written to disk (media_dir = none)");
    }
}
