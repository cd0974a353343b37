//! Manifests of another moment: under `stale` manifests do not change for a while, and under `rewind` they go back. The moment that a
//! manifest shows is a function of the clock alone, so every server shows the same moment.

use std::ops::Range;
use std::time::Duration;

use crate::base::timeline::UnixTime;
use crate::definition::condition::{Conditions, Fault, FaultKind, Identity, ManifestFault};
use crate::definition::spec::StreamSpec;

/// Age from which on manifests are the same on every server: by then the chunks that end at a moment are published.
const SETTLED: Duration = Duration::from_secs(1);
/// Default interval of `rewind`, and the time in each interval for which manifests go back.
const REWINDS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Faults by which a manifest is behind the clock.
#[derive(Debug)]
pub struct Lag<'a> {
    faults: Vec<(&'a Fault, Behind)>,
    manifest: Identity<'a>,
}

/// How a manifest is behind the clock.
#[derive(Debug, Clone, Copy)]
enum Behind {
    /// The manifest does not change for this duration.
    Still(Duration),
    /// The manifest shows the moment this duration ago.
    Back(Duration),
}

impl<'a> Lag<'a> {
    /// The lag of a manifest of a stream.
    pub fn of(conditions: &'a Conditions, manifest: Identity<'a>, spec: &StreamSpec) -> Self {
        let behind = |fault: &'a Fault| match fault.kind {
            FaultKind::Manifest(ManifestFault::Stale(span)) => Some((fault, Behind::Still(span.duration()))),
            FaultKind::Manifest(ManifestFault::Rewind(segments)) => {
                Some((fault, Behind::Back(spec.timeline.segment_duration() * segments)))
            }
            _ => None,
        };
        Self { faults: conditions.faults().filter_map(behind).collect(), manifest }
    }

    /// The moment that the manifest shows at `now`; `None` if it shows the present. Of several faults, the fault with the earliest
    /// moment acts.
    pub fn shown(&self, now: UnixTime) -> Option<UnixTime> {
        self.lasting(now).map(|(behind, lasts)| behind.shown(&lasts, now)).min()
    }

    /// Whether a fault makes the manifest lag at `now`.
    pub fn is_by(&self, fault: &Fault, now: UnixTime) -> bool {
        let of_fault = self.faults.iter().filter(|(other, _)| *other == fault);
        of_fault.filter(|_| fault.applies(&self.manifest, now)).any(|(_, behind)| lasts(fault, *behind, now).is_some())
    }

    /// The time, `now` or later, from which the manifest lists media that end at `end`; `None` if that time is not before `until`.
    pub fn lists(&self, end: UnixTime, (now, until): (UnixTime, UnixTime)) -> Option<UnixTime> {
        let mut time = now;
        while time < until {
            let late = self.lasting(time).filter(|(behind, lasts)| behind.shown(lasts, time) < end);
            match late.map(|(behind, lasts)| behind.next(&lasts, (time, end))).min() {
                None => return Some(time),
                Some(next) => time = next,
            }
        }
        None
    }

    /// The faults that change the manifest at `now`, and the time for which each lasts.
    fn lasting(&self, now: UnixTime) -> impl Iterator<Item = (Behind, Range<UnixTime>)> {
        let faults = self.faults.iter().filter(move |(fault, _)| fault.applies(&self.manifest, now));
        faults.filter_map(move |(fault, behind)| Some((*behind, lasts(fault, *behind, now)?)))
    }
}

/// The time around `now` for which a fault lasts.
fn lasts(fault: &Fault, behind: Behind, now: UnixTime) -> Option<Range<UnixTime>> {
    match behind {
        Behind::Back(_) if !fault.is_timed() => {
            let (interval, long) = REWINDS;
            let begin = begin_of(interval, now, UnixTime::default());
            (now < begin + long).then(|| begin..begin + long)
        }
        Behind::Still(_) | Behind::Back(_) => Some(fault.lasts(now)),
    }
}

impl Behind {
    fn shown(self, lasts: &Range<UnixTime>, now: UnixTime) -> UnixTime {
        match self {
            Self::Still(span) => begin_of(span, now, lasts.start).saturating_sub(SETTLED),
            Self::Back(by) => now.saturating_sub(by),
        }
    }

    /// The next moment after `now` at which the manifest may show media that end at `end`.
    fn next(self, lasts: &Range<UnixTime>, (now, end): (UnixTime, UnixTime)) -> UnixTime {
        let next = match self {
            Self::Still(span) => begin_of(span, now, lasts.start) + span,
            Self::Back(by) => end + by,
        };
        next.min(lasts.end)
    }
}

/// The last multiple of `interval` after `start` that is not after `now`.
fn begin_of(interval: Duration, now: UnixTime, start: UnixTime) -> UnixTime {
    let since = now.saturating_since(start).as_nanos();
    let into = since % interval.as_nanos().max(1);
    start + Duration::from_nanos((since - into) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::condition::Resource;

    /// Seconds of 2026-11-21T03:40:00Z, a multiple of 30 and of 20.
    const BEGIN: u64 = 1_795_232_400;

    fn at(seconds: f64) -> UnixTime {
        UnixTime::from_millis((BEGIN as i64 * 1000 + (seconds * 1000.0).round() as i64) as u64)
    }

    fn check(conditions: &str, cases: &[(f64, Option<f64>)]) {
        let spec = StreamSpec::test();
        let conditions = Conditions::parse(conditions).unwrap();
        let manifest =
            Identity { resource: Resource::Playlist, track: None, number: None, begins: None, path: "/live/test" };
        let lag = Lag::of(&conditions, manifest, &spec);
        for (now, shown) in cases {
            assert_eq!(lag.shown(at(*now)), shown.map(at), "{conditions} {now}");
            let (now, until) = (at(*now), at(now + 100.0));
            for end in [now.saturating_sub(Duration::from_secs(20)), now, now + Duration::from_secs(3)] {
                let listed = lag.lists(end, (now, until)).unwrap();
                let lists = |time| lag.shown(time).is_none_or(|shown| shown >= end);
                assert!(lists(listed), "{conditions}");
                let before = listed.saturating_sub(Duration::from_millis(1));
                assert!(before < now || !lists(before), "{conditions} {now:?} {end:?} {listed:?}");
            }
        }
    }

    #[test]
    fn a_manifest_stands_still_and_catches_up() {
        check("stale=20s", &[(0.0, Some(-1.0)), (19.9, Some(-1.0)), (20.0, Some(19.0)), (59.0, Some(39.0))]);
        let each = "stale=1m:each=30s:for=10s";
        check(each, &[(0.0, Some(-1.0)), (9.9, Some(-1.0)), (10.0, None), (29.9, None), (31.0, Some(29.0))]);
        let at = "stale=20s:at=2026-11-21T03:40:05Z:for=30s";
        check(at, &[(4.9, None), (5.0, Some(4.0)), (24.0, Some(4.0)), (26.0, Some(24.0)), (35.0, None)]);
    }

    #[test]
    fn a_manifest_goes_back_once_in_each_interval() {
        // A segment has 1.92 s.
        check("rewind=3", &[(0.0, Some(-5.76)), (9.0, Some(3.24)), (10.0, None), (29.9, None), (30.0, Some(24.24))]);
        check("rewind=1:each=1m:for=2s", &[(1.0, Some(-0.92)), (2.0, None), (30.0, None)]);
        check("rewind=3,stale=20s", &[(1.0, Some(-4.76)), (9.0, Some(-1.0)), (15.0, Some(-1.0))]);
    }
}
