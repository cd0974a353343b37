//! Faults: what goes wrong on purpose, on which resources, and when.

use std::fmt;
use std::time::Duration;

use super::parameter::{Refusal, put};
use super::resource::Tracks;
use super::selector::Selector;
use super::{ConditionError, Identity, Moment, On, Resource, Span, Track, Value};
use crate::base::format::Format;
use crate::base::timeline::UnixTime;

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
    /// The answer has this status.
    Status {
        /// 400 to 599.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Span>,
    },
}

impl FaultKind {
    /// Name in URLs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
        }
    }

    /// Whether the fault is in the media themselves. It is selected by the time of the media then, so that the media and the
    /// manifests that list them are the same at every moment; any other fault is selected by the moment of the request.
    pub const fn is_of_media(&self) -> bool {
        match self {
            Self::Status { .. } => false,
        }
    }

    /// Takes a parameter that only this fault has.
    pub(super) fn take(&mut self, parameter: &str, value: &Value, text: &str) -> Result<(), Refusal> {
        match (self, parameter) {
            (Self::Status { retry_after, .. }, "retry-after") => put(retry_after, value.span(text)),
            (Self::Status { .. }, _) => Err(Refusal::Value),
        }
    }
}

impl fmt::Display for FaultKind {
    /// The canonical form: the name, the value, and the parameters that only this fault has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Status { status, retry_after: None } => write!(f, "={status}"),
            Self::Status { status, retry_after: Some(span) } => write!(f, "={status}:retry-after={span}"),
        }
    }
}

impl Fault {
    /// Whether the fault is on resources of a kind, which belong to a track or to none, if selectors select them.
    pub fn concerns(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        let is_of_track = |tracks: &Tracks| track.is_some_and(|track| tracks.include(track));
        self.on.includes(resource) && self.tracks.as_ref().is_none_or(is_of_track)
    }

    /// Whether the URL of such resources has the fault: it concerns them, or what they list.
    pub(super) fn reaches(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        // A manifest of the whole stream lists all tracks.
        let is_of_track = |tracks: &Tracks| track.is_none_or(|track| tracks.include(track));
        let lists = || resource.listed().iter().any(|listed| self.on.includes(*listed));
        self.concerns(resource, track) || (lists() && self.tracks.as_ref().is_none_or(is_of_track))
    }

    /// Whether the fault is on this very resource, which is requested at `now`.
    pub fn applies(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        let moment = self.own_time(identity).unwrap_or(now);
        self.concerns(identity.resource, identity.track) && self.selector.selects(identity, moment)
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

    /// The moment from which on the fault is there.
    pub(super) fn moment(&self) -> Option<Moment> {
        self.selector.at.map(|(moment, _)| moment)
    }

    /// The same with a relative moment written out.
    pub(super) fn fixed(&self, now: UnixTime) -> Self {
        Self { selector: self.selector.fixed(now), ..self.clone() }
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
        let has_numbers = self.on.has_numbers();
        let why = "only on=segments, on=parts and on=media have numbers";
        match (self.selector.every, self.selector.numbers) {
            (Some(_), _) if !has_numbers => contradiction("every", on(), why),
            (_, Some(_)) if !has_numbers => contradiction("numbers", on(), why),
            _ if self.selector.each.is_some_and(|(interval, long)| long > interval) => {
                contradiction("for", "each".to_owned(), "a fault lasts at most the interval")
            }
            _ => Ok(self),
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
