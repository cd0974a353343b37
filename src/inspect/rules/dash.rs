//! Rules for MPDs, live, of an event or of a VOD: the schema (D0), D1 to D16 and D21. Segments are addressed by number, so D5 to D7, which are
//! about timelines, do not apply.

use std::time::Duration;

use dash_mpd_core::{MPD, Period};

use super::{Report, Violation, schema};
use crate::inspect::boxes::Segment;
use crate::inspect::reply::Reply;
use crate::inspect::template::Template;

/// UTCTiming schemes that clients support.
const TIMING: [&str; 4] = ["http-xsdate", "http-iso", "http-head", "direct"];

/// Checks an MPD of a live or an ended presentation.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report(schema::check(text));
    let mpd = match dash_mpd_core::parse(text) {
        Ok(mpd) => mpd,
        Err(error) => {
            report.demand("D1", false, || error.to_string());
            return report.0;
        }
    };
    let over = mpd.mediaPresentationDuration.is_some();
    if mpd.mpdtype.as_deref() == Some("static") {
        check_static(&mut report, text, &mpd);
        return report.0;
    }
    // Presentation time of an event is 0 at its beginning.
    let starts = mpd.periods.first().is_some_and(|period| period.start == Some(Duration::ZERO));
    let is_event = starts && mpd.periods.first().is_some_and(|period| offset_of(period) > 0);
    for (name, there) in [
        ("type=dynamic", mpd.mpdtype.as_deref() == Some("dynamic")),
        ("availabilityStartTime", mpd.availabilityStartTime.is_some()),
        ("publishTime", mpd.publishTime.is_some()),
        ("minimumUpdatePeriod", over || mpd.minimumUpdatePeriod.is_some()),
        ("minBufferTime", mpd.minBufferTime.is_some()),
        ("profiles", mpd.profiles.is_some()),
        ("timeShiftBufferDepth", mpd.timeShiftBufferDepth.is_some()),
    ] {
        report.demand("D1", there, || format!("MPD@{name}"));
    }
    let known = |scheme: &str| TIMING.iter().any(|name| scheme == format!("urn:mpeg:dash:utc:{name}:2014"));
    report.demand("D2", mpd.UTCTiming.iter().any(|timing| known(&timing.schemeIdUri)), || "a UTCTiming".into());
    let margin =
        mpd.timeShiftBufferDepth.zip(mpd.suggestedPresentationDelay).is_none_or(|(depth, delay)| delay < depth);
    report.demand("D12", margin, || "the presentation delay leaves nothing of the time shift buffer".into());
    for name in ["availabilityTimeComplete", "availabilityTimeOffset", "presentationDuration="] {
        report.demand("D13", !text.contains(name), || format!("@{name} without low latency"));
    }
    let ended = mpd.periods.last().is_some_and(|period| period.duration.is_some());
    // The MPD of an event is updated once more, when it becomes that of a VOD.
    let ended = ended && (is_event || mpd.minimumUpdatePeriod.is_none());
    report.demand("D14", !over || ended, || "an end without Period@duration, or with an update period".into());
    check_sets(&mut report, &mpd);
    check_times(&mut report, text);
    report.0
}

/// Checks the MPD of a presentation that is over and has a beginning (ISO/IEC 23009-1 5.3.1.2).
fn check_static(report: &mut Report, text: &str, mpd: &MPD) {
    for (name, there) in [
        ("mediaPresentationDuration", mpd.mediaPresentationDuration.is_some()),
        ("minBufferTime", mpd.minBufferTime.is_some()),
        ("profiles", mpd.profiles.is_some()),
    ] {
        report.demand("D1", there, || format!("MPD@{name}"));
    }
    for name in
        ["availabilityStartTime", "minimumUpdatePeriod", "timeShiftBufferDepth", "<UTCTiming", "availabilityTime"]
    {
        report.demand("D14", !text.contains(name), || format!("{name} after the end"));
    }
    let starts = mpd.periods.first().is_some_and(|period| period.start == Some(Duration::ZERO));
    report.demand("D14", starts, || "the first Period starts at 0".into());
    let length: Option<Duration> = mpd.periods.last().and_then(|period| Some(period.start? + period.duration?));
    report.demand("D14", length == mpd.mediaPresentationDuration, || format!("the last Period ends at {length:?}"));
    check_sets(report, mpd);
    check_times(report, text);
}

/// `presentationTimeOffset` of a Period.
fn offset_of(period: &Period) -> u64 {
    let templates = period.adaptations.iter().filter_map(|set| set.SegmentTemplate.as_ref());
    templates.filter_map(|template| template.presentationTimeOffset).next().unwrap_or_default()
}

