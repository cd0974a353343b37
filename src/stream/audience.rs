//! Viewers of a stream. Viewers over WebRTC have sessions, which are counted. Other viewers are estimated from media
//! requests, without cookies and without a session id in URLs. A player fetches each segment of one video rendition and of the audio once, so the number of requests for one segment is
//! the number of viewers. Counters are atomic and of fixed size (`request_counts`); `estimate` is the pure arithmetic
//! from counts to viewers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::timeline::{Timeline, UnixTime};

mod client_formats;
mod estimate;
mod history;
mod request_counts;

pub use client_formats::{ClientFormats, Key};
pub use history::{Excess, Figures, Load, Transition};
pub use request_counts::MediaRequest;

use history::History;
use request_counts::RequestCounts;

/// Refusals less than this apart count as one episode, which is logged and reported once.
const EPISODE: Duration = Duration::from_secs(30);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number for each of [`Format::ALL`](crate::base::format::Format::ALL), in its order.
pub type ByFormat = [u64; 4];

/// The viewers of one stream. All requests for the stream share it.
#[derive(Debug)]
pub struct Audience {
    /// Id that is unique in the process.
    pub id: u64,
    request_counts: RequestCounts,
    sent: AtomicU64,
    /// Viewers over WebRTC.
    sessions: AtomicU64,
    /// Time of the last refusal in nanoseconds since 1970; 0 before the first.
    refused: AtomicU64,
    history: Mutex<History>,
}

/// Counts one viewer over WebRTC until it is dropped.
#[derive(Debug)]
pub struct Watching(Arc<Audience>);

impl Audience {
    /// An audience without viewers.
    pub fn new() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            request_counts: RequestCounts::default(),
            sent: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            history: Mutex::default(),
        }
    }

    /// Counts a media response. Called when its first byte is sent.
    pub fn count_request(&self, request: &MediaRequest, timeline: &Timeline, now: UnixTime) {
        self.request_counts.add(request, timeline, now);
    }

    /// Counts bytes passed to a connection.
    pub fn count_bytes(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a viewer that was admitted and has not requested media yet.
    pub fn admit(&self) {
        self.history().admit();
    }

    /// Counts a viewer over WebRTC until the returned value is dropped.
    pub fn watch(self: &Arc<Self>) -> Watching {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Watching(Arc::clone(self))
    }

    /// Records a refusal. Returns whether an episode begins.
    pub fn refuse(&self, now: UnixTime) -> bool {
        let last = self.refused.swap(now.as_nanos(), Ordering::Relaxed);
        now.saturating_since(UnixTime::from_nanos(last)) > EPISODE
    }

    /// Measures the viewers, about once a second. `timeline` is `None` if the stream publishes nothing.
    pub fn measure(&self, timeline: Option<&Timeline>, now: UnixTime) -> Option<Transition> {
        let viewers =
            timeline.map(|timeline| (self.request_counts.viewers(timeline, now), timeline.segment_duration()));
        self.history().measure(viewers, self.totals(), now)
    }

    /// The last measurement, and the totals since the start.
    pub fn figures(&self) -> Figures {
        Figures { bytes: self.sent.load(Ordering::Relaxed), ..self.history().figures() }
    }

    /// The current load, including viewers that were just admitted.
    pub fn load(&self, now: UnixTime) -> Load {
        self.history().load(self.totals(), now)
    }

    /// Viewers over WebRTC now, and bytes sent so far.
    fn totals(&self) -> (u64, u64) {
        (self.sessions.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
