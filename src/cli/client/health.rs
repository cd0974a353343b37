//! Health check of the server that the same settings start on this machine, for containers, whose settings are in the
//! environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::{Method, Url};
use serde::Deserialize;

use super::error::ClientError;
use super::print;
use super::server::Server;
use crate::program::config::Config;

/// Prints `ready`, or fails with the reason.
pub(super) async fn check(config: &Config) -> Result<(), ClientError> {
    let server = Server::on_this_machine(&url(config)?)?;
    let response = server.fetch(server.at(Method::GET, &["readyz"], &[])).await?;
    match (response.status.is_success(), serde_json::from_slice::<Readiness>(&response.body)) {
        (true, _) => print("ready\n"),
        (false, Ok(readiness)) => Err(ClientError::NotReady(readiness.reason())),
        (false, Err(_)) => Err(ClientError::NotBarstone(response.status.to_string())),
    }
}

/// The body of `/readyz`.
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
    let url = Url::parse(&format!("{scheme}://{address}")).map_err(|error| ClientError::Start(error.to_string()))?;
    match address.port() {
        0 => Err(ClientError::AnyPort),
        _ => Ok(url),
    }
}

/// An address that reaches a server listening on `listen`. For all addresses it is IPv4, which every host has.
fn reachable(listen: IpAddr) -> IpAddr {
    if listen.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listen }
}
