//! The Period elements of an MPD.

use dash_mpd_core::{AdaptationSet, Period, SupplementalProperty};

use super::possible;
use super::sets::adaptation_sets;
use super::shown::{Numbers, Shown};
use crate::base::timeline::UnixTime;
use crate::media::manifest::{Latency, Place};

/// The Periods, of which only the last may have an end of its own, and the Early Available Period for ffmpeg. If the MPD lists
/// segments, ffmpeg does not need that Period, and for the numbers of an event no Period helps ffmpeg.
pub(super) fn periods(
    shown: &[Shown<'_>],
    (place, latency): (Place, Latency),
    (published, end): (UnixTime, Option<UnixTime>),
) -> Vec<Period> {
    let last = shown.last().map(Shown::id);
    let sets = |part: &Shown<'_>, latency: Latency, numbers: Numbers| {
        adaptation_sets(part, (place, possible(part.view, latency)), numbers)
    };
    let before = [None].into_iter().chain(shown.iter().map(Some));
    let period = |(part, before): (&Shown<'_>, Option<&Shown<'_>>)| Period {
        id: Some(part.id()),
        start: Some(part.start().saturating_since(part.view.zero())),
        duration: end.filter(|_| last == Some(part.id())).map(|end| end.saturating_since(part.start())),
        adaptations: sets(part, latency, Numbers::OfPeriod)
            .into_iter()
            .map(|set| AdaptationSet { supplemental_property: continuity(part, before), ..set })
            .collect(),
        ..Period::default()
    };
    let has_timeline = |part: &&Shown<'_>| part.view.conditions.addressing().has_timeline();
    let is_plain =
        |part: &Shown<'_>| end.is_some() || published == UnixTime::default() || part.view.extent.leaves_window();
    let early = shown.last().filter(|part| !is_plain(part) && !has_timeline(part)).map(|part| Period {
        id: Some(format!("early-{}", part.id())),
        adaptations: sets(part, Latency::Normal, Numbers::Early),
        ..Period::default()
    });
    shown.iter().zip(before).map(period).chain(early).collect()
}

/// Declares that a Period continues the Period before, if that is listed: with the same init segments, and with continuous timestamps
/// unless they jump (ISO/IEC 23009-1 5.3.2.4).
fn continuity(part: &Shown<'_>, before: Option<&Shown<'_>>) -> Vec<SupplementalProperty> {
    let scheme = match part.view.cuts().is_none_or(|cuts| cuts.are_continuous()) {
        true => "urn:mpeg:dash:period-continuity:2015",
        false => "urn:mpeg:dash:period-connectivity:2015",
    };
    let property = |before: &Shown<'_>| SupplementalProperty {
        schemeIdUri: scheme.into(),
        value: Some(before.id()),
        ..SupplementalProperty::default()
    };
    before.filter(|_| part.cut.is_some()).map(property).into_iter().collect()
}
