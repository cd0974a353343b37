//! Rules A1 and A2 for two origins of one presentation: the same manifests, the same files.

use std::time::Duration;

use reqwest::Url;

use super::{Level, Report, Violation};
use crate::inspect::reply::Reply;

/// Segments that one origin may be behind the other between two requests.
const BEHIND: usize = 1;

/// A segment that an origin lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Identity of the segment at both origins: the number, or the track and the time.
    pub key: String,
    /// URL of the segment.
    pub url: Url,
    /// Entry of the segment in the manifest, as text.
    pub what: String,
    /// Duration of the segment in microseconds.
    pub micros: u64,
}

/// The difference between the clocks of two servers, by the Date headers of answers to simultaneous requests that `took` so long.
pub fn clock_offset(one: &Reply, two: &Reply, took: Duration) -> String {
    let date = |reply: &Reply| httpdate::parse_http_date(reply.header("date")).ok();
    let (Some(one), Some(two)) = (date(one), date(two)) else { return "no Date from one of the origins".into() };
    let seconds = match two.duration_since(one) {
        Ok(ahead) => ahead.as_secs() as i64,
        Err(behind) => -(behind.duration().as_secs() as i64),
    };
    let error = took.as_secs() + 1;
    format!("the clock of the other origin is {seconds} s ahead, with an error of up to {error} s")
}

/// Reports a file that only one origin has.
pub fn missing(path: &str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("A1", false, || format!("the other origin does not deliver {path}: {problem}"));
    report.0
}

/// Compares multivariant playlists line by line.
pub fn check_texts(one: &str, two: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let lines = one.lines().zip(two.lines()).find(|(one, two)| one != two);
    report.demand("A1", lines.is_none(), || {
        lines.map(|(one, two)| format!("{two}\nwhere the first origin has\n{one}")).unwrap_or_default()
    });
    let counts = (one.lines().count(), two.lines().count());
    report.demand("A1", counts.0 == counts.1, || format!("{} lines, and {} at the first origin", counts.1, counts.0));
    report.0
}

/// Compares the entries of each segment in two manifests that were sent at most `apart`. One manifest may be another segment behind.
pub fn check_lists(one: &[Listed], two: &[Listed], apart: Duration) -> Vec<Violation> {
    let mut report = Report::default();
    let length = one.last().map_or(0, |segment| segment.micros).max(1);
    let behind_most = BEHIND + (apart.as_micros() / u128::from(length)) as usize;
    for segment in one {
        let Some(other) = two.iter().find(|other| other.key == segment.key) else { continue };
        report.demand("A1", other.what == segment.what, || {
            format!("segment {}: {}, and {} at the first origin", segment.key, other.what, segment.what)
        });
    }
    let newer = |all: &[Listed], than: &[Listed]| {
        all.iter().rev().take_while(|segment| than.iter().all(|other| other.key != segment.key)).count()
    };
    let (ahead, behind) = (newer(two, one), newer(one, two));
    report.advise(("A1", Level::Should), ahead.max(behind) <= behind_most, || {
        format!("{ahead} segments ahead of the first origin, and {behind} behind it")
    });
    report.0
}

/// Compares files by hash. `describe` says where they differ.
pub fn check_files(hashes: &[String; 2], describe: impl FnOnce() -> String) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("A2", hashes[0] == hashes[1], || {
        format!("SHA-256 {}, and {} at the first origin; {}", hashes[1], hashes[0], describe())
    });
    report.0
}
