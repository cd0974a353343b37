//! Rules E1 to E7, E9 and E11 for low-latency DASH with chunked segments. E8 (sets of short segments), E10 and E12
//! (events) do not apply.
//!
//! For `Resync`, E7 lists the types 1 and 2. Type 0 is accepted too: it describes a set in which only segments start
//! with an IDR picture.

mod delivery;

pub use delivery::{Growing, Timing, check_complete, check_early, check_growing, check_pace, check_range};

use chrono::{DateTime, Utc};
use dash_mpd_core::{AdaptationSet, MPD, Period, ProducerReferenceTime};
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
    report.demand("E1", profiles.split(',').any(|profile| profile == PROFILE), || format!("profiles are {profiles:?}"));
    let exact = |scheme: &str| TIMING.iter().any(|name| scheme == format!("urn:mpeg:dash:utc:{name}:2014"));
    let timing = mpd.UTCTiming.iter().any(|timing| exact(&timing.schemeIdUri));
    report.demand("E3", timing, || "no UTCTiming with milliseconds".into());
    let target = mpd.ServiceDescription.iter().flat_map(|service| &service.Latency).find_map(|latency| latency.target);
    report.demand("E2", target.is_some(), || "no Latency@target".into());
    let target = target.unwrap_or_default() / 1000.0;
    // Earlier Periods are complete, and one without a start is not available yet.
    let live = mpd.periods.iter().rfind(|period| period.start.is_some());
    for (period, set) in live.into_iter().flat_map(|period| period.adaptations.iter().map(move |set| (period, set))) {
        check_template(&mut report, set, target);
        check_resync(&mut report, set, target);
        check_reference(&mut report, (&mpd, period), set);
    }
    let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations);
    let mut ids: Vec<_> = sets().flat_map(|set| &set.ProducerReferenceTime).map(|time| time.id.clone()).collect();
    ids.sort();
    let unique = ids.windows(2).all(|pair| pair[0] != pair[1]) && ids.iter().all(Option::is_some);
    report.demand("E4", unique, || {
        let ids: Vec<_> = ids.iter().map(|id| id.as_deref().unwrap_or("none")).collect();
        format!("ids of ProducerReferenceTime are missing or equal: {}", ids.join(", "))
    });
    report.0
}

fn check_template(report: &mut Report, set: &AdaptationSet, target: f64) {
    let (name, templates) = (dash::name(set), dash::templates(set));
    report.demand("E9", !templates.is_empty(), || format!("{name} without SegmentTemplate"));
    if templates.is_empty() {
        return;
    }
    let has = |name: &str| templates.iter().any(|of| of.media.as_deref().is_some_and(|media| media.contains(name)));
    let timeline = templates.iter().find_map(|template| template.SegmentTimeline.as_ref());
    let nominal = templates.iter().find_map(|template| template.duration);
    let addressed = match timeline {
        Some(_) => has("$Number") || has("$Time"),
        None => has("$Number") && nominal.is_some(),
    };
    report.demand("E9", addressed, || {
        format!("{name} has neither $Number$ with @duration nor a SegmentTimeline with $Number$ or $Time$")
    });
    let longest = timeline.and_then(|timeline| timeline.segments.iter().map(|segment| segment.d).max());
    let ticks = longest.map(|ticks| ticks as f64).or(nominal).unwrap_or_default();
    let duration = ticks / timescale_of(set) as f64;
    let offsets: Vec<_> = templates.iter().filter_map(|template| template.availabilityTimeOffset).collect();
    let offset = offsets.first().copied().unwrap_or_default();
    report.demand("E6", 0.0 < offset && offset < duration, || {
        format!("{name}: availabilityTimeOffset is {offset} s, and a segment lasts {duration} s")
    });
    let incomplete = templates.iter().any(|template| template.availabilityTimeComplete == Some(false));
    report.demand("E6", incomplete, || format!("{name}: availabilityTimeComplete is not false"));
    let same = offsets.iter().all(|other| *other == offset);
    report.demand("E6", same, || format!("availabilityTimeOffset differs within {name}"));
    let chunk = duration - offset;
    // A difference below a microsecond is a rounding error.
    report.demand("E2", target - chunk > 1e-6, || {
        format!("the latency target is {target} s, and a chunk of {name} lasts {chunk} s")
    });
}

/// Ticks per second of the templates of a set.
fn timescale_of(set: &AdaptationSet) -> u64 {
    dash::templates(set).iter().find_map(|template| template.timescale).unwrap_or(1).max(1)
}

