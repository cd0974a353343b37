//! The Periods that an MPD lists: a Period for each definition with other init segments and, under the condition `periods`, a Period
//! for each cut, as far as they are in the window.

use std::ops::Range;

use super::possible;
use crate::base::timeline::UnixTime;
use crate::definition::condition::Addressing;
use crate::media::manifest::cuts::Cuts;
use crate::media::manifest::{Latency, View};
use crate::media::window::Epoch;

/// A Period that the MPD lists: its newest epoch, which describes it, and its presentation.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) epoch: &'a Epoch,
    /// The first segment.
    pub(super) from: u64,
    /// Number of the cut with which the Period begins, if it continues the Period before.
    pub(super) cut: Option<u64>,
    /// The segment after the last, if it is known.
    until: Option<u64>,
    /// The segments that a SegmentTimeline lists: the first, and the one after the last.
    listed: (u64, u64),
}

impl Shown<'_> {
    pub(super) fn start(&self) -> UnixTime {
        self.view.spec.timeline.segment_start(self.from)
    }

    /// Id of the Period, which never changes. No id is a prefix of another id, because shaka-player takes such ids for equal in patches.
    pub(super) fn id(&self) -> String {
        match self.cut {
            None => self.epoch.period.number.to_string(),
            Some(cut) => format!("p{cut}"),
        }
    }

    /// The segments of the Period that a SegmentTimeline lists.
    pub(super) fn listed(&self) -> Range<u64> {
        let (first, next) = self.listed;
        first.max(self.from)..self.until.unwrap_or(next).min(next)
    }
}

/// The Periods that have segments in the window, including Periods of earlier presentations, and announced Periods. Without
/// Periods that have no segment yet if the MPD lists segments.
pub(super) fn shown<'a>(view: &'a View<'a>, latency: Latency, end: Option<UnixTime>) -> Vec<Shown<'a>> {
    let oldest = view.first().map(|first| view.spec.timeline.segment_start(first));
    let earlier = view.earlier.iter().filter(|earlier| earlier.handover() > oldest);
    let earlier = earlier.flat_map(|earlier| shown_of(earlier, latency, earlier.handover()));
    let mut all: Vec<_> = earlier.chain(shown_of(view, latency, end)).collect();
    if view.conditions.addressing().has_timeline() {
        all.retain(|part| !part.listed().is_empty());
    }
    all
}

/// The Periods of one presentation that begin before `end`.
fn shown_of<'a>(view: &'a View<'a>, latency: Latency, end: Option<UnixTime>) -> Vec<Shown<'a>> {
    let first = view.first();
    let has_inits = |epoch: &Epoch| view.snapshots.iter().all(|snapshot| snapshot.init(&epoch.revision).is_some());
    let start = |epoch: &Epoch| view.spec.timeline.segment_start(view.first_of(epoch));
    let begins = |epoch: &Epoch| end.is_none_or(|end| start(epoch) < end);
    let is_shown =
        |epoch: &&Epoch| epoch.until().is_none_or(|until| Some(until) > first) && begins(epoch) && has_inits(epoch);
    let listed = listed(view, latency);
    let mut newest: Vec<Shown<'_>> = Vec::new();
    for epoch in view.epochs.iter().map(|epoch| &**epoch).filter(is_shown) {
        newest.pop_if(|last| last.epoch.period.number == epoch.period.number);
        let next = view.epochs.iter().map(|other| &other.period).find(|next| next.number > epoch.period.number);
        let last = view.extent.bounds.map(|bounds| bounds.last).into_iter().chain(view.last());
        let until = last.map(|last| last + 1).chain(next.map(|next| next.from)).min();
        newest.push(Shown { view, epoch, from: view.first_of(epoch), cut: None, until, listed });
    }
    match view.cuts() {
        None => newest,
        Some(cuts) => newest.into_iter().flat_map(|part| pieces(part, cuts)).collect(),
    }
}

