//! Reads an output frame by frame: one rendition and the audio in step, from the next segment on. A reader delays no
//! other, and skips segments that were never rendered.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::{Output, Snapshot};
use crate::base::timeline::{Kind, UnixTime};
use crate::definition::spec::TrackId;
use crate::media::cmaf::{Configuration, level, samples};

/// An access unit, with the padding of its chunk spread over all pictures of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Video or audio.
    pub kind: Kind,
    /// Presentation time, which equals the decoding time.
    pub time: UnixTime,
    /// Whether decoding may start with this frame.
    pub starts: bool,
    /// Bytes of the MP4 sample.
    pub bytes: Bytes,
}

/// Next item of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Frames of one chunk of every track, in order of time.
    Frames(Vec<Frame>),
    /// The decoder configuration changes here; a consumer that continues must set up its decoder anew.
    Changed,
    /// The presentation is over.
    Ended,
}

/// Reads one rendition and the audio.
#[derive(Debug)]
pub struct Reader {
    output: Arc<Output>,
    tracks: Vec<Track>,
    segment: u64,
    chunk: u32,
}

#[derive(Debug)]
struct Track {
    kind: Kind,
    window: watch::Receiver<Arc<Snapshot>>,
    configuration: Option<Configuration>,
}

/// State of a track at a place.
enum Place {
    Here(Bytes),
    Later,
    Never,
    Ended,
}

impl Reader {
    /// Opens a reader at the segment that begins next, once the output is playable. `video` is the rendition; `None` is
    /// the first.
    pub async fn open(output: Arc<Output>, video: Option<&TrackId>) -> Self {
        output.opened().await;
        let picture = |track: &&super::Track| track.kind == Kind::Video && video.is_none_or(|id| track.id == *id);
        let sound = output.tracks.iter().find(|track| track.kind == Kind::Audio);
        let read = output.tracks.iter().find(picture).into_iter().chain(sound);
        let tracks: Vec<_> = read
            .map(|track| Track { kind: track.kind, window: track.window.subscribe(), configuration: None })
            .collect();
        let segment = tracks.iter().map(|track| track.window.borrow().next()).max().unwrap_or_default();
        Self { output, tracks, segment, chunk: 0 }
    }

    /// Decoder configurations, once there are frames.
    pub fn configurations(&self) -> impl Iterator<Item = (Kind, &Configuration)> {
        self.tracks.iter().filter_map(|track| Some((track.kind, track.configuration.as_ref()?)))
    }

