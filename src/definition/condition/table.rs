//! The table of all conditions except faults. A condition is one row of this table and a variant of [`Condition`].

use super::description::{Description, Read};
use super::value::{Addressing, NONE, Timing, Value};
use super::{Condition, LONGEST, Resource, Span};
use crate::base::format::Format;

const DAY_MILLIS: u64 = 86_400_000;
const DAY: Span = Span::from_millis(DAY_MILLIS);
const YEAR: Span = Span::from_millis(365 * DAY_MILLIS);
const HLS: &[Format] = &[Format::Hls, Format::LlHls];
const LOW_LATENCY_HLS: &[Format] = &[Format::LlHls];
const DASH: &[Format] = &[Format::Dash, Format::LlDash];

/// All conditions except faults, sorted by name.
pub const TABLE: &[Description] = &[
    Description {
        name: "addressing",
        value: Value::Word(Addressing::WORDS),
        summary: "How the MPD addresses segments: by number with one duration, or by number or by start time with a \
            SegmentTimeline. The default is number, and time-timeline under from and until.",
        formats: DASH,
        changes: &[Resource::Mpd],
        excludes: &[],
        examples: &["addressing=number-timeline", "addressing=time-timeline"],
        on: &[],
        own: &[],
        read: |_, text| Addressing::read(text).map(Condition::Addressing),
    },
    Description {
        name: "byte-ranges",
        value: Value::Nothing,
        summary: "Segments, parts and preload hints are byte ranges of one file for each segment.",
        formats: HLS,
        changes: &[Resource::Playlist],
        excludes: &["shift"],
        examples: &["byte-ranges"],
        on: &[],
        own: &[],
        read: |_, _| Some(Condition::ByteRanges),
    },
    Description {
        name: "clock-skew",
        value: Value::Offset { most: DAY },
        summary: "The time in answers of /time and in UTCTiming differs from UTC by this duration.",
        formats: DASH,
        changes: &[Resource::Mpd, Resource::Time],
        excludes: &["utc-timing=none"],
        examples: &["clock-skew=5s", "clock-skew=-500ms"],
        on: &[],
        own: &[],
        read: |value, text| value.offset(text).map(Condition::ClockSkew),
    },
    Description {
        name: "delay",
        value: Value::Span { least: Span::from_millis(100), most: DAY, or_none: false },
        summary: "The distance from the live edge that players keep: HOLD-BACK in HLS, suggestedPresentationDelay in DASH. With \
            low latency, PART-HOLD-BACK and the target latency as well.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd],
        excludes: &[],
        examples: &["delay=12s"],
        on: &[],
        own: &[],
        read: |value, text| value.span(text).map(Condition::Delay),
    },
    Description {
        name: "from",
        value: Value::Moment,
        summary: "The presentation begins at this moment, rounded down to a segment. It lasts 7 days if until does not end it \
            earlier.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd, Resource::SingleFile],
        excludes: &["window"],
        examples: &["from=2026-11-21T03:39:00Z", "from=-1h30m"],
        on: &[],
        own: &[],
        read: |_, text| text.parse().ok().map(Condition::From),
    },
    flag(
        &["no-blocking"],
        |_, _| Some(Condition::NoBlocking),
        "Playlists do not offer blocking reload, and the server does not hold requests for them.",
        LOW_LATENCY_HLS,
        &[Resource::Playlist, Resource::Iframes],
    ),
    flag(
        &["no-date-time"],
        |_, _| Some(Condition::NoDateTime),
        "Playlists have no EXT-X-PROGRAM-DATE-TIME.",
        HLS,
        &[Resource::Playlist, Resource::Iframes],
    ),
    flag(
        &["no-deltas"],
        |_, _| Some(Condition::NoDeltas),
        "Playlists offer no delta updates.",
        LOW_LATENCY_HLS,
        &[Resource::Playlist],
    ),
    flag(
        &["no-hints"],
        |_, _| Some(Condition::NoHints),
        "Playlists have no EXT-X-PRELOAD-HINT.",
        LOW_LATENCY_HLS,
        &[Resource::Playlist],
    ),
    flag(
        &["no-reports"],
        |_, _| Some(Condition::NoReports),
        "Playlists have no EXT-X-RENDITION-REPORT.",
        LOW_LATENCY_HLS,
        &[Resource::Playlist],
    ),
    Description {
        name: "origin",
        value: Value::Moment,
        summary: "Segment numbers and timestamps count from this moment, rounded down to a segment, instead of from 1970. \
            Manifests list no earlier segment.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd, Resource::Segment, Resource::Part],
        excludes: &["wrap"],
        examples: &["origin=2026-11-21T03:39:00Z", "origin=-10s"],
        on: &[],
        own: &[],
        read: |_, text| text.parse().ok().map(Condition::Origin),
    },
    Description {
        name: "patch",
        value: Value::Span { least: Span::from_millis(1000), most: DAY, or_none: false },
        summary: "The MPD contains a PatchLocation. The patch is available for this duration after publishTime.",
        formats: DASH,
        changes: &[Resource::Mpd],
        excludes: &["utc-timing, if the value contains direct"],
        examples: &["patch=1m"],
        on: &[],
        own: &[],
        read: |value, text| value.span(text).map(Condition::Patch),
    },
    Description {
        name: "periods",
        value: Value::Span { least: Span::from_millis(1000), most: YEAR, or_none: false },
        summary: "In DASH, a Period begins at each multiple of the duration since 1970, continuous with the Period before. In HLS, \
            EXT-X-DISCONTINUITY marks these moments.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Iframes, Resource::Mpd],
        excludes: &["discontinuity"],
        examples: &["periods=10s"],
        on: &[],
        own: &[],
        read: |value, text| value.span(text).map(Condition::Periods),
    },
    Description {
        name: "shift",
        value: Value::Span {
            least: Span::from_millis(1000),
            most: Span::from_millis(3650 * DAY_MILLIS),
            or_none: false,
        },
        summary: "The stream is live as it was this duration ago, with low latency too. The clock in the picture shows the \
            earlier time.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd, Resource::Still],
        excludes: &[],
        examples: &["shift=1h"],
        on: &[],
        own: &[],
        read: |value, text| value.span(text).map(Condition::Shift),
    },
    Description {
        name: "until",
        value: Value::Moment,
        summary: "The presentation ends at this moment, rounded up to a segment. Without from, the presentation begins one window \
            earlier. It is an event that grows until this moment, and a VOD afterwards.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd, Resource::SingleFile],
        excludes: &[],
        examples: &["until=2026-11-21T03:40:10Z", "until=+30s"],
        on: &[],
        own: &[],
        read: |_, text| text.parse().ok().map(Condition::Until),
    },
    Description {
        name: "update-period",
        value: Value::Span { least: Span::from_millis(0), most: DAY, or_none: true },
        summary: "The minimumUpdatePeriod of the MPD. With none, the MPD has no minimumUpdatePeriod, so players never load the MPD \
            again.",
        formats: DASH,
        changes: &[Resource::Mpd],
        excludes: &[],
        examples: &["update-period=10s", "update-period=none"],
        on: &[],
        own: &[],
        read: |value, text| match text {
            NONE => Some(Condition::UpdatePeriod(None)),
            text => value.span(text).map(|span| Condition::UpdatePeriod(Some(span))),
        },
    },
    Description {
        name: "utc-timing",
        value: Value::Schemes,
        summary: "The UTCTiming elements of the MPD, in this order.",
        formats: DASH,
        changes: &[Resource::Mpd],
        excludes: &["clock-skew, if the value is none", "patch, if the value contains direct"],
        examples: &["utc-timing=http-head+http-iso", "utc-timing=direct", "utc-timing=none"],
        on: &[],
        own: &[],
        read: |_, text| Timing::read_all(text).map(Condition::UtcTiming),
    },
    Description {
        name: "window",
        value: Value::Span { least: Span::from_millis(1000), most: LONGEST, or_none: false },
        summary: "The length of the past that manifests list, in place of the window of the stream.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd],
        excludes: &["from"],
        examples: &["window=6h"],
        on: &[],
        own: &[],
        read: |value, text| value.span(text).map(Condition::Window),
    },
    Description {
        name: "wrap",
        value: Value::Wrap,
        summary: "An origin that makes timestamps pass 2^32 or 2^33 ticks of 90 kHz after the duration in :in=, by default 30s, or up to \
            a segment earlier.",
        formats: &Format::ALL,
        changes: &[Resource::Playlist, Resource::Mpd, Resource::Segment, Resource::Part],
        excludes: &["origin"],
        examples: &["wrap=33:in=15s", "wrap=32:in=30s"],
        on: &[],
        own: &[],
        read: |_, text| text.parse().ok().map(Condition::Wrap),
    },
];

/// A condition without a value, whose only example is its name.
const fn flag(
    name: &'static [&'static str; 1],
    read: Read,
    summary: &'static str,
    formats: &'static [Format],
    changes: &'static [Resource],
) -> Description {
    Description {
        name: name[0],
        value: Value::Nothing,
        summary,
        formats,
        changes,
        excludes: &[],
        examples: name,
        on: &[],
        own: &[],
        read,
    }
}
