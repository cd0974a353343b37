//! The table of all faults. A fault that works is one row here, and a variant of [`FaultKind`].

use super::description::Description;
use super::parameter::Parameter;
use super::selector::Selector;
use super::{Condition, Fault, FaultKind, On, Span, Value};
use crate::base::format::Format;

const LOW_LATENCY_HLS: &[Format] = &[Format::LlHls];
/// What a fault of HTTP may be on: all there is, by default manifests.
const ALL: &[On] = &On::ALL;

/// What a fault of media may be on.
const MEDIA: &[On] = &[On::Media, On::Segments, On::Parts];
/// The same with init segments.
const FILES: &[On] = &[On::Media, On::Segments, On::Parts, On::Init];
/// What a fault of manifests may be on.
const MANIFESTS: &[On] = &[On::Manifests, On::Playlists, On::Mpd];
const PLAYLISTS: &[On] = &[On::Playlists];
const PARTS: &[On] = &[On::Parts];
/// The longest wait that a fault asks for. Proxies and players give up much earlier.
const LONGEST_WAIT: Span = Span::from_millis(600_000);
const WAIT: Value = Value::Span { least: Span::from_millis(1), most: LONGEST_WAIT, or_none: false };
const DAY: Span = Span::from_millis(86_400_000);

/// All faults, by name.
pub const FAULTS: &[Description] = &[
    fault(
        "corrupt",
        Value::Integer { least: 1, most: 65_536 },
        "So many bytes in the samples of each segment are wrong; in its parts they are the same ones.",
        MEDIA,
        &["corrupt=20", "corrupt=1000:track=video:every=5"],
        |value, text| plain(FaultKind::Corrupt(u32::try_from(value.integer(text)?).ok()?), MEDIA),
    ),
    fault(
        "cut",
        Value::Share,
        "The connection ends after this part of the body, in HTTP/2 the request; Content-Length is that of the whole body.",
        ALL,
        &["cut=0.5:on=segments:every=7"],
        |_, text| plain(FaultKind::Cut(text.parse().ok()?), ALL),
    ),
    fault(
        "delay",
        WAIT,
        "The answer comes so much later. As a fault, delay needs a parameter; without one it is the distance from the live \
            edge.",
        ALL,
        &["delay=3s:on=segments:every=7", "delay=300ms:on=manifests"],
        |value, text| plain(FaultKind::Delay(value.span(text)?), ALL),
    ),
    Description {
        own: &[Parameter {
            name: "by",
            value: Value::Span { least: Span::from_millis(0), most: Span::from_millis(3_600_000), or_none: false },
            summary: "How much later timestamps are from there on; 10s if it is left out.",
        }],
        excludes: &["periods"],
        ..fault(
            "discontinuity",
            Value::Nothing,
            "Each segment begins with EXT-X-DISCONTINUITY or a Period, and timestamps jump there.",
            &[On::Media],
            &["discontinuity:by=10s:every=5", "discontinuity:every=3"],
            |_, _| plain(FaultKind::Discontinuity { by: None }, &[On::Media]),
        )
    },
    Description {
        own: &[Parameter {
            name: "since",
            value: Value::Moment,
            summary: "When timestamps are right; the moment of the request if it is left out.",
        }],
        ..fault(
            "drift",
            Value::Signed { most: 100_000 },
            "Timestamps of one track, audio if track does not name it, run away from UTC by so many millionths.",
            MEDIA,
            &["drift=50:since=2026-11-21T03:40:00Z:track=audio", "drift=-100:track=video"],
            |value, text| plain(FaultKind::Drift { ppm: value.signed(text)?, since: None }, MEDIA),
        )
    },
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "early-hint",
            Value::Nothing,
            "The first bytes of a hinted part are sent at once, before the part is whole.",
            PARTS,
            &["early-hint"],
            |_, _| plain(FaultKind::EarlyHint, PARTS),
        )
    },
    fault(
        "gap",
        Value::Nothing,
        "Segments are listed with EXT-X-GAP and parts with GAP=YES, and both are answered 404; in DASH 404 alone.",
        MEDIA,
        &["gap:every=7"],
        |_, _| plain(FaultKind::Gap, MEDIA),
    ),
    fault(
        "hang",
        WAIT,
        "Half of the body is sent, then nothing for so long, then the rest.",
        ALL,
        &["hang=10s:on=segments:every=7"],
        |value, text| plain(FaultKind::Hang(value.span(text)?), ALL),
    ),
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "lost-hint",
            Value::Nothing,
            "A hinted part never comes: its URL is answered 404, and the part that is listed later has another URL.",
            PARTS,
            &["lost-hint", "lost-hint:every=2"],
            |_, _| plain(FaultKind::LostHint, PARTS),
        )
    },
    fault(
        "missing",
        Value::Nothing,
        "The resource is listed as always, and answered 404.",
        FILES,
        &["missing:track=video:every=7", "missing:on=init:track=audio"],
        |_, _| plain(FaultKind::Missing, FILES),
    ),
    fault(
        "no-cors",
        Value::Nothing,
        "The answer has no CORS headers, so no page of another origin can read it.",
        ALL,
        &["no-cors:on=segments"],
        |_, _| plain(FaultKind::NoCors, ALL),
    ),
    fault(
        "no-validator",
        Value::Nothing,
        "The answer has neither ETag nor Last-Modified, and conditional requests are answered in full.",
        ALL,
        &["no-validator"],
        |_, _| plain(FaultKind::NoValidator, ALL),
    ),
    fault(
        "offset",
        Value::Offset { most: DAY },
        "Timestamps of one track, audio if track does not name it, are later by so much.",
        MEDIA,
        &["offset=120ms:track=audio", "offset=-1s:track=video"],
        |value, text| plain(FaultKind::Offset(value.offset(text)?), MEDIA),
    ),
    fault(
        "rate",
        Value::Integer { least: 1000, most: 10_000_000_000 },
        "The body is sent no faster than so many bits per second.",
        ALL,
        &["rate=500000:on=segments"],
        |value, text| plain(FaultKind::Rate(value.integer(text)?), ALL),
    ),
    fault(
        "reset",
        Value::Nothing,
        "The connection is reset before an answer, in HTTP/2 the request.",
        ALL,
        &["reset:on=segments:every=7"],
        |_, _| plain(FaultKind::Reset, ALL),
    ),
    fault(
        "rewind",
        Value::Integer { least: 1, most: 1000 },
        "Manifests go back by so many segments, for the first 10s of each 30s if at and each do not say when.",
        MANIFESTS,
        &["rewind=3", "rewind=2:each=1m:for=5s"],
        |value, text| plain(FaultKind::Rewind(u32::try_from(value.integer(text)?).ok()?), MANIFESTS),
    ),
    fault(
        "stale",
        Value::Span { least: Span::from_millis(1000), most: DAY, or_none: false },
        "Manifests stand still for so long, then catch up.",
        MANIFESTS,
        &["stale=20s", "stale=20s:each=1m:for=20s"],
        |value, text| plain(FaultKind::Stale(value.span(text)?), MANIFESTS),
    ),
    Description {
        own: &[Parameter {
            name: "retry-after",
            value: Value::Span { least: Span::from_millis(0), most: Span::from_millis(86_400_000), or_none: false },
            summary: "The answer has Retry-After, in whole seconds rounded up.",
        }],
        ..fault(
            "status",
            Value::Integer { least: 400, most: 599 },
            "The answer has this status in place of the resource.",
            ALL,
            &["status=503:on=segments:every=7", "status=404:retry-after=2s:on=init:track=audio"],
            |value, text| {
                let status = u16::try_from(value.integer(text)?).ok()?;
                plain(FaultKind::Status { status, retry_after: None }, ALL)
            },
        )
    },
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "unblocked",
            Value::Nothing,
            "Playlists offer blocking reload, and the server answers at once with what there is.",
            PLAYLISTS,
            &["unblocked"],
            |_, _| plain(FaultKind::Unblocked, PLAYLISTS),
        )
    },
    fault(
        "wrong-max-age",
        Value::Nothing,
        "Caches may store manifests for an hour, so that they become old, and media not at all.",
        ALL,
        &["wrong-max-age", "wrong-max-age:on=segments"],
        |_, _| plain(FaultKind::WrongMaxAge, ALL),
    ),
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "wrong-report",
            Value::Nothing,
            "Rendition reports are two segments old.",
            PLAYLISTS,
            &["wrong-report"],
            |_, _| plain(FaultKind::WrongReport, PLAYLISTS),
        )
    },
    fault(
        "wrong-type",
        Value::Nothing,
        "The Content-Type is text/plain.",
        ALL,
        &["wrong-type", "wrong-type:on=init"],
        |_, _| plain(FaultKind::WrongType, ALL),
    ),
];

/// A fault in all formats without parameters of its own.
const fn fault(
    name: &'static str,
    value: Value,
    summary: &'static str,
    on: &'static [On],
    examples: &'static [&'static str],
    read: super::description::Read,
) -> Description {
    Description {
        name,
        value,
        summary,
        formats: &Format::ALL,
        changes: &[],
        excludes: &[],
        examples,
        on,
        own: &[],
        read,
    }
}

/// A fault on its default resources.
fn plain(kind: FaultKind, on: &[On]) -> Option<Condition> {
    Some(Condition::Fault(Fault { kind, on: *on.first()?, tracks: None, selector: Selector::default() }))
}
