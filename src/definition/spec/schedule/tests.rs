use insta::assert_snapshot;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;

const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];
const EXPRESSIONS: [&str; 12] = [
    "* * * * *",
    "0 8 * * 1-5",
    "30 2 * * *",
    "0 0 * * *",
    "*/7 1-3 * * SUN",
    "59 23 31 * *",
    "0 0 29 2 *",
    "0 0 29 2 */7",
    "15 12 1 JAN,JUL MON",
    "0 4 * * MON#1",
    "10 5 15W * *",
    "0 0 31 12 *",
];

fn check(request: Value) -> Result<Schedule, SpecError> {
    Schedule::check(serde_json::from_value(request).unwrap())
}

fn daily(zone: &str, start: &str) -> Schedule {
    check(json!({"time_zone": zone, "start": [start]})).unwrap()
}

fn at(text: &str) -> UnixTime {
    check_time("test".into(), text).unwrap()
}

fn show(at: UnixTime) -> String {
    Timestamp::from_nanosecond(at.as_nanos().into()).unwrap().to_string()
}

fn show_tick(tick: Option<Tick>) -> String {
    match tick {
        Some(Tick { at, running: true }) => format!("runs from {}", show(at)),
        Some(Tick { at, running: false }) => format!("stops at {}", show(at)),
        None => "none".into(),
    }
}

#[track_caller]
fn check_around(schedule: &Schedule, now: &str, last: &str, next: &str) {
    let now = at(now);
    assert_eq!(show_tick(schedule.last(now)), last, "last");
    assert_eq!(show_tick(schedule.next(now)), next, "next");
}

/// The next `count` events after `now`.
fn ticks(schedule: &Schedule, now: &str, count: usize) -> Vec<String> {
    let ticks = std::iter::successors(schedule.next(at(now)), |tick| schedule.next(tick.at));
    ticks.take(count).map(|tick| show_tick(Some(tick))).collect()
}

#[track_caller]
fn check_refused(request: Value, field: &str) -> String {
    let error = check(request).unwrap_err();
    assert_eq!(error.field, field);
    error.problem
}

#[test]
fn working_hours_start_and_stop_by_the_local_clock() {
    let week =
        check(json!({"time_zone": "Europe/Berlin", "start": ["0 8 * * 1-5"], "stop": ["0 18 * * 1-5"]})).unwrap();
    let (morning, evening) = ("runs from 2026-06-05T06:00:00Z", "stops at 2026-06-05T16:00:00Z");
    check_around(&week, "2026-06-05T05:59:59.999999999Z", "stops at 2026-06-04T16:00:00Z", morning);
    check_around(&week, "2026-06-05T06:00:00Z", morning, evening);
    check_around(&week, "2026-06-05T15:59:59Z", morning, evening);
    check_around(&week, "2026-06-07T12:00:00Z", evening, "runs from 2026-06-08T06:00:00Z");
    check_around(&week, "2026-12-07T12:00:00Z", "runs from 2026-12-07T07:00:00Z", "stops at 2026-12-07T17:00:00Z");
}

#[test]
fn a_skipped_time_fires_at_the_end_of_the_gap() {
    let berlin = daily("Europe/Berlin", "30 2 * * *");
    let (gap, after) = ("runs from 2026-03-29T01:00:00Z", "runs from 2026-03-30T00:30:00Z");
    check_around(&berlin, "2026-03-29T00:59:59Z", "runs from 2026-03-28T01:30:00Z", gap);
    check_around(&berlin, "2026-03-29T01:00:00Z", gap, after);
    check_around(&berlin, "2026-03-29T01:30:00Z", gap, after);
    let york = daily("America/New_York", "30 2 * * *");
    check_around(&york, "2026-03-08T07:00:00Z", "runs from 2026-03-08T07:00:00Z", "runs from 2026-03-09T06:30:00Z");
}

#[test]
fn a_repeated_time_fires_once() {
    let berlin = daily("Europe/Berlin", "30 2 * * *");
    let (first, after) = ("runs from 2026-10-25T00:30:00Z", "runs from 2026-10-26T01:30:00Z");
    check_around(&berlin, "2026-10-25T00:29:59Z", "runs from 2026-10-24T00:30:00Z", first);
    check_around(&berlin, "2026-10-25T00:30:00Z", first, after);
    check_around(&berlin, "2026-10-25T01:10:00Z", first, after);
    check_around(&berlin, "2026-10-25T01:30:00Z", first, after);
    let york = daily("America/New_York", "30 1 * * *");
    check_around(&york, "2026-11-01T06:30:00Z", "runs from 2026-11-01T05:30:00Z", "runs from 2026-11-02T06:30:00Z");
}

