//! Writes the files of one presentation, and removes files that have left its window.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::files::{FileError, entries, link_media, remove, write, write_media};
use super::leftovers::{is_half_written, remove_untouched};
use super::marker::Marker;
use crate::base::utc;
use crate::definition::spec::Revision;
use crate::media::cmaf::Media;
use crate::media::manifest::path::{self, MediaFile};
use crate::media::manifest::{Latency, Place, View, dash, hls};
use crate::media::window::{Epoch, Output, Snapshot, Window, epoch_at};

/// Files of one output.
pub(super) struct Mirror {
    root: PathBuf,
    output: Arc<Output>,
    tracks: Vec<TrackFiles>,
    /// Marker, held from the first write on.
    marker: Option<Marker>,
}

/// Files of one track.
struct TrackFiles {
    directory: PathBuf,
    /// Whether files of an earlier process were searched for.
    swept: bool,
    /// Init segments that are on disk.
    inits: BTreeSet<PathBuf>,
    /// Segments of the window that are on disk, with their files.
    written: BTreeMap<u64, Vec<PathBuf>>,
    /// Segments past the end of a Period that are on disk, by number and first file, with all their files.
    past: BTreeMap<(u64, PathBuf), Vec<PathBuf>>,
    /// Segments of an earlier process that are not written again yet.
    inherited: BTreeSet<(u64, PathBuf)>,
}

impl Mirror {
    pub(super) fn new(root: PathBuf, output: Arc<Output>) -> Self {
        let files = |id| TrackFiles::at(root.join(path::track_directory(&output.spec.name, id)));
        let tracks = output.tracks.iter().map(|track| files(&track.id)).collect();
        Self { root, output, tracks, marker: None }
    }

