//! Compares the findings of the checker with the expected rules: for barstone without conditions, and under each condition of time
//! and shape in each format.

use std::time::Duration;

use barstone::base::format::Format;
use barstone::definition::condition::{Description, TABLE};
use reqwest::Url;

use crate::WATCHED_LONG;
use crate::changes::{check_all, server};
use crate::faults::Row;
use crate::support::web::Web;

/// Environment variable with the number of seconds for which each URL is checked.
const SECONDS: &str = "CHECK_SECONDS";

/// Manifests under conditions of time and shape, none of which is a fault, and the rules that they break nonetheless.
/// `docs/check-matrix.md` gives the reasons.
pub(crate) const CONDITIONS: &[Row] = &[
    ("addressing=number-timeline/live/test/dash.mpd", &[]),
    ("addressing=number-timeline/live/test/lldash.mpd", &[]),
    ("addressing=time-timeline/live/test/dash.mpd", &[]),
    ("addressing=time-timeline/live/test/lldash.mpd", &[]),
    ("byte-ranges/live/test/hls.m3u8", &[]),
    ("byte-ranges/live/test/llhls.m3u8", &[]),
    ("byte-ranges,shift=1h/live/test/llhls.m3u8", &["H24", "L16"]),
    ("byte-ranges,window=10m/live/test/hls.m3u8", &[]),
    ("byte-ranges,window=10m/live/test/llhls.m3u8", &[]),
    ("clock-skew=200ms/live/test/dash.mpd", &[]),
    ("clock-skew=200ms/live/test/lldash.mpd", &[]),
    ("delay=9s/live/test/hls.m3u8", &[]),
    ("delay=3s/live/test/llhls.m3u8", &[]),
    ("delay=9s/live/test/dash.mpd", &[]),
    ("delay=3s/live/test/lldash.mpd", &[]),
    ("from=-1m/live/test/hls.m3u8", &["H24"]),
    ("from=-1m/live/test/llhls.m3u8", &["H24"]),
    ("from=-1m/live/test/dash.mpd", &[]),
    ("from=-1m/live/test/lldash.mpd", &[]),
    ("from=-1m,addressing=number/live/test/lldash.mpd", &[]),
    ("from=-30m,until=-29m50s/live/test/hls.m3u8", &["H24"]),
    ("from=-30m,until=-29m50s/live/test/llhls.m3u8", &["H24"]),
    ("from=-30m,until=-29m50s/live/test/dash.mpd", &[]),
    ("from=-30m,until=-29m50s/live/test/lldash.mpd", &[]),
    ("until=%2B4m,window=5m/live/test/hls.m3u8", &["H24"]),
    ("until=%2B4m,window=5m/live/test/llhls.m3u8", &["H24"]),
    ("until=%2B4m,window=5m/live/test/dash.mpd", &[]),
    ("until=%2B4m,window=5m/live/test/lldash.mpd", &[]),
    // Ends during the check.
    ("until=%2B8s,window=1m/live/test/hls.m3u8", &["H24"]),
    ("until=%2B8s,window=1m/live/test/llhls.m3u8", &["H24"]),
    ("until=%2B8s,window=1m/live/test/dash.mpd", &[]),
    ("until=%2B8s,window=1m/live/test/lldash.mpd", &[]),
    ("no-blocking/live/test/llhls.m3u8", &[]),
    ("no-date-time/live/test/hls.m3u8", &["H25"]),
    ("no-date-time/live/test/llhls.m3u8", &["H25"]),
    ("no-deltas/live/test/llhls.m3u8", &[]),
    ("no-hints/live/test/llhls.m3u8", &[]),
    ("no-reports/live/test/llhls.m3u8", &["L18"]),
    ("origin=2026-01-01T00:00:00Z/live/test/hls.m3u8", &["H24"]),
    ("origin=2026-01-01T00:00:00Z/live/test/llhls.m3u8", &["H24"]),
    ("origin=2026-01-01T00:00:00Z/live/test/dash.mpd", &[]),
    ("origin=2026-01-01T00:00:00Z/live/test/lldash.mpd", &[]),
    ("patch=1m,addressing=time-timeline/live/test/dash.mpd", &[]),
    ("patch=1m,addressing=number-timeline,periods=4s/live/test/lldash.mpd", &[]),
    ("periods=4s/live/test/hls.m3u8", &[]),
    ("periods=4s/live/test/llhls.m3u8", &[]),
    ("periods=4s/live/test/dash.mpd", &[]),
    ("periods=4s/live/test/lldash.mpd", &[]),
    ("shift=1h/live/test/hls.m3u8", &["H24"]),
    ("shift=1h/live/test/llhls.m3u8", &["H24"]),
    ("shift=1h/live/test/dash.mpd", &["D8"]),
    ("shift=1h/live/test/lldash.mpd", &["D8", "E11", "E4"]),
    ("update-period=4s/live/test/dash.mpd", &[]),
    ("update-period=4s/live/test/lldash.mpd", &[]),
    ("update-period=none/live/test/dash.mpd", &["D1"]),
    ("update-period=none/live/test/lldash.mpd", &["D1"]),
    ("utc-timing=http-iso+http-head/live/test/dash.mpd", &[]),
    ("utc-timing=direct/live/test/dash.mpd", &[]),
    ("utc-timing=none/live/test/dash.mpd", &["D2"]),
    ("utc-timing=http-iso/live/test/lldash.mpd", &[]),
    ("utc-timing=none/live/test/lldash.mpd", &["D2", "E3", "E4"]),
    ("window=10m/live/test/hls.m3u8", &[]),
    ("window=10m/live/test/llhls.m3u8", &[]),
    ("window=10m/live/test/dash.mpd", &[]),
    ("window=10m/live/test/lldash.mpd", &[]),
    ("wrap=33:in=20s/live/test/hls.m3u8", &["H24"]),
    ("wrap=33:in=20s/live/test/llhls.m3u8", &["H24"]),
    ("wrap=32:in=20s/live/test/dash.mpd", &[]),
    ("wrap=32:in=20s/live/test/lldash.mpd", &[]),
];

