//! A stream's window mirrored to disk, so that any static server on the same volume serves the same stream. Files are
//! written beside their place and renamed into it; what cannot be written is tried again with the next segment, and
//! the stream goes on from memory.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::select_all;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::{Metrics, labels};
use crate::definition::spec::StreamName;
use crate::media::window::{Granularity, Output, Window};

mod mirror;

use mirror::Mirror;

/// Keeps `root` up to date with `output` until `stop` is cancelled; resolves at once without a `root`. A presentation
/// that is over leaves its last state behind.
pub async fn mirror(root: Option<PathBuf>, output: Arc<Output>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let Some(root) = root else { return };
    let mut mirror = Mirror::new(root, Arc::clone(&output));
    let mut versions = Vec::new();
    let mut failing = false;
    loop {
        let mut receivers: Vec<_> = output.windows().iter().map(Window::subscribe).collect();
        let seen: Vec<_> =
            receivers.iter_mut().map(|receiver| receiver.borrow_and_update().version(Granularity::Segment)).collect();
        if seen != versions {
            versions = seen;
            let task = tokio::task::spawn_blocking(move || {
                let result = mirror.sync();
                (mirror, result)
            });
            let Ok((back, result)) = task.await else { return };
            mirror = back;
            if let Err(error) = &result {
                metrics.directory_errors.get_or_create(&labels(output.spec.name.as_str())).inc();
                if !failing {
                    tracing::warn!(%error, "cannot write to the media directory; the stream goes on from memory");
                }
            } else if failing {
                tracing::info!("writing to the media directory again");
            }
            failing = result.is_err();
        }
        let changes = receivers.iter_mut().map(|receiver| Box::pin(receiver.changed()));
        tokio::select! {
            _ = select_all(changes) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Removes all that a mirror has written of a stream to `root`; resolves when it is gone.
pub async fn clear(root: PathBuf, stream: StreamName) {
    let cleared = tokio::task::spawn_blocking(move || mirror::clear(&root, &stream)).await;
    if let Ok(Err(error)) = cleared {
        tracing::error!(%error, "cannot remove files of a private stream from the media directory");
    }
}

#[cfg(test)]
mod tests;
