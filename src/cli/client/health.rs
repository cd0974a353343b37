//! Whether the server that the same settings start is ready, asked from beside it: for containers, whose settings are in
//! the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::{Method, Url};
use serde::Deserialize;

use super::error::ClientError;
use super::print;
use super::server::Server;
use crate::program::config::Config;

/// Says `ready`, or fails with the reason.
pub(super) async fn check(config: &Config) -> Result<(), ClientError> {
    let server = Server::beside(&url(config)?)?;
    let response = server.fetch(server.at(Method::GET, &["readyz"], &[])).await?;
    match (response.status.is_success(), serde_json::from_slice::<Readiness>(&response.body)) {
        (true, _) => print("ready\n"),
        (false, Ok(readiness)) => Err(ClientError::NotReady(readiness.reason())),
        (false, Err(_)) => Err(ClientError::Strange(response.status.to_string())),
    }
}

/// What `/readyz` answers.
#[derive(Debug, Deserialize)]
struct Readiness {
    draining: bool,
    not_playable: Vec<String>,
}

impl Readiness {
    fn reason(&self) -> String {
        match self.draining {
            true => "the server is shutting down".into(),
            false => format!("not playable: {}", self.not_playable.join(", ")),
        }
    }
}

fn url(config: &Config) -> Result<Url, ClientError> {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let address = SocketAddr::new(reachable(config.listen.ip()), config.listen.port());
    let url = Url::parse(&format!("{scheme}://{address}")).map_err(|error| ClientError::Begin(error.to_string()))?;
    match address.port() {
        0 => Err(ClientError::AnyPort),
        _ => Ok(url),
    }
}

/// An address at which a server answers that listens on `listen`. All addresses include IPv4, which every host has.
fn reachable(listen: IpAddr) -> IpAddr {
    if listen.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen }
}
