//! Limits on connections and requests. Each is a setting.

use std::fmt;
use std::time::Duration;

/// Limits on connections and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of connections.
    pub connections: usize,
    /// Maximum number of connections from one address.
    pub connections_per_address: usize,
    /// Time limit for a request head, from its first byte to its last; for the first request, from the start of the
    /// connection.
    pub header: Duration,
    /// Maximum size of a request head in bytes.
    pub header_bytes: usize,
    /// Time limit for a request body, from the end of the head.
    pub body: Duration,
    /// Time after which a connection is closed if the client reads nothing of a response.
    pub send: Duration,
}

/// A limit on connections that was reached, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExceededLimit {
    /// The limit on all connections.
    Total(usize),
    /// The limit on connections from one address.
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
    /// The defaults suit hundreds of clients behind one address, such as an edge of a CDN or an office.
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
