//! The table of all faults. A fault is one row of this table and a variant of [`FaultKind`].

use super::description::Description;
use super::parameter::Parameter;
use super::selector::Selector;
use super::{
    Condition, DeliveryFault, Fault, FaultKind, HeaderFault, InPlace, ManifestFault, MediaFault, On, Span, Value,
};
use crate::base::format::Format;

const LOW_LATENCY_HLS: &[Format] = &[Format::LlHls];
/// Resources that a fault in HTTP may be on: all of them. The first is the default.
const ALL: &[On] = &On::ALL;

/// Resources that a fault of media may be on.
const MEDIA: &[On] = &[On::Media, On::Segments, On::Parts];
/// Resources that `missing` may be on.
const FILES: &[On] = &[On::Media, On::Segments, On::Parts, On::Init];
/// Resources that a fault of manifests may be on.
const MANIFESTS: &[On] = &[On::Manifests, On::Playlists, On::Mpd];
const PLAYLISTS: &[On] = &[On::Playlists];
const PARTS: &[On] = &[On::Parts];
/// Longest wait of a fault. Proxies and players give up much earlier.
const LONGEST_WAIT: Span = Span::from_millis(600_000);
const WAIT: Value = Value::Span { least: Span::from_millis(1), most: LONGEST_WAIT, or_none: false };
const DAY: Span = Span::from_millis(86_400_000);

