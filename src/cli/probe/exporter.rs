//! A probe that runs without end, for Prometheus.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::complain;
use crate::base::os_error;
use crate::base::utc::Clock;
use crate::http::exporter;
use crate::inspect::probe::figures::Figures;
use crate::inspect::probe::{self, Settings, exposition};

/// Time between attempts to play.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Figures that have not changed for this long are not current.
const CURRENT_FOR: Duration = Duration::from_secs(5);

/// The figures of the current attempt, and when they changed.
type Latest = Arc<Mutex<Option<(Figures, Instant)>>>;

/// Plays again and again, and serves the figures at `address`, until the user ends it.
pub(super) async fn export(settings: &Settings, address: SocketAddr) -> Result<(), String> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {}", os_error::text(&error)))?;
    let latest = Latest::default();
    let served = exporter::serve(listener, {
        let latest = Arc::clone(&latest);
        Arc::new(move || text(&latest))
    });
    let end = CancellationToken::new();
    let signal = async {
        // Without a handler the signal ends the program, which is as well.
        let _ = tokio::signal::ctrl_c().await;
        end.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = play(settings, &latest, &end) => Ok(()),
        served = served => served.map_err(|error| os_error::text(&error)),
        () = signal => Ok(()),
    }
}

async fn play(settings: &Settings, latest: &Latest, end: &CancellationToken) {
    let store = |figures| *latest.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    while !end.is_cancelled() {
        let mut changed = (f64::NAN, Instant::now());
        let report = |figures: &Figures| {
            if changed.0 != figures.seconds {
                changed = (figures.seconds, Instant::now());
            }
            store(Some((figures.clone(), changed.1)));
        };
        let outcome = probe::probe(settings, &Clock::system(), end.cancelled(), report).await;
        store(None);
        let error = outcome.map_or_else(|error| Some(error.to_string()), |outcome| outcome.error);
        if !end.is_cancelled() {
            complain(&format!("{}: {}", settings.url, error.as_deref().unwrap_or("it has ended")));
            end.run_until_cancelled(sleep(RETRY_AFTER)).await;
        }
    }
}

fn text(latest: &Latest) -> String {
    let latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
    exposition(latest.as_ref().filter(|(_, changed)| changed.elapsed() < CURRENT_FOR).map(|(figures, _)| figures))
}
