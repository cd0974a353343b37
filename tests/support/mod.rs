//! Shared by the tests of the whole program: the real server as a child process, a client, and parsers of its output
//! that share no code with the writers.

pub(crate) mod ffmpeg;
pub(crate) mod files;
pub(crate) mod limits;
pub(crate) mod nats;
pub(crate) mod playlist;
pub(crate) mod server;
pub(crate) mod template;
pub(crate) mod tls;
pub(crate) mod web;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// Calls `attempt` until it returns a value.
///
/// # Panics
/// If that takes longer than `within`.
pub(crate) async fn until<T>(what: &str, within: Duration, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Time limit for anything on a loaded machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);
