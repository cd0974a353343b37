//! A cron expression, in local time without a time zone. The library interprets the expression; this module searches
//! for firings in both directions within a limit of days.

use std::iter::successors;

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};
use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::Offset;

use super::super::SpecError;
use super::super::refusal::refuse;

/// Maximum length of an expression. One that contains all names of days and months is shorter.
const MAX_CHARS: usize = 100;
/// Limit of days in a search: forty years. The rarest day is a 29 February on a given day of the week across 2100, 2200
/// or 2300, which are not leap years.
const LONGEST_WAIT_DAYS: usize = 14_610;
/// Error text for each field, in the order of the fields.
const FIELDS: [&str; 5] = [
    "the minute must be 0 to 59",
    "the hour must be 0 to 23",
    "the day of the month must be 1 to 31",
    "the month must be 1 to 12 or JAN to DEC",
    "the day of the week must be 0 to 7 (0 and 7 are Sunday) or SUN to SAT",
];

/// A cron expression: times of the day on certain days.
#[derive(Debug, Clone)]
pub(super) struct Cron {
    /// Months in which it fires. They exclude most days without asking the library.
    months: Vec<i8>,
    /// Fires at midnight of each of its days.
    days: Crontab,
    /// Times of the day, ascending, never empty.
    times: Vec<Time>,
}

impl Cron {
    /// Parses an expression of five fields. An expression that never fires is an error.
    pub(super) fn check(field: &str, text: &str) -> Result<Self, SpecError> {
        let length = text.chars().count();
        if length > MAX_CHARS {
            return refuse(field, format!("must be at most {MAX_CHARS} characters, not {length}"));
        }
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            let problem =
                "must be five fields as in \"0 8 * * 1-5\": minute, hour, day of the month, month, day of the week";
            return refuse(field, format!("{problem}; not {text:?}. The time zone is in time_zone"));
        };
        for (i, (part, allowed)) in parts.iter().zip(FIELDS).enumerate() {
            let mut alone = ["*"; 5];
            alone[i] = part;
            // `L` of the library does not fire in December.
            let last = [2, 4].contains(&i) && part.contains('L');
            if last || parse(alone).is_none() {
                return refuse(field, format!("{allowed}, or *, lists, ranges and steps of these; not {part:?}"));
            }
        }
        let months = parse(["0", "0", "*", month, "*"]);
        let days = parse(["0", "0", day, month, weekday]);
        let times = parse([minute, hour, "*", "*", "*"]);
        let (Some(months), Some(days), Some(times)) = (months, days, times) else {
            return refuse(field, format!("must be a cron expression; not {text:?}"));
        };
        let cron = Self { months: months_of_year(&months), days, times: times_of_day(&times) };
        match cron.after(date(2000, 1, 1).at(0, 0, 0, 0)) {
            Some(_) => Ok(cron),
            None => refuse(field, format!("must name a day that exists; {text:?} never fires")),
        }
    }

    /// The latest firing at or before `local`.
    pub(super) fn at_or_before(&self, local: DateTime) -> Option<DateTime> {
        let days = successors(Some(local.date()), |day| day.yesterday().ok());
        self.days_of(days).find_map(|day| {
            let passed = self.times.partition_point(|time| day.to_datetime(*time) <= local);
            self.times[..passed].last().map(|time| day.to_datetime(*time))
        })
    }

    /// The first firing after `local`.
    pub(super) fn after(&self, local: DateTime) -> Option<DateTime> {
        let days = successors(Some(local.date()), |day| day.tomorrow().ok());
        self.days_of(days).find_map(|day| {
            let passed = self.times.partition_point(|time| day.to_datetime(*time) <= local);
            self.times[passed..].first().map(|time| day.to_datetime(*time))
        })
    }

    /// Filters the days on which the expression fires. The limit does not count the first day, whose times may be over.
    fn days_of(&self, days: impl Iterator<Item = Date>) -> impl Iterator<Item = Date> {
        let days = days.take(1 + LONGEST_WAIT_DAYS).filter(|day| self.months.contains(&day.month()));
        days.filter(|day| matches(&self.days, day.to_datetime(Time::midnight())))
    }
}

fn months_of_year(months: &Crontab) -> Vec<i8> {
    (1..=12).filter(|month| matches(months, date(1970, *month, 1).at(0, 0, 0, 0))).collect()
}

fn times_of_day(times: &Crontab) -> Vec<Time> {
    let day = date(1970, 1, 1);
    let minutes = (0..24).flat_map(|hour| (0..60).map(move |minute| Time::constant(hour, minute, 0, 0)));
    minutes.filter(|time| matches(times, day.to_datetime(*time))).collect()
}

/// Whether an expression fires at a local time. The library evaluates it in UTC, where no time is skipped or repeated.
fn matches(crontab: &Crontab, local: DateTime) -> bool {
    let at = Offset::UTC.to_timestamp(local).ok();
    at.is_some_and(|at| crontab.matches(at).unwrap_or(false))
}

fn parse(fields: [&str; 5]) -> Option<Crontab> {
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    cronexpr::parse_crontab_with(&fields.join(" "), options).ok()
}
