use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::definition::store::text;

fn spec(json: serde_json::Value) -> StreamSpec {
    let request: StreamRequest = serde_json::from_value(json).unwrap();
    request.try_into().unwrap()
}

/// A definition with this title, height and bitrate.
fn titled(title: &str, height: u32, bitrate: u32) -> StreamSpec {
    let video = json!([{"width": height * 16 / 9, "height": height, "bitrate": bitrate}]);
    spec(json!({"name": "a", "title": title, "window_seconds": 10, "video": video}))
}

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(1_795_232_428_800 + millis)
}

fn first() -> Record {
    Record::given(titled("1", 360, 1_000_000), Origin::Stored)
}

/// For each definition the number of the one that began its Period, and the time of the change of the MPD.
fn periods(record: &Record) -> Vec<(u64, u64)> {
    let millis = |time: UnixTime| time.saturating_since(at(0)).as_millis() as u64;
    record.parts().iter().map(|part| (part.lead.1.number, millis(part.begin.described))).collect()
}

#[test]
fn a_period_continues_while_the_decoder_configuration_and_bitrate_are_equal() {
    let record = first().followed_by(titled("2", 360, 1_000_000), at(10_000));
    assert_eq!(periods(&record), [(0, 0), (0, 0)], "another title");
    let record = record.followed_by(titled("2", 360, 1_100_000), at(20_000));
    assert_eq!(periods(&record), [(0, 0), (0, 0), (0, 20_000)], "another bitrate, which the MPD tells");
    let record = record.followed_by(titled("2", 180, 1_100_000), at(30_000));
    assert_eq!(periods(&record), [(0, 0), (0, 0), (0, 20_000), (3, 30_000)], "another size");
}

#[test]
fn the_definition_that_began_a_period_is_stored_as_long_as_the_period_lasts() {
    let record = first().followed_by(titled("2", 360, 1_000_000), at(10_000));
    let record = record.followed_by(titled("3", 360, 1_000_000), at(600_000));
    let record = record.followed_by(titled("4", 360, 1_000_000), at(1_200_000));
    assert_eq!((record.before.len(), record.forgotten.count), (1, 2));
    let part = record.parts()[1];
    assert_eq!((part.lead.0.title.as_str(), part.lead.1.from, part.index), ("1", 0, 3));
    let record = record.followed_by(titled("5", 180, 1_000_000), at(1_800_000));
    let record = record.followed_by(titled("6", 180, 1_000_000), at(2_400_000));
    assert_eq!(record.parts()[0].lead.0.title, "5", "it has begun a Period itself");
    assert!(record.forgotten.lead.is_none());
}

#[test]
fn a_definition_replaced_before_it_begins_never_begins() {
    let record = first().followed_by(titled("2", 180, 1_000_000), at(10_000));
    let announced = record.begin;
    let record = record.followed_by(titled("1", 360, 1_000_000), at(10_100));
    assert_eq!((record.before.len(), record.begin.from), (1, announced.from));
    assert!(record.begin.number > announced.number && record.begin.described > announced.described);
    assert_eq!(record.parts()[1].lead.1.number, 0, "as if it had never been announced");
}

#[test]
fn a_revision_never_names_segments_of_two_definitions() {
    let stopped = |title: &str| {
        let mut spec = titled(title, 360, 1_000_000);
        spec.control.enabled = false;
        spec
    };
    let plain = first().followed_by(stopped("1"), at(1000)).followed_by(stopped("2"), at(2000));
    assert_eq!(plain.revision(&plain.spec, ""), plain.spec.revision(""));
    let aliased = first().followed_by(titled("2", 360, 1_000_000), at(1000));
    let anew = aliased.followed_by(stopped("2"), at(9000)).followed_by(stopped("1"), at(10_000));
    assert_ne!(anew.revision(&anew.spec, ""), anew.spec.revision(""));
    assert_eq!((anew.begin.from, anew.parts().len()), (0, 1));
}

proptest! {
    #[test]
    fn counters_only_rise_and_records_survive_a_round_trip(
        changes in prop::collection::vec((0..4_u64, prop::sample::select(vec![180, 360]), 0..3_u32, 0..40_000_u64, any::<bool>()), 1..30),
    ) {
        let (mut record, mut now) = (first(), 0);
        for (title, height, bitrate, millis, enabled) in changes {
            now += millis;
            let mut spec = titled(&title.to_string(), height, 1_000_000 + 10_000 * bitrate);
            spec.control.enabled = enabled;
            let next = record.followed_by(spec, at(now));
            let newest = |record: &Record| {
                let part = *record.parts().last().unwrap();
                (part.index, part.begin.number, part.begin.described)
            };
            prop_assert!(newest(&next).0 >= newest(&record).0);
            prop_assert!(newest(&next).1 >= newest(&record).1);
            prop_assert!(newest(&next).2 >= newest(&record).2);
            let parts = next.parts();
            prop_assert!(parts.is_sorted_by_key(|part| part.lead.1.number));
            prop_assert!(parts.windows(2).all(|two| two[0].begin.from < two[1].begin.from && two[0].index + 1 == two[1].index));
            let read = text::parse("a", &text::serialize(&next)).unwrap();
            prop_assert_eq!(&read, &next);
            record = next;
        }
    }
}
