//! The list of sessions and its limits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::Restart;
use crate::base::network::subscriber;
use crate::definition::spec::StreamName;

/// Most sessions whose clients have not connected yet: all, and those of one address. A client connects within a second.
const MAX_UNCONNECTED: (usize, usize) = (100, 20);

/// Limits on sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All sessions.
    pub sessions: usize,
    /// Sessions of one stream.
    pub per_stream: usize,
    /// Sessions of one IPv4 address or IPv6 /64 network.
    pub per_address: usize,
}

/// A limit that is reached, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReachedLimit {
    /// All sessions.
    #[error("{0} WebRTC sessions are open (max_webrtc_sessions)")]
    Sessions(usize),
    /// Sessions of the stream.
    #[error("the stream has {0} WebRTC sessions (max_webrtc_sessions_per_stream)")]
    PerStream(usize),
    /// Sessions of the address.
    #[error("your address has {0} WebRTC sessions (max_webrtc_sessions_per_address)")]
    PerAddress(usize),
    /// Sessions whose clients have not connected.
    #[error("{0} WebRTC sessions wait for their clients to connect")]
    Unconnected(usize),
}

/// A session as requests see it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) stream: StreamName,
    pub(super) address: IpAddr,
    /// Name of the session in STUN messages of its client.
    pub(super) name: String,
    pub(super) is_connected: Arc<AtomicBool>,
    pub(super) orders: mpsc::Sender<Restart>,
    pub(super) end: CancellationToken,
}

/// The sessions by id.
#[derive(Debug)]
pub(super) struct Sessions {
    limits: Limits,
    entries: Mutex<HashMap<String, Entry>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 1000, per_stream: 1000, per_address: 100 }
    }
}

impl ReachedLimit {
    /// Name of the limit in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions(_) => "all",
            Self::PerStream(_) => "stream",
            Self::PerAddress(_) => "address",
            Self::Unconnected(_) => "unconnected",
        }
    }
}

impl Sessions {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, entries: Mutex::default() }
    }

    /// Checks that another session is within the limits.
    ///
    /// # Errors
    /// [`ReachedLimit`].
    pub(super) fn check(&self, stream: &StreamName, address: IpAddr) -> Result<(), ReachedLimit> {
        self.check_in(&self.entries(), stream, address)
    }

    /// Adds a session, if it is within the limits.
    ///
    /// # Errors
    /// [`ReachedLimit`].
    pub(super) fn add(&self, id: String, entry: Entry) -> Result<(), ReachedLimit> {
        let mut entries = self.entries();
        self.check_in(&entries, &entry.stream, entry.address)?;
        entries.insert(id, entry);
        Ok(())
    }

    fn check_in(
        &self,
        entries: &HashMap<String, Entry>,
        stream: &StreamName,
        address: IpAddr,
    ) -> Result<(), ReachedLimit> {
        let Limits { sessions, per_stream, per_address } = self.limits;
        let address = subscriber(address);
        let count = |counts: &dyn Fn(&Entry) -> bool| entries.values().filter(|entry| counts(entry)).count();
        if entries.len() >= sessions {
            return Err(ReachedLimit::Sessions(sessions));
        }
        if count(&|entry| entry.stream == *stream) >= per_stream {
            return Err(ReachedLimit::PerStream(per_stream));
        }
        let is_own = |entry: &Entry| subscriber(entry.address) == address;
        if count(&is_own) >= per_address {
            return Err(ReachedLimit::PerAddress(per_address));
        }
        let waits = |entry: &Entry| !entry.is_connected.load(Ordering::Relaxed);
        let (all, own) = (count(&waits), count(&|entry| is_own(entry) && waits(entry)));
        match (all >= MAX_UNCONNECTED.0, own >= MAX_UNCONNECTED.1) {
            (true, _) => Err(ReachedLimit::Unconnected(all)),
            (false, true) => Err(ReachedLimit::Unconnected(own)),
            (false, false) => Ok(()),
        }
    }

    /// A session of a stream.
    pub(super) fn find(&self, stream: &StreamName, id: &str) -> Option<Entry> {
        self.entries().get(id).filter(|entry| entry.stream == *stream).cloned()
    }

    /// Replaces the name of a session after an ICE restart.
    pub(super) fn rename(&self, id: &str, name: &str) {
        if let Some(entry) = self.entries().get_mut(id) {
            name.clone_into(&mut entry.name);
        }
    }

    pub(super) fn remove(&self, id: &str) {
        self.entries().remove(id);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
