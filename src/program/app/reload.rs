//! Reload of the configuration while the program runs.

use std::error::Error;
use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::page_link;
use super::secrets::Secrets;
use crate::http::App;
use crate::program::config::{Config, Sources};
use crate::program::telemetry::Log;
use crate::stream::Registry;
use crate::stream::hooks::Workers;

/// The parts of the program that a reload may change.
pub(super) struct Reloader {
    pub(super) sources: Sources,
    /// The configuration in effect.
    pub(super) config: Config,
    pub(super) log: Log,
    pub(super) registry: Arc<Registry>,
    pub(super) workers: Workers,
    pub(super) app: App,
    pub(super) secrets: Secrets,
}

impl Reloader {
    /// Reloads the configuration at each signal of `hangups`; never returns.
    pub(super) async fn run(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            match Config::load(&self.sources) {
                Ok(new) => self.apply(new).await,
                Err(error) => tracing::error!(%error, "cannot load the new configuration; the old one stays in effect"),
            }
        }
    }

    /// Applies a configuration. Settings that need a restart keep their values and are logged.
    async fn apply(&mut self, new: Config) {
        let next = self.next(&new);
        let access = match self.secrets.access(&next) {
            Ok(access) => access,
            Err(error) => {
                return tracing::error!(
                    error = &error as &dyn Error,
                    "cannot load the new configuration; the old one stays in effect"
                );
            }
        };
        let later = next.differences(&new);
        if !later.is_empty() {
            tracing::warn!(settings = later.join(", "), "these settings have changed and take effect after a restart");
        }
        if let (true, Err(error)) = (next.log != self.config.log, self.log.set_filter(&next.log)) {
            tracing::error!(error, "cannot set the filter of the log; the old one stays in effect");
        }
        let link = Some(self.secrets.link(&next)).filter(|link| *link != self.secrets.link(&self.config));
        self.app.change_access(access);
        let (setting, definitions) = (self.registry.setting(), self.registry.definitions());
        setting.limits.send_replace(next.viewer_limits.clone());
        definitions.set_max_streams(next.max_streams);
        definitions.declare(next.streams.clone().unwrap_or_default(), setting.clock.now()).await;
        self.workers.set(&next.hooks);
        self.config = next;
        tracing::info!("loaded the configuration again");
        if let Some(link) = link {
            page_link::print(&link);
        }
    }

    /// The configuration in effect, with the settings of `new` that need no restart.
    fn next(&self, new: &Config) -> Config {
        let new = new.clone();
        Config {
            api_token: new.api_token,
            viewer_key: new.viewer_key,
            lists: new.lists,
            trusted_proxies: new.trusted_proxies,
            max_streams: new.max_streams,
            viewer_limits: new.viewer_limits,
            log: new.log,
            streams: new.streams,
            hooks: new.hooks,
            ..self.config.clone()
        }
    }
}
