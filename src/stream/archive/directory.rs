//! The archive's cache on disk: a file for each segment, which outlives the process. A file is written whole or not at all, and
//! contains the entity tag of its segment, so that a damaged file is never served. Only files with names that this program gives
//! are read or removed, and never through a symbolic link to a directory.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::block::Source;
use crate::base::timeline::UnixTime;
use crate::base::utc;
use crate::definition::spec::{Revision, StreamName, TrackId};
use crate::media::cmaf::{Chunk, Media};
use crate::media::directory::files::{self, FileError};
use crate::media::window::Segment;

/// End of the name of a file.
const END: &str = ".segment";

/// A directory with the files `{stream}/{track}/{revision}/{number}.segment`.
#[derive(Debug, Clone)]
pub(super) struct Directory(PathBuf);

/// The first line of a file, in JSON. The chunks follow.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Entity tag of the segment.
    etag: String,
    chunks: Vec<Piece>,
}

#[derive(Serialize, Deserialize)]
struct Piece {
    bytes: usize,
    first_sample_end: u64,
    excess: u64,
}

/// A file of an earlier process.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) source: Source,
    pub(super) number: u64,
    pub(super) bytes: u64,
}

impl Directory {
    pub(super) const fn at(root: PathBuf) -> Self {
        Self(root)
    }

    /// Writes a complete segment.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, source: &Source, segment: &Segment) -> Result<(), FileError> {
        let head = head(segment);
        let media = segment.chunks.iter().flat_map(|chunk| chunk.media.pieces());
        let pieces = [&head[..]].into_iter().chain(media.map(|piece| &piece[..]));
        files::write(&self.file(source, segment.number), pieces)
    }

    /// Reads a segment. `None` if there is no file, or if the file is damaged.
    pub(super) fn read(&self, source: &Source, number: u64) -> Option<Segment> {
        let bytes = Bytes::from(fs::read(self.file(source, number)).ok()?);
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let mut rest = bytes.slice(end + 1..);
        let mut chunks = Vec::with_capacity(head.chunks.len());
        for (index, piece) in (0..).zip(head.chunks) {
            let Piece { bytes, first_sample_end, excess } = piece;
            let media = Media::new(vec![(bytes <= rest.len()).then(|| rest.split_to(bytes))?]);
            chunks.push(Chunk { segment: number, index, media, first_sample_end, excess });
        }
        let segment = Segment::complete(number, chunks);
        let is_intact = rest.is_empty() && segment.whole.as_ref()?.etag() == head.etag;
        is_intact.then_some(segment)
    }

    /// Removes the file of a segment.
    pub(super) fn remove(&self, source: &Source, number: u64) {
        if let Err(error) = files::remove(&self.file(source, number)) {
            tracing::debug!(%error, "cannot remove a past segment from the archive directory");
        }
    }

    /// The segments in the directory, least recently written first. Removes files that a process did not complete.
    ///
    /// # Errors
    /// A directory cannot be listed.
    pub(super) fn list(&self) -> Result<Vec<Found>, FileError> {
        let mut found = Vec::new();
        for (stream, directory) in files::directories(&self.0, StreamName::parse)? {
            for (track, directory) in files::directories(&directory, TrackId::parse)? {
                for (revision, directory) in files::directories(&directory, Revision::parse)? {
                    let source = Source { stream: stream.clone(), revision, track: track.clone() };
                    found.extend(list_files(&source, &directory)?);
                }
            }
        }
        found.sort_by_key(|(modified, _)| *modified);
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    fn file(&self, source: &Source, number: u64) -> PathBuf {
        let Source { stream, revision, track } = source;
        self.0.join(format!("{stream}/{track}/{revision}/{number}{END}"))
    }
}

/// Length of the file of a complete segment.
pub(super) fn length(segment: &Segment) -> u64 {
    head(segment).len() as u64 + segment.chunks.iter().map(|chunk| chunk.media.len()).sum::<u64>()
}

/// The first line of the file of a complete segment.
fn head(segment: &Segment) -> Vec<u8> {
    let piece = |chunk: &Chunk| Piece {
        bytes: chunk.media.len() as usize,
        first_sample_end: chunk.first_sample_end,
        excess: chunk.excess,
    };
    let etag = segment.whole.as_ref().map(|whole| whole.etag().to_owned()).unwrap_or_default();
    let head = Head { etag, chunks: segment.chunks.iter().map(piece).collect() };
    let mut head = serde_json::to_vec(&head).expect("numbers and text are JSON");
    head.push(b'\n');
    head
}

/// The files of a track, each with the time of its last write.
fn list_files(source: &Source, directory: &Path) -> Result<Vec<(UnixTime, Found)>, FileError> {
    let mut found = Vec::new();
    for entry in files::entries(directory)? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file {
            continue;
        }
        if name.strip_suffix(files::PART).and_then(number).is_some() {
            files::remove(&entry.path())?;
        } else if let Some(number) = number(&name) {
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            let modified = utc::modified(&entry.path()).unwrap_or_default();
            found.push((modified, Found { source: source.clone(), number, bytes }));
        }
    }
    Ok(found)
}

/// The number of the segment in a file with this name.
fn number(name: &str) -> Option<u64> {
    let number: u64 = name.strip_suffix(END)?.parse().ok()?;
    (name == format!("{number}{END}")).then_some(number)
}
