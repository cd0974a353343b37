//! The URL grammar of media and manifests: written and read here only.
//!
//! ```text
//! live/{stream}/hls.m3u8 | llhls.m3u8 | dash.mpd | lldash.mpd | dash.mpp | lldash.mpp
//! live/{stream}/{track}/hls.m3u8 | llhls.m3u8 | iframes.m3u8
//! live/{stream}/{track}/{presentation}/hls.m3u8 | llhls.m3u8 | iframes.m3u8
//! live/{stream}/{track}/{revision}/init.mp4 | {k}.m4s | {k}.{c}.m4s | t{time}.m4s
//! hls/{stream}.m3u8   dash/{stream}.mpd | {stream}.mpp
//! ```
//!
//! `t{time}.m4s` is the segment whose first frame has this decoding time (`tfdt`), in the timescale of the track.
//!
//! Presentations count from 0; URLs do not contain the number 0. A change of segments, chunks, frame rate, window or tracks begins
//! the next presentation. The multivariant playlist refers to the media playlists of the newest presentation.
//!
//! The same paths, and `time`, also exist under `with/{conditions}/`. A manifest under conditions contains the plain URLs of all
//! resources that the conditions do not change.
//!
//! All of these paths also exist under `t/{token}/`. URLs in manifests are relative, so players send the token with every request.

mod named;

pub use named::Named;

use super::jumps::Jumps;
use crate::base::timeline::{Kind, Timeline};
use crate::definition::condition::{Addressing, Conditions};
use crate::definition::spec::{Revision, StreamName, TrackId};

/// Directory of all streams, from the root.
pub const STREAMS: &str = "live";
/// Beginning of a path with a viewer token.
const TOKEN: &str = "/t/";
/// Beginning of a path with conditions.
const CONDITIONS: &str = "/with/";
/// Multivariant and media playlists.
pub const HLS: &str = "hls.m3u8";
/// Multivariant and media playlists with low latency.
pub const LLHLS: &str = "llhls.m3u8";
/// Playlists of IDR pictures only.
pub const IFRAMES: &str = "iframes.m3u8";
/// MPDs.
pub const DASH: &str = "dash.mpd";
/// MPDs with low latency.
pub const LLDASH: &str = "lldash.mpd";
/// Endpoint of WHEP of a stream.
pub const WHEP: &str = "whep";
/// Endpoint of WHIP of a stream.
pub const WHIP: &str = "whip";

/// Patches of MPDs.
pub const DASH_PATCH: &str = "dash.mpp";
/// Patches of MPDs with low latency.
pub const LLDASH_PATCH: &str = "lldash.mpp";
/// The parameter of a patch: `publishTime` of the MPD that it changes.
pub const PUBLISHED: &str = "publishTime";

const INIT: &str = "init.mp4";
/// Greater than every segment number, and small enough to calculate without overflow.
const LAST_NUMBER: u64 = 1_000_000_000_000;
/// Greater than every decoding time, and small enough to calculate without overflow.
const LAST_TIME: u64 = 10_000_000_000_000_000;

/// A file in a track's revision directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaFile {
    /// The init segment.
    Init,
    /// A segment.
    Segment(u64),
    /// A chunk of a segment.
    Chunk {
        /// The segment's number.
        segment: u64,
        /// Counted from 0.
        chunk: u32,
    },
}

/// A file as a URL names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedFile {
    /// By its own name.
    Named(MediaFile),
    /// A segment, by the decoding time of its first frame.
    SegmentAt(u64),
}

impl RequestedFile {
    /// Reads a file name; numbers have no leading zeros.
    pub fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix('t').and_then(|rest| rest.strip_suffix(".m4s")) {
            Some(time) => integer(time, LAST_TIME).map(Self::SegmentAt),
            None => MediaFile::parse(name).map(Self::Named),
        }
    }

    /// The file name.
    pub fn name(self) -> String {
        match self {
            Self::Named(file) => file.name(),
            Self::SegmentAt(time) => format!("t{time}.m4s"),
        }
    }

    /// The file in a track of this timeline, if numbers and times count from segment `origin` and times jump; `None` if no segment
    /// starts at the time.
    pub fn of_track(
        self,
        timeline: &Timeline,
        kind: Kind,
        (origin, jumps): (u64, Option<Jumps<'_>>),
    ) -> Option<MediaFile> {
        match (self, jumps) {
            (Self::Named(file), _) => Some(file.after(origin)),
            (Self::SegmentAt(time), Some(jumps)) => jumps.segment_from(kind, time).map(MediaFile::Segment),
            (Self::SegmentAt(time), None) => {
                timeline.segment_from(kind, time + timeline.ticks_until(kind, origin)).map(MediaFile::Segment)
            }
        }
    }
}

