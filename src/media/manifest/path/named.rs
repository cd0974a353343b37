//! What a path names: stream, track and kind of the resource.

use super::{
    DASH, DASH_PATCH, HLS, IFRAMES, LLDASH, LLDASH_PATCH, LLHLS, MediaFile, RequestedFile, STREAMS, presentation,
};
use crate::base::format::Format;
use crate::definition::condition::Resource;
use crate::definition::spec::{StreamName, TrackId};

/// What a path names, by its grammar alone: none of it need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The stream.
    pub stream: StreamName,
    /// The track; none for a manifest of a whole stream.
    pub track: Option<TrackId>,
    /// Kind of the resource.
    pub resource: Resource,
    /// Format of a manifest; none for media, and for I-frame playlists, which belong to both formats of HLS.
    pub format: Option<Format>,
    /// The file of media.
    pub file: Option<RequestedFile>,
}

impl Named {
    /// Reads a path without token, conditions and query. `None` if it is that of a stream as one file, or of something else.
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        let (stream, track, (resource, format), file) = match parts[..] {
            ["hls", file] => (file.strip_suffix(".m3u8")?, None, (Resource::Multivariant, Some(Format::Hls)), None),
            ["dash", file] => {
                let stream = file.strip_suffix(".mpd").or_else(|| file.strip_suffix(".mpp"))?;
                (stream, None, (Resource::Mpd, Some(Format::Dash)), None)
            }
            [STREAMS, stream, file] => (stream, None, of_stream(file)?, None),
            [STREAMS, stream, track, file] => (stream, Some(track), of_track(file)?, None),
            [STREAMS, stream, track, number, file] if presentation(number).is_some() && of_track(file).is_some() => {
                (stream, Some(track), of_track(file)?, None)
            }
            [STREAMS, stream, track, _, file] => {
                let file = RequestedFile::parse(file)?;
                (stream, Some(track), (file.resource(), None), Some(file))
            }
            _ => return None,
        };
        let track = match track {
            Some(track) => Some(TrackId::parse(track)?),
            None => None,
        };
        Some(Self { stream: StreamName::parse(stream)?, track, resource, format, file })
    }
}

impl RequestedFile {
    /// Kind of the resource.
    pub const fn resource(self) -> Resource {
        match self {
            Self::Named(MediaFile::Init) => Resource::Init,
            Self::Named(MediaFile::Segment(_)) | Self::SegmentAt(_) => Resource::Segment,
            Self::Named(MediaFile::Chunk { .. }) => Resource::Part,
        }
    }
}

/// A manifest of a whole stream.
fn of_stream(file: &str) -> Option<(Resource, Option<Format>)> {
    match file {
        HLS => Some((Resource::Multivariant, Some(Format::Hls))),
        LLHLS => Some((Resource::Multivariant, Some(Format::LlHls))),
        DASH | DASH_PATCH => Some((Resource::Mpd, Some(Format::Dash))),
        LLDASH | LLDASH_PATCH => Some((Resource::Mpd, Some(Format::LlDash))),
        _ => None,
    }
}

/// A playlist of a track.
fn of_track(file: &str) -> Option<(Resource, Option<Format>)> {
    match file {
        HLS => Some((Resource::Playlist, Some(Format::Hls))),
        LLHLS => Some((Resource::Playlist, Some(Format::LlHls))),
        IFRAMES => Some((Resource::Iframes, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, track: Option<&str>, resource: Resource) {
        let named = Named::parse(path).unwrap();
        let found = (named.stream.as_str(), named.track.as_ref().map(TrackId::as_str), named.resource);
        assert_eq!(found, ("test", track, resource), "{path}");
    }

    #[test]
    fn a_path_names_a_resource() {
        check("/hls/test.m3u8", None, Resource::Multivariant);
        check("/dash/test.mpp", None, Resource::Mpd);
        check("/live/test/llhls.m3u8", None, Resource::Multivariant);
        check("/live/test/lldash.mpd", None, Resource::Mpd);
        check("/live/test/v720/hls.m3u8", Some("v720"), Resource::Playlist);
        check("/live/test/a/2/llhls.m3u8", Some("a"), Resource::Playlist);
        check("/live/test/v720/iframes.m3u8", Some("v720"), Resource::Iframes);
        check("/live/test/v720/0123abcd/init.mp4", Some("v720"), Resource::Init);
        check("/live/test/v720/0123abcd/7.m4s", Some("v720"), Resource::Segment);
        check("/live/test/v720/0123abcd/t7.m4s", Some("v720"), Resource::Segment);
        check("/live/test/v720/0123abcd/7.0.m4s", Some("v720"), Resource::Part);
        for other in ["", "/", "/time", "/live/test/stream.mp4", "/live/test/v720/0123abcd/hls.m3u8", "/live/a/b/c/d/e"]
        {
            assert_eq!(Named::parse(other), None, "{other}");
        }
    }
}
