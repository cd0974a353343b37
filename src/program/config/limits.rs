//! Limits on connections.

use super::ConfigError;
use super::ranges::{in_range, seconds};
use super::settings::Settings;
use crate::http::ConnectionLimits;

pub(super) fn limits(settings: &Settings) -> Result<ConnectionLimits, ConfigError> {
    let mut limits = ConnectionLimits::default();
    let number = |name, value| in_range(name, value).map(|number| number as usize);
    if let Some(value) = settings.max_connections {
        limits.connections = number("max_connections", value)?;
    }
    if let Some(value) = settings.max_connections_per_address {
        limits.connections_per_address = number("max_connections_per_address", value)?;
    }
    if let Some(value) = settings.max_header_bytes {
        limits.header_bytes = number("max_header_bytes", value)?;
    }
    if let Some(value) = settings.header_seconds {
        limits.header = seconds("header_seconds", value)?;
    }
    if let Some(value) = settings.body_seconds {
        limits.body = seconds("body_seconds", value)?;
    }
    if let Some(value) = settings.send_seconds {
        limits.send = seconds("send_seconds", value)?;
    }
    Ok(limits)
}
