//! Rules for MPDs, live, of an event or of a VOD: the schema (D0), D1 to D19 and D21.

mod events;
mod patch;
mod timeline;

use std::time::Duration;

pub use events::{Key, check_events, key};
pub use patch::check_patch;
pub use timeline::{check_listed, check_removed, check_timelines};

use dash_mpd_core::{AdaptationSet, MPD, Period, SegmentTemplate};

use super::{Level, Report, Violation, schema};
use crate::inspect::boxes::Segment;
use crate::inspect::mpd::{Element, Nominal, Place};
use crate::inspect::reply::Reply;

/// UTCTiming schemes that clients support.
const TIMING: [&str; 4] = ["http-xsdate", "http-iso", "http-head", "direct"];

/// Checks an MPD of a live or an ended presentation.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report(schema::check(text));
    let mpd = match dash_mpd_core::parse(text) {
        Ok(mpd) => mpd,
        Err(_) => {
            // Some MPDs are valid and cannot be read into the types that the rules use.
            let broken = Element::parse(text).err();
            report.demand("D1", broken.is_none(), || broken.unwrap_or_default());
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
    ] {
        report.demand("D1", there, || format!("no MPD@{name}"));
    }
    report.advise(("D1", Level::Should), mpd.timeShiftBufferDepth.is_some(), || "no MPD@timeShiftBufferDepth".into());
    let known = |scheme: &str| TIMING.iter().any(|name| scheme == format!("urn:mpeg:dash:utc:{name}:2014"));
    report.demand("D2", mpd.UTCTiming.iter().any(|timing| known(&timing.schemeIdUri)), || {
        "no UTCTiming of a known scheme".into()
    });
    let margin =
        mpd.timeShiftBufferDepth.zip(mpd.suggestedPresentationDelay).is_none_or(|(depth, delay)| delay < depth);
    report.demand("D12", margin, || "suggestedPresentationDelay is not shorter than timeShiftBufferDepth".into());
    for name in ["availabilityTimeComplete", "availabilityTimeOffset", "presentationDuration="] {
        let level = if name == "availabilityTimeOffset" { Level::Recommended } else { Level::Must };
        report.advise(("D13", level), !text.contains(name), || format!("@{name} without low latency"));
    }
    let ended = mpd.periods.last().is_some_and(|period| period.duration.is_some());
    // The MPD of an event is updated once more, when it becomes that of a VOD.
    let ended = ended && (is_event || mpd.minimumUpdatePeriod.is_none());
    report.demand("D14", !over || ended, || {
        "mediaPresentationDuration without Period@duration, or with minimumUpdatePeriod".into()
    });
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
        report.demand("D1", there, || format!("no MPD@{name}"));
    }
    for name in
        ["availabilityStartTime", "minimumUpdatePeriod", "timeShiftBufferDepth", "<UTCTiming", "availabilityTime"]
    {
        let level = if name == "minimumUpdatePeriod" { Level::Must } else { Level::Recommended };
        report.advise(("D14", level), !text.contains(name), || format!("{name} in a static MPD"));
    }
    let starts = mpd.periods.first().is_some_and(|period| period.start.unwrap_or_default() == Duration::ZERO);
    report.demand("D14", starts, || "the first Period does not start at 0".into());
    let length: Option<Duration> = mpd.periods.last().and_then(|period| Some(period.start? + period.duration?));
    let ends = length.is_none() || length == mpd.mediaPresentationDuration;
    report.demand("D14", ends, || {
        let length = length.unwrap_or_default().as_secs_f64();
        format!("the last Period ends at {length} s, and mediaPresentationDuration differs")
    });
    check_sets(report, mpd);
    check_times(report, text);
}

/// `presentationTimeOffset` of a Period.
fn offset_of(period: &Period) -> u64 {
    let templates = period.adaptations.iter().flat_map(templates);
    templates.filter_map(|template| template.presentationTimeOffset).next().unwrap_or_default()
}