impl MediaFile {
    /// Reads a file name; numbers have no leading zeros.
    pub fn parse(name: &str) -> Option<Self> {
        if name == INIT {
            return Some(Self::Init);
        }
        let stem = name.strip_suffix(".m4s")?;
        match stem.split_once('.') {
            None => Some(Self::Segment(number(stem)?)),
            Some((segment, chunk)) => {
                Some(Self::Chunk { segment: number(segment)?, chunk: number(chunk)?.try_into().ok()? })
            }
        }
    }

    /// The file with its number counted from segment `origin`.
    #[must_use]
    pub fn counted_from(self, origin: u64) -> Self {
        self.with_number(|number| number.saturating_sub(origin))
    }

    /// The file whose number, counted from segment `origin`, is that of this file.
    #[must_use]
    pub fn after(self, origin: u64) -> Self {
        self.with_number(|number| number + origin)
    }

    fn with_number(self, change: impl FnOnce(u64) -> u64) -> Self {
        match self {
            Self::Init => Self::Init,
            Self::Segment(number) => Self::Segment(change(number)),
            Self::Chunk { segment, chunk } => Self::Chunk { segment: change(segment), chunk },
        }
    }

    /// The file name.
    pub fn name(self) -> String {
        match self {
            Self::Init => INIT.to_owned(),
            Self::Segment(number) => format!("{number}.m4s"),
            Self::Chunk { segment, chunk } => format!("{segment}.{chunk}.m4s"),
        }
    }

    /// Relative to the track's directory.
    pub fn in_track(self, revision: &Revision) -> String {
        format!("{revision}/{}", self.name())
    }
}

/// Relative path from a media playlist of a presentation, which is under its `own` conditions, to the directory of the track under
/// the `kept` conditions, which change the resources there.
pub fn from_playlist(
    (stream, track): (&StreamName, &TrackId),
    presentation: u64,
    (own, kept): (&Conditions, &Conditions),
) -> String {
    match own.is_empty() {
        true => to_track(presentation).to_owned(),
        false => {
            let depth = 3 + usize::from(presentation > 0);
            format!("{}{}/", to_root(depth, own, kept), track_directory(stream, track))
        }
    }
}

/// Relative path from a directory, `depth` directories below the root of its `own` conditions, to the root of the `kept` conditions.
pub fn to_root(depth: usize, own: &Conditions, kept: &Conditions) -> String {
    match (own.is_empty(), kept.is_empty()) {
        (true, _) => "../".repeat(depth),
        (false, true) => "../".repeat(depth + 2),
        (false, false) => format!("{}{kept}/", "../".repeat(depth + 1)),
    }
}

/// The path of a resource under `conditions`, from the root; `path` begins with a slash.
pub fn under_conditions(conditions: &Conditions, path: &str) -> String {
    match conditions.is_empty() {
        true => path.to_owned(),
        false => format!("/with/{conditions}{path}"),
    }
}

/// The text of the conditions of a path, and the path after them; from the root, with its slash.
pub fn split_conditions(path: &str) -> Option<(&str, &str)> {
    split_prefix(path, CONDITIONS)
}

/// A media playlist of a presentation, relative to the track's directory.
pub fn media_playlist(presentation: u64, file: &str) -> String {
    match presentation {
        0 => file.to_owned(),
        number => format!("{number}/{file}"),
    }
}

/// A media playlist of another track, relative to the media playlists of the same presentation.
pub fn other_playlist(track: &TrackId, presentation: u64, file: &str) -> String {
    format!("{}../{track}/{}", to_track(presentation), media_playlist(presentation, file))
}

/// The same media playlist of presentation `to`, relative to that of presentation `from`.
pub fn moved_playlist(from: u64, to: u64, file: &str) -> String {
    format!("{}{}", to_track(from), media_playlist(to, file))
}

