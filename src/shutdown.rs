//! Signals that end the program.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at `SIGTERM` or `SIGINT`.
///
/// # Errors
/// If the handlers cannot be installed.
pub async fn asked_to_end() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
