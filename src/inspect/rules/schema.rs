//! The part of the schema of ISO/IEC 23009-1 (fifth edition) that MPDs of barstone use: attributes with their types,
//! required attributes, and the order of children. Elements and attributes that only the schema has are not checked.
//! Elements and attributes that the schema does not have violate rule `D0`, unless they have a namespace of their own.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Report, Violation};

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";

/// The simple type of an attribute.
#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Boolean,
    UnsignedInt,
    UnsignedLong,
    Double,
    Duration,
    DateTime,
    /// `StringNoWhitespaceType`.
    Word,
    /// `RatioType`: two numbers with a colon.
    Ratio,
    FrameRate,
    /// `SAPType`: 0 to 6.
    AccessPoint,
    /// `xs:language`.
    Language,
    OneOf(&'static [&'static str]),
}

use Type::{
    AccessPoint, Boolean, DateTime, Double, Duration, FrameRate, Language, OneOf, Ratio, Text, UnsignedInt,
    UnsignedLong, Word,
};

/// Name and type of an attribute.
type Attribute = (&'static str, Type);

struct Element {
    name: &'static str,
    required: &'static [Attribute],
    optional: &'static [Attribute],
    /// Optional attributes of the type that the element extends.
    base: &'static [Attribute],
    /// Children in the order of the schema. Those with the prefix `1` occur at most once.
    children: &'static [&'static str],
}

/// An element without attributes and children, from which the others are built.
const NO_CONTENTS: Element = Element { name: "", required: &[], optional: &[], base: &[], children: &[] };

/// Attributes of `RepresentationBaseType`, which adaptation sets and representations extend.
const REPRESENTATION_BASE: [Attribute; 8] = [
    ("width", UnsignedInt),
    ("height", UnsignedInt),
    ("sar", Ratio),
    ("frameRate", FrameRate),
    ("audioSamplingRate", UnsignedInt),
    ("mimeType", Text),
    ("codecs", Word),
    ("startWithSAP", AccessPoint),
];

const ELEMENTS: [Element; 15] = [
    Element {
        name: "MPD",
        required: &[("profiles", Text), ("minBufferTime", Duration)],
        optional: &[
            ("xmlns", OneOf(&[NAMESPACE])),
            ("id", Text),
            ("type", OneOf(&["static", "dynamic"])),
            ("availabilityStartTime", DateTime),
            ("availabilityEndTime", DateTime),
            ("publishTime", DateTime),
            ("mediaPresentationDuration", Duration),
            ("minimumUpdatePeriod", Duration),
            ("timeShiftBufferDepth", Duration),
            ("suggestedPresentationDelay", Duration),
            ("maxSegmentDuration", Duration),
        ],
        children: &["ServiceDescription", "Period", "UTCTiming"],
        ..NO_CONTENTS
    },
    Element {
        name: "ServiceDescription",
        optional: &[("id", UnsignedInt)],
        children: &["Latency", "PlaybackRate"],
        ..NO_CONTENTS
    },
    Element {
        name: "Latency",
        optional: &[("referenceId", UnsignedInt), ("target", UnsignedInt), ("max", UnsignedInt), ("min", UnsignedInt)],
        ..NO_CONTENTS
    },
    Element { name: "PlaybackRate", optional: &[("max", Double), ("min", Double)], ..NO_CONTENTS },
    Element {
        name: "Period",
        optional: &[("id", Text), ("start", Duration), ("duration", Duration)],
        children: &["AdaptationSet", "SupplementalProperty"],
        ..NO_CONTENTS
    },
    Element {
        name: "AdaptationSet",
        optional: &[
            ("id", UnsignedInt),
            ("lang", Language),
            ("contentType", OneOf(&["text", "image", "audio", "video", "application", "font"])),
            ("par", Ratio),
            ("segmentAlignment", Boolean),
        ],
        base: &REPRESENTATION_BASE,
        children: &[
            "AudioChannelConfiguration",
            "EssentialProperty",
            "SupplementalProperty",
            "ProducerReferenceTime",
            "Resync",
            "Role",
            "1SegmentTemplate",
            "Representation",
        ],
        ..NO_CONTENTS
    },
    Element {
        name: "ProducerReferenceTime",
        required: &[("id", UnsignedInt), ("wallClockTime", DateTime), ("presentationTime", UnsignedLong)],
        optional: &[("inband", Boolean), ("type", OneOf(&["encoder", "captured", "application"]))],
        children: &["1UTCTiming"],
        ..NO_CONTENTS
    },
    Element {
        name: "Resync",
        optional: &[("type", AccessPoint), ("dT", UnsignedInt), ("marker", Boolean)],
        ..NO_CONTENTS
    },
    Element {
        name: "SegmentTemplate",
        optional: &[
            ("media", Text),
            ("initialization", Text),
            ("timescale", UnsignedInt),
            ("duration", UnsignedInt),
            ("startNumber", UnsignedInt),
            ("endNumber", UnsignedInt),
            ("presentationTimeOffset", UnsignedLong),
            ("availabilityTimeOffset", Double),
            ("availabilityTimeComplete", Boolean),
        ],
        children: &["1SegmentTimeline"],
        ..NO_CONTENTS
    },
    Element {
        name: "Representation",
        required: &[("id", Word), ("bandwidth", UnsignedInt)],
        base: &REPRESENTATION_BASE,
        children: &[
            "AudioChannelConfiguration",
            "EssentialProperty",
            "SupplementalProperty",
            "ProducerReferenceTime",
            "Resync",
            "1SegmentTemplate",
        ],
        ..NO_CONTENTS
    },
    descriptor("UTCTiming"),
    descriptor("Role"),
    descriptor("AudioChannelConfiguration"),
    descriptor("SupplementalProperty"),
    descriptor("EssentialProperty"),
];