/// Reads the number of a presentation other than the first; no leading zeros.
pub fn presentation(text: &str) -> Option<u64> {
    number(text).filter(|number| *number > 0)
}

/// Relative path from the media playlists of a presentation to the track's directory.
fn to_track(presentation: u64) -> &'static str {
    if presentation == 0 { "" } else { "../" }
}

/// `@media` of a SegmentTemplate, relative to the stream's directory.
pub fn segment_template(revision: &Revision, addressing: Addressing) -> String {
    let file = match addressing {
        Addressing::Number | Addressing::NumberTimeline => "$Number$",
        Addressing::TimeTimeline => "t$Time$",
    };
    format!("$RepresentationID$/{revision}/{file}.m4s")
}

/// `@initialization` of a SegmentTemplate, relative to the stream's directory.
pub fn init_template(revision: &Revision) -> String {
    format!("$RepresentationID$/{revision}/{INIT}")
}

/// The directory of a stream, from the root.
pub fn stream_directory(stream: &StreamName) -> String {
    format!("{STREAMS}/{stream}")
}

/// Whether a path may begin with a viewer token or conditions.
pub fn has_prefix(path: &str) -> bool {
    path.starts_with(TOKEN) || path.starts_with(CONDITIONS)
}

/// A viewer token at the beginning of a path, and the path after it; from the root, with its slash.
pub fn split_token(path: &str) -> Option<(&str, &str)> {
    split_prefix(path, TOKEN)
}

/// The part of a path between `prefix` and the next slash, and the rest with that slash.
fn split_prefix<'a>(path: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let rest = path.strip_prefix(prefix)?;
    Some(rest.split_at(rest.find('/')?))
}

/// A path under a viewer token, from the root.
pub fn under_token(token: &str, path: &str) -> String {
    format!("t/{token}/{path}")
}

/// The directory of a track, from the root.
pub fn track_directory(stream: &StreamName, track: &TrackId) -> String {
    format!("{STREAMS}/{stream}/{track}")
}

/// Short form of the multivariant playlist, from the root.
pub fn short_hls(stream: &StreamName) -> String {
    format!("hls/{stream}.m3u8")
}

/// Short form of the MPD, from the root.
pub fn short_dash(stream: &StreamName) -> String {
    format!("dash/{stream}.mpd")
}

/// Patch of the short form of the MPD, relative to that.
pub fn short_patch(stream: &StreamName) -> String {
    format!("{stream}.mpp")
}

fn number(text: &str) -> Option<u64> {
    integer(text, LAST_NUMBER)
}

/// Reads an integer up to `most`; no leading zeros.
fn integer(text: &str, most: u64) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = if canonical { text.parse().ok() } else { None };
    number.filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_are_not_canonical_are_unknown() {
        for name in [
            "",
            "init.MP4",
            "01.m4s",
            "+1.m4s",
            "1.m4s.m4s",
            "1..m4s",
            ".m4s",
            "1.01.m4s",
            "-1.m4s",
            "1.2.3.m4s",
            "t.m4s",
            "t01.m4s",
            "tt1.m4s",
            "t1.0.m4s",
            "t1.mp4",
        ] {
            assert_eq!(RequestedFile::parse(name), None, "{name:?}");
        }
        assert_eq!(MediaFile::parse("1000000000001.m4s"), None);
        assert_eq!(MediaFile::parse("99999999999999999999.m4s"), None);
        assert_eq!(MediaFile::parse("1.4294967296.m4s"), None);
        assert_eq!(RequestedFile::parse("t10000000000000001.m4s"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(segment in 0..=LAST_NUMBER, chunk: u32, time in 0..=LAST_TIME) {
            for file in [MediaFile::Init, MediaFile::Segment(segment), MediaFile::Chunk { segment, chunk }] {
                prop_assert_eq!(MediaFile::parse(&file.name()), Some(file));
                prop_assert_eq!(RequestedFile::parse(&file.name()), Some(RequestedFile::Named(file)));
            }
            let file = RequestedFile::SegmentAt(time);
            prop_assert_eq!(RequestedFile::parse(&file.name()), Some(file));
        }

        #[test]
        fn any_text_is_read_without_panic(name in ".*") {
            let _ = RequestedFile::parse(&name);
        }
    }
}
