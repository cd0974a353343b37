//! Kinds of faults, by the place in which they act.

use std::fmt;

use super::parameter::{Refusal, put};
use super::{Moment, Offset, Resource, Share, Span, Value};

/// Kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// An answer in place of the resource.
    InPlace(InPlace),
    /// Wrong headers.
    Headers(HeaderFault),
    /// Late, slow or broken delivery of the answer.
    Delivery(DeliveryFault),
    /// Wrong media.
    Media(MediaFault),
    /// Wrong manifests.
    Manifest(ManifestFault),
}

/// Faults whose answer is in place of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InPlace {
    /// Media are listed as a gap, and requests for them get 404.
    Gap,
    /// A hinted part is never published; the part that is listed later has another URL.
    LostHint,
    /// Media are listed as usual, and requests for them get 404.
    Missing,
    /// The connection is reset.
    Reset,
    /// The answer has this status.
    Status {
        /// 400 to 599.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Span>,
    },
}

/// Faults in the headers of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HeaderFault {
    /// No page of another origin may read the answer.
    NoCors,
    /// The answer has no validators.
    NoValidator,
    /// `Cache-Control` with a wrong `max-age`.
    WrongMaxAge,
    /// The answer has another Content-Type.
    WrongType,
}

/// Faults in the delivery of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeliveryFault {
    /// Share of the body after which it ends.
    Cut(Share),
    /// Delay of the answer.
    Delay(Span),
    /// Pause in the middle of the body.
    Hang(Span),
    /// Bits per second of the body.
    Rate(u64),
}

/// Faults in the media themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MediaFault {
    /// Number of wrong bytes in the samples of each segment.
    Corrupt(u32),
    /// Segments begin with a discontinuity or a Period.
    Discontinuity {
        /// Increase of all later timestamps.
        by: Option<Span>,
    },
    /// Timestamps drift from UTC.
    Drift {
        /// Drift in parts per million; positive if timestamps are too fast.
        ppm: i32,
        /// Moment at which timestamps are right; `None` for the moment of the request.
        since: Option<Moment>,
    },
    /// The first bytes of a hinted part are sent before the part is complete.
    EarlyHint,
    /// Increase of timestamps.
    Offset(Offset),
}

/// Faults of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ManifestFault {
    /// Number of segments by which manifests go back, once in each interval.
    Rewind(u32),
    /// Time for which manifests do not change.
    Stale(Span),
    /// Blocking reload that does not block.
    Unblocked,
    /// Rendition reports that are two segments old.
    WrongReport,
}