const fn descriptor(name: &'static str) -> Element {
    Element { name, required: &[("schemeIdUri", Text)], optional: &[("value", Text), ("id", Text)], ..NO_CONTENTS }
}

/// Elements of the schema whose contents are not checked here.
const OTHER_ELEMENTS: &str = "Accessibility AdaptationSet AssetIdentifier AudioChannelConfiguration BaseURL BitstreamSwitching ContentComponent ContentPopularityRate ContentProtection Copyright EmptyAdaptationSet EssentialProperty Event EventStream ExtendedBandwidth FCS FailoverContent FramePacking GroupLabel InbandEventStream Initialization InitializationGroup InitializationPresentation InitializationSet Label Latency LeapSecondInformation Location MPD Metrics ModelPair OperatingBandwidth OperatingQuality OutputProtection PR PatchLocation Period PlaybackRate Preselection ProducerReferenceTime ProgramInformation QualityLatency RandomAccess Range Rating Reporting Representation RepresentationIndex Resync Role S Scope SegmentBase SegmentList SegmentTemplate SegmentTimeline SegmentURL Selection SelectionInfo ServiceDescription Source SubRepresentation Subset SupplementalProperty Switching Title UTCTiming Viewpoint";
/// All attributes of the schema. Attributes that an element of the table does not list are not checked there.
const OTHER_ATTRIBUTES: &str = "applicationScheme associationId associationType audioSamplingRate availabilityEndTime availabilityStartLeapOffset availabilityStartTime availabilityTimeComplete availabilityTimeOffset bandwidth bitstreamSwitching bufferTime byteRange codecs codingDependency contactURL containerProfiles contains contentComponent contentEncoding contentType d dImax dImin dT data dataEncoding dependencyId dependencyLevel duration endNumber eptDelta frameRate group height id inAllPeriods inband index indexRange indexRangeExact initialization initializationPrincipal initializationSetRef interval k lang level marker max maxBandwidth maxDifference maxFrameRate maxHeight maxPlayoutRate maxSegmentDuration maxSubsegmentDuration maxWidth maximumSAPPeriod media mediaPresentationDuration mediaRange mediaStreamStructureId mediaType messageData metrics mimeType min minBandwidth minBufferTime minFrameRate minHeight minWidth minimumUpdatePeriod moreInformationURL n nextAvailabilityStartLeapOffset nextLeapChangeTime order par parameter pdDelta popularityRate preselectionComponents presentationDuration presentationTime presentationTimeOffset profiles publishTime qualityRanking r range rangeAccess ref refId referenceId robustness sar scanType schemeIdUri segmentAlignment segmentProfiles selectionInfo selectionPriority serviceLocation source sourceURL start startNumber startWithSAP starttime subsegmentAlignment subsegmentStartsWithSAP suggestedPresentationDelay t tag target timeShiftBufferDepth timescale ttl type valid value vbr wallClockTime width";

/// An open element, and the place in the sequence of its last child so far.
struct Open {
    /// `None` for an element whose contents are not checked.
    element: Option<&'static Element>,
    last: usize,
}

/// Checks a whole MPD.
pub fn check(text: &str) -> Vec<Violation> {
    let mut report = Report::default();
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let element = enter(&mut report, &mut open, &tag);
                open.push(Open { element, last: 0 });
            }
            Ok(Event::Empty(tag)) => {
                enter(&mut report, &mut open, &tag);
            }
            Ok(Event::End(_)) => {
                open.pop();
            }
            Ok(Event::Eof) => return report.0,
            Ok(Event::Text(words)) => {
                let blank = words.trim().is_empty() || open.last().is_some_and(|open| open.element.is_none());
                report.demand("D0", blank, || format!("text between elements: {words:?}"));
            }
            Ok(_) => {}
            Err(error) => {
                report.demand("D0", false, || error.to_string());
                return report.0;
            }
        }
    }
}