#[test]
fn a_stop_in_the_gap_still_follows_its_start() {
    let night = check(json!({"time_zone": "Europe/Berlin", "start": ["0 2 * * *"], "stop": ["30 2 * * *"]})).unwrap();
    // Both fall on the first moment after the gap, so the start wins.
    assert_eq!(show_tick(night.next(at("2026-03-29T00:00:00Z"))), "runs from 2026-03-29T01:00:00Z");
    assert_eq!(show_tick(night.next(at("2026-03-29T01:00:00Z"))), "runs from 2026-03-30T00:00:00Z");
}

#[test]
fn a_day_that_a_zone_skipped_fires_at_the_next_midnight() {
    // Samoa skipped 30 December 2011.
    let apia = daily("Pacific/Apia", "0 12 30 * *");
    check_around(&apia, "2011-12-31T00:00:00Z", "runs from 2011-12-30T10:00:00Z", "runs from 2012-01-29T22:00:00Z");
}

#[test]
fn midnight_month_end_and_leap_day_are_found_in_both_directions() {
    check_around(
        &daily("UTC", "0 0 * * *"),
        "2026-12-31T23:59:59Z",
        "runs from 2026-12-31T00:00:00Z",
        "runs from 2027-01-01T00:00:00Z",
    );
    check_around(
        &daily("UTC", "0 0 31 * *"),
        "2026-02-28T00:00:00Z",
        "runs from 2026-01-31T00:00:00Z",
        "runs from 2026-03-31T00:00:00Z",
    );
    let leap = daily("UTC", "0 0 29 2 *");
    check_around(&leap, "2026-11-21T00:00:00Z", "runs from 2024-02-29T00:00:00Z", "runs from 2028-02-29T00:00:00Z");
    check_around(&leap, "2100-03-01T00:00:00Z", "runs from 2096-02-29T00:00:00Z", "runs from 2104-02-29T00:00:00Z");
}

#[test]
fn the_rarest_day_is_within_the_search_limit() {
    let sunday = daily("UTC", "0 0 29 2 */7");
    check_around(&sunday, "2128-02-28T23:59:00Z", "runs from 2088-02-29T00:00:00Z", "runs from 2128-02-29T00:00:00Z");
    check_around(&sunday, "2088-02-29T00:00:00Z", "runs from 2088-02-29T00:00:00Z", "runs from 2128-02-29T00:00:00Z");
}

