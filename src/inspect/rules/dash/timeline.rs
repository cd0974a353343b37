//! SegmentTimelines: the changes from one MPD to the next, and the segments that they list.

use std::time::Duration;

use crate::inspect::mpd::{Entry, Mpd, Track};
use crate::inspect::rules::{Report, Violation};

/// Time in which a server publishes an MPD with a new segment, in microseconds.
const SLACK: i128 = 1_000_000;

/// Checks that SegmentTimelines are only extended and shortened from one MPD to the next.
pub fn check_timelines(old: &Mpd, new: &Mpd) -> Vec<Violation> {
    let mut report = Report::default();
    for (_, was, is) in pairs(old, new) {
        if let Some((before, after)) = was.timeline.as_ref().zip(is.timeline.as_ref()) {
            check_timeline(&mut report, &was.id, (before, after));
        }
    }
    report.0
}

/// The tracks that both MPDs have, with the start of their Period.
fn pairs<'a>(old: &'a Mpd, new: &'a Mpd) -> Vec<(Duration, &'a Track, &'a Track)> {
    let mut pairs = Vec::new();
    for was in &old.periods {
        let later = new.periods.iter().find(|period| period.start == was.start);
        let tracks = later.map(|period| period.tracks.as_slice()).unwrap_or_default();
        for track in &was.tracks {
            let same = tracks.iter().find(|other| other.set == track.set && other.id == track.id);
            pairs.extend(same.map(|same| (was.start, track, same)));
        }
    }
    pairs
}

fn check_timeline(report: &mut Report, id: &str, (was, is): (&[Entry], &[Entry])) {
    let (Some(first), Some(last)) = (is.first(), is.last()) else {
        report.demand("D5", was.is_empty(), || format!("the SegmentTimeline of {id} is empty"));
        return;
    };
    let goes_on = was.last().is_none_or(|old| old.time <= last.time);
    report.demand("D5", goes_on, || format!("the SegmentTimeline of {id} ends at {}, earlier than before", last.time));
    let back = was.first().is_none_or(|old| old.time <= first.time);
    report.demand("D5", back, || format!("the SegmentTimeline of {id} begins at {}, earlier than before", first.time));
    for entry in was.iter().filter(|entry| entry.time >= first.time && entry.time <= last.time) {
        report.demand("D5", is.contains(entry), || format!("the segment of {id} at {} changed", entry.time));
    }
    for pair in is.windows(2) {
        let end = pair[0].time.saturating_add(pair[0].duration);
        report.demand("D9", pair[1].time == end, || {
            format!(
                "in the SegmentTimeline of {id}, a segment starts at {}, and the one before ends at {end}",
                pair[1].time
            )
        });
    }
}

/// Checks that the timelines list the segments that were available at `now`, in microseconds since 1970. The newest segment may be
/// missing, because the server needs time to publish it.
pub fn check_listed(mpd: &Mpd, now: i128) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(index) = mpd.periods.len().checked_sub(1).filter(|_| mpd.is_live) else { return report.0 };
    let period = &mpd.periods[index];
    let since = now - mpd.start - period.start.as_micros() as i128;
    let length = mpd.length(index).map_or(i128::MAX, |length| length.as_micros() as i128);
    for track in period.tracks.iter().filter(|track| !track.is_open) {
        let Some(entries) = track.timeline.as_deref() else { continue };
        let longest = entries.iter().map(|entry| entry.duration).max().unwrap_or_default();
        let longest = i128::from(longest) * 1_000_000 / i128::from(track.nominal.timescale);
        let end = track.newest(since).map_or(0, |place| place.end_micros);
        let missing = since.min(length) - end;
        report.demand("D6", missing <= 2 * longest + SLACK, || {
            let seconds = missing as f64 / 1e6;
            format!("the SegmentTimeline of {} ends {seconds:.2} s before the newest available segment", track.id)
        });
    }
    report.0
}

/// Checks that the segments that `new` no longer lists had left the time shift buffer `now`, in microseconds since 1970.
pub fn check_removed(old: &Mpd, new: &Mpd, now: i128) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(depth) = new.depth.filter(|_| new.is_live) else { return report.0 };
    for (start, was, is) in pairs(old, new) {
        let Some((before, after)) = was.timeline.as_deref().zip(is.timeline.as_deref()) else { continue };
        let first = after.first().map_or(u64::MAX, |entry| entry.time);
        let removed = before.iter().rposition(|entry| entry.time < first);
        let Some(place) = removed.and_then(|index| was.place(was.nominal.start_number + index as u64)) else {
            continue;
        };
        let left = new.start + (start + depth).as_micros() as i128 + place.end_micros;
        report.demand("D7", left <= now, || {
            let seconds = (left - now) as f64 / 1e6;
            let (id, time) = (&was.id, place.time);
            format!("the segment of {id} at {time} was removed {seconds:.2} s before it left the time shift buffer")
        });
    }
    report.0
}
