//! Connections over a limit. Probes and metrics are answered, so that monitoring does not take a busy server for a
//! failed one. Other requests are refused with the name of the setting. Few such connections are open at the same time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::{Metrics, RefusedConnectionLabels};
use crate::http::connection_limits::ExceededLimit;
use crate::http::error::ApiError;

/// Paths that are answered on every connection.
const EXEMPT_PATHS: [&str; 4] = ["/livez", "/readyz", "/startupz", "/metrics"];
/// Maximum duration of such a connection, from its acceptance to the end of its response.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(3);
/// Limit of open connections over a limit. The next one replaces the oldest, so silent clients cannot block a probe,
/// which sends its request immediately.
const MAX_CONNECTIONS: usize = 32;

/// The open connections over a limit.
#[derive(Debug)]
pub(super) struct OverLimit {
    metrics: Arc<Metrics>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    /// Id and cancellation of each open connection, oldest first.
    open: VecDeque<(u64, CancellationToken)>,
}

/// A connection over a limit, until it is dropped.
#[derive(Debug)]
pub(super) struct ExcessConnection {
    over_limit: Arc<OverLimit>,
    id: u64,
    exceeded: ExceededLimit,
    /// Cancelled when another connection replaces this one.
    replaced: CancellationToken,
    /// Notified at the first request. No other request is read.
    first_request: Notify,
    answered: AtomicBool,
}

impl OverLimit {
    pub(super) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { metrics, connections: Mutex::default() })
    }

    /// Registers a connection that exceeds a limit.
    pub(super) fn register(self: &Arc<Self>, exceeded: ExceededLimit) -> ExcessConnection {
        let replaced = CancellationToken::new();
        let mut connections = self.lock();
        connections.next += 1;
        let id = connections.next;
        connections.open.push_back((id, replaced.clone()));
        if connections.open.len() > MAX_CONNECTIONS {
            connections.open.pop_front().into_iter().for_each(|(_, oldest)| oldest.cancel());
        }
        let (first_request, answered) = (Notify::new(), AtomicBool::new(false));
        ExcessConnection { over_limit: Arc::clone(self), id, exceeded, replaced, first_request, answered }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExcessConnection {
    /// Decides about a request for `path`.
    pub(super) fn decide(&self, path: &str) -> Result<(), ApiError> {
        self.first_request.notify_one();
        if !EXEMPT_PATHS.contains(&path) {
            return Err(ApiError::TooManyConnections(self.exceeded));
        }
        self.answered.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Resolves when the first request has arrived.
    pub(super) async fn first_request(&self) {
        self.first_request.notified().await;
    }

    /// Resolves when the connection must be closed.
    pub(super) async fn must_close(&self) {
        // Either the time is up, or another connection has replaced this one.
        let _ = tokio::time::timeout(MAX_DURATION, self.replaced.cancelled()).await;
    }
}

impl Drop for ExcessConnection {
    fn drop(&mut self) {
        self.over_limit.lock().open.retain(|(id, _)| *id != self.id);
        if !*self.answered.get_mut() {
            let labels = RefusedConnectionLabels { reason: self.exceeded.reason() };
            self.over_limit.metrics.connections_refused.get_or_create(&labels).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCEEDED: ExceededLimit = ExceededLimit::Address(4);

    #[test]
    fn over_a_limit_only_probes_and_metrics_are_answered() {
        let over_limit = OverLimit::new(Arc::new(Metrics::new()));
        for path in EXEMPT_PATHS {
            assert!(over_limit.register(EXCEEDED).decide(path).is_ok(), "{path}");
        }
        assert!(!over_limit.metrics.text().contains("connections_refused_total{"));
        for path in ["/", "/livez/", "/time", "/api/v1/streams", "/t/x/livez"] {
            let refused = over_limit.register(EXCEEDED).decide(path).unwrap_err().to_string();
            assert!(refused.contains("max_connections_per_address") && refused.contains('4'), "{refused}");
        }
        drop(over_limit.register(ExceededLimit::Total(9)));
        let text = over_limit.metrics.text();
        for (reason, count) in [("address", 5), ("all", 1)] {
            let line = format!("barstone_connections_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_connection_replaces_the_oldest() {
        let over_limit = OverLimit::new(Arc::new(Metrics::new()));
        let mut silent: Vec<_> = (0..MAX_CONNECTIONS).map(|_| over_limit.register(EXCEEDED)).collect();
        assert!(silent.iter().all(|hearing| !hearing.replaced.is_cancelled()));
        drop(silent.pop());
        let _first = over_limit.register(EXCEEDED);
        assert!(!silent[0].replaced.is_cancelled(), "one had gone");
        let probe = over_limit.register(EXCEEDED);
        assert!(silent[0].replaced.is_cancelled() && !silent[1].replaced.is_cancelled());
        assert!(!probe.replaced.is_cancelled() && over_limit.lock().open.len() == MAX_CONNECTIONS);

        let begun = tokio::time::Instant::now();
        silent[0].must_close().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        probe.must_close().await;
        assert_eq!(begun.elapsed(), MAX_DURATION);
        drop(silent);
        drop(probe);
        assert_eq!(over_limit.lock().open.len(), 1);
    }
}
