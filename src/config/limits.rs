//! What clients may have of the server.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::settings::Settings;
use super::{ConfigError, in_range, seconds};

/// More than one machine serves.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The least that hyper works with, and what no browser comes near.
const HEADER_BYTES: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;

/// What clients may have of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// How long the head of a request may take, from its first byte to its last; of the first request, from the connection on.
    pub header: Duration,
    /// How long the head of a request may be.
    pub header_bytes: usize,
    /// How long the body of a request may take, from the end of its head.
    pub body: Duration,
    /// How long a client may take nothing of what it has asked for.
    pub send: Duration,
}

impl Default for ConnectionLimits {
    /// Hundreds of clients behind one address, as a CDN's edge or an office is, need no configuration.
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 1024,
            header: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            body: Duration::from_secs(10),
            send: Duration::from_secs(30),
        }
    }
}

pub(super) fn limits(said: &Settings) -> Result<ConnectionLimits, ConfigError> {
    let mut limits = ConnectionLimits::default();
    let number = |name, value, range| in_range(name, value, range).map(|number| number as usize);
    if let Some(value) = said.max_connections {
        limits.connections = number("max_connections", value, CONNECTIONS)?;
    }
    if let Some(value) = said.max_connections_per_address {
        limits.connections_per_address = number("max_connections_per_address", value, CONNECTIONS)?;
    }
    if let Some(value) = said.max_header_bytes {
        limits.header_bytes = number("max_header_bytes", value, HEADER_BYTES)?;
    }
    if let Some(value) = said.header_seconds {
        limits.header = seconds("header_seconds", value)?;
    }
    if let Some(value) = said.body_seconds {
        limits.body = seconds("body_seconds", value)?;
    }
    if let Some(value) = said.send_seconds {
        limits.send = seconds("send_seconds", value)?;
    }
    Ok(limits)
}
