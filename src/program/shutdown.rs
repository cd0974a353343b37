//! Signals: those that end the program, and the one that has it read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// Every `SIGHUP` from now on, which ends the program no more.
///
/// # Errors
/// If the handler cannot be installed.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
