//! What clients may have of the server.

use std::ops::RangeInclusive;

use super::settings::Settings;
use crate::http::ConnectionLimits;

use super::{ConfigError, in_range, seconds};

/// More than one machine serves.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The least that hyper works with, and what no browser comes near.
const HEADER_BYTES: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;

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
