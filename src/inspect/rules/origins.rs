//! Rules A1 and A2 for two origins of one presentation: the same manifests, the same files.

use reqwest::Url;

use super::{Level, Report, Violation};
use crate::inspect::reply::Reply;

/// Segments that one origin may be behind the other between two requests.
const BEHIND: usize = 1;

/// A segment that an origin lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What both origins call it: its number, or its track and time.
    pub key: String,
    /// Its URL.
    pub url: Url,
    /// What the manifest says of it.
    pub what: String,
}

/// The difference between the clocks of two servers, by their Date headers.
pub fn clock_offset(one: &Reply, two: &Reply) -> String {
    let date = |reply: &Reply| httpdate::parse_http_date(reply.header("date")).ok();
    let (Some(one), Some(two)) = (date(one), date(two)) else { return "no Date from one of the origins".into() };
    let seconds = match two.duration_since(one) {
        Ok(ahead) => ahead.as_secs() as i64,
        Err(behind) => -(behind.duration().as_secs() as i64),
    };
    format!("the clock of the other origin is {seconds} s ahead, to a second")
}

/// Reports a file that only one origin has.
pub fn missing(path: &str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("A1", false, || format!("{path} of the other origin: {problem}"));
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

/// Compares what two manifests of the same moment say of each segment. One may be a segment behind.
pub fn check_lists(one: &[Listed], two: &[Listed]) -> Vec<Violation> {
    let mut report = Report::default();
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
    report.advise(("A1", Level::Should), ahead.max(behind) <= BEHIND, || {
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
