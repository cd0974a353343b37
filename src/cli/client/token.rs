//! The API token of a command: from an option, or from a server that the same user runs on this machine.

use std::fs;
use std::io::ErrorKind;

use reqwest::header::HeaderValue;

use super::arguments::Options;
use super::error::ClientError;
use super::token_origin::Origin;
use crate::program::app::TOKEN_IN_STATE_DIR;
use crate::program::token_file;

/// An API token.
pub(super) struct Token {
    value: String,
    pub(super) origin: Origin,
}

impl Token {
    /// Finds the token for the server of `options`. `None` if there is none.
    pub(super) fn find(options: &Options) -> Result<Option<Self>, ClientError> {
        let found = match (&options.token, &options.token_file) {
            (Some(token), _) => Some((token.clone(), Origin::Argument)),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) => Some((text, Origin::File(path.clone()))),
                Err(source) => return Err(ClientError::File { path: path.clone(), source }),
            },
            (None, None) => of_this_machine(options)?,
        };
        let token = found.map(|(text, origin)| Self { value: text.trim().to_owned(), origin });
        Ok(token.filter(|token| !token.value.is_empty()))
    }

    /// Value of the `Authorization` header (RFC 6750 2.1).
    pub(super) fn bearer(&self) -> Result<HeaderValue, ClientError> {
        let value = HeaderValue::try_from(format!("Bearer {}", self.value));
        let mut value = value.map_err(|_| ClientError::Token { origin: self.origin.clone() })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The token of a server on this machine. It is never sent to another machine.
fn of_this_machine(options: &Options) -> Result<Option<(String, Origin)>, ClientError> {
    let url = &options.server;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Ok(None) };
    if let Some(token) = token_file::find(host, port) {
        return Ok(Some((token, Origin::Server)));
    }
    let Some(state) = options.state_dir.as_ref().filter(|_| token_file::is_loopback(host)) else { return Ok(None) };
    let path = state.join(TOKEN_IN_STATE_DIR);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((text, Origin::File(path)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClientError::File { path, source }),
    }
}