fn check_sets(report: &mut Report, mpd: &MPD) {
    // An Early Available Period is not played (5.3.2.1).
    let played = mpd.periods.iter().filter(|period| period.start.is_some());
    for set in played.flat_map(|period| &period.adaptations) {
        let name = name(set);
        let scaled = templates(set).is_empty() || templates(set).iter().any(|template| template.timescale.is_some());
        report.demand("D10", scaled, || format!("no timescale in {name}"));
        // A set of one representation is not switched.
        let level = if set.representations.len() > 1 { Level::Must } else { Level::Recommended };
        let aligned = set.segmentAlignment == Some(true);
        report.advise(("D11", level), aligned, || format!("{name} without segmentAlignment"));
        let access = set.startWithSAP.or(set.representations.first().and_then(|first| first.startWithSAP));
        let starts = access.is_some_and(|access| (1..=2).contains(&access));
        report.advise(("D11", level), starts, || match access {
            Some(access) => format!("startWithSAP of {name} is {access}"),
            None => format!("{name} without startWithSAP"),
        });
    }
}

/// A set in words.
pub(super) fn name(set: &AdaptationSet) -> String {
    set.id.as_ref().map_or_else(|| "the set without id".into(), |id| format!("set {id:?}"))
}

/// The templates of a set and of its representations.
pub(super) fn templates(set: &AdaptationSet) -> Vec<&SegmentTemplate> {
    let own = set.representations.iter().filter_map(|representation| representation.SegmentTemplate.as_ref());
    set.SegmentTemplate.iter().chain(own).collect()
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

/// Ids and init segments of a Period, which no update may change.
#[derive(PartialEq)]
struct Identity {
    id: Option<String>,
    start: Option<Duration>,
    sets: Vec<SetIdentity>,
}

#[derive(PartialEq)]
struct SetIdentity {
    id: Option<String>,
    init: Option<String>,
    representations: Vec<Option<String>>,
}

/// Periods with a start. A Period without one is announced before it begins.
fn regular_periods(mpd: &MPD) -> Vec<Identity> {
    let of = |period: &Period| Identity {
        id: period.id.clone(),
        start: period.start,
        sets: period
            .adaptations
            .iter()
            .map(|set| {
                let init = templates(set).into_iter().find_map(|template| template.initialization.clone());
                let ids = set.representations.iter().map(|representation| representation.id.clone());
                SetIdentity { id: set.id.clone(), init, representations: ids.collect() }
            })
            .collect(),
    };
    mpd.periods.iter().filter(|period| period.start.is_some()).map(of).collect()
}

/// Checks that an update changes only what it may change.
pub fn check_reload(previous: &str, next: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let (Ok(old), Ok(new)) = (dash_mpd_core::parse(previous), dash_mpd_core::parse(next)) else {
        return report.0;
    };
    let becomes_vod = old.mpdtype != new.mpdtype && new.mpdtype.as_deref() == Some("static");
    let zero = |mpd: &MPD| mpd.availabilityStartTime.filter(|_| !becomes_vod);
    // Periods that have left the time shift buffer are removed, and new ones are added at the end.
    let was = regular_periods(&old);
    let is = regular_periods(&new);
    let removed = was.iter().position(|period| Some(&period.id) == is.first().map(|first| &first.id));
    let rest = &was[removed.unwrap_or(was.len())..];
    // In an MPD that announces all of its Periods, there is nothing to keep.
    let kept = (was.is_empty() && is.is_empty()) || (!rest.is_empty() && is.starts_with(rest));
    let same = kept && zero(&old) == zero(&new);
    report.demand("D3", same, || "availabilityStartTime, ids, order, starts or init segments changed".into());
    let risen = new.publishTime > old.publishTime;
    let rule = risen == (previous != next) && new.publishTime >= old.publishTime;
    report.demand("D4", rule, || {
        let [now, then] =
            [&new, &old].map(|mpd| mpd.publishTime.map_or_else(|| "missing".into(), |time| time.to_rfc3339()));
        let changed = if previous == next { "the same" } else { "another" };
        format!("publishTime is {now}, and was {then} in the MPD before; the text is {changed}")
    });
    report.0
}

/// Checks the answer to a request with an origin that accepts gzip.
pub fn check_headers(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let header = |name| reply.header(name);
    report.demand("D15", header("content-encoding") == "gzip", || "no gzip, although the request accepts gzip".into());
    report.demand("D15", !header("etag").is_empty(), || "no ETag".into());
    let kind = header("content-type");
    let right = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/dash+xml"));
    report.demand("D21", right, || format!("Content-Type {kind:?} of an MPD"));
    let date = header("date");
    report.demand("D21", httpdate::parse_http_date(date).is_ok(), || format!("Date {date:?}"));
    let origin = header("access-control-allow-origin");
    report.advise(("D21", Level::Should), !origin.is_empty(), || "no Access-Control-Allow-Origin".into());
    let any = origin.is_empty() || origin == "*";
    report.advise(("D21", Level::Recommended), any, || format!("Access-Control-Allow-Origin {origin:?}"));
    let exposed = header("access-control-expose-headers").to_ascii_lowercase();
    for name in ["date", "content-length"] {
        let there = exposed.split(',').any(|other| [name, "*"].contains(&other.trim()));
        report.advise(("D21", Level::Recommended), there, || format!("Access-Control-Expose-Headers without {name}"));
    }
    report.0
}

/// Checks the type of a segment.
pub fn check_media(reply: &Reply) -> Vec<Violation> {
    let mut report = Report::default();
    let kind = reply.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = ["video/", "audio/", "application/mp4", "text/", "image/", "application/ttml+xml"];
    let right = reply.status != 200 || known.iter().any(|start| kind.starts_with(start));
    report.advise(("D21", Level::Should), right, || format!("Content-Type {kind:?} of a segment"));
    report.0
}

/// Checks the status of a segment within its availability time.
pub fn check_available(number: u64, status: u16) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("D8", status == 200, || format!("status {status} for segment {number} within its availability time"));
    report.0
}

