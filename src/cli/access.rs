//! Options of all commands that are clients of a server: credentials and trust.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use reqwest::header::{HeaderName, HeaderValue};

use crate::base::os_error;
use crate::inspect::fetch::Access;

/// Credentials and trust.
#[derive(Debug, Args)]
pub(super) struct AccessArguments {
    /// Send this header to the origins of the given URLs, such as "Authorization: Bearer x"; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Trust the certificates in this PEM file, too
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

impl AccessArguments {
    /// Reads the certificates.
    pub(super) fn access(&self) -> Result<Access, String> {
        let certificates = match &self.cacert {
            Some(path) => {
                let read = fs::read(path);
                Some(read.map_err(|error| format!("{}: {}", path.display(), os_error::text(&error)))?)
            }
            None => None,
        };
        Ok(Access { headers: self.header.clone(), certificates, ..Access::default() })
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write a name, a colon and a value")?;
    let name = HeaderName::try_from(name.trim()).map_err(|error| error.to_string())?;
    Ok((name, HeaderValue::try_from(value.trim()).map_err(|error| error.to_string())?))
}
