//! The sliding window of a track. A run pushes chunks; readers get immutable snapshots and can wait for the next one.
//! Segments may be pushed in any order, so that the past can be rendered after the live edge.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::watch;

use crate::definition::spec::Revision;
use crate::media::cmaf::Chunk;

mod epoch;
#[cfg(test)]
pub(crate) mod fixture;
mod init;
mod listing;
pub mod live;
mod output;
mod reader;
pub mod relay;
mod segment;
mod snapshot;
pub mod sound;

pub use epoch::{Epoch, Epochs, Period, epoch_at};
pub use init::Init;
pub use listing::Listing;
pub use live::Live;
pub use output::{Earlier, Ending, Output, Track};
pub use reader::{Chunks, Frame, Read, Reader, Start};
pub use relay::Relay;
pub use segment::Segment;
pub use snapshot::{Depth, Edge, Granularity, Lookup, Snapshot};

/// The window of one track. Clones share it. Readers never delay a writer.
#[derive(Debug, Clone)]
pub struct Window {
    state: Arc<watch::Sender<Arc<Snapshot>>>,
}

impl Window {
    /// An empty window.
    pub fn new(depth: Depth) -> Self {
        Self { state: Arc::new(watch::Sender::new(Arc::new(Snapshot::empty(depth)))) }
    }

    /// The current state of the window.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.state.borrow().clone()
    }

    /// A number that rises whenever manifests of this granularity may have changed.
    pub fn version(&self, granularity: Granularity) -> u64 {
        self.state.borrow().version(granularity)
    }

    /// A receiver of all changes from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.state.subscribe()
    }

    /// Sets the init segment of a revision, once.
    pub fn set_init(&self, revision: &Revision, init: Init) {
        self.modify(|snapshot| snapshot.set_init(revision, init));
    }

    /// Marks manifests as changed although no media has changed.
    pub(crate) fn touch(&self) {
        self.modify(Snapshot::touch);
    }

    /// Makes room for these segments and announces that they will be rendered.
    pub fn expect(&self, past: Range<u64>) {
        self.modify(|snapshot| snapshot.expect(past));
    }

    /// Announces that missing segments will not be rendered any more.
    pub fn filled(&self) {
        self.modify(Snapshot::filled);
    }

    /// Adds a chunk. A chunk that exists already, has left the window or does not follow the previous one is ignored,
    /// so nothing is published twice.
    pub fn push(&self, chunk: Chunk) {
        self.modify(|snapshot| snapshot.push(chunk));
    }

    /// Ends the presentation with segment `last`, or without a segment. Later segments are removed, and ignored from
    /// now on.
    pub fn end(&self, last: Option<u64>) {
        self.modify(|snapshot| snapshot.end(last));
    }

    /// Ends the presentation when segment `last` is complete. Later segments are ignored.
    pub fn end_after(&self, last: u64) {
        self.modify(|snapshot| snapshot.end_after(last));
    }

    fn modify(&self, change: impl FnOnce(&mut Snapshot)) {
        self.state.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}

#[cfg(test)]
mod tests;