impl FaultKind {
    /// Name in URLs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InPlace(fault) => match fault {
                InPlace::Gap => "gap",
                InPlace::LostHint => "lost-hint",
                InPlace::Missing => "missing",
                InPlace::Reset => "reset",
                InPlace::Status { .. } => "status",
            },
            Self::Headers(fault) => match fault {
                HeaderFault::NoCors => "no-cors",
                HeaderFault::NoValidator => "no-validator",
                HeaderFault::WrongMaxAge => "wrong-max-age",
                HeaderFault::WrongType => "wrong-type",
            },
            Self::Delivery(fault) => match fault {
                DeliveryFault::Cut(_) => "cut",
                DeliveryFault::Delay(_) => "delay",
                DeliveryFault::Hang(_) => "hang",
                DeliveryFault::Rate(_) => "rate",
            },
            Self::Media(fault) => match fault {
                MediaFault::Corrupt(_) => "corrupt",
                MediaFault::Discontinuity { .. } => "discontinuity",
                MediaFault::Drift { .. } => "drift",
                MediaFault::EarlyHint => "early-hint",
                MediaFault::Offset(_) => "offset",
            },
            Self::Manifest(fault) => match fault {
                ManifestFault::Rewind(_) => "rewind",
                ManifestFault::Stale(_) => "stale",
                ManifestFault::Unblocked => "unblocked",
                ManifestFault::WrongReport => "wrong-report",
            },
        }
    }

    /// Whether selectors use the time of the media, so that the media and the manifests that list them are the same at every
    /// moment. Selectors of other faults use the time of the request.
    pub const fn is_of_media(&self) -> bool {
        match self {
            Self::Media(_) | Self::InPlace(InPlace::Gap | InPlace::LostHint | InPlace::Missing) => true,
            Self::InPlace(InPlace::Reset | InPlace::Status { .. })
            | Self::Headers(_)
            | Self::Delivery(_)
            | Self::Manifest(_) => false,
        }
    }

    /// Kinds of resources that the fault changes; `None` if `on=` alone determines them.
    pub(super) const fn resources(&self) -> Option<&'static [Resource]> {
        match self {
            Self::Media(MediaFault::Discontinuity { .. }) => {
                Some(&[Resource::Playlist, Resource::Iframes, Resource::Mpd, Resource::Segment, Resource::Part])
            }
            // Parts of a lost hint have their plain URLs.
            Self::InPlace(InPlace::LostHint) => Some(&[Resource::Hint]),
            Self::Manifest(ManifestFault::Unblocked | ManifestFault::WrongReport) => Some(&[Resource::Playlist]),
            Self::Media(
                MediaFault::Corrupt(_) | MediaFault::Drift { .. } | MediaFault::EarlyHint | MediaFault::Offset(_),
            )
            | Self::InPlace(InPlace::Gap | InPlace::Missing | InPlace::Reset | InPlace::Status { .. })
            | Self::Manifest(ManifestFault::Rewind(_) | ManifestFault::Stale(_))
            | Self::Headers(_)
            | Self::Delivery(_) => None,
        }
    }

    /// Reads a parameter that only this fault has.
    pub(super) fn take(&mut self, parameter: &str, value: &Value, text: &str) -> Result<(), Refusal> {
        match (self, parameter) {
            (Self::InPlace(InPlace::Status { retry_after, .. }), "retry-after") => put(retry_after, value.span(text)),
            (Self::Media(MediaFault::Discontinuity { by }), "by") => put(by, value.span(text)),
            (Self::Media(MediaFault::Drift { since, .. }), "since") => put(since, text.parse().ok()),
            _ => Err(Refusal::Value),
        }
    }
}

impl fmt::Display for FaultKind {
    /// The canonical form: the name, the value, and the parameters that only this fault has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::InPlace(fault) => match fault {
                InPlace::Gap | InPlace::LostHint | InPlace::Missing | InPlace::Reset => Ok(()),
                InPlace::Status { status, retry_after: None } => write!(f, "={status}"),
                InPlace::Status { status, retry_after: Some(span) } => write!(f, "={status}:retry-after={span}"),
            },
            Self::Headers(_) => Ok(()),
            Self::Delivery(fault) => match fault {
                DeliveryFault::Cut(share) => write!(f, "={share}"),
                DeliveryFault::Delay(span) | DeliveryFault::Hang(span) => write!(f, "={span}"),
                DeliveryFault::Rate(rate) => write!(f, "={rate}"),
            },
            Self::Media(fault) => match fault {
                MediaFault::Corrupt(number) => write!(f, "={number}"),
                MediaFault::Discontinuity { by: None } | MediaFault::EarlyHint => Ok(()),
                MediaFault::Discontinuity { by: Some(span) } => write!(f, ":by={span}"),
                MediaFault::Drift { ppm, since: None } => write!(f, "={ppm}"),
                MediaFault::Drift { ppm, since: Some(moment) } => write!(f, "={ppm}:since={moment}"),
                MediaFault::Offset(offset) => write!(f, "={offset}"),
            },
            Self::Manifest(fault) => match fault {
                ManifestFault::Rewind(number) => write!(f, "={number}"),
                ManifestFault::Stale(span) => write!(f, "={span}"),
                ManifestFault::Unblocked | ManifestFault::WrongReport => Ok(()),
            },
        }
    }
}

/// A fault of one place is a kind of fault.
macro_rules! from {
    ($($variant:ident($fault:ident)),*) => {
        $(impl From<$fault> for FaultKind {
            fn from(fault: $fault) -> Self {
                Self::$variant(fault)
            }
        })*
    };
}

from!(InPlace(InPlace), Headers(HeaderFault), Delivery(DeliveryFault), Media(MediaFault), Manifest(ManifestFault));
