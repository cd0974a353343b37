//! Faults: what goes wrong on purpose, on which resources, and when.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::parameter::{Refusal, put};
use super::resource::Tracks;
use super::selector::Selector;
use super::{ConditionError, Grid, Identity, Moment, Offset, On, Resource, Share, Span, Track, Value};
use crate::base::format::Format;
use crate::base::timeline::{Kind, UnixTime};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    pub(super) on: On,
    pub(super) tracks: Option<Tracks>,
    pub(super) selector: Selector,
}

/// What goes wrong, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// So many bytes in the samples of each segment are wrong.
    Corrupt(u32),
    /// The body ends after this part of it.
    Cut(Share),
    /// The answer comes later.
    Delay(Span),
    /// Segments begin with a discontinuity or a Period.
    Discontinuity {
        /// How much later timestamps are from there on.
        by: Option<Span>,
    },
    /// Timestamps run away from UTC.
    Drift {
        /// Parts per million by which they are too fast.
        ppm: i32,
        /// The moment at which they are right; `None` for that of the request.
        since: Option<Moment>,
    },
    /// The first bytes of a hinted part come before it is whole.
    EarlyHint,
    /// Media are listed as a gap, and are not there.
    Gap,
    /// The body pauses in the middle.
    Hang(Span),
    /// A hinted part never comes, and the part that comes has another URL.
    LostHint,
    /// Media are listed, and are not there.
    Missing,
    /// No page of another origin may read the answer.
    NoCors,
    /// The answer has no validators.
    NoValidator,
    /// Timestamps are later by so much.
    Offset(Offset),
    /// Bits per second of the body.
    Rate(u64),
    /// The connection is reset.
    Reset,
    /// Manifests go back by so many segments, once in each interval.
    Rewind(u32),
    /// Manifests stand still for so long.
    Stale(Span),
    /// The answer has this status.
    Status {
        /// 400 to 599.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Span>,
    },
    /// Blocking reload that does not block.
    Unblocked,
    /// Caches are told to store the answer too long, or not at all.
    WrongMaxAge,
    /// Rendition reports that lag.
    WrongReport,
    /// The answer has another Content-Type.
    WrongType,
}

impl FaultKind {
    /// Name in URLs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Corrupt(_) => "corrupt",
            Self::Cut(_) => "cut",
            Self::Delay(_) => "delay",
            Self::Discontinuity { .. } => "discontinuity",
            Self::Drift { .. } => "drift",
            Self::EarlyHint => "early-hint",
            Self::Gap => "gap",
            Self::Hang(_) => "hang",
            Self::LostHint => "lost-hint",
            Self::Missing => "missing",
            Self::NoCors => "no-cors",
            Self::NoValidator => "no-validator",
            Self::Offset(_) => "offset",
            Self::Rate(_) => "rate",
            Self::Reset => "reset",
            Self::Rewind(_) => "rewind",
            Self::Stale(_) => "stale",
            Self::Status { .. } => "status",
            Self::Unblocked => "unblocked",
            Self::WrongMaxAge => "wrong-max-age",
            Self::WrongReport => "wrong-report",
            Self::WrongType => "wrong-type",
        }
    }

    /// Whether the fault is in the media themselves. It is selected by the time of the media then, so that the media and the
    /// manifests that list them are the same at every moment; any other fault is selected by the moment of the request.
    pub const fn is_of_media(&self) -> bool {
        match self {
            Self::Corrupt(_)
            | Self::Discontinuity { .. }
            | Self::Drift { .. }
            | Self::EarlyHint
            | Self::Gap
            | Self::LostHint
            | Self::Missing
            | Self::Offset(_) => true,
            Self::Cut(_)
            | Self::Delay(_)
            | Self::Hang(_)
            | Self::NoCors
            | Self::NoValidator
            | Self::Rate(_)
            | Self::Reset
            | Self::Rewind(_)
            | Self::Stale(_)
            | Self::Status { .. }
            | Self::Unblocked
            | Self::WrongMaxAge
            | Self::WrongReport
            | Self::WrongType => false,
        }
    }

    /// The kinds of resources that the fault changes, if `on=` does not say it alone.
    const fn resources(&self) -> Option<&'static [Resource]> {
        match self {
            Self::Discontinuity { .. } => {
                Some(&[Resource::Playlist, Resource::Iframes, Resource::Mpd, Resource::Segment, Resource::Part])
            }
            // Parts of a lost hint have their plain URLs.
            Self::LostHint => Some(&[Resource::Hint]),
            Self::Unblocked | Self::WrongReport => Some(&[Resource::Playlist]),
            Self::Corrupt(_)
            | Self::Cut(_)
            | Self::Delay(_)
            | Self::Drift { .. }
            | Self::EarlyHint
            | Self::Gap
            | Self::Hang(_)
            | Self::Missing
            | Self::NoCors
            | Self::NoValidator
            | Self::Offset(_)
            | Self::Rate(_)
            | Self::Reset
            | Self::Rewind(_)
            | Self::Stale(_)
            | Self::Status { .. }
            | Self::WrongMaxAge
            | Self::WrongType => None,
        }
    }

    /// Takes a parameter that only this fault has.
    pub(super) fn take(&mut self, parameter: &str, value: &Value, text: &str) -> Result<(), Refusal> {
        match (self, parameter) {
            (Self::Status { retry_after, .. }, "retry-after") => put(retry_after, value.span(text)),
            (Self::Discontinuity { by }, "by") => put(by, value.span(text)),
            (Self::Drift { since, .. }, "since") => put(since, text.parse().ok()),
            _ => Err(Refusal::Value),
        }
    }
}

