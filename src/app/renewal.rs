//! The configuration read again while the program runs.

use std::sync::Arc;

use tokio::signal::unix::Signal;

use crate::config::{Config, Sources};
use crate::hooks::Roster;
use crate::stream::Registry;
use crate::telemetry::Log;

/// What takes effect without a restart, beside streams and hooks.
const LOG: &str = "log";

/// All that a new configuration may touch.
pub(super) struct Renewal {
    pub(super) sources: Sources,
    /// What is in effect.
    pub(super) config: Config,
    pub(super) log: Log,
    pub(super) registry: Arc<Registry>,
    pub(super) roster: Roster,
}

impl Renewal {
    /// Reads the configuration at each of `hangups`.
    pub(super) async fn keep(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            match Config::load(&self.sources) {
                Ok(new) => self.apply(new).await,
                Err(error) => tracing::error!(%error, "the configuration is wrong; nothing changes"),
            }
        }
    }

    async fn apply(&mut self, new: Config) {
        let differences = self.config.differences(&new);
        let (at_once, later): (Vec<_>, Vec<_>) = differences.into_iter().partition(|key| key == LOG);
        if !later.is_empty() {
            tracing::warn!(settings = later.join(", "), "changed, but only a restart has them take effect");
        }
        if let (false, Err(error)) = (at_once.is_empty(), self.log.set_filter(&new.log)) {
            tracing::error!(error, "the filter of the log stays as it is");
        }
        let Config { log, streams, hooks, .. } = new;
        let now = self.registry.setting().clock.now();
        self.registry.definitions().declare(streams.clone().unwrap_or_default(), now).await;
        self.roster.set(&hooks);
        self.config = Config { log, streams, hooks, ..self.config.clone() };
        tracing::info!("the configuration has been read again");
    }
}
