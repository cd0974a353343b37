//! The media directory: the windows of streams as files, so that any web server on the same volume can serve the streams.
//! A file is written under another name and then renamed. A file that cannot be written is retried with the next
//! segment, and the stream continues from memory. Files of a stream that no process writes any more are removed when no
//! player needs them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::{Metrics, labels};
use crate::base::utc::Clock;
use crate::definition::spec::StreamName;
use crate::media::window::{Granularity, Output, Window};

pub mod files;
mod leftovers;
mod marker;
mod mirror;

use leftovers::Removal;
use mirror::Mirror;

/// Interval of searches for files that no process writes any more. A search makes one attempt to lock for each stream.
const INTERVAL: Duration = Duration::from_secs(5);

/// Mirrors `output` to `root` until `stop` is cancelled. Resolves immediately without a `root`. The files remain as
/// they are; if the presentation has ended, manifests contain its end.
pub async fn mirror(root: Option<PathBuf>, output: Arc<Output>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let Some(root) = root else { return };
    let mut mirror = Mirror::new(root, Arc::clone(&output));
    let mut versions = Vec::new();
    let mut failing = false;
    loop {
        // A change before the stop is written too.
        let is_over = stop.is_cancelled();
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
                    tracing::warn!(%error, "cannot write to the media directory; barstone serves the stream from memory");
                }
            } else if failing {
                tracing::info!("writing to the media directory again");
            }
            failing = result.is_err();
        }
        if is_over {
            return;
        }
        let changes = receivers.iter_mut().map(|receiver| Box::pin(receiver.changed()));
        tokio::select! {
            _ = select_all(changes) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Removes the files of a private stream from `root`; resolves when they are removed.
pub async fn clear(root: PathBuf, stream: StreamName) {
    let cleared = tokio::task::spawn_blocking(move || leftovers::clear(&root, &stream)).await;
    if let Ok(Err(error)) = cleared {
        tracing::error!(%error, "cannot remove files of a private stream from the media directory");
    }
}

/// Removes the files of streams from `root` that no process has written for twice the window: of streams that were
/// stopped or deleted, also before this process started. Never resolves.
pub async fn remove_abandoned(root: Option<PathBuf>, clock: Clock) {
    let Some(root) = root else { return std::future::pending().await };
    let mut failing = BTreeSet::new();
    loop {
        let (root, now) = (root.clone(), clock.now());
        let search = tokio::task::spawn_blocking(move || leftovers::remove_abandoned(&root, now)).await;
        match search {
            Ok(Ok(removals)) => failing = report(removals, &failing),
            // Streams that write to the directory report the error.
            Ok(Err(error)) => tracing::debug!(%error, "cannot search the media directory"),
            Err(_) => {}
        }
        sleep(INTERVAL).await;
    }
}

/// Logs removals, and each failure once. Returns the streams whose files could not be removed.
fn report(removals: Vec<Removal>, failing: &BTreeSet<StreamName>) -> BTreeSet<StreamName> {
    let mut failed = BTreeSet::new();
    for (stream, removed) in removals {
        match removed {
            Ok(()) => tracing::info!(%stream, "removed the files of a stream that is no longer written"),
            Err(error) => {
                if !failing.contains(&stream) {
                    tracing::warn!(%stream, %error, "cannot remove files from the media directory; trying again");
                }
                failed.insert(stream);
            }
        }
    }
    failed
}

#[cfg(test)]
mod tests;
