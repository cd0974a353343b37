//! Schedules: times at which a stream starts and stops. [`ScheduleRequest`] is the form that a user writes.
//! [`Schedule`] is the validated form; it computes the last and the next event for any time that the caller passes.

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

/// Limit of expressions in a list: two for each day of the week, and two spare. All are evaluated whenever a schedule
/// is.
const MAX_EXPRESSIONS: usize = 16;
/// Limit of windows. A user writes each by hand and deletes it when it is over.
const MAX_WINDOWS: usize = 16;
/// Maximum length of a time: nanoseconds and an offset, as in `2026-12-24T10:00:00.000000000+01:00`.
const MAX_TIME_CHARS: usize = 35;

/// Times at which a stream starts and stops. At least one of the lists has an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleRequest {
    /// Time zone of the expressions: a name of the IANA time zone database.
    pub time_zone: String,
    /// Cron expressions of five fields, at which the stream starts.
    #[schemars(length(max = MAX_EXPRESSIONS))]
    pub start: Vec<String>,
    /// Cron expressions of five fields, at which the stream stops.
    #[schemars(length(max = MAX_EXPRESSIONS))]
    pub stop: Vec<String>,
    /// Single periods during which the stream runs.
    #[serde(deserialize_with = "object::list")]
    #[schemars(length(max = MAX_WINDOWS))]
    pub windows: Vec<WindowRequest>,
}

/// A single period during which a stream runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowRequest {
    /// Start of the period, in RFC 3339.
    #[schemars(length(max = MAX_TIME_CHARS), extend("format" = "date-time"))]
    pub from: String,
    /// End of the period, in RFC 3339, later than `from`.
    #[schemars(length(max = MAX_TIME_CHARS), extend("format" = "date-time"))]
    pub until: String,
}

/// Times at which a stream starts and stops.
///
/// A window is one start and one stop. Its stop does not count while another window is open. A cron expression stops
/// the stream inside a window too.
///
/// When a clock goes forward, a local time that it skips counts as the first instant after the gap. When a clock goes
/// back, a local time that it shows twice counts once, the first time.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The request that the other fields were made from.
    request: ScheduleRequest,
    zone: TimeZone,
    start: Vec<Cron>,
    stop: Vec<Cron>,
    windows: Vec<Range<UnixTime>>,
}

/// An event of a schedule: the stream starts or stops at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Time of the event.
    pub at: UnixTime,
    /// Whether the stream runs from `at` on. If a start and a stop fall on the same instant, the start wins.
    pub running: bool,
}

impl Schedule {
    /// Validates a request.
    ///
    /// # Errors
    /// [`SpecError`] of the first invalid field; its path starts with `schedule`.
    pub fn check(request: ScheduleRequest) -> Result<Self, SpecError> {
        let ScheduleRequest { time_zone, start, stop, windows } = &request;
        if start.is_empty() && stop.is_empty() && windows.is_empty() {
            return refuse("schedule", "must have at least one start, stop or window");
        }
        let zone = check_zone(time_zone)?;
        let start = check_expressions("schedule.start", start)?;
        let stop = check_expressions("schedule.stop", stop)?;
        check_count("schedule.windows", windows.len(), MAX_WINDOWS)?;
        let windows =
            windows.iter().enumerate().map(|(i, window)| check_window(i, window)).collect::<Result<_, _>>()?;
        Ok(Self { zone, start, stop, windows, request })
    }

    /// The latest event at or before `now`.
    pub fn last(&self, now: UnixTime) -> Option<Tick> {
        let local = self.latest_local_time(now);
        let fired = |crons| self.instants(crons, move |cron| cron.at_or_before(local));
        let start = fired(&self.start).chain(self.window_starts().filter(|at| *at <= now)).max();
        let stop = fired(&self.stop).chain(self.window_ends().filter(|at| *at <= now)).max();
        let at = max(start, stop)?;
        Some(Tick { at, running: start == Some(at) })
    }

    /// The first event after `now`.
    pub fn next(&self, now: UnixTime) -> Option<Tick> {
        let local = self.latest_local_time(now);
        let fires = |crons| self.instants(crons, move |cron| cron.after(local));
        let start = fires(&self.start).chain(self.window_starts().filter(|at| *at > now)).min();
        let stop = fires(&self.stop).chain(self.window_ends().filter(|at| *at > now)).min();
        let at = start.into_iter().chain(stop).reduce(min)?;
        Some(Tick { at, running: start == Some(at) })
    }

    fn instants(&self, crons: &[Cron], firing: impl Fn(&Cron) -> Option<DateTime>) -> impl Iterator<Item = UnixTime> {
        crons.iter().filter_map(firing).filter_map(|local| self.instant(local))
    }

    fn window_starts(&self) -> impl Iterator<Item = UnixTime> {
        self.windows.iter().map(|window| window.start)
    }

    fn window_ends(&self) -> impl Iterator<Item = UnixTime> {
        self.windows.iter().map(|window| window.end).filter(|end| !self.windows.iter().any(|other| other.contains(end)))
    }

    /// The latest local time that the clock has shown until `now`. Exactly the local times up to it have a
    /// [`Self::instant`] at or before `now`.
    fn latest_local_time(&self, now: UnixTime) -> DateTime {
        let tiny = SignedDuration::from_nanos(1);
        let now = Timestamp::from_nanosecond(now.as_nanos().into()).expect("64 bits of nanoseconds end in 2554");
        let shown = self.zone.to_datetime(now);
        // After a clock went back it shows times that it has shown before.
        match self.zone.preceding(now + tiny).next() {
            Some(change) => shown.max(self.zone.to_datetime(change.timestamp() - tiny)),
            None => shown,
        }
    }

    /// The instant of a local time, if it is within 1970 to 2554. Later local times never have earlier instants.
    fn instant(&self, local: DateTime) -> Option<UnixTime> {
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

/// Finds a time zone in the database that is compiled into the binary, so that all processes use the same rules.
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
    check_count(list, texts.len(), MAX_EXPRESSIONS)?;
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
    // jiff parses more formats than RFC 3339 has.
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

fn check_count(field: &str, found: usize, allowed: usize) -> Result<(), SpecError> {
    match found <= allowed {
        true => Ok(()),
        false => refuse(field, format!("must have at most {allowed} entries, not {found}")),
    }
}

#[cfg(test)]
mod tests;
