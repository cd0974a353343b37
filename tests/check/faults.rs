//! Servers in memory, each with one fault, and the rules that the checker must find broken.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use tempfile::TempDir;

use barstone::inspect::check::{Other, Outcome};
use barstone::inspect::manifest::ManifestError;

use crate::faulty::answer;
use crate::memory::Server;
use crate::support::tls::certify;
use crate::{WATCHED, client, client_that_trusts, findings, findings_by};

/// Path of a manifest, whose first segment names the fault of the server, and the rules that the server breaks. A path may have
/// another one beside it, that of the other origin.
pub(crate) type Row = (&'static str, &'static [&'static str]);

pub(crate) const OF_HLS: &[Row] = &[
    ("none/live.m3u8", &[]),
    ("stopped/live.m3u8", &[]),
    ("starting/live.m3u8", &[]),
    ("other-map/live.m3u8", &["H13", "H14"]),
    ("removed/live.m3u8", &["H9"]),
    ("stale/live.m3u8", &["H10"]),
    ("rewind/live.m3u8", &["H4", "H5", "H10"]),
    ("lost/live.m3u8", &["H11"]),
    ("slow/live.m3u8", &["H11"]),
    ("moved/live.m3u8", &["H26"]),
    ("wrong-type/live.m3u8", &["H27"]),
    ("cut/live.m3u8", &["T1"]),
    ("no-head/live.m3u8", &["T2"]),
    ("no-validator/live.m3u8", &["T3"]),
    ("wrong-range/live.m3u8", &["T4"]),
    ("no-range/live.m3u8", &["T4"]),
    ("no-cors/live.m3u8", &["T5"]),
    ("kept/live.m3u8", &["T6"]),
    ("busy/live.m3u8", &["T7"]),
    ("late/live.m3u8", &["T8"]),
    ("plain/live.m3u8", &["H20"]),
];

pub(crate) const OF_LOW_LATENCY_HLS: &[Row] = &[
    ("none/ll.m3u8", &[]),
    ("stopped/ll.m3u8", &[]),
    ("late-parts/ll.m3u8", &["L7"]),
    ("old-parts/ll.m3u8", &["L8"]),
    ("impatient/ll.m3u8", &["L13"]),
    ("plain/ll.m3u8", &["H20", "L21"]),
    ("other-parts/ll.m3u8", &["L6"]),
    ("unblocked/ll.m3u8", &["L9", "L10"]),
    ("part-alone/ll.m3u8", &["L11"]),
    ("far/ll.m3u8", &["L12"]),
    ("old-refused/ll.m3u8", &["L14"]),
    ("wrong-delta/ll.m3u8", &["L15"]),
    ("wrong-hint/ll.m3u8", &["L16"]),
    ("lost-hint/ll.m3u8", &["L16"]),
    ("early-hint/ll.m3u8", &["L17"]),
    ("slow-parts/ll.m3u8", &["L17"]),
    ("delayed-parts/ll.m3u8", &["L16"]),
    ("long/ll.m3u8", &["L26"]),
    ("uncached/ll.m3u8", &["L23"]),
    ("strict/ll.m3u8", &["L24"]),
];

/// Faults of a server behind TLS.
pub(crate) const OF_TLS: &[Row] = &[("http-1/ll.m3u8", &["L20"])];

pub(crate) const OF_DASH: &[Row] = &[
    ("none/live.mpd", &[]),
    ("stopped/live.mpd", &[]),
    ("starting/live.mpd", &[]),
    ("renamed/live.mpd", &["D3"]),
    ("rewritten/live.mpd", &["D5"]),
    ("unaligned/live.mpd", &["D11"]),
    ("unpublished/live.mpd", &["D4"]),
    ("gone/live.mpd", &["D8"]),
    ("too-early/live.mpd", &["D8"]),
    ("plain/live.mpd", &["D15"]),
    ("kept/live.mpd", &["T6"]),
    ("busy/live.mpd", &["T7"]),
];

pub(crate) const OF_TWO_ORIGINS: &[Row] = &[
    ("none/live.m3u8 none/live.m3u8", &[]),
    ("none/live.m3u8 other/live.m3u8", &["A2"]),
    ("none/live.m3u8 stale/live.m3u8", &["A1"]),
    ("none/live.m3u8 ahead/live.m3u8", &["A1"]),
    ("none/live.m3u8 lost/live.m3u8", &["A1"]),
    ("none/live.mpd none/live.mpd", &[]),
    ("none/live.mpd other/live.mpd", &["A2"]),
];

/// Ids of the rules that a server breaks.
async fn found(server: &Server, paths: &str) -> BTreeSet<String> {
    let (path, other) = paths.split_once(' ').unwrap_or((paths, ""));
    let (url, other) = (server.url(path), server.url(other));
    let theirs = client(&other);
    let against = paths.contains(' ').then_some(Other { url: other, fetcher: &theirs });
    ids(findings(&url, against).await, path)
}

fn ids(outcome: Result<Outcome, ManifestError>, path: &str) -> BTreeSet<String> {
    let outcome = outcome.unwrap_or_else(|error| panic!("{path}: {error}"));
    outcome.findings.iter().map(|finding| finding.rule.id.to_owned()).collect()
}

/// Checks that each fault breaks the rules beside it, and no other.
async fn check_all(table: &[Row]) {
    let server = Server::start(answer).await;
    let all = join_all(table.iter().map(|(path, _)| found(&server, path))).await;
    let differs = |((path, rules), found): (&Row, BTreeSet<String>)| {
        let expected: BTreeSet<_> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        (expected != found).then(|| format!("{path}: {found:?}, not {rules:?}"))
    };
    let wrong: Vec<_> = table.iter().zip(all).filter_map(differs).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn each_fault_of_hls_breaks_its_rule_and_no_other() {
    check_all(OF_HLS).await;
}

#[tokio::test]
async fn origins_that_differ_break_a_rule() {
    check_all(OF_TWO_ORIGINS).await;
}

#[tokio::test]
async fn each_fault_of_low_latency_hls_breaks_its_rule_and_no_other() {
    check_all(OF_LOW_LATENCY_HLS).await;
}

#[tokio::test]
async fn each_fault_of_dash_breaks_its_rule_and_no_other() {
    check_all(OF_DASH).await;
}

#[tokio::test]
async fn low_latency_hls_over_http_1_breaks_a_rule() {
    let home = TempDir::new().expect("a directory");
    let files = certify(home.path());
    let server = Server::start_secure(answer, &files).await;
    for (path, rules) in OF_TLS {
        let url = server.url(path);
        let client = client_that_trusts(&url, std::fs::read(&files[0]).ok());
        let found = ids(findings_by(&client, &url, None, WATCHED).await, path);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), *rules, "{path}");
    }
}
