//! The files of one stream: what should be there, what is, and the steps between.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::definition::spec::{Revision, StreamName};
use crate::media::cmaf::Media;
use crate::media::manifest::path::{self, MediaFile};
use crate::media::manifest::{Latency, Place, View, dash, hls};
use crate::media::window::{Epoch, Output, Snapshot, Window, epoch_at};

/// Files that are being written are called so; a static server shows none of them under a name that is in a manifest.
const PART: &str = ".part";

/// A file that could not be written, read or removed.
#[derive(Debug)]
pub(super) struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.source)
    }
}

/// Mirrors one output.
pub(super) struct Mirror {
    root: PathBuf,
    output: Arc<Output>,
    tracks: Vec<TrackFiles>,
}

/// What is known of a track's files.
struct TrackFiles {
    directory: PathBuf,
    swept: bool,
    /// Init segments that are written.
    inits: BTreeSet<PathBuf>,
    /// Segments of the window that are written, and the files that each of them is in.
    written: BTreeMap<u64, Vec<PathBuf>>,
    /// The same past the ends of Periods.
    past: BTreeMap<(u64, PathBuf), Vec<PathBuf>>,
    /// Segments that an earlier process left and that are not written anew yet.
    inherited: BTreeSet<(u64, PathBuf)>,
}

impl Mirror {
    pub(super) fn new(root: PathBuf, output: Arc<Output>) -> Self {
        let files = |id| TrackFiles::at(root.join(path::track_directory(&output.spec.name, id)));
        let tracks = output.tracks.iter().map(|track| files(&track.id)).collect();
        Self { root, output, tracks }
    }

    /// Writes what is missing, then the manifests that list it, then removes what has expired. One file that cannot
    /// be written does not keep the others from it, but no manifest lists what is not there.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn sync(&mut self) -> Result<(), FileError> {
        let view = View::of(&self.output);
        if !view.is_playable() {
            return Ok(());
        }
        let mut result = Ok(());
        for (place, (track, snapshot)) in self.tracks.iter_mut().zip(&view.snapshots).enumerate() {
            result = result.and(track.write(place, snapshot, &view.epochs));
        }
        if result.is_ok() && self.holds_all(&view) {
            result = self.write_manifests(&view);
        }
        for (track, snapshot) in self.tracks.iter_mut().zip(&view.snapshots) {
            result = result.and(track.remove_expired(snapshot, self.output.spec.kept_segments()));
        }
        result
    }

    /// Whether all that manifests list is on disk; the past of a window is filled in after its live edge.
    fn holds_all(&self, view: &View<'_>) -> bool {
        self.tracks.iter().zip(&view.snapshots).all(|(track, snapshot)| {
            let mut listed = snapshot.listed().into_iter().flatten();
            listed.all(|number| track.written.contains_key(&number) || !snapshot.is_available(number))
        })
    }

    fn write_manifests(&self, view: &View<'_>) -> Result<(), FileError> {
        let name = &view.spec.name;
        for (id, _) in view.spec.tracks() {
            let directory = self.root.join(path::track_directory(name, id));
            for (file, text) in [(path::HLS, hls::media(view, id)), (path::IFRAMES, hls::iframes(view, id))] {
                if let Some(text) = text {
                    write(&directory.join(file), [text.as_bytes()])?;
                }
            }
        }
        let stream = self.root.join(path::stream_directory(name));
        let manifests = [
            (stream.join(path::HLS), Some(hls::multivariant(view, Place::Stream, Latency::Normal))),
            (self.root.join(path::short_hls(name)), Some(hls::multivariant(view, Place::Short, Latency::Normal))),
            (stream.join(path::DASH), dash::mpd(view, Place::Stream, Latency::Normal)),
            (self.root.join(path::short_dash(name)), dash::mpd(view, Place::Short, Latency::Normal)),
        ];
        for (file, text) in manifests {
            write(&file, [text.unwrap_or_default().as_bytes()])?;
        }
        Ok(())
    }
}

/// Removes all files of a stream below `root` that are named like ours, manifests first.
///
/// # Errors
/// The first failure.
pub(super) fn clear(root: &Path, stream: &StreamName) -> Result<(), FileError> {
    let directory = root.join(path::stream_directory(stream));
    let tracks: Vec<_> =
        entries(&directory)?.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let [short_hls, short_dash] = [path::short_hls(stream), path::short_dash(stream)].map(|file| root.join(file));
    let whole = [short_hls, short_dash, directory.join(path::HLS), directory.join(path::DASH)];
    let of_tracks = tracks.iter().flat_map(|track| [track.join(path::HLS), track.join(path::IFRAMES)]);
    whole.into_iter().chain(of_tracks).try_for_each(|file| remove(&file))?;
    for track in tracks {
        TrackFiles::at(track.clone()).sweep(&[])?;
        // It stays if somebody else's files are in it.
        let _ = fs::remove_dir(track);
    }
    let _ = fs::remove_dir(directory);
    Ok(())
}

impl TrackFiles {
    fn at(directory: PathBuf) -> Self {
        let (inits, written, past, inherited) = Default::default();
        Self { directory, swept: false, inits, written, past, inherited }
    }

