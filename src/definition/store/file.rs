//! Definitions on disk: one JSON file for each stream. A file is written under another name, synced and renamed, so
//! that after a crash either the old or the new file exists.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use super::error::FileError;
use super::{Record, text};
use crate::base::os_error;
use crate::definition::spec::StreamName;

const STREAMS: &str = "streams";
/// Directory with the counters of streams that have no file in the other one.
const COUNTERS: &str = "counters";
const LOCK: &str = "lock";
const ENDING: &str = "json";
/// Extension of a file that is being written.
const PART: &str = "part";
/// Start of the extension of a file that cannot be parsed; a number follows.
const BROKEN: &str = "broken";

const IN_USE: &str = "in use by another barstone; stop it, or give this one its own --state-dir";

/// The files of a state directory, locked against other processes.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    counters: PathBuf,
    is_new: bool,
    /// Holds the lock while it is open.
    _lock: File,
}

impl Files {
    pub(super) fn open(state: &Path) -> Result<Self, FileError> {
        let directory = state.join(STREAMS);
        let is_new = !directory.exists();
        let counters = state.join(COUNTERS);
        for directory in [&directory, &counters] {
            fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        }
        let lock = state.join(LOCK);
        let open = File::options().write(true).create(true).truncate(false).open(&lock);
        let open = open.map_err(|error| failed(&lock, &error))?;
        flock(&open, FlockOperation::NonBlockingLockExclusive).map_err(|error| FileError {
            place: state.display().to_string(),
            problem: match error {
                rustix::io::Errno::WOULDBLOCK => IN_USE.into(),
                error => format!("cannot lock the directory: {}", os_error::text(&error.into())),
            },
        })?;
        Ok(Self { directory, counters, is_new, _lock: open })
    }

    /// Whether this call of `open` created the directory.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Reads all definitions. A file that cannot be parsed is set aside; a partly written file is deleted.
    pub(super) fn read(&self) -> Result<Vec<Record>, FileError> {
        read_all(&self.directory)
    }

    /// Reads the counters of streams, in the same way.
    pub(super) fn read_counters(&self) -> Result<Vec<Record>, FileError> {
        read_all(&self.counters)
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), FileError> {
        write(&self.directory, record)?;
        // The definition contains the counters from now on. What stays has no effect.
        let _ = fs::remove_file(path(&self.counters, &record.spec.name));
        Ok(())
    }

    pub(super) fn write_counters(&self, record: &Record) -> Result<(), FileError> {
        write(&self.counters, record)
    }

    /// Deletes a definition after its counters are stored.
    pub(super) fn remove(&self, counters: &Record) -> Result<(), FileError> {
        write(&self.counters, counters)?;
        remove(&self.directory, &counters.spec.name)
    }

    pub(super) fn forget(&self, name: &StreamName) -> Result<(), FileError> {
        remove(&self.counters, name)
    }
}

fn read_all(directory: &Path) -> Result<Vec<Record>, FileError> {
    let mut records = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(directory, &error))?.flatten() {
        let path = entry.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(ENDING) => match read(&path) {
                Ok(record) => records.push(record),
                Err(problem) => set_aside(&path, &problem),
            },
            // Its write was never acknowledged.
            Some(PART) => _ = fs::remove_file(&path),
            Some(_) | None => {}
        }
    }
    Ok(records)
}

fn write(directory: &Path, record: &Record) -> Result<(), FileError> {
    let path = path(directory, &record.spec.name);
    let attempt = || -> io::Result<()> {
        let part = path.with_extension(PART);
        // Only the owner may read the file, because it may contain keys of push targets.
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&text::serialize(record))?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        sync(directory)
    };
    attempt().map_err(|error| {
        // A partly written file takes space that the next attempt needs.
        let _ = fs::remove_file(path.with_extension(PART));
        failed(&path, &error)
    })
}

fn remove(directory: &Path, name: &StreamName) -> Result<(), FileError> {
    let path = path(directory, name);
    let removed = match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => sync(directory),
    };
    removed.map_err(|error| failed(&path, &error))
}

fn path(directory: &Path, name: &StreamName) -> PathBuf {
    directory.join(name.as_str()).with_extension(ENDING)
}

/// Syncs a directory, which makes new names durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn read(path: &Path) -> Result<Record, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    text::parse(path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default(), &text)
}

fn set_aside(path: &Path, problem: &str) {
    let aside = (1..).map(|n| path.with_extension(format!("{BROKEN}-{n}"))).find(|aside| !aside.exists());
    let aside = aside.unwrap_or_else(|| path.with_extension(BROKEN));
    let renamed = fs::rename(path, &aside);
    let (path, aside) = (path.display(), aside.display());
    tracing::error!(%path, problem, %aside, moved = renamed.is_ok(), "a definition cannot be read and is set aside; repair the file and restore its name, or delete it");
}

fn failed(path: &Path, error: &io::Error) -> FileError {
    let problem = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{}; user {} needs write access", os_error::text(error), geteuid().as_raw())
        }
        _ => os_error::text(error),
    };
    FileError { place: path.display().to_string(), problem }
}
