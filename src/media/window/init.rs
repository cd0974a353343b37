//! Init segments of a track.

use crate::media::cmaf::{Configuration, Media};

/// Init segment of a track, and what manifests contain of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Decoder configuration.
    pub configuration: Configuration,
    /// The init segment.
    pub media: Media,
    /// The `codecs` string (RFC 6381).
    pub codec: String,
}
