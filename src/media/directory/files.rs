//! Single files of the media directory and of the archive: written whole or not at all, and removed.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::os_error;
use crate::media::cmaf::Media;

/// End of the name of a file that is being written. No manifest lists such a name.
pub const PART: &str = ".part";

/// A file or directory that could not be written, read or removed.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self { path: path.to_owned(), source }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), os_error::text(&self.source))
    }
}

/// Entries of a directory; none if the directory does not exist.
///
/// # Errors
/// The directory cannot be read.
pub fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, FileError> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries.flatten().collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(FileError::at(directory)(error)),
    }
}

pub(super) fn write_media(file: &Path, media: &Media) -> Result<(), FileError> {
    write(file, media.pieces().iter().map(|piece| &piece[..]))
}

/// Makes `file` a hard link to `first`, or a copy on a file system without links.
pub(super) fn link_media(first: &Path, file: &Path, media: &Media) -> Result<(), FileError> {
    let part = part(file);
    let attempt = || -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::hard_link(first, &part)?;
        fs::rename(&part, file)
    };
    let linked = attempt();
    // If both names are links to the same file already, rename(2) does nothing and leaves the part.
    let _ = fs::remove_file(&part);
    linked.or_else(|_| write_media(file, media))
}

/// Directories whose names `parse` accepts, without symbolic links.
///
/// # Errors
/// The directory `of` cannot be read.
pub fn directories<T>(of: &Path, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<(T, PathBuf)>, FileError> {
    let is_directory = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let entries = entries(of)?.into_iter().filter(is_directory);
    Ok(entries.filter_map(|entry| Some((parse(entry.file_name().to_str()?)?, entry.path()))).collect())
}

/// Writes a file under another name and renames it, so that a reader finds the whole file or none. Creates its directory.
///
/// # Errors
/// The file cannot be written.
pub fn write<'a>(file: &Path, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), FileError> {
    let part = part(file);
    let attempt = || -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut out = io::BufWriter::with_capacity(64 * 1024, fs::File::create(&part)?);
        pieces.into_iter().try_for_each(|piece| out.write_all(piece))?;
        out.flush()?;
        fs::rename(&part, file)
    };
    attempt().map_err(|error| {
        // A half-written file takes space that a later attempt needs.
        let _ = fs::remove_file(&part);
        FileError::at(file)(error)
    })
}

/// Removes a file; a file that does not exist is removed already.
///
/// # Errors
/// The file cannot be removed.
pub fn remove(file: &Path) -> Result<(), FileError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::at(file)(error)),
        _ => Ok(()),
    }
}

/// Name under which a file is written before it is renamed.
pub(super) fn part(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(PART);
    file.with_file_name(name)
}
