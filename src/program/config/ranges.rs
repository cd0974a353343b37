//! Ranges of the settings that are whole numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ConfigError, refused};
use crate::definition::spec::{self, StreamRequest};
use crate::definition::store::MAX_STREAMS;

/// The maximum is more than one machine serves.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The minimum is that of hyper; no browser reaches the maximum.
const HEADER_BYTES: RangeInclusive<u32> = 8 * 1024..=1024 * 1024;
/// The maximum is more than a machine has.
const ARCHIVE_BYTES: RangeInclusive<u64> = 0..=1 << 40;
/// Seconds up to an hour, or as many attempts.
const UP_TO_AN_HOUR: RangeInclusive<u32> = 1..=3600;

const RANGES: [(&str, RangeInclusive<u32>); 12] = [
    ("max_streams", 1..=MAX_STREAMS as u32),
    ("max_connections", CONNECTIONS),
    ("max_connections_per_address", CONNECTIONS),
    ("max_webrtc_sessions", CONNECTIONS),
    ("max_webrtc_sessions_per_stream", CONNECTIONS),
    ("max_webrtc_sessions_per_address", CONNECTIONS),
    ("max_header_bytes", HEADER_BYTES),
    ("header_seconds", UP_TO_AN_HOUR),
    ("body_seconds", UP_TO_AN_HOUR),
    ("send_seconds", UP_TO_AN_HOUR),
    ("wait_tries", UP_TO_AN_HOUR),
    ("wait_seconds", UP_TO_AN_HOUR),
];
/// Settings with the range of the field of the same name in a definition.
const OF_STREAMS: [&str; 2] = ["max_viewers", "max_bandwidth"];

/// Checks that `number` is in the range of the setting `name`.
pub(super) fn in_range(name: &str, number: u32) -> Result<u32, ConfigError> {
    let (_, range) = RANGES.iter().find(|(other, _)| *other == name).expect("every number has a range");
    match range.contains(&number) {
        true => Ok(number),
        false => Err(refused(name, format!("must be {} to {}, not {number}", range.start(), range.end()))),
    }
}

/// Checks the setting `archive_bytes`.
pub(super) fn archive_bytes(number: u64) -> Result<u64, ConfigError> {
    match ARCHIVE_BYTES.contains(&number) {
        true => Ok(number),
        false => Err(refused("archive_bytes", format!("must be 0 to {}, not {number}", ARCHIVE_BYTES.end()))),
    }
}

/// Checks that `number` is in the range of the setting `name` and returns it as a duration in seconds.
pub(super) fn seconds(name: &str, number: u32) -> Result<Duration, ConfigError> {
    in_range(name, number).map(|seconds| Duration::from_secs(seconds.into()))
}

/// JSON schema of the ranges of numbers in the file.
pub(super) fn schema() -> Value {
    let stream = spec::schema::<StreamRequest>();
    let range = |range: &RangeInclusive<u32>| json!({"minimum": range.start(), "maximum": range.end()});
    let own = RANGES.iter().map(|(name, allowed)| ((*name).to_owned(), range(allowed)));
    let shared = OF_STREAMS.map(|name| (name.to_owned(), stream["properties"][name].clone()));
    let mut properties: Map<String, Value> = own.chain(shared).collect();
    let archive = json!({"minimum": ARCHIVE_BYTES.start(), "maximum": ARCHIVE_BYTES.end()});
    properties.insert("archive_bytes".into(), archive);
    properties.insert("streams".into(), json!({"items": stream}));
    json!({"properties": properties})
}