/// A Period between changes, cut into pieces, without pieces before the window. If the MPD does not list segments, the next piece
/// is included.
fn pieces<'a>(whole: Shown<'a>, cuts: Cuts<'_>) -> Vec<Shown<'a>> {
    let (first, next) = whole.listed;
    let last = match whole.view.conditions.addressing() {
        Addressing::Number => {
            let being_made = whole.view.last_complete().map_or(0, |newest| newest + 1);
            cuts.segment(cuts.until(being_made) + 1).unwrap_or(being_made)
        }
        Addressing::NumberTimeline | Addressing::TimeTimeline => next.saturating_sub(1),
    };
    let mut cut = cuts.until(first.max(whole.from));
    let mut piece = match cuts.segment(cut).filter(|from| *from > whole.from) {
        Some(from) => Shown { from, cut: Some(cut), ..whole },
        None => whole,
    };
    let is_listed = |from: &u64| *from <= last && whole.until.is_none_or(|until| *from < until);
    let mut pieces = Vec::new();
    loop {
        cut += 1;
        let Some(from) = cuts.segment(cut).filter(is_listed) else {
            pieces.push(piece);
            return pieces;
        };
        pieces.push(Shown { until: Some(from), ..piece });
        piece = Shown { from, cut: Some(cut), ..whole };
    }
}

/// The segments that a SegmentTimeline lists: the first, and the one after the last. With low latency, the last is the segment
/// that is being encoded, whose first chunks are available.
fn listed(view: &View<'_>, latency: Latency) -> (u64, u64) {
    let Some((first, newest)) = view.first().zip(view.last_complete()) else { return (0, 0) };
    let last = match possible(view, latency) {
        Latency::Normal => newest,
        Latency::Low => view.last().map_or(newest + 1, |last| last.min(newest + 1)),
    };
    (first, last + 1)
}

/// The latest of the times at which the text of the MPD changed: the announcement of a definition that the MPD describes
/// otherwise, the moment when the Period before had left the window, the start of the stream, the announcement of its end, and
/// the end of the newest segment if the MPD lists segments; else the start of the current Period, before which the next one is
/// not listed.
pub(super) fn published(view: &View<'_>, shown: &[Shown<'_>], end: Option<UnixTime>) -> UnixTime {
    let extent = &view.extent;
    let begins_after_another = |part: &&Shown<'_>| part.from > 0 && part.view.first() >= Some(part.from);
    let left = shown.first().filter(|_| extent.bounds.is_none()).filter(begins_after_another).and_then(|part| {
        let timeline = &part.view.spec.timeline;
        let full = part.from + timeline.segments_in(extent.window);
        (part.view.last_complete() >= Some(full - 1)).then(|| timeline.segment_start(full) + extent.shift)
    });
    let described = shown.last().map(|part| part.epoch.described);
    let ended = match (view.ending.filter(|_| end.is_some()), end) {
        (Some(ending), Some(_)) if !view.is_vod() => Some(ending.announced),
        (_, end) => end.map(|end| end + extent.shift),
    };
    let begun = match extent.bounds {
        Some(_) => view.zero() + extent.shift,
        None => view.begun,
    };
    let changed = |view: &View<'_>| {
        let next = view.last_complete()? + 1;
        let since = match view.conditions.addressing() {
            Addressing::Number => view.cuts().and_then(|cuts| cuts.segment(cuts.until(next)))?,
            Addressing::NumberTimeline | Addressing::TimeTimeline => next,
        };
        Some(view.spec.timeline.segment_start(since) + extent.shift)
    };
    let newest = view.earlier.iter().chain([view]).filter_map(changed).max();
    left.into_iter().chain(described).chain(ended).chain(newest).chain([begun]).max().unwrap_or_default()
}

/// Origin of segment numbers in a template.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers {
    /// The start of the Period.
    OfPeriod,
    /// 1970, or the origin.
    Early,
}
