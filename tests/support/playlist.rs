//! Media playlists of a running stream, which always have segments.

use std::ops::Deref;

use barstone::inspect::playlist::{self, Segment, attribute};

/// A media playlist with at least one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Playlist(playlist::Playlist);

impl Playlist {
    pub(crate) fn parse(text: &str) -> Self {
        Self(playlist::Playlist::parse(text))
    }

    /// URI of the init segment.
    pub(crate) fn init(&self) -> String {
        let map = self.segments.first().and_then(|segment| segment.map.as_deref()).unwrap_or_default();
        attribute(map, "URI").expect("EXT-X-MAP has a URI")
    }

    pub(crate) fn last(&self) -> &Segment {
        self.segments.last().expect("there are segments")
    }
}

impl Deref for Playlist {
    type Target = playlist::Playlist;

    fn deref(&self) -> &playlist::Playlist {
        &self.0
    }
}