    /// Writes missing segments, then the manifests that list them, then removes expired segments. A segment that cannot
    /// be written does not stop the others, but manifests are only written when every segment that they list is written.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn sync(&mut self) -> Result<(), FileError> {
        let output = Arc::clone(&self.output);
        // Nothing encodes older segments for the readers of the directory.
        let view = View::of(&output).in_memory();
        if !view.is_playable() {
            return Ok(());
        }
        let keep = self.mark()?;
        let mut result = Ok(());
        for (place, (track, snapshot)) in self.tracks.iter_mut().zip(&view.snapshots).enumerate() {
            result = result.and(track.write(place, snapshot, &view.epochs));
        }
        let holds_all = self.holds_since(&view, 0);
        if holds_all {
            result = result.and_then(|()| self.write_playlists(&view));
        }
        // The manifests of the whole stream are those of the newest presentation.
        if !output.is_handed_over() {
            result = result.and_then(|()| self.write_stream_manifests(&view, (holds_all, keep)));
        }
        for (track, snapshot) in self.tracks.iter_mut().zip(&view.snapshots) {
            result = result.and(track.remove_expired(snapshot, output.spec.kept_segments()));
        }
        result
    }

    /// Ensures that the directory of the stream has a marker and that this process holds its lock. Returns how long
    /// files of the stream are kept.
    fn mark(&mut self) -> Result<Duration, FileError> {
        let marker = match self.marker.take().filter(Marker::is_in_place) {
            Some(marker) => marker,
            None => {
                let spec = &self.output.spec;
                let directory = self.root.join(path::stream_directory(&spec.name));
                let keep = spec.timeline.segment_duration() * u32::try_from(spec.kept_segments()).unwrap_or(u32::MAX);
                Marker::share(&directory, keep).map_err(FileError::at(&directory))?
            }
        };
        Ok(self.marker.insert(marker).retention())
    }

    /// Removes files of earlier definitions of the stream that were written longer ago than `keep`.
    fn remove_leftovers(&self, view: &View<'_>, keep: Duration) -> Result<(), FileError> {
        let directory = self.root.join(path::stream_directory(&view.spec.name));
        // The playlist was written just now, by the clock of the file system, which may be another machine's.
        let Ok(now) = utc::modified(&directory.join(path::HLS)) else { return Ok(()) };
        let since = now.saturating_sub(keep);
        remove_untouched(&directory, since, |revision| {
            view.epochs.iter().any(|epoch| epoch.is_named(revision.as_str()))
        })
    }

    /// Whether all segments from `first` on that manifests list are on disk; the past of a window is filled in after its live
    /// edge.
    fn holds_since(&self, view: &View<'_>, first: u64) -> bool {
        self.tracks.iter().zip(&view.snapshots).all(|(track, snapshot)| {
            let mut listed = snapshot.listed().into_iter().flatten().filter(|number| *number >= first);
            listed.all(|number| track.written.contains_key(&number) || !snapshot.is_available(number))
        })
    }

    fn write_playlists(&self, view: &View<'_>) -> Result<(), FileError> {
        let name = &view.spec.name;
        for (id, _) in view.spec.tracks() {
            let directory = self.root.join(path::track_directory(name, id));
            for (file, text) in
                [(path::HLS, hls::media(view, id, hls::Skip::No)), (path::IFRAMES, hls::iframes(view, id))]
            {
                if let Some(text) = text {
                    let file = path::media_playlist(view.presentation, file);
                    write(&directory.join(file), [text.as_bytes()])?;
                }
            }
        }
        Ok(())
    }

    /// Writes the manifests that refer to the newest presentation: multivariant playlists when it `holds_all`, and MPDs when it
    /// has all segments of its Periods.
    fn write_stream_manifests(&self, view: &View<'_>, (holds_all, keep): (bool, Duration)) -> Result<(), FileError> {
        let name = &view.spec.name;
        let stream = self.root.join(path::stream_directory(name));
        let [short_hls, short_dash] = [path::short_hls(name), path::short_dash(name)].map(|file| self.root.join(file));
        if holds_all {
            for (file, place) in [(stream.join(path::HLS), Place::Stream), (short_hls, Place::Short)] {
                write(&file, [hls::multivariant(view, place, Latency::Normal).as_bytes()])?;
            }
        }
        if self.holds_since(view, view.first_of_period()) {
            let earlier = self.output.earlier();
            let whole = view.clone().after(&earlier);
            for (file, place) in [(stream.join(path::DASH), Place::Stream), (short_dash, Place::Short)] {
                write(&file, [dash::mpd(&whole, place, Latency::Normal).unwrap_or_default().as_bytes()])?;
            }
        }
        if holds_all { self.remove_leftovers(view, keep) } else { Ok(()) }
    }
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
        let mut inits = BTreeSet::new();
        for epoch in epochs {
            for file in self.files(epoch, MediaFile::Init) {
                let Some(init) = snapshot.init(&epoch.revision) else { continue };
                if !self.inits.contains(&file) && !inits.contains(&file) {
                    write_media(&file, &init.media)?;
                }
                inits.insert(file);
            }
        }
        // A revision without an epoch may be removed as a leftover, and may come again.
        self.inits = inits;
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
        // Players request segments past the end of a Period until they have loaded the MPD that states the end.
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

    /// Writes a segment to its first file and links the other files to it.
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

    /// Removes segments that have left the window, and segments of an earlier process that are `kept` segments old.
    fn remove_expired(&mut self, snapshot: &Snapshot, kept: u64) -> Result<(), FileError> {
        let oldest = snapshot.last_complete().unwrap_or_default().saturating_sub(kept);
        let first = snapshot.first();
        let written = self.written.extract_if(..first, |_, _| true).flat_map(|(_, files)| files);
        let past = self.past.extract_if(.., |(number, _), _| *number < first).flat_map(|(_, files)| files);
        let inherited = self.inherited.extract_if(.., |(number, _)| *number < oldest).map(|(_, file)| file);
        written.chain(past).chain(inherited).try_for_each(|file| remove(&file))
    }

    /// Paths of a file of an epoch: below the epoch's revision, and below the revision that names the epoch's Period.
    fn files(&self, epoch: &Epoch, file: MediaFile) -> Vec<PathBuf> {
        let mut files = vec![self.directory.join(file.in_track(&epoch.revision))];
        if epoch.period.path != epoch.revision {
            files.push(self.directory.join(file.in_track(&epoch.period.path)));
        }
        files
    }

    /// Looks for files of an earlier process below the current revisions: half-written files are removed, segments stay
    /// until they expire, because manifests on disk list them. Files of other revisions are leftovers.
    fn sweep(&mut self, epochs: &[Arc<Epoch>]) -> Result<(), FileError> {
        let revisions = epochs.iter().flat_map(|epoch| [&epoch.revision, &epoch.period.path]).map(Revision::as_str);
        for revision in revisions.collect::<BTreeSet<_>>() {
            for file in entries(&self.directory.join(revision))? {
                let name = file.file_name();
                let name = name.to_string_lossy();
                match MediaFile::parse(&name) {
                    Some(MediaFile::Segment(number)) => _ = self.inherited.insert((number, file.path())),
                    Some(MediaFile::Init | MediaFile::Chunk { .. }) => {}
                    None if is_half_written(&name) => remove(&file.path())?,
                    None => {}
                }
            }
        }
        Ok(())
    }
}