/// Checks a start tag and its place among its siblings.
fn enter(report: &mut Report, open: &mut [Open], tag: &BytesStart<'_>) -> Option<&'static Element> {
    // Whatever is in an element that is not checked is not checked either.
    if open.last().is_some_and(|open| open.element.is_none()) {
        return None;
    }
    let name = tag.name().as_ref().to_owned();
    let element = ELEMENTS.iter().find(|element| element.name == name);
    let is_other = name.contains(':') || OTHER_ELEMENTS.split(' ').any(|other| other == name);
    report.demand("D0", element.is_some() || is_other, || format!("the unknown element {name}"));
    let element = element?;
    match open.last_mut() {
        None => report.demand("D0", name == "MPD", || format!("the root element is {name}, not MPD")),
        Some(parent) => {
            let parents = parent.element.unwrap_or(element);
            let place = parents.children.iter().position(|child| child.trim_start_matches('1') == name);
            let in_order = place.is_some_and(|place| {
                let once = parents.children[place].starts_with('1');
                place + 1 > parent.last || (place + 1 == parent.last && !once)
            });
            let of = parents.name;
            report.demand("D0", in_order, || format!("{name} at a wrong place in {of}"));
            parent.last = place.map_or(parent.last, |place| place + 1);
        }
    }
    check_attributes(report, element, tag);
    Some(element)
}

fn check_attributes(report: &mut Report, element: &Element, tag: &BytesStart<'_>) {
    let mut found = Vec::new();
    for attribute in tag.attributes() {
        let Ok(attribute) = attribute else {
            report.demand("D0", false, || format!("the attributes of {} are not well-formed XML", element.name));
            return;
        };
        let name = attribute.key.as_ref().to_owned();
        let value = attribute.value.into_owned();
        let known =
            element.required.iter().chain(element.optional).chain(element.base).find(|(known, _)| *known == name);
        let is_other = name.contains(':') || OTHER_ATTRIBUTES.split(' ').any(|other| other == name);
        report.demand("D0", known.is_some() || is_other, || format!("the unknown attribute {}@{name}", element.name));
        let fits = known.is_none_or(|(_, kind)| fits(*kind, &value));
        report.demand("D0", fits, || format!("{}@{name} is {value:?}", element.name));
        found.push(name);
    }
    for (name, _) in element.required {
        report.demand("D0", found.iter().any(|found| found == name), || format!("{} without @{name}", element.name));
    }
}

fn fits(kind: Type, value: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        Text => true,
        Boolean => matches!(value, "true" | "false" | "0" | "1"),
        UnsignedInt => number(value) && value.parse::<u32>().is_ok(),
        UnsignedLong => number(value) && value.parse::<u64>().is_ok(),
        Double => value.parse::<f64>().is_ok_and(f64::is_finite),
        Duration => is_duration(value),
        DateTime => value.len() >= 19 && value.parse::<jiff::Timestamp>().is_ok(),
        Word => !value.chars().any(char::is_whitespace),
        Ratio => value.split_once(':').is_some_and(|(left, right)| number(left) && number(right)),
        FrameRate => match value.split_once('/') {
            Some((count, seconds)) => number(count) && number(seconds) && !seconds.starts_with('0'),
            None => number(value),
        },
        AccessPoint => matches!(value, "0" | "1" | "2" | "3" | "4" | "5" | "6"),
        Language => {
            let mut parts = value.split('-');
            let short = |part: &str| (1..=8).contains(&part.len());
            let first = parts.next().unwrap_or_default();
            let letters = short(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic());
            letters && parts.all(|part| short(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        }
        OneOf(values) => values.contains(&value),
    }
}

/// Whether `value` is a duration: `P`, days, and after `T` hours, minutes and seconds. At least one is present, and
/// only seconds may have decimals.
fn is_duration(value: &str) -> bool {
    let Some(rest) = value.strip_prefix('P') else { return false };
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    let fields = |text: &str, units: &str| {
        let mut units = units.chars();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else { return false };
            let (number, unit) = (&rest[..end], rest[end..].chars().next().unwrap_or_default());
            let decimals = unit == 'S' && number.matches('.').count() <= 1 && !number.starts_with('.');
            let digits = number.bytes().all(|byte| byte.is_ascii_digit() || (decimals && byte == b'.'));
            if number.is_empty() || number.ends_with('.') || !digits || !units.any(|known| known == unit) {
                return false;
            }
            rest = &rest[end + 1..];
        }
        true
    };
    let has_time = time.is_some_and(|time| !time.is_empty());
    (has_time || (time.is_none() && !date.is_empty())) && fields(date, "YMD") && fields(time.unwrap_or_default(), "HMS")
}
