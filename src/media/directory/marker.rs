//! The marker, a file that shows that this program writes the directory of a stream. Every process that writes holds a
//! shared lock on the marker; a process that gets the exclusive lock knows that no other process writes. The kernel
//! releases the locks of a process that ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

/// File name of the marker.
const NAME: &str = ".barstone";
/// Key of the time for which files are kept.
const KEY: &str = "keep_seconds = ";
/// Time for a marker that does not contain one: twice the longest window.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// A removal of another task holds the exclusive lock for milliseconds.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// An open and locked marker. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct Marker {
    path: PathBuf,
    file: File,
}

/// Outcome of an attempt to get the exclusive lock.
#[derive(Debug)]
pub(super) enum Attempt {
    /// No other task or process writes the directory until the marker is dropped.
    Locked(Marker),
    /// Another task or process writes the directory.
    InUse,
    /// The directory has no marker.
    Unmarked,
}

impl Marker {
    /// Locks the marker of a directory together with other writers, and creates directory and marker if necessary.
    /// `keep` is how long files are kept after the last write; a longer time of another writer stays.
    ///
    /// # Errors
    /// The marker cannot be created or written, or a removal takes longer than a second.
    pub(super) fn share(directory: &Path, keep: Duration) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            fs::create_dir_all(directory)?;
            let path = directory.join(NAME);
            let file = match open(&path, true) {
                // The directory was removed just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            match file.try_lock_shared() {
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(PAUSE);
                    continue;
                }
                // Without locks the file system has no exclusive lock either, and nothing is removed.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            let mut marker = Self { path, file };
            if marker.is_in_place() {
                marker.extend(keep)?;
                return Ok(marker);
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "another task removes the files of this directory"))
    }

    /// Tries to get the exclusive lock.
    ///
    /// # Errors
    /// The marker cannot be opened, or the file system has no locks.
    pub(super) fn try_exclusive(directory: &Path) -> io::Result<Attempt> {
        let path = directory.join(NAME);
        let file = match open(&path, false) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Attempt::Unmarked);
            }
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Attempt::InUse),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let marker = Self { path, file };
        Ok(if marker.is_in_place() { Attempt::Locked(marker) } else { Attempt::Unmarked })
    }

    /// Whether the marker still has its name: another process may have removed it between opening and locking.
    pub(super) fn is_in_place(&self) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let named = fs::symlink_metadata(&self.path).map(identity);
        named.is_ok_and(|named| self.file.metadata().map(identity).is_ok_and(|locked| locked == named))
    }

    /// How long files are kept after the last write.
    pub(super) fn retention(&mut self) -> Duration {
        self.read().unwrap_or(LONGEST)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn read(&mut self) -> Option<Duration> {
        let mut text = String::new();
        self.file.rewind().and_then(|()| self.file.read_to_string(&mut text)).ok()?;
        let seconds = text.lines().find_map(|line| line.strip_prefix(KEY))?;
        Some(Duration::from_secs(seconds.parse().ok()?))
    }

    /// Writes a longer time. The file is not replaced, because it carries the lock.
    fn extend(&mut self, keep: Duration) -> io::Result<()> {
        if self.read().is_some_and(|noted| noted >= keep) {
            return Ok(());
        }
        let seconds = keep.as_millis().div_ceil(1000);
        let text = format!(
            "# barstone writes the media of a stream here. It removes its own files when nobody has written for:\n\
            {KEY}{seconds}\n"
        );
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }
}

/// Opens a marker, never through a symbolic link.
fn open(path: &Path, create: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    File::options().read(true).write(true).create(create).custom_flags(flags).open(path)
}
