//! Rules E1 to E7, E9 and E11 for low-latency DASH with chunked segments. E8 (sets of short segments), E10 and E12
//! (events) do not apply.
//!
//! For `Resync`, E7 lists the types 1 and 2. Type 0 is accepted too: it describes a set in which only segments start
//! with an IDR picture.

mod delivery;

pub use delivery::{Growing, Timing, check_complete, check_early, check_growing, check_pace, check_range};

use chrono::{DateTime, Utc};
use dash_mpd_core::{AdaptationSet, MPD, ProducerReferenceTime};
use mp4_atom::Prft;

use super::{Report, Violation, dash};
use crate::inspect::boxes::Segment;

const PROFILE: &str = "http://www.dashif.org/guidelines/low-latency-live-v5";
/// UTCTiming schemes with a precision of a millisecond.
const TIMING: [&str; 3] = ["http-xsdate", "http-iso", "http-ntp"];
/// Tolerance between two mappings of media time to UTC, in microseconds.
const TOLERANCE: u128 = 1000;
/// Seconds from the epoch of NTP (1900) to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// Checks an MPD. All rules of live MPDs apply except D13, which is about MPDs without low latency.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report(dash::check(text));
    report.0.retain(|violation| violation.rule != "D13");
    let Ok(mpd) = dash_mpd_core::parse(text) else { return report.0 };
    let profiles = mpd.profiles.as_deref().unwrap_or_default();
    report.demand("E1", profiles.split(',').any(|profile| profile == PROFILE), || format!("profiles {profiles:?}"));
    let exact = |scheme: &str| TIMING.iter().any(|name| scheme == format!("urn:mpeg:dash:utc:{name}:2014"));
    let timing = mpd.UTCTiming.iter().any(|timing| exact(&timing.schemeIdUri));
    report.demand("E3", timing, || "a UTCTiming that is exact to a millisecond".into());
    let target = mpd.ServiceDescription.iter().flat_map(|service| &service.Latency).find_map(|latency| latency.target);
    report.demand("E2", target.is_some(), || "a target latency".into());
    let target = target.unwrap_or_default() / 1000.0;
    for set in mpd.periods.iter().flat_map(|period| &period.adaptations) {
        check_template(&mut report, set, target);
        check_resync(&mut report, set, target);
        check_reference(&mut report, &mpd, set);
    }
    let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations);
    let mut ids: Vec<_> = sets().flat_map(|set| &set.ProducerReferenceTime).map(|time| time.id.clone()).collect();
    ids.sort();
    let unique = ids.windows(2).all(|pair| pair[0] != pair[1]) && ids.iter().all(Option::is_some);
    report.demand("E4", unique, || format!("ids of reference times {ids:?}"));
    report.0
}

fn check_template(report: &mut Report, set: &AdaptationSet, target: f64) {
    let Some(template) = &set.SegmentTemplate else {
        report.demand("E9", false, || format!("set {:?} without a template", set.id));
        return;
    };
    let name = &set.id;
    let numbered = template.media.as_deref().is_some_and(|media| media.contains("$Number$"));
    report.demand("E9", numbered && template.duration.is_some(), || format!("set {name:?} by @duration and $Number$"));
    let duration = template.duration.unwrap_or_default() / template.timescale.unwrap_or(1) as f64;
    let offset = template.availabilityTimeOffset.unwrap_or_default();
    report.demand("E6", 0.0 < offset && offset < duration, || format!("set {name:?}: offset {offset} of {duration} s"));
    let incomplete = template.availabilityTimeComplete == Some(false);
    report.demand("E6", incomplete, || format!("set {name:?}: availabilityTimeComplete is false"));
    let own = set.representations.iter().any(|representation| {
        let template = representation.SegmentTemplate.as_ref();
        template.is_some_and(|template| template.availabilityTimeOffset.is_some_and(|own| own != offset))
    });
    report.demand("E6", !own, || format!("offsets differ within set {name:?}"));
    let chunk = duration - offset;
    // A difference below a microsecond is a rounding error.
    report.demand("E2", target - chunk > 1e-6, || format!("target {target} s, a chunk of set {name:?} {chunk} s"));
}

