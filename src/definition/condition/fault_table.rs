//! The table of all faults. A fault that works is one row here, and a variant of [`FaultKind`].

use super::description::Description;
use super::parameter::Parameter;
use super::selector::Selector;
use super::{Condition, Fault, FaultKind, On, Span, Value};
use crate::base::format::Format;

/// What a fault of HTTP may be on: all there is, by default manifests.
const ALL: &[On] = &On::ALL;

/// All faults, by name.
pub const FAULTS: &[Description] = &[Description {
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
}];

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