/// Conditions of media that the server renders while the checker reads them.
const PAST: [&str; 2] = ["shift=", "from=-30m"];

/// Name of the manifest in a format.
fn file(format: Format) -> String {
    let extension = if [Format::Hls, Format::LlHls].contains(&format) { "m3u8" } else { "mpd" };
    format!("{}.{extension}", format.as_str())
}

/// Time for which each URL is checked.
fn watched() -> Duration {
    let seconds = std::env::var(SECONDS).ok().map(|text| text.parse().expect("a number of seconds"));
    seconds.map_or(WATCHED_LONG, Duration::from_secs)
}

#[tokio::test]
async fn each_condition_of_this_server_breaks_what_it_removes_and_no_other_rule() {
    let server = server().await;
    let web = Web::of(&server);
    let url = |path: &str| -> Url { web.url(path).parse().expect("a URL") };
    let plain = Format::ALL.map(|format| (url(&format!("live/test/{}", file(format))), &[][..]));
    let conditions = CONDITIONS.iter().map(|(path, rules)| (url(&format!("with/{path}")), *rules));
    let all = plain.into_iter().chain(conditions);
    let (past, present): (Vec<_>, Vec<_>) = all.partition(|(url, _)| PAST.iter().any(|name| url.path().contains(name)));
    check_all(present, watched()).await;
    // The checker judges the time that the server takes to render the past.
    check_all(past, watched()).await;
}

#[test]
fn every_condition_has_a_row_in_each_of_its_formats() {
    let has_row = |name: &str, file: &str| {
        CONDITIONS.iter().any(|(path, _)| {
            let (conditions, manifest) = path.split_once('/').expect("a path");
            let named = |condition: &str| condition == name || condition.starts_with(&format!("{name}="));
            conditions.split(',').any(named) && manifest.ends_with(&format!("/{file}"))
        })
    };
    let formats =
        |condition: &'static Description| condition.formats.iter().map(|format| (condition.name, file(*format)));
    let without: Vec<_> = TABLE.iter().flat_map(formats).filter(|(name, file)| !has_row(name, file)).collect();
    assert!(without.is_empty(), "{without:?}");
}