fn check_sets(report: &mut Report, mpd: &MPD) {
    // An Early Available Period is not played (5.3.2.1).
    let played = mpd.periods.iter().filter(|period| period.start.is_some());
    for set in played.flat_map(|period| &period.adaptations) {
        let template = set.SegmentTemplate.as_ref();
        let timescale = template.is_some_and(|template| template.timescale.is_some());
        report.demand("D10", timescale, || format!("a timescale in set {:?}", set.id));
        let offset = template.and_then(|template| template.presentationTimeOffset).unwrap_or_default();
        let first = template
            .map_or(0, |template| template.startNumber.unwrap_or(1) * template.duration.unwrap_or_default() as u64);
        report.demand("D10", offset == first, || format!("offset {offset}, where the first segment starts at {first}"));
        report
            .demand("D11", set.segmentAlignment == Some(true), || format!("segments of set {:?} are aligned", set.id));
        let access = set.startWithSAP.is_some_and(|access| (1..=2).contains(&access));
        report.demand("D11", access, || format!("segments of set {:?} start with access points", set.id));
        let timeline = template.is_some_and(|template| template.SegmentTimeline.is_some());
        report.demand("D5", !timeline, || "a timeline, which is not checked here".into());
    }
}

/// Checks the syntax of durations and times.
fn check_times(report: &mut Report, text: &str) {
    for value in text.split('"').skip(1).step_by(2) {
        let date_part = value.strip_prefix('P').and_then(|rest| rest.split('T').next());
        if let Some(date) = date_part.filter(|_| value[1..].starts_with(|c: char| c == 'T' || c.is_ascii_digit())) {
            report.demand("D16", !date.contains(['Y', 'M']), || format!("{value} has years or months"));
        }
        let is_time = value.len() >= 19 && value.as_bytes()[10] == b'T' && value.as_bytes()[4] == b'-';
        report.demand("D16", !is_time || value.ends_with('Z'), || format!("{value} is not in UTC"));
    }
}

/// Checks that an update changes only what it may change.
pub fn check_reload(previous: &str, next: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (Ok(old), Ok(new)) = (dash_mpd_core::parse(previous), dash_mpd_core::parse(next)) else {
        report.demand("D1", false, || "it does not parse".into());
        return report.0;
    };
    let becomes_vod = old.mpdtype != new.mpdtype && new.mpdtype.as_deref() == Some("static");
    let identity = |mpd: &MPD| {
        let periods = mpd.periods.iter().filter(|period| period.start.is_some()).map(|period| {
            let sets = period.adaptations.iter().map(|set| {
                let init = set.SegmentTemplate.as_ref().and_then(|template| template.initialization.clone());
                let ids = set.representations.iter().map(|representation| representation.id.clone());
                (set.id.clone(), init, ids.collect::<Vec<_>>())
            });
            (period.id.clone(), period.start, sets.collect::<Vec<_>>())
        });
        (mpd.availabilityStartTime.filter(|_| !becomes_vod), periods.collect::<Vec<_>>())
    };
    report.demand("D3", identity(&old) == identity(&new), || "ids, order, starts or init segments change".into());
    let risen = new.publishTime > old.publishTime;
    let rule = risen == (previous != next) && new.publishTime >= old.publishTime;
    report.demand("D4", rule, || format!("publishTime {:?} after {:?}", new.publishTime, old.publishTime));
    report.0
}

/// Checks the answer to a request with an origin that accepts gzip.
pub fn check_headers(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let header = |name| reply.header(name);
    report.demand("D15", header("content-encoding") == "gzip", || "gzip where it is accepted".into());
    report.demand("D15", !header("etag").is_empty(), || "an ETag".into());
    let kind = header("content-type");
    report.demand("D21", kind == "application/dash+xml", || format!("Content-Type {kind:?}"));
    report.demand("D21", httpdate::parse_http_date(header("date")).is_ok(), || "a Date".into());
    report.demand("D21", header("access-control-allow-origin") == "*", || "any origin is allowed".into());
    let exposed = header("access-control-expose-headers");
    for name in ["date", "content-length"] {
        report.demand("D21", exposed.split(',').any(|other| other.trim() == name), || format!("{name} is exposed"));
    }
    report.0
}

/// Checks the status of a segment within its availability time.
pub fn check_available(number: u64, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("D8", status == 200, || format!("segment {number}: status {status}"));
    report.0
}

/// Checks the status of a segment before (`early`) or after its availability time.
pub fn check_unavailable(status: u16, early: bool) -> Vec<Violation> {
    let mut report = Report::default();
    let right = if early { matches!(status, 404 | 425) } else { matches!(status, 404 | 410) };
    report.demand("D8", right, || format!("status {status} outside of the availability time"));
    report.0
}

/// Checks the times of segments, by number, against the template.
pub fn check_addressing(template: &Template, timescale: u64, segments: &[(u64, Segment)]) -> Vec<Violation> {
    let mut report = Report::default();
    for (number, segment) in segments {
        let nominal = u128::from(number - template.start_number) * u128::from(template.duration);
        let real = u128::from(segment.start()) * u128::from(template.timescale) / u128::from(timescale);
        let near = real.abs_diff(nominal) * 2 <= u128::from(template.duration);
        report.demand("D9", near, || format!("segment {number} starts at {real}, nominally {nominal}"));
    }
    for pair in segments.windows(2) {
        let end = pair[0].1.start() + pair[0].1.duration();
        report.demand("D9", pair[1].1.start() == end, || format!("segment {} starts at {end}", pair[1].0));
    }
    report.0
}
