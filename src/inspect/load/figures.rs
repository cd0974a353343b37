//! Figures of the clients of one manifest: sums and distributions, whose memory does not grow with time.

use std::collections::BTreeMap;
use std::time::Duration;

/// Longest duration that is counted as it is, in milliseconds. Longer ones are counted as this one.
const MOST_MILLIS: usize = 60_000;

/// Figures of clients.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Clients that have begun.
    pub clients: u64,
    /// Tracks of clients that have begun to play.
    pub started: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Requests for media among them.
    pub media_requests: u64,
    /// Number of answers in each version of HTTP.
    pub versions: BTreeMap<String, u64>,
    /// Bytes of bodies that were received.
    pub bytes: u64,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// Number of stalls after the start.
    pub stalls: u64,
    /// Sum of the durations of all stalls.
    pub stalled: Duration,
    /// Time from the start of a client until a track has its first media, for each track.
    pub startup: Histogram,
    /// UTC minus the media time that a track plays, each time that the track receives media.
    pub latency: Histogram,
    /// Time from the end of live media in UTC until its last byte was received.
    pub late: Histogram,
}

/// A distribution of durations in whole milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Figures {
    /// Counts an error.
    pub fn fail(&mut self, kind: &str) {
        *self.errors.entry(kind.to_owned()).or_default() += 1;
    }

    /// Number of all errors.
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Adds the figures of other clients.
    pub fn add(&mut self, other: &Self) {
        let Self {
            clients,
            started,
            requests,
            media_requests,
            versions,
            bytes,
            errors,
            stalls,
            stalled,
            startup,
            latency,
            late,
        } = other;
        self.clients += clients;
        self.started += started;
        self.requests += requests;
        self.media_requests += media_requests;
        self.bytes += bytes;
        self.stalls += stalls;
        self.stalled += *stalled;
        for (version, count) in versions {
            *self.versions.entry(version.clone()).or_default() += count;
        }
        for (kind, count) in errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        self.startup.add(startup);
        self.latency.add(latency);
        self.late.add(late);
    }
}

impl Histogram {
    /// Counts a duration.
    pub fn count(&mut self, duration: Duration) {
        let millis = usize::try_from(duration.as_millis()).unwrap_or(MOST_MILLIS).min(MOST_MILLIS);
        if self.counts.len() <= millis {
            self.counts.resize(millis + 1, 0);
        }
        self.counts[millis] += 1;
        self.total += 1;
    }

    /// The smallest duration that is not exceeded by `share`, from 0 to 1, of all; `None` without durations.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        found.map(|millis| Duration::from_millis(millis as u64))
    }

    fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, count) in self.counts.iter_mut().zip(&other.counts) {
            *own += count;
        }
        self.total += other.total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_durations() {
        let mut all = Histogram::default();
        assert_eq!(all.percentile(0.5), None);
        for millis in 1..=99 {
            all.count(Duration::from_millis(millis));
        }
        let mut long = Histogram::default();
        long.count(Duration::from_secs(3600));
        all.add(&long);
        let found = [0.0, 0.5, 0.95, 1.0].map(|share| all.percentile(share).unwrap().as_millis());
        assert_eq!(found, [1, 50, 95, 60_000]);
    }
}
