//! Limits on connections and requests, for which any setting may be named.

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
