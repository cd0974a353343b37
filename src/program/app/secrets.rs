//! What it takes to change things and to watch what is private, as it is configured. What is not configured is made, once.

use std::io;
use std::net::SocketAddr;

use super::{AppError, token};
use crate::http::viewer_token::Keys;
use crate::http::{Access, Local, ViewerAccess};
use crate::program::config::Config;

/// What has been made.
#[derive(Debug)]
pub(super) struct Secrets {
    /// Where the page is.
    address: SocketAddr,
    token: Option<String>,
    viewer_key: Option<String>,
}

impl Secrets {
    /// Nothing yet, for a server that listens there.
    pub(super) fn of(address: SocketAddr) -> Self {
        Self { address, token: None, viewer_key: None }
    }

    /// Who may do what. Files are read anew. A token that is configured is everybody's to send, and nobody's to be told.
    pub(super) fn access(&mut self, config: &Config) -> Result<Access, AppError> {
        let keys = self.keys(config)?;
        let viewer_access = ViewerAccess { keys, lists: config.lists.clone(), proxies: config.trusted_proxies.clone() };
        if let Some(configured) = &config.api_token {
            return Ok(Access::new(&configured.read()?, Local::NeedsToken, viewer_access));
        }
        let is_new = self.token.is_none();
        let token = made(&mut self.token, config, token::TOKEN)?;
        if is_new {
            let scheme = if config.tls.is_some() { "https" } else { "http" };
            show(&token::link(scheme, self.address, token));
        }
        Ok(Access::new(token, Local::Trusted, viewer_access))
    }

    /// Replicas with the same keys take each other's viewer tokens.
    fn keys(&mut self, config: &Config) -> Result<Keys, AppError> {
        if let Some(configured) = &config.viewer_key {
            return Ok(configured.read()?);
        }
        let not_keys = || AppError::Token(token::VIEWER_KEY, io::Error::new(io::ErrorKind::InvalidData, Keys::ALLOWED));
        Keys::parse(made(&mut self.viewer_key, config, token::VIEWER_KEY)?).ok_or_else(not_keys)
    }
}

fn made<'a>(place: &'a mut Option<String>, config: &Config, name: &'static str) -> Result<&'a str, AppError> {
    let find = || token::find_or_make(config.state_dir.as_deref(), name).map_err(|error| AppError::Token(name, error));
    let secret = match place.take() {
        Some(secret) => secret,
        None => find()?,
    };
    Ok(place.insert(secret))
}

/// The log is kept by others, so the link is not in it.
#[expect(clippy::print_stdout, reason = "whoever starts the program may use its page")]
fn show(link: &str) {
    println!("{link}");
}
