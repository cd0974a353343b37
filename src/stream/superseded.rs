//! A presentation that another one follows: its run continues until the announced end, and its playlists and segments
//! are served for two windows after that.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::setting::Setting;
use crate::media::window::{Earlier, Output};

/// Time that a run may take to end, in addition to the duration of its segments.
pub(super) const TEARDOWN: Duration = Duration::from_secs(5);
/// Number of windows for which a segment may be requested after it was last listed (RFC 8216bis 6.2.2): its own, and
/// that of the playlist.
const SERVED_WINDOWS: u32 = 2;

/// A run whose presentation has a successor, with its tasks.
pub(super) struct Outgoing {
    pub(super) output: Arc<Output>,
    /// The run.
    pub(super) running: BoxFuture<'static, ()>,
    /// Ends the run.
    pub(super) stop: CancellationToken,
    /// Writes the output to the media directory.
    pub(super) mirror: JoinHandle<()>,
    /// Dropped when the end of the presentation can be written.
    pub(super) written: DropGuard,
    /// The longer one of the windows of this presentation and the next.
    pub(super) window: Duration,
}

impl Outgoing {
    /// Resolves when nothing of the presentation is served any more: after two windows, or when `served` is cancelled.
    /// Its files are removed with those of earlier definitions.
    pub(super) async fn finish(self, setting: Arc<Setting>, earlier: Earlier, served: CancellationToken) {
        let Self { output, mut running, stop, mirror, written, window } = self;
        let patience = until_rendered(&output, &setting);
        let is_over = tokio::select! {
            ended = timeout(patience, &mut running) => ended.is_ok(),
            () = served.cancelled() => false,
        };
        output.end();
        stop.cancel();
        if !is_over {
            running.await;
        }
        drop(written);
        // A panic was logged where it happened.
        _ = mirror.await;
        setting.trimmer.request();
        tokio::select! {
            () = sleep(window * SERVED_WINDOWS) => {}
            () = served.cancelled() => {}
        }
        earlier.remove(&output);
        setting.trimmer.request();
    }
}

/// Time that a run may take to render an output whose end is announced, including segments past the end.
pub(super) fn until_rendered(output: &Output, setting: &Setting) -> Duration {
    let Some(ending) = output.ending() else { return Duration::ZERO };
    let until = output.epoch(ending.last).overlap().map_or(ending.last + 1, |overlap| overlap.end);
    output.spec.timeline.segment_start(until).saturating_since(setting.clock.now()) + TEARDOWN
}
