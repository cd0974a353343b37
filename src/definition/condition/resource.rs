//! Resources that conditions change: their kinds, and the words by which a fault names some of them.

use std::fmt;

use crate::base::format::Format;
use crate::base::timeline::Kind;

/// A kind of resource that conditions change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Multivariant playlists.
    Multivariant,
    /// Media playlists with segments.
    Playlist,
    /// I-frame playlists.
    Iframes,
    /// MPDs and their patches.
    Mpd,
    /// `/time`.
    Time,
    /// Init segments.
    Init,
    /// Segments.
    Segment,
    /// Parts: chunks with a URL of their own.
    Part,
    /// Parts that a playlist hints before they exist.
    Hint,
    /// Streams as one file.
    SingleFile,
    /// Stills.
    Still,
}

impl Resource {
    /// Kinds of resources whose URLs this resource contains.
    pub(super) const fn listed(self) -> &'static [Self] {
        match self {
            Self::Multivariant => &[Self::Playlist, Self::Iframes, Self::Init, Self::Segment, Self::Part, Self::Hint],
            Self::Playlist => &[Self::Init, Self::Segment, Self::Part, Self::Hint],
            Self::Iframes | Self::Mpd => &[Self::Init, Self::Segment],
            Self::Time | Self::Init | Self::Segment | Self::Part | Self::Hint | Self::SingleFile | Self::Still => &[],
        }
    }

    /// Whether the resource is a playlist or an MPD.
    pub const fn is_manifest(self) -> bool {
        On::Manifests.includes(self)
    }
}

/// Kinds of resources that a fault changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// Playlists and MPDs.
    Manifests,
    /// Playlists.
    Playlists,
    /// MPDs and their patches.
    Mpd,
    /// Init segments.
    Init,
    /// Segments.
    Segments,
    /// Parts.
    Parts,
    /// Segments and parts.
    Media,
}

impl On {
    /// All words.
    pub const ALL: [Self; 7] =
        [Self::Manifests, Self::Playlists, Self::Mpd, Self::Init, Self::Segments, Self::Parts, Self::Media];

    /// The word in URLs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Playlists => "playlists",
            Self::Mpd => "mpd",
            Self::Init => "init",
            Self::Segments => "segments",
            Self::Parts => "parts",
            Self::Media => "media",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|on| on.word() == text)
    }

    /// Whether the resource is one of these.
    pub const fn includes(self, resource: Resource) -> bool {
        let is_playlist = matches!(resource, Resource::Multivariant | Resource::Playlist | Resource::Iframes);
        match self {
            Self::Manifests => is_playlist || matches!(resource, Resource::Mpd),
            Self::Playlists => is_playlist,
            Self::Mpd => matches!(resource, Resource::Mpd),
            Self::Init => matches!(resource, Resource::Init),
            Self::Segments => matches!(resource, Resource::Segment),
            Self::Parts => matches!(resource, Resource::Part | Resource::Hint),
            Self::Media => matches!(resource, Resource::Segment | Resource::Part | Resource::Hint),
        }
    }

    /// Whether these resources have segment numbers.
    pub const fn has_numbers(self) -> bool {
        matches!(self, Self::Segments | Self::Parts | Self::Media)
    }

    /// Formats that have such resources. With `of_track`, only resources of a track count, which excludes MPDs.
    pub const fn formats(self, of_track: bool) -> &'static [Format] {
        match self {
            Self::Playlists => &[Format::Hls, Format::LlHls],
            Self::Manifests if of_track => &[Format::Hls, Format::LlHls],
            Self::Mpd => &[Format::Dash, Format::LlDash],
            Self::Parts => &[Format::LlHls],
            Self::Manifests | Self::Init | Self::Segments | Self::Media => &Format::ALL,
        }
    }
}

/// The track that a resource belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track<'a> {
    /// Id of the track.
    pub id: &'a str,
    /// Kind of the track.
    pub kind: Kind,
}

/// The tracks that a fault is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Tracks {
    /// All tracks of a kind.
    Of(Kind),
    /// One track.
    Named(String),
}

impl Tracks {
    /// Reads `video`, `audio` or an id. The words have precedence over a track with the same id.
    pub(super) fn read(text: &str) -> Option<Self> {
        let is_id = matches!(text.len(), 1..=32)
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let kind = [Kind::Video, Kind::Audio].into_iter().find(|kind| kind.to_string() == text);
        match kind {
            Some(kind) => Some(Self::Of(kind)),
            None => is_id.then(|| Self::Named(text.to_owned())),
        }
    }

    /// Whether the track is one of these.
    pub(super) fn include(&self, track: Track<'_>) -> bool {
        match self {
            Self::Of(kind) => *kind == track.kind,
            Self::Named(id) => id == track.id,
        }
    }
}

impl fmt::Display for Tracks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(kind) => write!(f, "{kind}"),
            Self::Named(id) => f.write_str(id),
        }
    }
}