impl fmt::Display for FaultKind {
    /// The canonical form: the name, the value, and the parameters that only this fault has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Corrupt(number) | Self::Rewind(number) => write!(f, "={number}"),
            Self::Discontinuity { by: Some(span) } => write!(f, ":by={span}"),
            Self::Drift { ppm, since: None } => write!(f, "={ppm}"),
            Self::Drift { ppm, since: Some(moment) } => write!(f, "={ppm}:since={moment}"),
            Self::Offset(offset) => write!(f, "={offset}"),
            Self::Cut(share) => write!(f, "={share}"),
            Self::Rate(rate) => write!(f, "={rate}"),
            Self::Delay(span) | Self::Hang(span) | Self::Stale(span) => write!(f, "={span}"),
            Self::Discontinuity { by: None }
            | Self::EarlyHint
            | Self::Gap
            | Self::LostHint
            | Self::Missing
            | Self::NoCors
            | Self::NoValidator
            | Self::Reset
            | Self::Unblocked
            | Self::WrongMaxAge
            | Self::WrongReport
            | Self::WrongType => Ok(()),
            Self::Status { status, retry_after: None } => write!(f, "={status}"),
            Self::Status { status, retry_after: Some(span) } => write!(f, "={status}:retry-after={span}"),
        }
    }
}

impl Fault {
    /// Whether the fault is on resources of a kind, which belong to a track or to none, if selectors select them.
    pub fn concerns(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        let is_of_track = |tracks: &Tracks| track.is_some_and(|track| tracks.include(track));
        self.is_on(resource) && self.tracks.as_ref().is_none_or(is_of_track)
    }

    /// Whether the fault is on a kind of resources.
    fn is_on(&self, resource: Resource) -> bool {
        self.kind.resources().map_or(self.on.includes(resource), |all| all.contains(&resource))
    }

    /// Whether the URL of such resources has the fault: it concerns them, or what they list.
    pub(super) fn reaches(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        // A manifest of the whole stream lists all tracks.
        let is_of_track = |tracks: &Tracks| track.is_none_or(|track| tracks.include(track));
        let lists = || resource.listed().iter().any(|listed| self.is_on(*listed));
        self.concerns(resource, track) || (lists() && self.tracks.as_ref().is_none_or(is_of_track))
    }

    /// Whether the fault is on this very resource, which is requested at `now`.
    pub fn applies(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        let moment = self.own_time(identity).unwrap_or(now);
        // A part and its segment have the same bytes, so a fault of media is on both or on neither.
        let path = if self.kind.is_of_media() { identity.path_of_segment() } else { Cow::Borrowed(identity.path) };
        self.concerns(identity.resource, identity.track)
            && self.selector.selects(&Identity { path: &path, ..*identity }, moment)
    }

    /// After what time from `now` the fault may be on the resource, or no longer be on it; no cache may store an answer for
    /// longer. `None` for never.
    pub fn changes_after(&self, identity: &Identity<'_>, now: UnixTime) -> Option<Duration> {
        match self.own_time(identity) {
            Some(_) => None,
            None => self.selector.changes_after(now),
        }
    }

