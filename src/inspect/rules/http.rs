//! Rules T1 to T8 for HTTP: whole bodies, conditional and range requests, caching and access by browsers.

use std::time::Duration;

use super::{Level, Report, Violation};
use crate::inspect::reply::Reply;

/// Time within which the first byte of a manifest arrives, if the server need not hold the request.
const PROMPT: Duration = Duration::from_secs(2);

/// Reports a body that differs from its headers.
pub fn broken(url: &str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T1", false, || format!("{url}: {problem}"));
    report.0
}

/// Reports a body that broke off, and was whole when it was requested again: the connection was at fault.
pub fn broken_once(url: &str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.advise(("T1", Level::Recommended), false, || format!("{url}: {problem}; the second request got it whole"));
    report.0
}

/// Reports a request without an answer.
pub fn unanswered(url: &str, problem: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T7", false, || format!("{url}: {problem}"));
    report.0
}

/// Checks the status of a manifest.
pub fn check_manifest(status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T7", status == 200, || format!("status {status} for a manifest"));
    report.0
}

/// Checks the time until the first byte of a manifest.
pub fn check_prompt(first_byte: Duration) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T8", first_byte <= PROMPT, || {
        format!("the first byte arrived after {:.2} s", first_byte.as_secs_f64())
    });
    report.0
}

/// Checks an answer to HEAD against that to GET. A live manifest may have changed in between, so only headers that do
/// not change are compared.
pub fn check_head(get: &Reply, head: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T2", head.status == get.status, || {
        format!("status {} for HEAD, and {} for GET", head.status, get.status)
    });
    let (one, two) = (get.header("content-type"), head.header("content-type"));
    let same = head.status != get.status || one == two;
    report.demand("T2", same, || format!("Content-Type is {two:?} for HEAD and {one:?} for GET"));
    report.0
}

/// Checks that a manifest can be requested conditionally.
pub fn check_validator(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let there = !reply.header("etag").is_empty() || !reply.header("last-modified").is_empty();
    report.demand("T3", there, || "neither ETag nor Last-Modified".into());
    report.0
}

/// Checks the answer to a request with the ETag of `first` in If-None-Match. The resource may have changed.
pub fn check_conditional(first: &Reply, second: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let tag = first.header("etag");
    let same = second.header("etag") == tag && second.status == 200;
    report.demand("T3", !same, || format!("status 200 with the same ETag {tag}"));
    report.0
}

/// Checks the answer to a request for the bytes `from..=to` of a file. A server may answer with the whole file.
pub fn check_range(whole: &[u8], (from, to): (usize, usize), part: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    match part.status {
        206 => {
            let expected = whole.get(from..(to + 1).min(whole.len()));
            report.demand("T4", expected == Some(&part.body[..]), || {
                format!("the {} bytes for bytes={from}-{to} are not those of the range", part.body.len())
            });
            let range = part.header("content-range");
            report.demand("T4", range.starts_with(&format!("bytes {from}-")), || format!("Content-Range {range:?}"));
        }
        200 => {
            report
                .advise(("T4", Level::Recommended), false, || "the answer to a range request is the whole file".into());
        }
        status => report.demand("T4", false, || format!("status {status} for bytes={from}-{to}")),
    }
    report.0
}

/// Reports the whole file as the answer to a request for a range that a playlist lists.
pub fn whole_instead_of(range: &str) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("T4", false, || format!("the answer is the whole file, and the playlist lists its range {range}"));
    report.0
}

/// Checks that a page of another origin may read the answer.
pub fn check_origin(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let allowed = reply.header("access-control-allow-origin");
    report.demand("T5", !allowed.is_empty(), || "no Access-Control-Allow-Origin".into());
    report.0
}

/// Checks how long caches may store a live manifest that changes every `period`.
pub fn check_freshness(reply: &Reply, period: Duration) -> Vec<Violation> {
    let mut report = Report::default();
    let policy = reply.header("cache-control");
    let age = max_age(policy);
    let limit = period.as_secs().max(1);
    report.demand("T6", age.is_none_or(|age| age <= limit), || {
        format!("Cache-Control {policy:?}, and the manifest changes every {} s", period.as_secs_f64())
    });
    let stated = !policy.is_empty() || !reply.header("expires").is_empty();
    report.advise(("T6", Level::Recommended), stated, || "no Cache-Control".into());
    report.0
}

/// The lifetime in seconds that a Cache-Control allows to shared caches.
fn max_age(policy: &str) -> Option<u64> {
    let words: Vec<_> = policy.split(',').map(str::trim).collect();
    if words.iter().any(|word| ["no-store", "no-cache", "private"].contains(word)) {
        return None;
    }
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.parse().ok());
    value("s-maxage=").or_else(|| value("max-age="))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static [u8]) -> Reply {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Reply { status, headers: HeaderMap::from_iter(headers.iter().map(pair)), body: Bytes::from_static(body) }
    }

    #[track_caller]
    fn check(rule: &str, good: &[Violation], bad: &[Violation]) {
        assert_eq!(good, []);
        assert!(!bad.is_empty() && bad.iter().all(|violation| violation.rule == rule), "{bad:?}");
    }

    #[test]
    fn each_error_of_http_breaks_its_rule() {
        check("T1", &[], &broken("a", "cut"));
        check("T7", &check_manifest(200), &check_manifest(503));
        check("T7", &[], &unanswered("a", "no answer"));
        check("T8", &check_prompt(PROMPT), &check_prompt(2 * PROMPT));
        let get = reply(200, &[("content-type", "a/b"), ("etag", "\"1\"")], b"");
        check("T2", &check_head(&get, &get), &check_head(&get, &reply(405, &[], b"")));
        check("T2", &[], &check_head(&get, &reply(200, &[("content-type", "c/d")], b"")));
        check("T3", &check_validator(&get), &check_validator(&reply(200, &[], b"")));
        check("T3", &check_conditional(&get, &reply(304, &[("etag", "\"1\"")], b"")), &check_conditional(&get, &get));
        let part = |range, body| reply(206, &[("content-range", range)], body);
        let good = check_range(b"0123456789", (2, 4), &part("bytes 2-4/10", b"234"));
        check("T4", &good, &check_range(b"0123456789", (2, 4), &part("bytes 2-4/10", b"235")));
        check("T4", &[], &check_range(b"0123456789", (2, 4), &part("bytes 0-2/10", b"234")));
        check("T4", &[], &check_range(b"0123456789", (2, 4), &reply(500, &[], b"")));
        check("T4", &[], &whole_instead_of("9@0"));
        check("T5", &check_origin(&reply(200, &[("access-control-allow-origin", "*")], b"")), &check_origin(&get));
        let kept = |policy| check_freshness(&reply(200, &[("cache-control", policy)], b""), Duration::from_secs(2));
        check("T6", &kept("max-age=2"), &kept("max-age=3"));
        check("T6", &kept("max-age=60, s-maxage=1"), &kept("max-age=1, s-maxage=60"));
        check("T6", &kept("no-store"), &check_freshness(&get, Duration::from_secs(2)));
    }
}
