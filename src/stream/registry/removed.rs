//! Deleted streams whose supervisors have not ended yet. Until then their runs may still count in metrics.

use tokio::sync::watch;

use crate::definition::spec::StreamName;
use crate::stream::Status;

/// Names of deleted streams. The status of each is closed when its supervisor has ended.
#[derive(Debug, Default)]
pub(super) struct Removed(Vec<(StreamName, watch::Receiver<Status>)>);

impl Removed {
    pub(super) fn add(&mut self, name: StreamName, status: watch::Receiver<Status>) {
        self.0.push((name, status));
    }

    /// Takes the streams whose supervisors have ended.
    pub(super) fn take_ended(&mut self) -> impl Iterator<Item = StreamName> {
        self.0.extract_if(.., |(_, status)| status.has_changed().is_err()).map(|(name, _)| name)
    }
}
