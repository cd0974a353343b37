//! Removal of files that no process writes any more and no player needs: those of streams that ended, and those of
//! earlier definitions of a stream that is written. Only files with names that this program gives are removed, and
//! never through a symbolic link.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{FileError, PART, directories, entries, part, remove};
use super::marker::{Attempt, Marker};
use crate::base::timeline::UnixTime;
use crate::base::utc;
use crate::definition::spec::{Revision, StreamName, TrackId};
use crate::media::manifest::path::{self, MediaFile};

/// A stream whose files were removed, or could not be.
pub(super) type Removal = (StreamName, Result<(), FileError>);

/// Removes the files of every stream below `root` that no process has written for the time in its marker.
///
/// # Errors
/// The directory cannot be listed.
pub(super) fn remove_abandoned(root: &Path, now: UnixTime) -> Result<Vec<Removal>, FileError> {
    let streams = directories(&root.join(path::STREAMS), StreamName::parse)?;
    let removal = |(stream, directory): (StreamName, PathBuf)| {
        let removed = remove_if_abandoned(root, (&stream, &directory), now).transpose()?;
        Some((stream, removed))
    };
    Ok(streams.into_iter().filter_map(removal).collect())
}

/// Removes the files of a stream that became private, unless another task or process writes them.
///
/// # Errors
/// The first failure.
pub(super) fn clear(root: &Path, stream: &StreamName) -> Result<(), FileError> {
    let directory = root.join(path::stream_directory(stream));
    match Marker::try_exclusive(&directory).map_err(FileError::at(&directory))? {
        Attempt::Locked(marker) => remove_stream(root, (stream, &directory), Some(marker)),
        Attempt::Unmarked => remove_stream(root, (stream, &directory), None),
        Attempt::InUse => Ok(()),
    }
}

/// Removes what has not been written since `since` from a stream's directory, except revisions for which `is_current`
/// is true.
///
/// # Errors
/// The first failure.
pub(super) fn remove_untouched(
    directory: &Path,
    since: UnixTime,
    is_current: impl Fn(&Revision) -> bool,
) -> Result<(), FileError> {
    let is_untouched = |path: &PathBuf| utc::modified(path).is_ok_and(|modified| modified < since);
    for (_, track) in directories(directory, TrackId::parse)? {
        // A directory counts as written when an entry is added, replaced or removed.
        for (revision, media) in directories(&track, Revision::parse)? {
            if !is_current(&revision) && is_untouched(&media) {
                remove_revision(&media)?;
            }
        }
        playlists(&track)?.into_iter().filter(is_untouched).try_for_each(|file| remove(&file))?;
        remove_empty_presentations(&track)?;
        remove_if_empty(&track);
    }
    Ok(())
}

/// Whether a name is that of a media file that this program has not completed.
pub(super) fn is_half_written(name: &str) -> bool {
    name.strip_suffix(PART).is_some_and(is_media)
}

/// Removes the files of a stream whose time is over. `None` if another task or process writes them, if players may
/// still need them, or if this program did not write them.
fn remove_if_abandoned(
    root: &Path,
    (stream, directory): (&StreamName, &Path),
    now: UnixTime,
) -> Result<Option<()>, FileError> {
    let attempt = Marker::try_exclusive(directory).map_err(FileError::at(directory))?;
    let Attempt::Locked(mut marker) = attempt else { return Ok(None) };
    let files = manifests(root, stream, directory)?.into_iter().chain([marker.path().to_owned()]);
    let last_write = files.filter_map(|file| utc::modified(&file).ok()).max().unwrap_or_default();
    if now.saturating_since(last_write) < marker.retention() {
        return Ok(None);
    }
    remove_stream(root, (stream, directory), Some(marker)).map(Some)
}

/// Removes manifests first, so that none lists a missing file, and the marker last, so that a failure is retried.
fn remove_stream(
    root: &Path,
    (stream, directory): (&StreamName, &Path),
    marker: Option<Marker>,
) -> Result<(), FileError> {
    manifests(root, stream, directory)?.iter().try_for_each(|file| remove(file))?;
    for (_, track) in directories(directory, TrackId::parse)? {
        directories(&track, Revision::parse)?.iter().try_for_each(|(_, media)| remove_revision(media))?;
        remove_empty_presentations(&track)?;
        remove_if_empty(&track);
    }
    if let Some(marker) = marker {
        remove(marker.path())?;
    }
    remove_if_empty(directory);
    Ok(())
}

fn remove_revision(directory: &Path) -> Result<(), FileError> {
    for entry in entries(directory)? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
        if is_file && (is_media(&name) || is_half_written(&name)) {
            remove(&entry.path())?;
        }
    }
    remove_if_empty(directory);
    Ok(())
}

/// Manifests of a stream that exist or may exist, including partly written ones.
fn manifests(root: &Path, stream: &StreamName, directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let short = [path::short_hls(stream), path::short_dash(stream)].map(|file| root.join(file));
    let mut files = with_parts(short.into_iter().chain([path::HLS, path::DASH].map(|file| directory.join(file))));
    for (_, track) in directories(directory, TrackId::parse)? {
        files.extend(playlists(&track)?);
    }
    Ok(files)
}

/// Media playlists of a track, of all presentations.
fn playlists(track: &Path) -> Result<Vec<PathBuf>, FileError> {
    let later = directories(track, path::presentation)?.into_iter().map(|(_, directory)| directory);
    let playlists = [track.to_owned()].into_iter().chain(later);
    Ok(with_parts(playlists.flat_map(|directory| [path::HLS, path::IFRAMES].map(|file| directory.join(file)))))
}

fn remove_empty_presentations(track: &Path) -> Result<(), FileError> {
    directories(track, path::presentation)?.iter().for_each(|(_, directory)| remove_if_empty(directory));
    Ok(())
}

fn with_parts(files: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    files.into_iter().flat_map(|file| [part(&file), file]).collect()
}

fn is_media(name: &str) -> bool {
    matches!(MediaFile::parse(name), Some(MediaFile::Init | MediaFile::Segment(_)))
}

/// Keeps a directory that contains other files.
fn remove_if_empty(directory: &Path) {
    let _ = fs::remove_dir(directory);
}
