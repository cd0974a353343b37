//! Waiting at the start for servers that the program depends on.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::base::os_error;
use crate::program::config::Wait;

/// Timeout of an attempt: enough for two TCP retransmissions, and shorter than the timeout of the system.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server accepted no connection in all attempts.
#[derive(Debug, thiserror::Error)]
#[error("wait_for: {target} accepted no connection in {tries} tries: {problem}. Start it, or raise wait_tries")]
pub struct Unreachable {
    /// `HOST:PORT`.
    pub target: String,
    /// Number of attempts.
    pub tries: u32,
    /// Error of the last attempt.
    pub problem: String,
}

/// Resolves when every server has accepted a connection. All servers are tried simultaneously.
///
/// # Errors
/// [`Unreachable`], as soon as the attempts for one server are used up.
pub async fn until_reachable(wait: &Wait) -> Result<(), Unreachable> {
    try_join_all(wait.targets.iter().map(|target| until_one_is(target, wait))).await.map(drop)
}

async fn until_one_is(server: &str, wait: &Wait) -> Result<(), Unreachable> {
    let mut attempt = 1;
    loop {
        let problem = match timeout(ATTEMPT_TIMEOUT, TcpStream::connect(server)).await {
            Ok(Ok(_)) => {
                tracing::info!(server, attempt, "the server accepts connections");
                return Ok(());
            }
            Ok(Err(error)) => os_error::text(&error),
            Err(_) => format!("no answer within {} s", ATTEMPT_TIMEOUT.as_secs()),
        };
        tracing::info!(server, attempt, problem, "the server accepts no connections yet");
        if attempt == wait.tries {
            return Err(Unreachable { target: server.to_owned(), tries: wait.tries, problem });
        }
        attempt += 1;
        sleep(wait.pause).await;
    }
}
