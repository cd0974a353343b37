//! The addresses at which clients find the ports. An answer lists them as ICE candidates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

/// Time for which the addresses of names are stored.
const STORED: Duration = Duration::from_secs(30);
/// Longest wait for the addresses of a name.
const RESOLVE: Duration = Duration::from_secs(2);
/// Most addresses in an answer. A client tries all of them.
const MAX_ADDRESSES: usize = 8;

/// Addresses and names of this host, as its operator has configured them.
#[derive(Debug)]
pub(super) struct Advertised {
    configured: Vec<String>,
    resolved: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

impl Advertised {
    pub(super) fn new(configured: Vec<String>) -> Self {
        Self { configured, resolved: Mutex::default() }
    }

    /// The configured addresses, and those of configured names. Without any, the address that the ports are `bound` to; if
    /// they are bound to all addresses, `reached`, by which the client has reached this host, and those from which this host
    /// sends to other networks.
    pub(super) async fn all(&self, bound: IpAddr, reached: &[IpAddr]) -> Vec<IpAddr> {
        let mut all = match (self.configured.is_empty(), bound.is_unspecified()) {
            (false, _) => self.resolved().await,
            (true, true) => reached.iter().copied().chain(default_sources()).collect(),
            (true, false) => vec![bound],
        };
        let mut seen = Vec::new();
        all.retain(|address| {
            let is_new = !seen.contains(address) && !address.is_unspecified() && !address.is_multicast();
            seen.push(*address);
            is_new
        });
        all.truncate(MAX_ADDRESSES);
        all
    }

    async fn resolved(&self) -> Vec<IpAddr> {
        let stored = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, stored)) = stored.filter(|(at, _)| at.elapsed() < STORED) {
            return stored;
        }
        let mut found = Vec::new();
        for host in &self.configured {
            match timeout(RESOLVE, lookup_host((host.as_str(), 0))).await {
                Ok(Ok(addresses)) => found.extend(addresses.map(|address| address.ip().to_canonical())),
                Ok(Err(error)) => tracing::warn!(host, %error, "webrtc_addresses: cannot resolve the name"),
                Err(_) => tracing::warn!(host, "webrtc_addresses: resolving the name takes too long"),
            }
        }
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        found
    }
}

/// The addresses from which this host sends to other networks. The function sends no packet.
fn default_sources() -> impl Iterator<Item = IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849), which no host has.
    const ELSEWHERE: [SocketAddr; 2] = [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
    ];
    ELSEWHERE.into_iter().filter_map(source_towards)
}

/// The address from which this host sends to another. The function sends no packet.
pub(super) fn source_towards(other: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if other.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(other).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
