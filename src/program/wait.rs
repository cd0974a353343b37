//! Servers that have to be there first.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::base::os_error;
use crate::program::config::Wait;

/// A try that takes longer has failed: time for two retransmissions of TCP, and less than the system would take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// A server was not there after all tries.
#[derive(Debug, thiserror::Error)]
#[error("wait_for: {target} accepted no connection in {tries} tries: {problem}. Start it, or raise wait_tries")]
pub struct Unreachable {
    /// `HOST:PORT`.
    pub target: String,
    /// How many there were.
    pub tries: u32,
    /// Of the last one.
    pub problem: String,
}

/// Resolves when every server has taken a connection. All are tried at once.
///
/// # Errors
/// [`Unreachable`], as soon as one is given up.
pub async fn until_reachable(wait: &Wait) -> Result<(), Unreachable> {
    try_join_all(wait.targets.iter().map(|target| until_one_is(target, wait))).await.map(drop)
}

async fn until_one_is(server: &str, wait: &Wait) -> Result<(), Unreachable> {
    let mut attempt = 1;
    loop {
        let problem = match timeout(ATTEMPT, TcpStream::connect(server)).await {
            Ok(Ok(_)) => {
                tracing::info!(server, attempt, "accepts connections");
                return Ok(());
            }
            Ok(Err(error)) => os_error::text(&error),
            Err(_) => format!("no answer within {} s", ATTEMPT.as_secs()),
        };
        tracing::info!(server, attempt, problem, "accepts no connections yet");
        if attempt == wait.tries {
            return Err(Unreachable { target: server.to_owned(), tries: wait.tries, problem });
        }
        attempt += 1;
        sleep(wait.rest).await;
    }
}
