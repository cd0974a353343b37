use serde_json::Value;

use super::*;
use crate::definition::spec::{Revision, StreamRequest};
use crate::media::window::fixture::{initialise, publish, publish_chunks};

mod addressing;
mod change;
mod extent;
mod faults;
mod mpd;
mod parts;
mod periods;
mod playlist;

/// 2026-11-21T03:40:28.800Z
const SEGMENT: u64 = 935_016_890;

fn output(json: Value) -> Output {
    let spec = StreamSpec::try_from(serde_json::from_value::<StreamRequest>(json).unwrap()).unwrap();
    let revision = Revision::parse("58fe8eec").unwrap();
    let output = Output::new(spec, revision);
    initialise(&output);
    output
}

fn track(output: &Output, id: &str) -> TrackId {
    output.tracks.iter().find(|track| track.id.as_str() == id).unwrap().id.clone()
}

/// Publishes `segments` and the first `chunks` of the next segment.
fn publish_up_to(output: &Output, segments: std::ops::Range<u64>, chunks: u32) {
    publish(output, segments.clone());
    publish_chunks(output, segments.end, 0..chunks);
}

#[test]
fn times_and_lengths_are_written_plainly() {
    assert_eq!(date_time(UnixTime::from_millis(1_795_232_428_800)), "2026-11-21T03:40:28.800Z");
    assert_eq!(date_time(UnixTime::default()), "1970-01-01T00:00:00.000Z");
    let shown = |nanos| seconds(Duration::from_nanos(nanos));
    assert_eq!(
        (shown(1_920_000_000), shown(2_000_000_000), shown(2_666_666_667)),
        ("1.92".into(), "2".into(), "2.666667".into())
    );
    assert_eq!(shown(1_999_999_600), "2");
}
