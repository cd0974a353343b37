//! The allowed range of every setting that is a whole number.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ConfigError, refused};
use crate::definition::spec::{self, StreamRequest};
use crate::definition::store::MAX_STREAMS;

/// More connections than one machine serves.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The least that hyper works with, and what no browser comes near.
const HEADER_BYTES: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;
/// An hour of seconds, or as many attempts: past it an operator has to look.
const UP_TO_AN_HOUR: RangeInclusive<u32> = 1..=3600;

const RANGES: [(&str, RangeInclusive<u32>); 9] = [
    ("max_streams", 1..=MAX_STREAMS as u32),
    ("max_connections", CONNECTIONS),
    ("max_connections_per_address", CONNECTIONS),
    ("max_header_bytes", HEADER_BYTES),
    ("header_seconds", UP_TO_AN_HOUR),
    ("body_seconds", UP_TO_AN_HOUR),
    ("send_seconds", UP_TO_AN_HOUR),
    ("wait_tries", UP_TO_AN_HOUR),
    ("wait_seconds", UP_TO_AN_HOUR),
];
/// Settings with the same range as the field of a definition that has their name.
const OF_STREAMS: [&str; 2] = ["max_viewers", "max_bandwidth"];

/// `number`, if it is in the range of the setting `name`.
pub(super) fn in_range(name: &str, number: u32) -> Result<u32, ConfigError> {
    let (_, range) = RANGES.iter().find(|(other, _)| *other == name).expect("every number has a range");
    match range.contains(&number) {
        true => Ok(number),
        false => Err(refused(name, format!("must be {} to {}, not {number}", range.start(), range.end()))),
    }
}

/// The same as a length of time.
pub(super) fn seconds(name: &str, number: u32) -> Result<Duration, ConfigError> {
    in_range(name, number).map(|seconds| Duration::from_secs(seconds.into()))
}

/// A JSON schema of the file, as far as it states the ranges of numbers.
pub(super) fn schema() -> Value {
    let stream = spec::schema::<StreamRequest>();
    let range = |range: &RangeInclusive<u32>| json!({"minimum": range.start(), "maximum": range.end()});
    let own = RANGES.iter().map(|(name, allowed)| ((*name).to_owned(), range(allowed)));
    let shared = OF_STREAMS.map(|name| (name.to_owned(), stream["properties"][name].clone()));
    let mut properties: Map<String, Value> = own.chain(shared).collect();
    properties.insert("streams".into(), json!({"items": stream}));
    json!({"properties": properties})
}