    fn write(&mut self, track: usize, snapshot: &Snapshot, epochs: &[Arc<Epoch>]) -> Result<(), FileError> {
        if !self.swept {
            self.sweep(epochs)?;
            self.swept = true;
        }
        for epoch in epochs {
            for file in self.files(epoch, MediaFile::Init) {
                if let Some(init) = snapshot.init(&epoch.revision).filter(|_| !self.inits.contains(&file)) {
                    write_media(&file, &init.media)?;
                    self.inits.insert(file);
                }
            }
        }
        let mut result = Ok(());
        for (number, media) in snapshot.complete() {
            if !self.written.contains_key(&number) {
                let files = self.files(epoch_at(epochs, number), MediaFile::Segment(number));
                let written = self.write_segment(&files, (number, media));
                if written.is_ok() {
                    self.written.insert(number, files);
                }
                result = result.and(written);
            }
        }
        // Players ask for segments past the end of a Period until they have read of it.
        for epoch in epochs.iter().filter(|epoch| epoch.overlap().is_some()) {
            let Some(past) = epoch.rest(track).map(Window::snapshot) else { continue };
            for (number, media) in past.complete() {
                let mut files = self.files(epoch, MediaFile::Segment(number));
                // A later epoch of the same revision publishes the segment under the same name.
                let taken = self.files(epoch_at(epochs, number), MediaFile::Segment(number));
                files.retain(|file| !taken.contains(file));
                let Some(key) = files.first().map(|file| (number, file.clone())) else { continue };
                if !self.past.contains_key(&key) {
                    let written = self.write_segment(&files, (number, media));
                    if written.is_ok() {
                        self.past.insert(key, files);
                    }
                    result = result.and(written);
                }
            }
        }
        result
    }

    /// Writes a segment to all of its files, of which the others are links to the first.
    fn write_segment(&mut self, files: &[PathBuf], (number, media): (u64, &Media)) -> Result<(), FileError> {
        for (place, file) in files.iter().enumerate() {
            match place {
                0 => write_media(file, media)?,
                _ => link_media(&files[0], file, media)?,
            }
            self.inherited.remove(&(number, file.clone()));
        }
        Ok(())
    }

    /// Removes what has left the window, and what an earlier process left once it is `kept` segments old.
    fn remove_expired(&mut self, snapshot: &Snapshot, kept: u64) -> Result<(), FileError> {
        let oldest = snapshot.last_complete().unwrap_or_default().saturating_sub(kept);
        let first = snapshot.first();
        let written = self.written.extract_if(..first, |_, _| true).flat_map(|(_, files)| files);
        let past = self.past.extract_if(.., |(number, _), _| *number < first).flat_map(|(_, files)| files);
        let inherited = self.inherited.extract_if(.., |(number, _)| *number < oldest).map(|(_, file)| file);
        written.chain(past).chain(inherited).try_for_each(|file| remove(&file))
    }

    /// The files that a file of an epoch is in: under its own revision, and under that of its Period.
    fn files(&self, epoch: &Epoch, file: MediaFile) -> Vec<PathBuf> {
        let mut files = vec![self.directory.join(file.in_track(&epoch.revision))];
        if epoch.period.path != epoch.revision {
            files.push(self.directory.join(file.in_track(&epoch.period.path)));
        }
        files
    }

    /// Removes what an earlier process left and nobody asks for any more. Files that are not named like ours stay.
    fn sweep(&mut self, epochs: &[Arc<Epoch>]) -> Result<(), FileError> {
        for entry in entries(&self.directory)? {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(PART) {
                remove(&entry.path())?;
            } else if Revision::parse(&name).is_some() {
                let current = epochs.iter().any(|epoch| epoch.is_named(&name));
                self.sweep_revision(&entry.path(), current)?;
            }
        }
        Ok(())
    }

    /// Removes half-written files, and media unless they are of the `current` revision: manifests on disk list those
    /// until new ones are written.
    fn sweep_revision(&mut self, directory: &Path, current: bool) -> Result<(), FileError> {
        for file in entries(directory)?.into_iter().filter(|file| file.path().is_file()) {
            let name = file.file_name();
            let name = name.to_string_lossy();
            match MediaFile::parse(&name) {
                Some(MediaFile::Segment(number)) if current => _ = self.inherited.insert((number, file.path())),
                Some(MediaFile::Init) if current => {}
                Some(_) => remove(&file.path())?,
                None if name.ends_with(PART) => remove(&file.path())?,
                None => {}
            }
        }
        // It stays if somebody else's files are in it.
        let _ = fs::remove_dir(directory);
        Ok(())
    }
}

fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>, FileError> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries.flatten().collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(FileError { path: directory.to_owned(), source }),
    }
}

fn write_media(file: &Path, media: &Media) -> Result<(), FileError> {
    write(file, media.pieces().iter().map(|piece| &piece[..]))
}

/// Makes `file` another name of `first`, or a copy where the file system has no links.
fn link_media(first: &Path, file: &Path, media: &Media) -> Result<(), FileError> {
    let part = part(file);
    let attempt = || -> io::Result<()> {
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::hard_link(first, &part)?;
        fs::rename(&part, file)
    };
    let linked = attempt();
    // Where both are links of the same file already, the one that was to be renamed stays (rename(2)).
    let _ = fs::remove_file(&part);
    linked.or_else(|_| write_media(file, media))
}

/// Writes a file so that it is either not there or whole.
fn write<'a>(file: &Path, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), FileError> {
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
    attempt().map_err(|source| {
        // What is half written takes room that a later attempt needs.
        let _ = fs::remove_file(&part);
        FileError { path: file.to_owned(), source }
    })
}

/// Where a file is written before it is there.
fn part(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(PART);
    file.with_file_name(name)
}

fn remove(file: &Path) -> Result<(), FileError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FileError { path: file.to_owned(), source }),
        _ => Ok(()),
    }
}
