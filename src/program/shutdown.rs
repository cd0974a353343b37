//! Signals that end the program, and the signal that reloads the configuration.

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

/// A receiver of `SIGHUP`. From now on the signal no longer ends the program.
///
/// # Errors
/// If the handler cannot be installed.
pub fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
