use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::base::format::Format;

mod faults;

#[track_caller]
fn check(segment: &str, canonical: &str) {
    assert_eq!(Conditions::parse(segment).map(|set| set.to_string()), Ok(canonical.to_owned()), "{segment}");
}

#[track_caller]
fn check_refused(segment: &str, condition: Option<&str>, message: &str) {
    let error = Conditions::parse(segment).unwrap_err();
    assert_eq!((error.condition(), error.to_string().as_str()), (condition, message), "{segment}");
}

#[test]
fn a_set_has_one_canonical_text() {
    check("no-deltas,delay=90s", "delay=1m30s,no-deltas");
    check("delay=1m30s,no-deltas", "delay=1m30s,no-deltas");
    check("%6Eo-deltas%2Cdelay%3D90s", "delay=1m30s,no-deltas");
    check("utc-timing=http-head+direct", "utc-timing=http-head+direct");
    check("utc-timing=http-head%2Bdirect", "utc-timing=http-head+direct");
    check("clock-skew=+500ms,update-period=none", "clock-skew=500ms,update-period=none");
}

#[test]
fn a_refusal_names_the_condition_and_says_what_is_allowed() {
    check_refused("no-delta", Some("no-delta"), "there is no condition no-delta; did you mean no-deltas?");
    check_refused("", Some(""), &format!("there is no condition ; there are {}", reading::names()));
    check_refused("no-hints,delay=1", Some("delay"), "delay must be a duration from 100ms to 1d, not \"1\"");
    check_refused("delay=99ms", Some("delay"), "delay must be a duration from 100ms to 1d, not \"99ms\"");
    check_refused("delay", Some("delay"), "delay must be a duration from 100ms to 1d, not \"\"");
    check_refused("no-hints=1", Some("no-hints"), "no-hints takes no value, not \"1\"");
    check_refused("no-hints=", Some("no-hints"), "no-hints takes no value, not \"\"");
    check_refused(
        "update-period=25h",
        Some("update-period"),
        "update-period must be a duration from 0s to 1d, or none, not \"25h\"",
    );
    check_refused("clock-skew=-25h", Some("clock-skew"), "clock-skew must be a duration from -1d to 1d, not \"-25h\"");
    check_refused(
        "utc-timing=direct+direct",
        Some("utc-timing"),
        "utc-timing must be none, or some of http-xsdate, http-iso, http-head, direct joined by +, not \"direct+direct\"",
    );
    check_refused("delay=3s,delay=3s", Some("delay"), "delay occurs twice; remove one");
    check_refused(
        "utc-timing=none,clock-skew=1s",
        Some("clock-skew"),
        "clock-skew and utc-timing=none exclude each other; remove one",
    );
    let long = "x".repeat(10_000);
    // A part of the name, and the names that there are.
    assert!(Conditions::parse(&long).unwrap_err().to_string().len() < 100 + reading::names().len());
}

#[test]
fn more_than_sixteen_conditions_are_refused() {
    check_refused(&["no-hints"; 16].join(","), Some("no-hints"), "no-hints occurs twice; remove one");
    check_refused(&["no-hints"; 17].join(","), None, "there are more than 16 conditions; remove some");
}

#[test]
fn a_condition_applies_to_some_formats() {
    let set = Conditions::parse("delay=9s,no-hints").unwrap();
    assert_eq!(set.check_format(Format::LlHls), Ok(()));
    let error = set.check_format(Format::Dash).unwrap_err().to_string();
    assert_eq!(error, "no-hints does not apply to DASH, only to LL-HLS");
    assert_eq!(set.of_resource(Resource::Mpd, None).to_string(), "delay=9s");
    assert!(set.of_resource(Resource::Segment, None).is_empty());
}

#[test]
fn the_tables_are_sorted_and_their_examples_are_right() {
    for table in [TABLE, FAULTS] {
        assert!(table.is_sorted_by_key(|description| description.name));
    }
    for description in reading::rows() {
        assert!(!description.examples.is_empty() && !description.formats.is_empty(), "{}", description.name);
        assert_eq!(description.is_fault(), description.changes.is_empty(), "{}", description.name);
        assert!(description.summary.ends_with('.'), "{}", description.name);
        for example in description.examples {
            check(example, example);
            assert_eq!(reading::read(example).unwrap().name(), description.name);
        }
    }
}

/// Sets of examples, at most one of each condition.
fn any_set() -> impl Strategy<Value = Vec<&'static str>> {
    let rows: Vec<_> = reading::rows().collect();
    let all = rows.len();
    subsequence(rows, 0..=all)
        .prop_flat_map(|rows| rows.into_iter().map(|row| select(row.examples)).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_printed_set_is_read_as_itself(set in any_set().prop_shuffle()) {
        if let Ok(conditions) = Conditions::of(set.iter().copied()) {
            let printed = conditions.to_string();
            prop_assert!(conditions.is_empty() || Conditions::parse(&printed) == Ok(conditions.clone()), "{}", printed);
            // Only characters that a path segment may hold without percent-encoding.
            prop_assert!(printed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200), set in any_set(), place: usize) {
        let _ = Conditions::parse(&String::from_utf8_lossy(&bytes));
        let mut text = set.join(",").into_bytes();
        if !text.is_empty() {
            let place = place % text.len();
            text.splice(place..place, bytes);
        }
        if let Err(error) = Conditions::parse(&String::from_utf8_lossy(&text)) {
            prop_assert!(error.to_string().len() < 1000);
        }
    }
}
