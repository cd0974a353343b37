//! Connections past a limit. A probe and a request for metrics are answered, so that whoever watches over the server is not
//! told that it has failed; anything else is refused with the setting that it meets. Few are heard at the same time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::{Metrics, RefusedConnectionLabels};
use crate::http::error::ApiError;
use crate::http::limits::ExceededLimit;

/// What is answered to every connection.
const ALWAYS: [&str; 4] = ["/livez", "/readyz", "/startupz", "/metrics"];
/// How long such a connection may last, from its acceptance to the end of its answer.
pub(super) const LASTS: Duration = Duration::from_secs(3);
/// Connections past a limit that are heard at the same time. The next one takes the place of the oldest: clients that keep
/// silent cannot keep out a probe, which sends its request as soon as it is connected.
const MOST: usize = 32;

/// The connections past a limit that are heard now.
#[derive(Debug)]
pub(super) struct OverLimit {
    metrics: Arc<Metrics>,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    next: u64,
    /// The oldest first.
    open: VecDeque<(u64, CancellationToken)>,
}

/// A connection past a limit, until it is dropped.
#[derive(Debug)]
pub(super) struct Hearing {
    all: Arc<OverLimit>,
    id: u64,
    exceeded: ExceededLimit,
    /// Another connection has taken its place.
    replaced: CancellationToken,
    /// There is a request, after which there is no other.
    asked: Notify,
    answered: AtomicBool,
}

impl OverLimit {
    pub(super) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { metrics, heard: Mutex::default() })
    }

    /// Hears a connection that has exceeded a limit.
    pub(super) fn hear(self: &Arc<Self>, exceeded: ExceededLimit) -> Hearing {
        let replaced = CancellationToken::new();
        let mut heard = self.heard();
        heard.next += 1;
        let id = heard.next;
        heard.open.push_back((id, replaced.clone()));
        if heard.open.len() > MOST {
            heard.open.pop_front().into_iter().for_each(|(_, oldest)| oldest.cancel());
        }
        let (asked, answered) = (Notify::new(), AtomicBool::new(false));
        Hearing { all: Arc::clone(self), id, exceeded, replaced, asked, answered }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hearing {
    /// Whether a request for `path` is answered.
    pub(super) fn judge(&self, path: &str) -> Result<(), ApiError> {
        self.asked.notify_one();
        if !ALWAYS.contains(&path) {
            return Err(ApiError::TooManyConnections(self.exceeded));
        }
        self.answered.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Resolves when the first request is there.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Resolves when the connection has to end, with an answer or without.
    pub(super) async fn over(&self) {
        // Both ways it is over.
        let _ = tokio::time::timeout(LASTS, self.replaced.cancelled()).await;
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.all.heard().open.retain(|(id, _)| *id != self.id);
        if !*self.answered.get_mut() {
            let labels = RefusedConnectionLabels { reason: self.exceeded.reason() };
            self.all.metrics.connections_refused.get_or_create(&labels).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCEEDED: ExceededLimit = ExceededLimit::Address(4);

    #[test]
    fn probes_and_metrics_are_answered_and_nothing_else() {
        let all = OverLimit::new(Arc::new(Metrics::new()));
        for path in ALWAYS {
            assert!(all.hear(EXCEEDED).judge(path).is_ok(), "{path}");
        }
        assert!(!all.metrics.text().contains("connections_refused_total{"));
        for path in ["/", "/livez/", "/time", "/api/v1/streams", "/t/x/livez"] {
            let refused = all.hear(EXCEEDED).judge(path).unwrap_err().to_string();
            assert!(refused.contains("max_connections_per_address") && refused.contains('4'), "{refused}");
        }
        drop(all.hear(ExceededLimit::Total(9)));
        let text = all.metrics.text();
        for (reason, count) in [("address", 5), ("all", 1)] {
            let line = format!("barstone_connections_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_takes_the_place_of_the_oldest() {
        let all = OverLimit::new(Arc::new(Metrics::new()));
        let mut silent: Vec<_> = (0..MOST).map(|_| all.hear(EXCEEDED)).collect();
        assert!(silent.iter().all(|hearing| !hearing.replaced.is_cancelled()));
        drop(silent.pop());
        let _first = all.hear(EXCEEDED);
        assert!(!silent[0].replaced.is_cancelled(), "one had gone");
        let probe = all.hear(EXCEEDED);
        assert!(silent[0].replaced.is_cancelled() && !silent[1].replaced.is_cancelled());
        assert!(!probe.replaced.is_cancelled() && all.heard().open.len() == MOST);

        let begun = tokio::time::Instant::now();
        silent[0].over().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        probe.over().await;
        assert_eq!(begun.elapsed(), LASTS);
        drop(silent);
        drop(probe);
        assert_eq!(all.heard().open.len(), 1);
    }
}
