//! The API token and the viewer keys: configured, or created at the first start.

use std::io;
use std::net::SocketAddr;

use super::{AppError, created_secrets, page_link};
use crate::base::os_error;
use crate::http::viewer_token::Keys;
use crate::http::{Access, TokenOrigin, ViewerAccess};
use crate::program::config::Config;
use crate::program::token_file::TokenFile;

/// Secrets of this process.
#[derive(Debug)]
pub(super) struct Secrets {
    /// Addresses to which commands of the same user connect.
    listeners: Vec<SocketAddr>,
    /// The created API token, if none is configured.
    token: Option<String>,
    /// The created viewer key, if none is configured.
    viewer_key: Option<String>,
    /// The files with the API token for commands of the same user.
    published: Vec<TokenFile>,
}

impl Secrets {
    /// No secrets yet, for a server at these addresses.
    pub(super) fn new(listeners: Vec<SocketAddr>) -> Self {
        Self { listeners, token: None, viewer_key: None, published: Vec::new() }
    }

    /// The access rules of `config`. Reads the files of secrets and publishes the API token for commands of the same
    /// user.
    pub(super) fn access(&mut self, config: &Config) -> Result<Access, AppError> {
        let keys = self.keys(config)?;
        let viewer_access = ViewerAccess { keys, lists: config.lists.clone(), proxies: config.trusted_proxies.clone() };
        let (token, origin) = match &config.api_token {
            Some(configured) => (configured.read()?, TokenOrigin::Configured),
            None => (made(&mut self.token, config, created_secrets::TOKEN)?.to_owned(), TokenOrigin::Created),
        };
        self.publish(&token);
        Ok(Access::new(&token, origin, viewer_access))
    }

    /// The link to the page. It contains a created token; a configured one is never printed.
    pub(super) fn link(&self, config: &Config) -> String {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let own = || page_link::page_at(scheme, self.listeners[0]);
        let page = config.public_url.as_ref().map_or_else(own, |url| url.with("/"));
        let token = self.token.as_deref().filter(|_| config.api_token.is_none());
        page_link::to_page(&page, token)
    }

    fn publish(&mut self, token: &str) {
        let published = self.listeners.iter().map(|address| TokenFile::publish(*address, token));
        match published.collect() {
            Ok(published) => self.published = published,
            Err(error) => tracing::info!(
                error = os_error::text(&error),
                "barstone commands do not find the API token by themselves"
            ),
        }
    }

    /// The viewer keys. Replicas with the same keys accept each other's viewer tokens.
    fn keys(&mut self, config: &Config) -> Result<Keys, AppError> {
        if let Some(configured) = &config.viewer_key {
            return Ok(configured.read()?);
        }
        let not_keys =
            || AppError::Token(created_secrets::VIEWER_KEY, io::Error::new(io::ErrorKind::InvalidData, Keys::ALLOWED));
        Keys::parse(made(&mut self.viewer_key, config, created_secrets::VIEWER_KEY)?).ok_or_else(not_keys)
    }
}

fn made<'a>(place: &'a mut Option<String>, config: &Config, name: &'static str) -> Result<&'a str, AppError> {
    let find = || {
        created_secrets::open_or_create(config.state_dir.as_deref(), name).map_err(|error| AppError::Token(name, error))
    };
    let secret = match place.take() {
        Some(secret) => secret,
        None => find()?,
    };
    Ok(place.insert(secret))
}
