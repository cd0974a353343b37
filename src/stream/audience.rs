//! Who watches a stream, told from what is asked for, without cookies and with nothing in URLs. A player fetches each
//! segment of one video rendition and of the sound once, so there are as many viewers as requests for one segment.
//! Counting is atomic and of fixed size (`request_counts`), what the counts mean is pure (`estimate`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::metrics::ViewerLabels;
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

/// Refusals that are less than this apart belong together.
const EPISODE: Duration = Duration::from_secs(30);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// By what manifest somebody plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// HLS.
    Hls,
    /// HLS with low latency.
    LlHls,
    /// DASH.
    Dash,
    /// DASH with low latency.
    LlDash,
}

/// A figure for each of [`Format::ALL`].
pub type ByFormat = [u64; 4];

impl Format {
    /// All of them, in the order of [`ByFormat`].
    pub const ALL: [Self; 4] = [Self::Hls, Self::LlHls, Self::Dash, Self::LlDash];

    /// The word for it in JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        let [hls, llhls, dash, lldash] = ViewerLabels::FORMATS;
        match self {
            Self::Hls => hls,
            Self::LlHls => llhls,
            Self::Dash => dash,
            Self::LlDash => lldash,
        }
    }
}

/// Those who watch one stream. Shared by everybody who answers them.
#[derive(Debug)]
pub struct Audience {
    /// Tells it from every other of the process.
    pub id: u64,
    request_counts: RequestCounts,
    sent: AtomicU64,
    /// When somebody was refused last, in nanoseconds since 1970; 0 if nobody has been.
    refused: AtomicU64,
    history: Mutex<History>,
}

impl Audience {
    /// Nobody.
    pub fn new() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            request_counts: RequestCounts::default(),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            history: Mutex::default(),
        }
    }

    /// Counts media that begins to be sent.
    pub fn asked(&self, asked: &MediaRequest, timeline: &Timeline, now: UnixTime) {
        self.request_counts.add(asked, timeline, now);
    }

    /// Counts bytes that are handed to a connection.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts somebody who has been let in and has not asked for media yet.
    pub fn admit(&self) {
        self.history().admit();
    }

    /// Notes that somebody has been refused; whether that is the first time in a while.
    pub fn refuse(&self, now: UnixTime) -> bool {
        let last = self.refused.swap(now.as_nanos(), Ordering::Relaxed);
        now.saturating_since(UnixTime::from_nanos(last)) > EPISODE
    }

    /// Takes stock, once a second or so, of a stream with this timeline. `None` if it publishes nothing.
    pub fn measure(&self, timeline: Option<&Timeline>, now: UnixTime) -> Option<Transition> {
        let viewers =
            timeline.map(|timeline| (self.request_counts.viewers(timeline, now), timeline.segment_duration()));
        self.history().measure(viewers, self.sent.load(Ordering::Relaxed), now)
    }

    /// What was measured last, and since the beginning.
    pub fn figures(&self) -> Figures {
        Figures { bytes: self.sent.load(Ordering::Relaxed), ..self.history().figures() }
    }

    /// What there is to carry now, those who are just coming included.
    pub fn load(&self, now: UnixTime) -> Load {
        self.history().load(self.sent.load(Ordering::Relaxed), now)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
