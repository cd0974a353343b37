//! Who gets in: so many connections in all, and so many from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::to_bytes;
use axum::response::IntoResponse as _;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::base::metrics::{Metrics, RefusedConnectionLabels};
use crate::http::ConnectionLimits;
use crate::http::error::ApiError;

/// Of all file descriptors connections get three in four; files, pipelines and hooks need some as well.
const SHARE: (u64, u64) = (3, 4);
/// How long they may take to hear it; a connection that is closed while they speak would be reset.
const HEARING: Duration = Duration::from_secs(1);
/// How many are told at once; more are closed without a word.
const TOLD: usize = 64;
/// The network of one subscriber has this many bits in IPv6 (RFC 6177).
const NETWORK: u32 = 64;

/// Counts connections.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    all: usize,
    per_address: usize,
    metrics: Arc<Metrics>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    told: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// What keeps a connection out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exceeded {
    /// There are too many.
    Total,
    /// There are too many from its address.
    Address,
}

/// A connection that has got in, until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
}

impl ConnectionLimiter {
    pub(super) fn new(limits: &ConnectionLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        let all = limits.connections.min(affordable());
        if all < limits.connections {
            tracing::warn!(
                max_connections = all,
                "fewer connections than max_connections says: raise the limit of open files (ulimit -n)"
            );
        }
        Arc::new(Self { all, per_address: limits.connections_per_address, metrics, counts: Mutex::default() })
    }

    /// Lets a connection in if there is room.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, Exceeded> {
        let address = network(address.to_canonical());
        let mut counts = self.counts();
        let full = match counts.addresses.get(&address) {
            _ if counts.all >= self.all => Some(Exceeded::Total),
            Some(there) if *there >= self.per_address => Some(Exceeded::Address),
            Some(_) | None => None,
        };
        if let Some(full) = full {
            self.metrics.connections_refused.get_or_create(&RefusedConnectionLabels { reason: full.as_str() }).inc();
            return Err(full);
        }
        counts.all += 1;
        *counts.addresses.entry(address).or_default() += 1;
        self.metrics.connections.inc();
        Ok(ConnectionPermit { limiter: Arc::clone(self), address })
    }

    /// Tells a client that there is no room, unless too many are being told already.
    pub(super) async fn refuse(&self, mut stream: TcpStream) {
        if self.counts().told >= TOLD {
            return;
        }
        self.counts().told += 1;
        let hearing = async {
            stream.write_all(&no_room().await).await?;
            stream.shutdown().await?;
            while stream.read(&mut [0; 1024]).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Whether it has been heard changes nothing.
        let _ = tokio::time::timeout(HEARING, hearing).await;
        self.counts().told -= 1;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exceeded {
    fn as_str(self) -> &'static str {
        match self {
            Self::Total => "all",
            Self::Address => "address",
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.limiter.counts();
        counts.all -= 1;
        self.limiter.metrics.connections.dec();
        let left = counts.addresses.get_mut(&self.address).map(|there| {
            *there -= 1;
            *there
        });
        if left == Some(0) {
            counts.addresses.remove(&self.address);
        }
    }
}

/// What those are told for whom there is no room, before they have asked.
async fn no_room() -> Vec<u8> {
    let (head, body) = ApiError::TooManyConnections.into_response().into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut answer = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", head.status, body.len()).into_bytes();
    for (name, value) in &head.headers {
        answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend([b"\r\n", &*body].concat());
    answer
}

/// As many file descriptors as this process may have, less those that others need.
fn affordable() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / SHARE.1 * SHARE.0).unwrap_or(usize::MAX)
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> NETWORK << NETWORK).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(connections: usize, connections_per_address: usize) -> Arc<ConnectionLimiter> {
        let limits = ConnectionLimits { connections, connections_per_address, ..ConnectionLimits::default() };
        ConnectionLimiter::new(&limits, Arc::new(Metrics::new()))
    }

    fn enter(limiter: &Arc<ConnectionLimiter>, address: &str) -> Result<ConnectionPermit, Exceeded> {
        limiter.enter(address.parse().unwrap())
    }

    #[test]
    fn there_is_room_for_so_many_in_all_and_from_one_address() {
        let limiter = limiter(3, 2);
        let first = enter(&limiter, "192.0.2.1").unwrap();
        let _second = enter(&limiter, "::ffff:192.0.2.1").unwrap();
        assert_eq!(enter(&limiter, "192.0.2.1").unwrap_err(), Exceeded::Address);
        let _third = enter(&limiter, "192.0.2.2").unwrap();
        assert_eq!(enter(&limiter, "192.0.2.3").unwrap_err(), Exceeded::Total);
        drop(first);
        let _fourth = enter(&limiter, "192.0.2.1").unwrap();
        let text = limiter.metrics.text();
        assert!(text.contains("barstone_connections 3\n"), "{text}");
        for reason in ["all", "address"] {
            assert!(text.contains(&format!("barstone_connections_refused_total{{reason=\"{reason}\"}} 1")), "{text}");
        }
    }

    #[test]
    fn a_subscriber_of_ipv6_has_many_addresses() {
        let limiter = limiter(3, 1);
        let inside = enter(&limiter, "2001:db8::1").unwrap();
        assert_eq!(enter(&limiter, "2001:db8::2").unwrap_err(), Exceeded::Address);
        let _other = enter(&limiter, "2001:db8:0:1::1").unwrap();
        drop(inside);
        assert_eq!(limiter.counts().addresses.len(), 1, "nobody is remembered");
    }
}