fn check_resync(report: &mut Report, set: &AdaptationSet, target: f64) {
    let timescale = timescale_of(set);
    let all: Vec<_> = set.representations.iter().flat_map(|each| &each.Resync).chain(&set.Resync).collect();
    let right = all.iter().any(|resync| {
        let known = matches!(resync.rtype.as_deref(), Some("0" | "1" | "2"));
        let often = resync.dT.is_some_and(|ticks| ticks as f64 / timescale as f64 <= target);
        known && often && resync.marker == Some(true)
    });
    report.demand("E7", right, || {
        let of = |text: Option<&str>| text.unwrap_or("none").to_owned();
        let words = all.iter().map(|resync| {
            let ticks = resync.dT.map(|ticks| ticks.to_string());
            let marker = resync.marker.map(|marker| marker.to_string());
            format!(
                "type {}, dT {}, marker {}",
                of(resync.rtype.as_deref()),
                of(ticks.as_deref()),
                of(marker.as_deref())
            )
        });
        let words: Vec<_> = words.collect();
        let found = if words.is_empty() { "missing".into() } else { words.join("; ") };
        format!("Resync of {} is {found}", dash::name(set))
    });
}

fn check_reference(report: &mut Report, (mpd, period): (&MPD, &Period), set: &AdaptationSet) {
    let [time] = set.ProducerReferenceTime.as_slice() else {
        report.demand("E4", false, || format!("{} without exactly one ProducerReferenceTime", dash::name(set)));
        return;
    };
    let kind = time.prtType.as_deref();
    report.demand("E4", matches!(kind, Some("encoder" | "captured")), || {
        format!("ProducerReferenceTime of type {}", kind.unwrap_or("none"))
    });
    let own = time.UTCTiming.as_ref();
    let same = own.is_some_and(|own| mpd.UTCTiming.contains(own));
    report.demand("E4", same, || match own {
        None => "ProducerReferenceTime without UTCTiming".into(),
        Some(own) => format!("the UTCTiming of ProducerReferenceTime is not in the MPD: {}", own.schemeIdUri),
    });
    let start = period.start.unwrap_or_default().as_micros();
    let begins = mpd.availabilityStartTime.as_ref().map_or(0, micros) + start as i128;
    let timescale = timescale_of(set);
    let offset = dash::templates(set).iter().find_map(|template| template.presentationTimeOffset).unwrap_or_default();
    // The reference may be before the Period.
    let media = i128::from(time.presentationTime.unwrap_or_default()) - i128::from(offset);
    let due = begins + media * 1_000_000 / i128::from(timescale);
    let stated = time.wallClockTime.as_ref().map(micros);
    let within_tolerance = stated.is_some_and(|stated| stated.abs_diff(due) <= TOLERANCE);
    report.demand("E4", within_tolerance, || {
        let name = dash::name(set);
        match stated {
            Some(stated) => format!(
                "{name}: wallClockTime is {} µs after the moment at which the media time is shown",
                stated - due
            ),
            None => format!("{name}: ProducerReferenceTime without wallClockTime"),
        }
    });
}

/// Checks the reference times in a complete chunked segment against those of its set.
pub fn check_segment(time: &ProducerReferenceTime, timescale: u64, segment: &Segment) -> Vec<Violation> {
    let mut report = Report::default();
    report.demand("E5", segment.chunks.len() > 1, || "the segment has only one chunk".into());
    for pair in segment.chunks.windows(2) {
        let end = pair[0].start() + pair[0].duration();
        report.demand("E5", pair[1].start() == end, || {
            format!("a chunk starts at {}, and the chunk before ends at {end}", pair[1].start())
        });
    }
    if time.inband == Some(true) {
        let first = segment.chunks.first().and_then(|chunk| chunk.prft.as_ref());
        report.demand("E4", first.is_some(), || "no prft before the first moof".into());
    }
    let wall = time.wallClockTime.as_ref().map_or(0, micros);
    for prft in segment.chunks.iter().filter_map(|chunk| chunk.prft.as_ref()) {
        let media = i128::from(prft.media_time) - i128::from(time.presentationTime.unwrap_or_default());
        let due = wall + media * 1_000_000 / i128::from(timescale.max(1));
        let stated = unix_micros(prft);
        report.demand("E4", stated.abs_diff(due) <= TOLERANCE, || {
            format!("the UTC of prft is {} µs after that of the MPD", stated - due)
        });
    }
    report.0
}

fn unix_micros(prft: &Prft) -> i128 {
    let seconds = (prft.ntp_timestamp >> 32).saturating_sub(NTP_TO_UNIX);
    i128::from(seconds) * 1_000_000 + (((i128::from(prft.ntp_timestamp) & 0xffff_ffff) * 1_000_000) >> 32)
}

fn micros(time: &DateTime<Utc>) -> i128 {
    i128::from(time.timestamp_micros())
}
