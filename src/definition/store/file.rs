//! Definitions on disk: one readable JSON file for each stream. A file is written beside its place, brought to the disk
//! and renamed into it, so that whatever ends the process finds the old one or the new one.

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
const LOCK: &str = "lock";
const ENDING: &str = "json";
/// Of a file that is being written.
const PART: &str = "part";
/// Of a file that made no sense; a number follows.
const BROKEN: &str = "broken";

const IN_USE: &str = "in use by another barstone; stop it, or give this one its own --state-dir";

/// The files of one state directory, which no other process uses meanwhile.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    is_new: bool,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Files {
    pub(super) fn open(state: &Path) -> Result<Self, FileError> {
        let directory = state.join(STREAMS);
        let is_new = !directory.exists();
        fs::create_dir_all(&directory).map_err(|error| failed(&directory, &error))?;
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
        Ok(Self { directory, is_new, _lock: open })
    }

    /// Whether there was no such directory before.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Every definition that makes sense. What does not is set aside; what was half written goes.
    pub(super) fn read(&self) -> Result<Vec<Record>, FileError> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| failed(&self.directory, &error))?.flatten() {
            let path = entry.path();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some(ENDING) => match read(&path) {
                    Ok(record) => records.push(record),
                    Err(problem) => set_aside(&path, &problem),
                },
                // It was never acknowledged.
                Some(PART) => _ = fs::remove_file(&path),
                Some(_) | None => {}
            }
        }
        Ok(records)
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), FileError> {
        let path = self.path(&record.spec.name);
        let attempt = || -> io::Result<()> {
            let part = path.with_extension(PART);
            // There may be keys of targets in it.
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            file.write_all(&text::written(record))?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            self.sync()
        };
        attempt().map_err(|error| {
            // A file that is half written takes room that the next attempt needs.
            let _ = fs::remove_file(path.with_extension(PART));
            failed(&path, &error)
        })
    }

    pub(super) fn remove(&self, name: &StreamName) -> Result<(), FileError> {
        let path = self.path(name);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => self.sync(),
        };
        removed.map_err(|error| failed(&path, &error))
    }

    fn path(&self, name: &StreamName) -> PathBuf {
        self.directory.join(name.as_str()).with_extension(ENDING)
    }

    /// A name is on the disk when its directory is.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

fn read(path: &Path) -> Result<Record, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    text::read(path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default(), &text)
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