#[test]
fn a_process_that_was_suspended_finds_the_event_that_it_missed() {
    let yearly = check(json!({"start": ["0 8 2 1 *"], "stop": ["0 9 2 1 *"]})).unwrap();
    check_around(&yearly, "2026-12-31T00:00:00Z", "stops at 2026-01-02T09:00:00Z", "runs from 2027-01-02T08:00:00Z");
    let once = check(json!({"windows": [{"from": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z"}]})).unwrap();
    check_around(&once, "2040-01-01T00:00:00Z", "stops at 2026-01-01T01:00:00Z", "none");
    check_around(&once, "2025-12-31T23:59:59Z", "none", "runs from 2026-01-01T00:00:00Z");
}

#[test]
fn there_is_no_event_before_the_first() {
    assert_eq!(daily("UTC", "0 8 * * *").last(at("1970-01-01T07:59:59Z")), None);
    assert_eq!(daily("UTC", "* * * * *").next(UnixTime::from_nanos(u64::MAX)), None);
}

#[test]
fn at_the_same_moment_a_start_wins() {
    let both = check(json!({"start": ["0 8 * * *"], "stop": ["0 * * * *"]})).unwrap();
    assert_eq!(
        ticks(&both, "2026-01-01T06:30:00Z", 3),
        ["stops at 2026-01-01T07:00:00Z", "runs from 2026-01-01T08:00:00Z", "stops at 2026-01-01T09:00:00Z"]
    );
    assert_eq!(show_tick(both.last(at("2026-01-01T08:10:00Z"))), "runs from 2026-01-01T08:00:00Z");
}

#[test]
fn a_window_ends_only_when_no_other_is_open() {
    let windows = check(json!({"stop": ["30 11 * * *"], "windows": [
        {"from": "2026-01-01T10:00:00Z", "until": "2026-01-01T13:00:00Z"},
        {"from": "2026-01-01T11:00:00+00:00", "until": "2026-01-01T13:00:00+01:00"},
        {"from": "2026-01-01T13:00:00Z", "until": "2026-01-01T14:00:00Z"},
    ]}));
    assert_eq!(
        ticks(&windows.unwrap(), "2026-01-01T09:00:00Z", 6),
        [
            "runs from 2026-01-01T10:00:00Z",
            "runs from 2026-01-01T11:00:00Z",
            "stops at 2026-01-01T11:30:00Z",
            "runs from 2026-01-01T13:00:00Z",
            "stops at 2026-01-01T14:00:00Z",
            "stops at 2026-01-02T11:30:00Z",
        ]
    );
}

#[test]
fn one_entry_is_enough() {
    let request: ScheduleRequest = serde_json::from_value(json!({"start": ["0 8 * * *"]})).unwrap();
    assert_snapshot!(serde_json::to_string(&request).unwrap(), @r#"{"time_zone":"UTC","start":["0 8 * * *"],"stop":[],"windows":[]}"#);
    let unknown = serde_json::from_value::<ScheduleRequest>(json!({"starts": []})).unwrap_err();
    assert_snapshot!(unknown, @"unknown field `starts`, expected one of `time_zone`, `start`, `stop`, `windows`");
}

#[test]
fn refusals_say_what_is_allowed() {
    let window = |from: &str, until: &str| json!({"from": from, "until": until});
    let noon = "2026-01-01T12:00:00Z";
    let shown = [
        check_refused(json!({}), "schedule"),
        check_refused(json!({"time_zone": "Europe/Atlantis", "start": ["0 8 * * *"]}), "schedule.time_zone"),
        check_refused(json!({"start": ["0 8 * * *", "0 8 * *"]}), "schedule.start[1]"),
        check_refused(json!({"start": ["0 8 * * * Europe/Berlin"]}), "schedule.start[0]"),
        check_refused(json!({"start": ["60 8 * * *"]}), "schedule.start[0]"),
        check_refused(json!({"stop": ["0 8 L * *"]}), "schedule.stop[0]"),
        check_refused(json!({"stop": ["0 8 * * 5L"]}), "schedule.stop[0]"),
        check_refused(json!({"stop": ["0 8 30 2 *"]}), "schedule.stop[0]"),
        check_refused(json!({"stop": ["1".repeat(101)]}), "schedule.stop[0]"),
        check_refused(json!({"stop": vec!["0 8 * * *"; 17]}), "schedule.stop"),
        check_refused(json!({"windows": vec![window(noon, noon); 17]}), "schedule.windows"),
        check_refused(json!({"windows": [window("2026-01-01 12:00:00Z", noon)]}), "schedule.windows[0].from"),
        check_refused(json!({"windows": [window(noon, "1969-12-31T00:00:00Z")]}), "schedule.windows[0].until"),
        check_refused(
            json!({"windows": [window("2026-01-01T11:00:00Z", noon), window(noon, noon)]}),
            "schedule.windows[1].until",
        ),
    ];
    assert_snapshot!(shown.join("\n"), @r#"
    must have at least one start, stop or window
    must be a name of the IANA time zone database such as Europe/Berlin; not "Europe/Atlantis"
    must be five fields as in "0 8 * * 1-5": minute, hour, day of the month, month, day of the week; not "0 8 * *". The time zone is in time_zone
    must be five fields as in "0 8 * * 1-5": minute, hour, day of the month, month, day of the week; not "0 8 * * * Europe/Berlin". The time zone is in time_zone
    the minute must be 0 to 59, or *, lists, ranges and steps of these; not "60"
    the day of the month must be 1 to 31, or *, lists, ranges and steps of these; not "L"
    the day of the week must be 0 to 7 (0 and 7 are Sunday) or SUN to SAT, or *, lists, ranges and steps of these; not "5L"
    must name a day that exists; "0 8 30 2 *" never fires
    must be at most 100 characters, not 101
    must have at most 16 entries, not 17
    must have at most 16 entries, not 17
    must be a time as in RFC 3339 such as 2026-12-24T10:00:00Z, in the years 1970 to 2554; not "2026-01-01 12:00:00Z"
    must be a time as in RFC 3339 such as 2026-12-24T10:00:00Z, in the years 1970 to 2554; not "1969-12-31T00:00:00Z"
    must be later than from ("2026-01-01T12:00:00Z"), not "2026-01-01T12:00:00Z"
    "#);
}

#[test]
fn zones_and_unusual_times_are_read_strictly() {
    for zone in ["", "Etc/Unknown", "+02:00", "CET-1CEST", "../../etc/passwd", "Europe/Berlin "] {
        check_refused(json!({"time_zone": zone, "start": ["0 8 * * *"]}), "schedule.time_zone");
    }
    for time in ["", "now", "2026-12-24", "2026-12-24T10:00:00", "20261224T100000Z", "2026-12-24T10:00:00Z[UTC]x"] {
        check_time("test".into(), time).unwrap_err();
    }
    for time in ["2555-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "2026-12-24T25:00:00Z"] {
        check_time("test".into(), time).unwrap_err();
    }
    assert_eq!(at("2026-12-24T10:00:00.5+01:00"), at("2026-12-24T09:00:00.500Z"));
}

fn any_request() -> impl Strategy<Value = ScheduleRequest> {
    let times = select(vec!["2026-01-01T12:00:00Z", "2026-03-29T03:00:00+02:00", "2027-01-01T00:00:00.5Z"]);
    let window =
        (times.clone(), times).prop_map(|(from, until)| WindowRequest { from: from.into(), until: until.into() });
    let expressions = || vec(select(&EXPRESSIONS[..]).prop_map(String::from), 0..3);
    (select(&ZONES[..]), expressions(), expressions(), vec(window, 0..4)).prop_map(
        |(time_zone, start, stop, mut windows)| {
            windows.retain(|window| at(&window.from) < at(&window.until));
            ScheduleRequest { time_zone: time_zone.into(), start, stop, windows }
        },
    )
}

/// Half of the times are within hours of a clock change.
fn any_time() -> impl Strategy<Value = UnixTime> {
    let changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"];
    let more = ["2011-12-30T10:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z", "2018-02-18T02:00:00Z"];
    let change = select([changes, more].concat()).prop_map(at);
    let near = (change, 0..7200_u64)
        .prop_map(|(at, away)| UnixTime::from_nanos(at.as_nanos() - 3600 * 1_000_000_000 + away * 1_000_000_000));
    prop_oneof![near, any::<u64>().prop_map(UnixTime::from_nanos)]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", cron in "[0-9*/,#LWHA-Z +-]{0,40}", part in "[0-9*/,#LWHMON-]{1,5}") {
        for start in [&text, &cron, &format!("{part} * * * *"), &format!("0 0 {part} * *"), &format!("0 0 * * {part}")] {
            let request = ScheduleRequest { start: vec![start.clone()], ..ScheduleRequest::default() };
            if let Ok(schedule) = Schedule::check(request) {
                prop_assert!(schedule.next(at("2000-01-01T00:00:00Z")).is_some(), "{start}");
            }
        }
        let _ = check_zone(&text);
        let _ = check_time("test".into(), &text);
    }

    #[test]
    fn no_event_lies_between_last_and_next(request in any_request(), now in any_time()) {
        let Ok(schedule) = Schedule::check(request) else { return Ok(()) };
        let (last, next) = (schedule.last(now), schedule.next(now));
        if let Some(last) = last {
            prop_assert!(last.at <= now);
            prop_assert_eq!(schedule.next(last.at), next);
            prop_assert_eq!(schedule.last(last.at), Some(last));
        }
        if let Some(next) = next {
            prop_assert!(next.at > now);
            prop_assert_eq!(schedule.last(next.at), Some(next));
            prop_assert_eq!(schedule.last(UnixTime::from_nanos(next.at.as_nanos() - 1)), last);
        }
    }

    #[test]
    fn the_library_agrees_where_no_clock_changes(text in select(&EXPRESSIONS[..]), now in any_time()) {
        let crontab = cronexpr::parse_crontab(&format!("{text} UTC")).unwrap();
        let now_there = Timestamp::from_nanosecond(now.as_nanos().into()).unwrap();
        // The library searches four years at most.
        if let Ok(next) = crontab.find_next(now_there) {
            let found = daily("UTC", text).next(now).map(|tick| show(tick.at));
            let after_the_end = next.year() > 2553;
            prop_assert!(found == Some(next.timestamp().to_string()) || after_the_end, "{found:?} {next}");
        }
    }

    #[test]
    fn the_clock_shows_the_time_of_a_firing_unless_it_follows_a_gap(zone in select(&ZONES[..]), now in any_time()) {
        let schedule = daily(zone, "*/5 * * * *");
        let Some(tick) = schedule.next(now) else { return Ok(()) };
        let zone = check_zone(zone).unwrap();
        let there = Timestamp::from_nanosecond(tick.at.as_nanos().into()).unwrap();
        let shown = zone.to_datetime(there);
        let change = zone.preceding(there + SignedDuration::from_nanos(1)).next().map(|change| change.timestamp());
        prop_assert!(shown.minute() % 5 == 0 && shown.second() == 0 || change == Some(there), "{shown}");
    }

    #[test]
    fn a_schedule_survives_a_round_trip(request in any_request()) {
        let Ok(schedule) = Schedule::check(request.clone()) else { return Ok(()) };
        let json = serde_json::to_string(&ScheduleRequest::from(&schedule)).unwrap();
        prop_assert_eq!(&serde_json::from_str::<ScheduleRequest>(&json).unwrap(), &request);
        prop_assert_eq!(Schedule::check(request), Ok(schedule));
    }
}