/// Checks the status of a segment before (`early`) or after its availability time.
pub fn check_unavailable(status: u16, early: bool) -> Vec<Violation> {
    let mut report = Report::default();
    let right = if early { matches!(status, 404 | 425) } else { matches!(status, 404 | 410) };
    let level = if status < 400 { Level::Must } else { Level::Should };
    report.advise(("D8", level), right, || format!("status {status} outside the availability time"));
    report.0
}

/// Checks the times of segments, by number, against the template.
pub fn check_addressing(nominal: &Nominal, timescale: u64, segments: &[(u64, Segment)]) -> Vec<Violation> {
    let mut report = Report::default();
    for (number, segment) in segments {
        let time = number.saturating_sub(nominal.start_number) * nominal.duration + nominal.offset;
        let place = Place { number: *number, time, start_micros: 0, end_micros: 0 };
        report.0.extend(check_time(nominal, &place, (segment.start(), timescale)));
    }
    for pair in segments.windows(2) {
        let end = pair[0].1.start() + pair[0].1.duration();
        report.demand("D9", pair[1].1.start() == end, || {
            format!("segment {} does not start at {end}, where the segment before ends", pair[1].0)
        });
    }
    report.0
}

/// Checks the decode time of a segment, in ticks of a timescale, against its place in the MPD.
pub fn check_time(nominal: &Nominal, place: &Place, (start, timescale): (u64, u64)) -> Vec<Violation> {
    let mut report = Report::default();
    let real = u128::from(start) * u128::from(nominal.timescale) / u128::from(timescale.max(1));
    let apart = real.abs_diff(u128::from(place.time));
    let what = || format!("segment {} starts at {real}, and its nominal start is {}", place.number, place.time);
    match nominal.duration {
        // A timeline states the earliest presentation time, which may be some frames after the decode time.
        0 => report.demand("D10", apart <= u128::from(nominal.timescale) / 2, what),
        duration => report.demand("D9", apart * 2 <= u128::from(duration), what),
    }
    report.0
}
