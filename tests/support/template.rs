//! Segment URLs of an MPD as a client computes them: `SegmentTemplate@duration` with `$Number$`.

use barstone::inspect::mpd::Nominal;
use dash_mpd_core::{AdaptationSet, MPD};

/// Addressing of the segments of one representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    /// `Representation@id`.
    pub(crate) id: String,
    /// `Representation@bandwidth`.
    pub(crate) bandwidth: u64,
    /// Ticks per second.
    pub(crate) timescale: u64,
    /// Duration of a segment in ticks.
    pub(crate) duration: u64,
    /// Number of the first segment.
    pub(crate) start_number: u64,
    /// `@presentationTimeOffset` in ticks.
    offset: u64,
    media: String,
    initialization: String,
}

impl Template {
    /// Templates of all representations of the only period.
    pub(crate) fn all(mpd: &MPD) -> Vec<Self> {
        mpd.periods[0].adaptations.iter().flat_map(Self::of_set).collect()
    }

    fn of_set(set: &AdaptationSet) -> Vec<Self> {
        let template = set.SegmentTemplate.as_ref().expect("segments are addressed by a template");
        let each = set.representations.iter().map(|representation| Self {
            id: representation.id.clone().expect("@id"),
            bandwidth: representation.bandwidth.expect("@bandwidth"),
            timescale: template.timescale.expect("@timescale"),
            duration: template.duration.expect("@duration") as u64,
            start_number: template.startNumber.expect("@startNumber"),
            offset: template.presentationTimeOffset.unwrap_or_default(),
            media: template.media.clone().expect("@media"),
            initialization: template.initialization.clone().expect("@initialization"),
        });
        each.collect()
    }

    /// Times and numbers, as rules take them.
    pub(crate) fn nominal(&self) -> Nominal {
        Nominal {
            timescale: self.timescale,
            duration: self.duration,
            start_number: self.start_number,
            offset: self.offset,
        }
    }

    /// URL of the init segment, relative to the MPD.
    pub(crate) fn init(&self) -> String {
        self.initialization.replace("$RepresentationID$", &self.id)
    }

    /// URL of a segment, relative to the MPD.
    pub(crate) fn segment(&self, number: u64) -> String {
        self.media.replace("$RepresentationID$", &self.id).replace("$Number$", &number.to_string())
    }

    /// Numbers of the segments that are available at `now_ms`, in milliseconds since the start of the period. A segment
    /// is available from its end for its own duration plus `depth_ms` (ISO/IEC 23009-1 5.3.9.5.3).
    pub(crate) fn available(&self, now_ms: u64, depth_ms: u64) -> std::ops::Range<u64> {
        let at = |ms: u64| self.start_number + ms * self.timescale / (self.duration * 1000);
        at(now_ms - depth_ms) - 1..at(now_ms)
    }
}
