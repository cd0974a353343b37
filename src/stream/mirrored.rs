//! Mirrors a stream to the media directory, from which other servers read, while the stream is public. Removes the
//! files of a private stream.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::instruction::Instruction;
use super::setting::Setting;
use crate::definition::spec::StreamSpec;
use crate::media::directory;
use crate::media::window::Output;

/// Mirrors `output` until `stop` is cancelled, whenever the stream has public files.
pub(super) async fn mirror(
    setting: Arc<Setting>,
    output: Arc<Output>,
    mut wanted: watch::Receiver<Instruction>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let has_files = has_files(&wanted.borrow_and_update());
        let over = stop.child_token();
        let mirrored = async {
            if !has_files {
                clear(&setting, &output.spec).await;
                return over.cancelled().await;
            }
            let (output, metrics) = (Arc::clone(&output), Arc::clone(&setting.metrics));
            directory::mirror(setting.directory.clone(), output, metrics, over.clone()).await;
        };
        let changed = async {
            if wanted.wait_for(|wanted| self::has_files(wanted) != has_files).await.is_err() {
                // The stream was deleted. The end of its presentation must still be written.
                std::future::pending().await
            }
        };
        if let Either::Right(((), mirrored)) = select(pin!(mirrored), pin!(changed)).await {
            over.cancel();
            mirrored.await;
        } else {
            return;
        }
    }
}

/// Removes the files of a stream.
pub(super) async fn clear(setting: &Setting, spec: &StreamSpec) {
    if let Some(root) = setting.directory.clone() {
        directory::clear(root, spec.name.clone()).await;
    }
}

fn has_files(wanted: &Instruction) -> bool {
    !wanted.record.spec.audience.is_private()
}
