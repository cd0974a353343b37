//! When a stream runs by the calendar. [`ScheduleRequest`] is what a user writes; [`Schedule`] is valid by construction
//! and says for any moment which change was the last and which is the next. The clock is the caller's.

use std::cmp::{max, min};
use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::cron::Cron;
use super::SpecError;
use super::object;
use super::refusal::refuse;
use crate::base::timeline::UnixTime;

mod cron;

/// Two for each day of a week, and two to spare; every one is asked whenever the schedule is.
const MAX_EXPRESSIONS: usize = 16;
/// Single occasions, which someone writes by hand and deletes when they are over.
const MAX_WINDOWS: usize = 16;
/// Nanoseconds and an offset: `2026-12-24T10:00:00.000000000+01:00`.
const MAX_TIME_CHARS: usize = 35;

/// When a stream runs, as a user writes it. At least one of the lists has an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleRequest {
    /// Where the expressions tell the time: a name of the IANA time zone database.
    pub time_zone: String,
    /// Cron expressions of five fields, at which the stream starts.
    #[schemars(length(max = MAX_EXPRESSIONS))]
    pub start: Vec<String>,
    /// Cron expressions of five fields, at which the stream stops.
    #[schemars(length(max = MAX_EXPRESSIONS))]
    pub stop: Vec<String>,
    /// Single occasions at which the stream runs.
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(max = MAX_WINDOWS))]
    pub windows: Vec<WindowRequest>,
}

/// A single occasion, as a user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowRequest {
    /// RFC 3339.
    #[schemars(length(max = MAX_TIME_CHARS), extend("format" = "date-time"))]
    pub from: String,
    /// RFC 3339, later than `from`.
    #[schemars(length(max = MAX_TIME_CHARS), extend("format" = "date-time"))]
    pub until: String,
}

/// When a stream starts and stops. A window is one more start and one more stop, but its stop is left out
/// while another window is open; an expression stops the stream inside a window too.
///
/// A local time that a clock skips when it is set forward counts as the first moment after the gap; one that a clock
/// shows twice when it is set back counts once, as the first.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What the other fields are made of.
    request: ScheduleRequest,
    zone: TimeZone,
    start: Vec<Cron>,
    stop: Vec<Cron>,
    windows: Vec<Range<UnixTime>>,
}

/// A change: from `at` on the stream runs, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub at: UnixTime,
    /// Whether it runs from then on; a start wins over a stop at the same moment.
    pub running: bool,
}

impl Schedule {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// The first field that is not allowed, with a path from `schedule` on.
    pub fn check(request: ScheduleRequest) -> Result<Self, SpecError> {
        let ScheduleRequest { time_zone, start, stop, windows } = &request;
        if start.is_empty() && stop.is_empty() && windows.is_empty() {
            return refuse("schedule", "must have at least one start, stop or window");
        }
        let zone = check_zone(time_zone)?;
        let start = check_expressions("schedule.start", start)?;
        let stop = check_expressions("schedule.stop", stop)?;
        at_most("schedule.windows", windows.len(), MAX_WINDOWS)?;
        let windows =
            windows.iter().enumerate().map(|(i, window)| check_window(i, window)).collect::<Result<_, _>>()?;
        Ok(Self { zone, start, stop, windows, request })
    }

    /// The newest change at or before `now`.
    pub fn last(&self, now: UnixTime) -> Option<Tick> {
        let local = self.local(now);
        let fired = |crons| self.moments(crons, move |cron| cron.at_or_before(local));
        let start = fired(&self.start).chain(self.opens().filter(|at| *at <= now)).max();
        let stop = fired(&self.stop).chain(self.closes().filter(|at| *at <= now)).max();
        let at = max(start, stop)?;
        Some(Tick { at, running: start == Some(at) })
    }

    /// The first change after `now`.
    pub fn next(&self, now: UnixTime) -> Option<Tick> {
        let local = self.local(now);
        let fires = |crons| self.moments(crons, move |cron| cron.after(local));
        let start = fires(&self.start).chain(self.opens().filter(|at| *at > now)).min();
        let stop = fires(&self.stop).chain(self.closes().filter(|at| *at > now)).min();
        let at = start.into_iter().chain(stop).reduce(min)?;
        Some(Tick { at, running: start == Some(at) })
    }

