//! Faults: the resources that they change, and the times at which they happen.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::resource::Tracks;
use super::selector::Selector;
use super::{ConditionError, FaultKind, Grid, Identity, MediaFault, Moment, On, Resource, Track};
use crate::base::format::Format;
use crate::base::timeline::{Kind, UnixTime};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Kind of the fault.
    pub kind: FaultKind,
    pub(super) on: On,
    pub(super) tracks: Option<Tracks>,
    pub(super) selector: Selector,
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

    /// Whether the URL of such resources contains the fault, because the fault concerns them or resources that they list.
    pub(super) fn reaches(&self, resource: Resource, track: Option<Track<'_>>) -> bool {
        // A manifest of the whole stream lists all tracks.
        let is_of_track = |tracks: &Tracks| track.is_none_or(|track| tracks.include(track));
        let lists = || resource.listed().iter().any(|listed| self.is_on(*listed));
        self.concerns(resource, track) || (lists() && self.tracks.as_ref().is_none_or(is_of_track))
    }

    /// Whether the fault changes this resource, which is requested at `now`.
    pub fn applies(&self, identity: &Identity<'_>, now: UnixTime) -> bool {
        let moment = self.own_time(identity).unwrap_or(now);
        // A part and its segment have the same bytes, so a fault of media is on both or on neither.
        let path = if self.kind.is_of_media() { identity.path_of_segment() } else { Cow::Borrowed(identity.path) };
        self.concerns(identity.resource, identity.track)
            && self.selector.selects(&Identity { path: &path, ..*identity }, moment)
    }

    /// Time from `now` until the fault may begin or end to change the resource; `None` for never. No cache may store an answer
    /// for longer.
    pub fn changes_after(&self, identity: &Identity<'_>, now: UnixTime) -> Option<Duration> {
        match self.own_time(identity) {
            Some(_) => None,
            None => self.selector.changes_after(now),
        }
    }

    /// Start of the media of a resource, if selectors use that time.
    fn own_time(&self, identity: &Identity<'_>) -> Option<UnixTime> {
        identity.begins.filter(|_| self.kind.is_of_media())
    }

    /// The time around `now` for which the fault lasts.
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

    /// Whether the fault contains a moment that is relative to the request.
    pub(super) fn is_relative(&self) -> bool {
        let drifts_from = match self.kind {
            FaultKind::Media(MediaFault::Drift { since, .. }) => Some(since.unwrap_or(Moment::NOW)),
            _ => None,
        };
        let at = self.selector.at.map(|(moment, _)| moment);
        at.into_iter().chain(drifts_from).any(Moment::is_relative)
    }

    /// This fault with relative moments replaced by absolute ones.
    pub(super) fn fixed(&self, now: UnixTime) -> Self {
        let kind = match self.kind {
            FaultKind::Media(MediaFault::Drift { ppm, since }) => {
                MediaFault::Drift { ppm, since: Some(since.unwrap_or(Moment::NOW).fixed(now)) }.into()
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
        if matches!(self.kind, FaultKind::Media(MediaFault::Discontinuity { .. })) {
            let whole = "all tracks jump at segments that are counted, so that they stay together";
            if self.tracks.is_some() {
                return contradiction("track", name.to_owned(), whole);
            }
            if self.selector.share.is_some() {
                return contradiction("share", name.to_owned(), whole);
            }
        }
        // The default is audio, because viewers notice wrong timestamps of audio first.
        let tracks = match self.kind {
            FaultKind::Media(MediaFault::Drift { .. } | MediaFault::Offset(_)) => {
                Some(self.tracks.unwrap_or(Tracks::Of(Kind::Audio)))
            }
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