fn check_resync(report: &mut Report, set: &AdaptationSet, target: f64) {
    let timescale = set.SegmentTemplate.as_ref().and_then(|template| template.timescale).unwrap_or(1);
    let right = set.Resync.iter().any(|resync| {
        let known = matches!(resync.rtype.as_deref(), Some("0" | "1" | "2"));
        let often = resync.dT.is_some_and(|ticks| ticks as f64 / timescale as f64 <= target);
        known && often && resync.marker == Some(true)
    });
    report.demand("E7", right, || format!("set {:?}: {:?}", set.id, set.Resync));
}

fn check_reference(report: &mut Report, mpd: &MPD, set: &AdaptationSet) {
    let [time] = set.ProducerReferenceTime.as_slice() else {
        report.demand("E4", false, || format!("set {:?} without a reference time", set.id));
        return;
    };
    let kind = time.prtType.as_deref();
    report.demand("E4", matches!(kind, Some("encoder" | "captured")), || format!("reference time of type {kind:?}"));
    let own = time.UTCTiming.as_ref();
    let same = own.is_some_and(|own| mpd.UTCTiming.contains(own));
    report.demand("E4", same, || format!("a UTCTiming as that of the MPD, not {own:?}"));
    let start = mpd.periods.first().and_then(|period| period.start).unwrap_or_default().as_micros();
    let begins = mpd.availabilityStartTime.as_ref().map_or(0, micros) + start;
    let template = set.SegmentTemplate.as_ref();
    let timescale = template.and_then(|template| template.timescale).unwrap_or(1);
    let offset = template.and_then(|template| template.presentationTimeOffset).unwrap_or_default();
    let media = time.presentationTime.unwrap_or_default().saturating_sub(offset);
    let due = begins + u128::from(media) * 1_000_000 / u128::from(timescale);
    let stated = time.wallClockTime.as_ref().map(micros);
    let within_tolerance = stated.is_some_and(|stated| stated.abs_diff(due) <= TOLERANCE);
    report.demand("E4", within_tolerance, || format!("set {:?}: {stated:?} µs for what is shown at {due}", set.id));
}

/// Checks the reference times in a complete chunked segment against those of its set.
pub fn check_segment(time: &ProducerReferenceTime, timescale: u64, segment: &Segment) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("E5", segment.chunks.len() > 1, || "a segment of one chunk".into());
    for pair in segment.chunks.windows(2) {
        let end = pair[0].start() + pair[0].duration();
        report.demand("E5", pair[1].start() == end, || format!("{} after {end}", pair[1].start()));
    }
    if time.inband == Some(true) {
        let first = segment.chunks.first().and_then(|chunk| chunk.prft.as_ref());
        report.demand("E4", first.is_some(), || "a prft before the first moof".into());
    }
    let wall = time.wallClockTime.as_ref().map_or(0, micros);
    for prft in segment.chunks.iter().filter_map(|chunk| chunk.prft.as_ref()) {
        let media = prft.media_time.saturating_sub(time.presentationTime.unwrap_or_default());
        let due = wall + u128::from(media) * 1_000_000 / u128::from(timescale);
        let stated = unix_micros(prft);
        report.demand("E4", stated.abs_diff(due) <= TOLERANCE, || format!("prft {stated} µs, in the MPD {due}"));
    }
    report.0
}

fn unix_micros(prft: &Prft) -> u128 {
    let seconds = (prft.ntp_timestamp >> 32).saturating_sub(NTP_TO_UNIX);
    u128::from(seconds) * 1_000_000 + (((u128::from(prft.ntp_timestamp) & 0xffff_ffff) * 1_000_000) >> 32)
}

fn micros(time: &DateTime<Utc>) -> u128 {
    time.timestamp_micros() as u128
}