    fn moments(&self, crons: &[Cron], firing: impl Fn(&Cron) -> Option<DateTime>) -> impl Iterator<Item = UnixTime> {
        crons.iter().filter_map(firing).filter_map(|local| self.moment(local))
    }

    fn opens(&self) -> impl Iterator<Item = UnixTime> {
        self.windows.iter().map(|window| window.start)
    }

    fn closes(&self) -> impl Iterator<Item = UnixTime> {
        self.windows.iter().map(|window| window.end).filter(|end| !self.windows.iter().any(|other| other.contains(end)))
    }

    /// The latest local time that has been on the clock at `now`: exactly those up to it have their
    /// [`Self::moment`] at or before `now`.
    fn local(&self, now: UnixTime) -> DateTime {
        let tiny = SignedDuration::from_nanos(1);
        let now = Timestamp::from_nanosecond(now.as_nanos().into()).expect("64 bits of nanoseconds end in 2554");
        let shown = self.zone.to_datetime(now);
        // A clock that was set back shows again what it has shown before.
        match self.zone.preceding(now + tiny).next() {
            Some(change) => shown.max(self.zone.to_datetime(change.timestamp() - tiny)),
            None => shown,
        }
    }

    /// When a local time is, if that is from 1970 to 2554; a later local time is not earlier.
    fn moment(&self, local: DateTime) -> Option<UnixTime> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let earlier = ambiguous.earlier().ok()?;
        let at = match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => self.zone.following(earlier).next()?.timestamp(),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => earlier,
        };
        u64::try_from(at.as_nanosecond()).ok().map(UnixTime::from_nanos)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.request == other.request
    }
}

impl Default for ScheduleRequest {
    fn default() -> Self {
        Self { time_zone: "UTC".into(), start: Vec::new(), stop: Vec::new(), windows: Vec::new() }
    }
}

impl From<&Schedule> for ScheduleRequest {
    fn from(schedule: &Schedule) -> Self {
        schedule.request.clone()
    }
}

/// The database in the binary, so that every process reads the same rules, whatever its system has.
fn check_zone(name: &str) -> Result<TimeZone, SpecError> {
    match TimeZoneDatabase::bundled().get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        Ok(_) | Err(_) => {
            let problem = format!("must be a name of the IANA time zone database such as Europe/Berlin; not {name:?}");
            refuse("schedule.time_zone", problem)
        }
    }
}

fn check_expressions(list: &str, texts: &[String]) -> Result<Vec<Cron>, SpecError> {
    at_most(list, texts.len(), MAX_EXPRESSIONS)?;
    texts.iter().enumerate().map(|(i, text)| Cron::check(&format!("{list}[{i}]"), text)).collect()
}

fn check_window(index: usize, request: &WindowRequest) -> Result<Range<UnixTime>, SpecError> {
    let WindowRequest { from, until } = request;
    let field = |name: &str| format!("schedule.windows[{index}].{name}");
    let window = check_time(field("from"), from)?..check_time(field("until"), until)?;
    match window.is_empty() {
        true => refuse(field("until"), format!("must be later than from ({from:?}), not {until:?}")),
        false => Ok(window),
    }
}

fn check_time(field: String, text: &str) -> Result<UnixTime, SpecError> {
    // What jiff reads is more than RFC 3339.
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let shaped = text.len() <= MAX_TIME_CHARS && marks.iter().all(|(at, mark)| text.as_bytes().get(*at) == Some(mark));
    let time = shaped.then(|| text.parse::<Timestamp>().ok()).flatten();
    match time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()) {
        Some(nanos) => Ok(UnixTime::from_nanos(nanos)),
        None => {
            let problem = "must be a time as in RFC 3339 such as 2026-12-24T10:00:00Z, in the years 1970 to 2554";
            refuse(field, format!("{problem}; not {text:?}"))
        }
    }
}

fn at_most(field: &str, found: usize, allowed: usize) -> Result<(), SpecError> {
    match found <= allowed {
        true => Ok(()),
        false => refuse(field, format!("must have at most {allowed} entries, not {found}")),
    }
}

#[cfg(test)]
mod tests;
