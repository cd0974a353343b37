//! Limits on the number of connections: in total, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};

use crate::base::metrics::Metrics;
use crate::base::network::subscriber;
use crate::http::ConnectionLimits;
use crate::http::connection_limits::ExceededLimit;

/// Share of the file descriptors that connections may use. Files, pipelines and hooks need the rest.
const SHARE: (u64, u64) = (3, 4);

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
    addresses: HashMap<IpAddr, usize>,
}

/// Counts one admitted connection until it is dropped.
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

    /// Admits a connection, unless a limit is reached.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, ExceededLimit> {
        let address = subscriber(address);
        let mut counts = self.counts();
        match counts.addresses.get(&address) {
            _ if counts.all >= self.all => return Err(ExceededLimit::Total(self.all)),
            Some(there) if *there >= self.per_address => return Err(ExceededLimit::Address(self.per_address)),
            Some(_) | None => {}
        }
        counts.all += 1;
        *counts.addresses.entry(address).or_default() += 1;
        self.metrics.connections.inc();
        Ok(ConnectionPermit { limiter: Arc::clone(self), address })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Number of connections for which this process has file descriptors.
fn affordable() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / SHARE.1 * SHARE.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(connections: usize, connections_per_address: usize) -> Arc<ConnectionLimiter> {
        let limits = ConnectionLimits { connections, connections_per_address, ..ConnectionLimits::default() };
        ConnectionLimiter::new(&limits, Arc::new(Metrics::new()))
    }

    fn enter(limiter: &Arc<ConnectionLimiter>, address: &str) -> Result<ConnectionPermit, ExceededLimit> {
        limiter.enter(address.parse().unwrap())
    }

    #[test]
    fn connections_are_limited_in_total_and_for_each_address() {
        let limiter = limiter(3, 2);
        let first = enter(&limiter, "192.0.2.1").unwrap();
        let _second = enter(&limiter, "::ffff:192.0.2.1").unwrap();
        assert_eq!(enter(&limiter, "192.0.2.1").unwrap_err(), ExceededLimit::Address(2));
        let _third = enter(&limiter, "192.0.2.2").unwrap();
        assert_eq!(enter(&limiter, "192.0.2.3").unwrap_err(), ExceededLimit::Total(3));
        drop(first);
        let _fourth = enter(&limiter, "192.0.2.1").unwrap();
        let text = limiter.metrics.text();
        assert!(text.contains("barstone_connections 3\n"), "{text}");
    }

    #[test]
    fn addresses_of_one_ipv6_subscriber_count_together() {
        let limiter = limiter(3, 1);
        let inside = enter(&limiter, "2001:db8::1").unwrap();
        assert_eq!(enter(&limiter, "2001:db8::2").unwrap_err(), ExceededLimit::Address(1));
        let _other = enter(&limiter, "2001:db8:0:1::1").unwrap();
        drop(inside);
        assert_eq!(limiter.counts().addresses.len(), 1, "nobody is remembered");
    }
}