    /// Resolves with the next item. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Read {
        loop {
            let (segment, chunk) = (self.segment, self.chunk);
            let mut bytes = Vec::new();
            let mut missing = None;
            for (place, track) in self.tracks.iter_mut().enumerate() {
                let snapshot = track.window.borrow_and_update();
                match stands(&snapshot, segment, chunk) {
                    Place::Here(found) => bytes.push(found),
                    Place::Later => missing = missing.or(Some(place)),
                    Place::Never => {
                        missing = None;
                        bytes.clear();
                        break;
                    }
                    Place::Ended => return Read::Ended,
                }
            }
            if let Some(place) = missing {
                // The sender is part of the output, which outlives the wait.
                let _ = self.tracks[place].window.changed().await;
            } else if bytes.len() < self.tracks.len() {
                self.pass_over();
            } else if chunk == 0 && !self.is_configured() {
                return Read::Changed;
            } else {
                let frames = self.frames(&bytes);
                self.advance();
                return Read::Frames(frames);
            }
        }
    }

    /// Whether decoders are configured for this segment. The first segment configures them.
    fn is_configured(&mut self) -> bool {
        let epoch = self.output.epoch(self.segment);
        self.tracks.iter_mut().all(|track| {
            let snapshot = track.window.borrow();
            let Some(init) = snapshot.init(&epoch.revision) else { return false };
            let known = track.configuration.get_or_insert_with(|| init.configuration.clone());
            *known == init.configuration
        })
    }

    fn frames(&self, bytes: &[Bytes]) -> Vec<Frame> {
        let timeline = &self.output.spec.timeline;
        let mut frames = Vec::new();
        for (track, bytes) in self.tracks.iter().zip(bytes) {
            let kind = track.kind;
            let indices = timeline.chunk(kind, self.segment, self.chunk);
            let first = timeline.segment(kind, self.segment).start;
            let samples = samples(bytes).unwrap_or_default();
            let samples = match kind {
                Kind::Video => level(samples),
                Kind::Audio => samples,
            };
            let read = indices.zip(samples);
            frames.extend(read.map(|(frame, bytes)| Frame {
                kind,
                time: timeline.frame_start(kind, frame),
                starts: kind == Kind::Audio || frame == first,
                bytes,
            }));
        }
        frames.sort_by_key(|frame| (frame.time, frame.kind));
        frames
    }

    fn advance(&mut self) {
        self.chunk += 1;
        if self.chunk == self.output.spec.timeline.chunks_per_segment() {
            (self.segment, self.chunk) = (self.segment + 1, 0);
        }
    }

    /// Skips to the next segment of which every track has a chunk, or will have one.
    fn pass_over(&mut self) {
        self.chunk = 0;
        let goes_on = |segment: u64, track: &Track| {
            let snapshot = track.window.borrow();
            segment >= snapshot.next() || snapshot.segment(segment).is_some()
        };
        loop {
            self.segment += 1;
            if self.tracks.iter().all(|track| goes_on(self.segment, track)) {
                return;
            }
        }
    }
}

