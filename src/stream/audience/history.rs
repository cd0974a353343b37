//! Measurements of an audience over the last seconds: figures for the API, and load for the limits.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::{ByFormat, estimate};
use crate::base::metrics::RefusedViewerLabels;
use crate::base::timeline::UnixTime;
use crate::definition::spec::Limits;

/// Time that measurements are stored, longer than all viewers of the longest segment need to be counted.
const RETENTION: Duration = Duration::from_secs(45);
/// Limit of stored measurements, above one a second for [`RETENTION`].
const MAX_MEASUREMENTS: usize = 100;
/// Minimum period over which bandwidth is measured. It is the segment duration if that is longer, because players fetch
/// whole segments.
const MIN_BANDWIDTH_PERIOD: Duration = Duration::from_secs(2);

/// Figures of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Current viewers who request media, by the format of their manifests.
    pub current: ByFormat,
    /// Current viewers over WebRTC.
    pub sessions: u64,
    /// Maximum number of viewers so far.
    pub peak: u64,
    /// Time at which the peak was first reached.
    pub peak_at: Option<UnixTime>,
    /// Mean number of viewers while the stream was published.
    pub average: f64,
    /// Bytes sent, including manifests.
    pub bytes: u64,
}

/// Load on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Viewers, including those just admitted.
    pub viewers: u64,
    /// Bits per second.
    pub bandwidth: u64,
}

/// A change of the number of viewers between two measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// The number rose from zero.
    FirstViewer,
    /// The number fell to zero.
    LastViewer,
}

/// A limit that is reached, with the current value and the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Number of viewers.
    Viewers(u64, u64),
    /// Bits per second.
    Bandwidth(u64, u64),
}

impl Excess {
    /// Name of the limit in metrics.
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
    /// Current viewers of all formats.
    pub fn viewers(&self) -> u64 {
        self.current.iter().sum::<u64>() + self.sessions
    }
}

impl Load {
    /// The limit that another viewer would exceed, if any.
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
    /// Measurements, the newest last.
    measurements: VecDeque<Measurement>,
    /// Viewers admitted since the newest measurement.
    admitted_since: u64,
    segment: Duration,
    watched: bool,
    /// Time at which a viewer was last counted.
    last_seen: UnixTime,
    /// Seconds over which the average is taken.
    seconds: f64,
}

#[derive(Debug)]
struct Measurement {
    at: UnixTime,
    /// Viewers who request media.
    viewers: u64,
    bytes: u64,
    /// Viewers admitted since the previous measurement.
    admitted: u64,
}

impl History {
    pub(super) fn figures(&self) -> Figures {
        self.figures
    }

    pub(super) fn admit(&mut self) {
        self.admitted_since += 1;
    }

    /// Adds a measurement. `viewers` contains the viewers who request media and the segment duration, and is `None` if the
    /// stream publishes nothing. `sessions` are the viewers over WebRTC, `bytes` all bytes sent so far.
    pub(super) fn measure(
        &mut self,
        viewers: Option<(ByFormat, Duration)>,
        (sessions, bytes): (u64, u64),
        now: UnixTime,
    ) -> Option<Transition> {
        let (current, segment) = viewers.unwrap_or((ByFormat::default(), self.segment));
        self.segment = segment;
        (self.figures.current, self.figures.sessions) = (current, sessions);
        let count = self.figures.viewers();
        if count > self.figures.peak {
            (self.figures.peak, self.figures.peak_at) = (count, Some(now));
        }
        if let Some(last) = self.measurements.back().filter(|_| viewers.is_some()) {
            let passed = now.saturating_since(last.at).as_secs_f64();
            self.seconds += passed;
            self.figures.average += (count as f64 - self.figures.average) * passed / self.seconds.max(passed).max(1e-9);
        }
        self.measurements.push_back(Measurement {
            at: now,
            viewers: count - sessions,
            bytes,
            admitted: std::mem::take(&mut self.admitted_since),
        });
        let old = |measurement: &Measurement| measurement.at + RETENTION < now;
        while self.measurements.len() > MAX_MEASUREMENTS || self.measurements.front().is_some_and(old) {
            self.measurements.pop_front();
        }
        self.transition(count, now)
    }

    /// The change since the previous measurement. A player that misses one segment still counts as a viewer.
    fn transition(&mut self, count: u64, now: UnixTime) -> Option<Transition> {
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

    /// The current load with `sessions` viewers over WebRTC. Another viewer counts from its admission, and only once when it
    /// is measured too.
    pub(super) fn load(&self, (sessions, bytes): (u64, u64), now: UnixTime) -> Load {
        // An admitted viewer plays the next segment, which is measured when it is settled.
        let unsettled = 2 * self.segment + estimate::settling_time(self.segment);
        let recent = self.measurements.iter().rev().take_while(|measurement| measurement.at + unsettled >= now);
        let measured = self.figures.current.iter().sum::<u64>();
        let (min_viewers, admitted) =
            recent.fold((measured, self.admitted_since), |(min_viewers, admitted), measurement| {
                (min_viewers.min(measurement.viewers), admitted + measurement.admitted)
            });
        Load { viewers: measured.max(min_viewers + admitted) + sessions, bandwidth: self.bandwidth(bytes, now) }
    }

    fn bandwidth(&self, bytes: u64, now: UnixTime) -> u64 {
        let window = self.segment.max(MIN_BANDWIDTH_PERIOD);
        let Some(before) = self
            .measurements
            .iter()
            .rev()
            .find(|measurement| measurement.at + window <= now)
            .or(self.measurements.front())
        else {
            return 0;
        };
        let millis = now.saturating_since(before.at).max(window).as_millis() as u64;
        bytes.saturating_sub(before.bytes).saturating_mul(8000) / millis
    }
}
