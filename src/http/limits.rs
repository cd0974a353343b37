//! Limits on connections and requests, for which any setting may be named.

use std::fmt;
use std::time::Duration;

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

/// A limit of connections that has been reached, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExceededLimit {
    /// Of all connections.
    Total(usize),
    /// Of the connections from one address.
    Address(usize),
}

impl ExceededLimit {
    /// Label of the metric that counts refusals.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Total(_) => "all",
            Self::Address(_) => "address",
        }
    }
}

impl fmt::Display for ExceededLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(most) => write!(
                f,
                "all {most} connections that the server takes are open (max_connections, and file descriptors for \
                 them): close some, or raise the limit"
            ),
            Self::Address(most) => write!(
                f,
                "all {most} connections that one address may open are open (max_connections_per_address): close some, \
                 or raise the limit"
            ),
        }
    }
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