/// All faults, sorted by name.
pub const FAULTS: &[Description] = &[
    fault(
        "corrupt",
        Value::Integer { least: 1, most: 65_536 },
        "This number of bytes in the samples of each segment is wrong. In the parts of the segment, the same bytes are \
            wrong.",
        MEDIA,
        &["corrupt=20", "corrupt=1000:track=video:every=5"],
        |value, text| plain(MediaFault::Corrupt(u32::try_from(value.integer(text)?).ok()?), MEDIA),
    ),
    fault(
        "cut",
        Value::Share,
        "The connection, or in HTTP/2 the stream, ends after this share of the body. Content-Length is the length of the \
            whole body.",
        ALL,
        &["cut=0.5:on=segments:every=7"],
        |_, text| plain(DeliveryFault::Cut(text.parse().ok()?), ALL),
    ),
    fault(
        "delay",
        WAIT,
        "The answer comes later by this duration. As a fault, delay needs a parameter. Without a parameter, delay is the \
            distance from the live edge.",
        ALL,
        &["delay=3s:on=segments:every=7", "delay=300ms:on=manifests"],
        |value, text| plain(DeliveryFault::Delay(value.span(text)?), ALL),
    ),
    Description {
        own: &[Parameter {
            name: "by",
            value: Value::Span { least: Span::from_millis(0), most: Span::from_millis(3_600_000), or_none: false },
            summary: "The size of the jump: later timestamps increase by this duration. The default is 10s.",
        }],
        excludes: &["periods"],
        ..fault(
            "discontinuity",
            Value::Nothing,
            "Each segment begins with EXT-X-DISCONTINUITY or a new Period, and its timestamps jump.",
            &[On::Media],
            &["discontinuity:by=10s:every=5", "discontinuity:every=3"],
            |_, _| plain(MediaFault::Discontinuity { by: None }, &[On::Media]),
        )
    },
    Description {
        own: &[Parameter {
            name: "since",
            value: Value::Moment,
            summary: "The moment at which timestamps are right. The default is the moment of the request.",
        }],
        ..fault(
            "drift",
            Value::Signed { most: 100_000 },
            "Timestamps of one track drift from UTC by this number of millionths. The default track is audio.",
            MEDIA,
            &["drift=50:since=2026-11-21T03:40:00Z:track=audio", "drift=-100:track=video"],
            |value, text| plain(MediaFault::Drift { ppm: value.signed(text)?, since: None }, MEDIA),
        )
    },
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "early-hint",
            Value::Nothing,
            "The server sends the first bytes of a hinted part immediately, before the part is complete.",
            PARTS,
            &["early-hint"],
            |_, _| plain(MediaFault::EarlyHint, PARTS),
        )
    },
    fault(
        "gap",
        Value::Nothing,
        "Playlists list segments with EXT-X-GAP and parts with GAP=YES. Requests for these segments and parts get 404, in \
            DASH too.",
        MEDIA,
        &["gap:every=7"],
        |_, _| plain(InPlace::Gap, MEDIA),
    ),
    fault(
        "hang",
        WAIT,
        "The server sends half of the body, pauses for this duration, and sends the rest.",
        ALL,
        &["hang=10s:on=segments:every=7"],
        |value, text| plain(DeliveryFault::Hang(value.span(text)?), ALL),
    ),
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "lost-hint",
            Value::Nothing,
            "A hinted part is never published: its URL gets 404, and the part that the playlist lists later has another URL.",
            PARTS,
            &["lost-hint", "lost-hint:every=2"],
            |_, _| plain(InPlace::LostHint, PARTS),
        )
    },
    fault(
        "missing",
        Value::Nothing,
        "Manifests list the resource as usual, and requests for the resource get 404.",
        FILES,
        &["missing:track=video:every=7", "missing:on=init:track=audio"],
        |_, _| plain(InPlace::Missing, FILES),
    ),
    fault(
        "no-cors",
        Value::Nothing,
        "The answer has no CORS headers, so pages of other origins cannot read it.",
        ALL,
        &["no-cors:on=segments"],
        |_, _| plain(HeaderFault::NoCors, ALL),
    ),
    fault(
        "no-validator",
        Value::Nothing,
        "The answer has neither ETag nor Last-Modified, and conditional requests get the whole resource.",
        ALL,
        &["no-validator"],
        |_, _| plain(HeaderFault::NoValidator, ALL),
    ),
    fault(
        "offset",
        Value::Offset { most: DAY },
        "Timestamps of one track are later by this duration. The default track is audio.",
        MEDIA,
        &["offset=120ms:track=audio", "offset=-1s:track=video"],
        |value, text| plain(MediaFault::Offset(value.offset(text)?), MEDIA),
    ),
    fault(
        "rate",
        Value::Integer { least: 1000, most: 10_000_000_000 },
        "The server sends the body no faster than this number of bits per second.",
        ALL,
        &["rate=500000:on=segments"],
        |value, text| plain(DeliveryFault::Rate(value.integer(text)?), ALL),
    ),
    fault(
        "reset",
        Value::Nothing,
        "The server resets the connection, or in HTTP/2 the stream, before an answer.",
        ALL,
        &["reset:on=segments:every=7"],
        |_, _| plain(InPlace::Reset, ALL),
    ),
    fault(
        "rewind",
        Value::Integer { least: 1, most: 1000 },
        "Manifests go back by this number of segments. Without at and each, they do so for the first 10s of each 30s.",
        MANIFESTS,
        &["rewind=3", "rewind=2:each=1m:for=5s"],
        |value, text| plain(ManifestFault::Rewind(u32::try_from(value.integer(text)?).ok()?), MANIFESTS),
    ),
    fault(
        "stale",
        Value::Span { least: Span::from_millis(1000), most: DAY, or_none: false },
        "Manifests do not change for this duration, and then catch up.",
        MANIFESTS,
        &["stale=20s", "stale=20s:each=1m:for=20s"],
        |value, text| plain(ManifestFault::Stale(value.span(text)?), MANIFESTS),
    ),
    Description {
        own: &[Parameter {
            name: "retry-after",
            value: Value::Span { least: Span::from_millis(0), most: Span::from_millis(86_400_000), or_none: false },
            summary: "The answer has Retry-After with this duration, in seconds rounded up.",
        }],
        ..fault(
            "status",
            Value::Integer { least: 400, most: 599 },
            "The answer has this status in place of the resource.",
            ALL,
            &["status=503:on=segments:every=7", "status=404:retry-after=2s:on=init:track=audio"],
            |value, text| {
                let status = u16::try_from(value.integer(text)?).ok()?;
                plain(InPlace::Status { status, retry_after: None }, ALL)
            },
        )
    },
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "unblocked",
            Value::Nothing,
            "Playlists offer blocking reload, but the server immediately answers with the current playlist.",
            PLAYLISTS,
            &["unblocked"],
            |_, _| plain(ManifestFault::Unblocked, PLAYLISTS),
        )
    },
    fault(
        "wrong-max-age",
        Value::Nothing,
        "Cache-Control has max-age=3600 for manifests, so caches deliver old manifests, and max-age=0 for media.",
        ALL,
        &["wrong-max-age", "wrong-max-age:on=segments"],
        |_, _| plain(HeaderFault::WrongMaxAge, ALL),
    ),
    Description {
        formats: LOW_LATENCY_HLS,
        ..fault(
            "wrong-report",
            Value::Nothing,
            "Rendition reports are two segments old.",
            PLAYLISTS,
            &["wrong-report"],
            |_, _| plain(ManifestFault::WrongReport, PLAYLISTS),
        )
    },
    fault(
        "wrong-type",
        Value::Nothing,
        "The Content-Type is text/plain.",
        ALL,
        &["wrong-type", "wrong-type:on=init"],
        |_, _| plain(HeaderFault::WrongType, ALL),
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
fn plain(kind: impl Into<FaultKind>, on: &[On]) -> Option<Condition> {
    let kind = kind.into();
    Some(Condition::Fault(Fault { kind, on: *on.first()?, tracks: None, selector: Selector::default() }))
}