/// State of a chunk. A chunk that is missing when the next segment is complete will never exist.
fn stands(snapshot: &Snapshot, segment: u64, chunk: u32) -> Place {
    let found = snapshot.segment(segment).and_then(|there| there.joined(chunk as usize));
    match found {
        Some(bytes) => Place::Here(bytes),
        None if snapshot.ended() => Place::Ended,
        None if snapshot.last_complete() > Some(segment) => Place::Never,
        None => Place::Later,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::definition::spec::{StreamRequest, StreamSpec};
    use crate::media::cmaf::{Format, Media, Packager};
    use crate::media::window::{Epoch, Init};

    const SEGMENT: u64 = 935_016_890;
    const CHUNKS: u32 = 6;

    /// An output whose video and audio chunks have exactly the same length.
    fn output() -> Arc<Output> {
        let request = StreamRequest { chunk_frames: 8, ..StreamRequest::named("test") };
        let spec = StreamSpec::try_from(request).unwrap();
        let revision = spec.revision("");
        let output = Output::new(spec, revision);
        initialise(&output, 0);
        output.open();
        Arc::new(output)
    }

    fn initialise(output: &Output, bitrate: u32) {
        let epochs = output.epochs();
        for track in &output.tracks {
            let configuration = Configuration::Aac { specific: vec![17, 144], bitrate };
            let init = Init { configuration, media: Media::from(Vec::new()), codec: String::new() };
            track.window.set_init(&epochs.last().unwrap().revision, init);
        }
    }

    /// Publishes all chunks of some segments with real media, for every track.
    fn publish(output: &Output, segments: &[u64]) {
        for track in &output.tracks {
            for segment in segments {
                push(output, track.kind, *segment, 0..CHUNKS);
            }
        }
    }

    fn push(output: &Output, kind: Kind, segment: u64, chunks: std::ops::Range<u32>) {
        let timeline = output.spec.timeline;
        let track = output.tracks.iter().find(|track| track.kind == kind).unwrap();
        let mut packager = Packager::new(Format { kind, timeline, bitrate: 100_000 }, segment);
        for frame in timeline.segment(kind, segment) {
            let slice = [0, 0, 0, 2, if frame % 48 == 0 { 0x65 } else { 0x41 }, frame as u8];
            let chunk = packager.push(frame, &slice).unwrap();
            chunk.filter(|chunk| chunks.contains(&chunk.index)).into_iter().for_each(|chunk| track.window.push(chunk));
        }
    }

    /// First time, in milliseconds after segment 0, and number of frames of the items that are available without
    /// waiting.
    fn ready(reader: &mut Reader) -> Vec<(u64, usize)> {
        let start = reader.output.spec.timeline.segment_start(SEGMENT);
        let mut found = Vec::new();
        while let Some(Read::Frames(frames)) = reader.next().now_or_never() {
            found.push((frames[0].time.saturating_since(start).as_millis() as u64, frames.len()));
        }
        found
    }

    #[tokio::test]
    async fn it_begins_with_a_segment_and_takes_tracks_in_step() {
        let output = output();
        publish(&output, &[SEGMENT - 1]);
        push(&output, Kind::Video, SEGMENT, 0..1);
        let mut reader = Reader::open(Arc::clone(&output), None).await;
        push(&output, Kind::Audio, SEGMENT, 0..CHUNKS);
        push(&output, Kind::Video, SEGMENT, 1..CHUNKS);
        assert_eq!(ready(&mut reader), []);
        push(&output, Kind::Video, SEGMENT + 1, 0..2);
        push(&output, Kind::Audio, SEGMENT + 1, 0..1);
        let Read::Frames(frames) = reader.next().await else { panic!("there are frames") };
        assert_eq!(frames.len(), 8 + 15);
        assert!(frames.is_sorted_by_key(|frame| frame.time));
        assert_eq!((frames[0].kind, frames[0].starts), (Kind::Video, true));
        assert_eq!(frames[1].time, frames[0].time, "exact segments begin together");
        assert!(frames.iter().filter(|frame| frame.kind == Kind::Video).skip(1).all(|frame| !frame.starts));
        assert_eq!(ready(&mut reader), [], "the sound is behind");
        push(&output, Kind::Audio, SEGMENT + 1, 1..2);
        assert_eq!(ready(&mut reader), [(1920 + 320, 23)]);
    }

    #[tokio::test]
    async fn what_was_never_made_is_passed_over() {
        let output = output();
        publish(&output, &[SEGMENT - 1]);
        let mut reader = Reader::open(Arc::clone(&output), None).await;
        push(&output, Kind::Video, SEGMENT, 0..3);
        push(&output, Kind::Audio, SEGMENT, 0..2);
        assert_eq!(ready(&mut reader), [(0, 23), (320, 23)]);
        push(&output, Kind::Video, SEGMENT + 4, 0..CHUNKS);
        push(&output, Kind::Audio, SEGMENT + 3, 0..2);
        assert_eq!(ready(&mut reader), [], "it may still come");
        push(&output, Kind::Audio, SEGMENT + 4, 0..CHUNKS);
        let all: Vec<_> = (0..6).map(|chunk| (4 * 1920 + chunk * 320, 23)).collect();
        assert_eq!(ready(&mut reader), all);
    }

    #[tokio::test]
    async fn a_change_that_decoders_do_not_see_is_none() {
        let output = output();
        publish(&output, &[SEGMENT]);
        let mut reader = Reader::open(Arc::clone(&output), None).await;
        for (index, (from, bitrate)) in (1..).zip([(SEGMENT + 2, 0), (SEGMENT + 3, 1)]) {
            let spec = StreamSpec { title: format!("{index}"), ..output.spec.clone() };
            let revision = spec.revision("");
            assert!(output.change(Epoch::new((index, from), spec, revision)));
            initialise(&output, bitrate);
        }
        publish(&output, &[SEGMENT + 1, SEGMENT + 2, SEGMENT + 3]);
        assert_eq!(ready(&mut reader).len() as u32, 2 * CHUNKS);
        assert_eq!(reader.next().await, Read::Changed);
        let mut reader = Reader::open(Arc::clone(&output), Some(&output.tracks[0].id.clone())).await;
        publish(&output, &[SEGMENT + 4]);
        assert_eq!(ready(&mut reader).len() as u32, CHUNKS);
        output.end();
        assert_eq!(reader.next().await, Read::Ended);
    }
}
