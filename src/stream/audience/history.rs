//! Measurements of an audience over the last seconds: figures for the API, load for the limits.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::{ByFormat, estimate};
use crate::base::metrics::RefusedViewerLabels;
use crate::base::timeline::UnixTime;
use crate::definition::spec::Limits;

/// Longer than the time until all viewers of the longest segment are counted.
const KEPT: Duration = Duration::from_secs(45);
/// Measurements stored at most; one a second for [`KEPT`] is fewer.
const MOST_KEPT: usize = 100;
/// Bandwidth is that of the last two seconds; with longer segments, which are fetched at once, that of their length.
const LEAST_WINDOW: Duration = Duration::from_secs(2);

/// Figures of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Viewers now.
    pub current: ByFormat,
    /// The largest number so far.
    pub peak: u64,
    /// When the peak was first reached.
    pub peak_at: Option<UnixTime>,
    /// Mean over the time in which the stream was published.
    pub average: f64,
    /// Bytes sent, manifests included.
    pub bytes: u64,
}

/// Load on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Viewers, with those who have just been admitted.
    pub viewers: u64,
    /// Bits per second.
    pub bandwidth: u64,
}

/// A change between two measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The first viewer has come.
    FirstViewer,
    /// The last viewer has gone.
    LastViewer,
}

/// A limit that is reached: the current value, then the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Number of viewers.
    Viewers(u64, u64),
    /// Bits per second.
    Bandwidth(u64, u64),
}

impl Excess {
    /// The name of the limit in metrics.
    pub const fn as_str(self) -> &'static str {
        let [viewers, bandwidth] = RefusedViewerLabels::REASONS;
        match self {
            Self::Viewers(..) => viewers,
            Self::Bandwidth(..) => bandwidth,
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Viewers(now, most) => write!(f, "{now} of {most} viewers"),
            Self::Bandwidth(now, most) => write!(f, "{now} of {most} bit/s"),
        }
    }
}

impl Figures {
    /// Viewers now, of all formats.
    pub fn viewers(&self) -> u64 {
        self.current.iter().sum()
    }
}

impl Load {
    /// The limit that another viewer would exceed, if there is one.
    pub fn past(&self, limits: &Limits) -> Option<Excess> {
        let viewers = limits.viewers.map(u64::from).filter(|most| self.viewers >= *most);
        let bandwidth = limits.bandwidth.filter(|most| self.bandwidth >= *most);
        let viewers = viewers.map(|most| Excess::Viewers(self.viewers, most));
        viewers.or(bandwidth.map(|most| Excess::Bandwidth(self.bandwidth, most)))
    }

    /// The sum of both loads.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { viewers: self.viewers + other.viewers, bandwidth: self.bandwidth + other.bandwidth }
    }
}

#[derive(Debug, Default)]
pub(super) struct History {
    figures: Figures,
    /// The newest last.
    ticks: VecDeque<Tick>,
    /// Admitted since the newest tick.
    coming: u64,
    segment: Duration,
    watched: bool,
    /// When the last viewer was counted.
    last_seen: UnixTime,
    /// Seconds over which the average was taken.
    seconds: f64,
}

#[derive(Debug)]
struct Tick {
    at: UnixTime,
    viewers: u64,
    bytes: u64,
    /// Admitted since the previous tick.
    admitted: u64,
}

impl History {
    pub(super) fn figures(&self) -> Figures {
        self.figures
    }

    pub(super) fn admit(&mut self) {
        self.coming += 1;
    }

    /// Adds a measurement: viewers and segment duration (`None` if the stream publishes nothing), and all bytes sent
    /// so far.
    pub(super) fn measure(
        &mut self,
        viewers: Option<(ByFormat, Duration)>,
        bytes: u64,
        now: UnixTime,
    ) -> Option<Transition> {
        let (current, segment) = viewers.unwrap_or((ByFormat::default(), self.segment));
        self.segment = segment;
        self.figures.current = current;
        let count = self.figures.viewers();
        if count > self.figures.peak {
            (self.figures.peak, self.figures.peak_at) = (count, Some(now));
        }
        if let Some(last) = self.ticks.back().filter(|_| viewers.is_some()) {
            let passed = now.saturating_since(last.at).as_secs_f64();
            self.seconds += passed;
            self.figures.average += (count as f64 - self.figures.average) * passed / self.seconds.max(passed).max(1e-9);
        }
        self.ticks.push_back(Tick { at: now, viewers: count, bytes, admitted: std::mem::take(&mut self.coming) });
        let old = |tick: &Tick| tick.at + KEPT < now;
        while self.ticks.len() > MOST_KEPT || self.ticks.front().is_some_and(old) {
            self.ticks.pop_front();
        }
        self.turn(count, now)
    }

    /// A player that misses one segment still counts as a viewer.
    fn turn(&mut self, count: u64, now: UnixTime) -> Option<Transition> {
        if count > 0 {
            self.last_seen = now;
        }
        match (self.watched, count) {
            (false, 1..) => {
                self.watched = true;
                Some(Transition::FirstViewer)
            }
            (true, 0) if now.saturating_since(self.last_seen) > self.segment => {
                self.watched = false;
                Some(Transition::LastViewer)
            }
            (false, 0) | (true, _) => None,
        }
    }

    /// Viewers count from their admission on; once they are measured they do not count twice.
    pub(super) fn load(&self, bytes: u64, now: UnixTime) -> Load {
        // An admitted viewer plays the next segment and is measured when that segment is settled.
        let unsettled = 2 * self.segment + estimate::settling(self.segment);
        let recent = self.ticks.iter().rev().take_while(|tick| tick.at + unsettled >= now);
        let (least, admitted) = recent.fold((self.figures.viewers(), self.coming), |(least, admitted), tick| {
            (least.min(tick.viewers), admitted + tick.admitted)
        });
        Load { viewers: self.figures.viewers().max(least + admitted), bandwidth: self.bandwidth(bytes, now) }
    }

    fn bandwidth(&self, bytes: u64, now: UnixTime) -> u64 {
        let window = self.segment.max(LEAST_WINDOW);
        let Some(before) = self.ticks.iter().rev().find(|tick| tick.at + window <= now).or(self.ticks.front()) else {
            return 0;
        };
        let millis = now.saturating_since(before.at).max(window).as_millis() as u64;
        bytes.saturating_sub(before.bytes).saturating_mul(8000) / millis
    }
}