    /// The moment of the media of a resource, if it and not the moment of the request decides.
    fn own_time(&self, identity: &Identity<'_>) -> Option<UnixTime> {
        identity.begins.filter(|_| self.kind.is_of_media())
    }

    /// The time around `now`, at which the fault is on a resource, for which it lasts.
    pub fn lasts(&self, now: UnixTime) -> Range<UnixTime> {
        self.selector.lasts(now)
    }

    /// Whether selectors select by time.
    pub const fn is_timed(&self) -> bool {
        self.selector.at.is_some() || self.selector.each.is_some()
    }

    /// Number of selected segments from number 1 to number `last`, apart from `share`.
    pub fn count(&self, last: u64, grid: Grid<'_>) -> u64 {
        self.selector.count(last, grid)
    }

    /// Whether a moment in it depends on when it is requested.
    pub(super) fn is_relative(&self) -> bool {
        let drifts_from = match self.kind {
            FaultKind::Drift { since, .. } => Some(since.unwrap_or(Moment::NOW)),
            _ => None,
        };
        let at = self.selector.at.map(|(moment, _)| moment);
        at.into_iter().chain(drifts_from).any(Moment::is_relative)
    }

    /// The same with relative moments written out.
    pub(super) fn fixed(&self, now: UnixTime) -> Self {
        let kind = match self.kind {
            FaultKind::Drift { ppm, since } => {
                FaultKind::Drift { ppm, since: Some(since.unwrap_or(Moment::NOW).fixed(now)) }
            }
            _ => self.kind.clone(),
        };
        Self { kind, selector: self.selector.fixed(now), ..self.clone() }
    }

    /// Checks that the parameters do not contradict each other.
    pub(super) fn checked(self) -> Result<Self, ConditionError> {
        let name = self.kind.name();
        let contradiction = |parameter: &'static str, other: String, why: &'static str| {
            Err(ConditionError::Contradiction { name, parameter, other, why })
        };
        let on = || format!("on={}", self.on.word());
        if self.on == On::Mpd && self.tracks.is_some() {
            return contradiction("track", on(), "an MPD belongs to no track");
        }
        if matches!(self.kind, FaultKind::Discontinuity { .. }) {
            let whole = "all tracks jump at segments that are counted, so that they stay together";
            if self.tracks.is_some() {
                return contradiction("track", name.to_owned(), whole);
            }
            if self.selector.share.is_some() {
                return contradiction("share", name.to_owned(), whole);
            }
        }
        // Sound is what people hear first when it is out of step.
        let tracks = match self.kind {
            FaultKind::Drift { .. } | FaultKind::Offset(_) => Some(self.tracks.unwrap_or(Tracks::Of(Kind::Audio))),
            _ => self.tracks,
        };
        let has_numbers = self.on.has_numbers();
        let why = "only on=segments, on=parts and on=media have numbers";
        match (self.selector.every, self.selector.numbers) {
            (Some(_), _) if !has_numbers => contradiction("every", on(), why),
            (_, Some(_)) if !has_numbers => contradiction("numbers", on(), why),
            _ if self.selector.each.is_some_and(|(interval, long)| long > interval) => {
                contradiction("for", "each".to_owned(), "a fault lasts at most the interval")
            }
            _ => Ok(Self { tracks, ..self }),
        }
    }

    /// Checks that a format has the resources that the fault is on.
    pub(super) fn check_format(&self, format: Format) -> Result<(), ConditionError> {
        let formats = self.on.formats(self.tracks.is_some());
        match formats.contains(&format) {
            true => Ok(()),
            false => Err(ConditionError::WrongFormatOn { name: self.kind.name(), on: self.on.word(), format, formats }),
        }
    }
}

impl fmt::Display for Fault {
    /// The canonical form. The default of `on` is left out, unless without it the text would be a condition of the same name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        let is_default = super::row(self.kind.name(), true).on.first() == Some(&self.on);
        let is_bare = self.tracks.is_none() && self.selector == Selector::default();
        if !is_default || (is_bare && super::is_ambiguous(self.kind.name())) {
            write!(f, ":on={}", self.on.word())?;
        }
        if let Some(tracks) = &self.tracks {
            write!(f, ":track={tracks}")?;
        }
        write!(f, "{}", self.selector)
    }
}
