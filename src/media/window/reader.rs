//! Reads an output chunk by chunk: one rendition and the audio in step. A reader delays no other, and skips segments that
//! were never rendered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::{Output, Segment, Snapshot};
use crate::base::timeline::{Kind, Timeline, UnixTime};
use crate::definition::spec::TrackId;
use crate::media::cmaf::{Chunk, Configuration, level, samples};

/// The segment with which a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The newest segment of which every track has a chunk, so that the first chunks are there immediately.
    Current,
    /// The segment that begins next.
    Next,
}

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
#[derive(Debug)]
pub enum Read {
    /// The same chunk of every track.
    Chunks(Chunks),
    /// The decoder configuration changes here; a consumer that continues must set up its decoder anew.
    Changed,
    /// The presentation is over.
    Ended,
}

/// The same chunk of every track that is read.
#[derive(Debug)]
pub struct Chunks {
    /// Number of the segment.
    pub segment: u64,
    /// Index of the chunk in the segment, from 0.
    pub index: u32,
    timeline: Timeline,
    /// In the order of the tracks, video first.
    tracks: Vec<(Kind, Arc<Segment>)>,
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
    id: TrackId,
    kind: Kind,
    window: watch::Receiver<Arc<Snapshot>>,
    configuration: Option<Configuration>,
}

/// State of a track at a place.
enum Place {
    Here(Arc<Segment>),
    Later,
    Never,
    Ended,
}

impl Reader {
    /// Opens a reader at a segment, once the output is playable. `video` is the rendition; `None` is the first.
    pub async fn open(output: Arc<Output>, video: Option<&TrackId>, start: Start) -> Self {
        output.opened().await;
        let picture = |track: &&super::Track| track.kind == Kind::Video && video.is_none_or(|id| track.id == *id);
        let sound = output.tracks.iter().find(|track| track.kind == Kind::Audio);
        let read = output.tracks.iter().find(picture).into_iter().chain(sound);
        let tracks: Vec<_> = read
            .map(|track| Track {
                id: track.id.clone(),
                kind: track.kind,
                window: track.window.subscribe(),
                configuration: None,
            })
            .collect();
        let next = tracks.iter().map(|track| track.window.borrow().next()).max().unwrap_or_default();
        let mut reader = Self { output, tracks, segment: next, chunk: 0 };
        if let (Start::Current, Some(current)) = (start, reader.current()) {
            reader.segment = current;
        }
        reader
    }

    /// The rendition that is read.
    pub fn video(&self) -> Option<&TrackId> {
        self.tracks.iter().find(|track| track.kind == Kind::Video).map(|track| &track.id)
    }

    /// How far the next chunk of the reader is behind the newest one.
    pub fn lag(&self) -> Duration {
        let newest = self.tracks.iter().filter_map(|track| track.window.borrow().edge()).min();
        let start = |segment, chunk| self.output.spec.timeline.chunk_span(segment, chunk).start;
        newest.map_or(Duration::ZERO, |edge| {
            start(edge.segment, edge.chunk).saturating_since(start(self.segment, self.chunk))
        })
    }

    /// Skips to the newest segment of which every track has a chunk. Returns whether that is later than the next chunk of
    /// the reader.
    pub fn skip(&mut self) -> bool {
        let Some(current) = self.current().filter(|current| *current > self.segment) else { return false };
        (self.segment, self.chunk) = (current, 0);
        true
    }

    fn current(&self) -> Option<u64> {
        self.tracks.iter().map(|track| track.window.borrow().edge().map(|edge| edge.segment)).min().flatten()
    }

    /// Decoder configurations, once there are frames.
    pub fn configurations(&self) -> impl Iterator<Item = (Kind, &Configuration)> {
        self.tracks.iter().filter_map(|track| Some((track.kind, track.configuration.as_ref()?)))
    }

    /// Resolves with the next item. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Read {
        loop {
            let (segment, chunk) = (self.segment, self.chunk);
            let mut found = Vec::new();
            let mut missing = None;
            for (place, track) in self.tracks.iter_mut().enumerate() {
                let snapshot = track.window.borrow_and_update();
                match stands(&snapshot, segment, chunk) {
                    Place::Here(segment) => found.push((track.kind, segment)),
                    Place::Later => missing = missing.or(Some(place)),
                    Place::Never => {
                        missing = None;
                        found.clear();
                        break;
                    }
                    Place::Ended => return Read::Ended,
                }
            }
            if let Some(place) = missing {
                // The sender is part of the output, which outlives the wait.
                let _ = self.tracks[place].window.changed().await;
            } else if found.len() < self.tracks.len() {
                self.pass_over();
            } else if chunk == 0 && !self.is_configured() {
                return Read::Changed;
            } else {
                self.advance();
                let timeline = self.output.spec.timeline;
                return Read::Chunks(Chunks { segment, index: chunk, timeline, tracks: found });
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

impl Chunks {
    /// The chunks with the kinds of their tracks, video first.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &Chunk)> {
        self.tracks.iter().filter_map(|(kind, segment)| Some((*kind, segment.chunks.get(self.index as usize)?)))
    }

    /// The frames of all tracks, in order of time.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (kind, segment) in &self.tracks {
            let kind = *kind;
            let indices = self.timeline.chunk(kind, self.segment, self.index);
            let first = self.timeline.segment(kind, self.segment).start;
            let joined = segment.joined(self.index as usize).unwrap_or_default();
            let samples = samples(&joined).unwrap_or_default();
            let samples = match kind {
                Kind::Video => level(samples),
                Kind::Audio => samples,
            };
            let read = indices.zip(samples);
            frames.extend(read.map(|(frame, bytes)| Frame {
                kind,
                time: self.timeline.frame_start(kind, frame),
                starts: kind == Kind::Audio || frame == first,
                bytes,
            }));
        }
        frames.sort_by_key(|frame| (frame.time, frame.kind));
        frames
    }
}

/// State of a chunk. A chunk that is missing when the next segment is complete will never exist.
fn stands(snapshot: &Snapshot, segment: u64, chunk: u32) -> Place {
    match snapshot.segment(segment).filter(|there| there.chunks.len() > chunk as usize) {
        Some(there) => Place::Here(Arc::clone(there)),
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
        while let Some(Read::Chunks(chunks)) = reader.next().now_or_never() {
            let frames = chunks.frames();
            found.push((frames[0].time.saturating_since(start).as_millis() as u64, frames.len()));
        }
        found
    }

    #[tokio::test]
    async fn it_begins_with_a_segment_and_takes_tracks_in_step() {
        let output = output();
        publish(&output, &[SEGMENT - 1]);
        push(&output, Kind::Video, SEGMENT, 0..1);
        let mut reader = Reader::open(Arc::clone(&output), None, Start::Next).await;
        push(&output, Kind::Audio, SEGMENT, 0..CHUNKS);
        push(&output, Kind::Video, SEGMENT, 1..CHUNKS);
        assert_eq!(ready(&mut reader), []);
        push(&output, Kind::Video, SEGMENT + 1, 0..2);
        push(&output, Kind::Audio, SEGMENT + 1, 0..1);
        let Read::Chunks(chunks) = reader.next().await else { panic!("there are frames") };
        let frames = chunks.frames();
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
        let mut reader = Reader::open(Arc::clone(&output), None, Start::Next).await;
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
    async fn a_reader_that_begins_with_the_current_segment_can_skip_to_a_newer_one() {
        let output = output();
        publish(&output, &[SEGMENT - 1]);
        push(&output, Kind::Video, SEGMENT, 0..3);
        push(&output, Kind::Audio, SEGMENT, 0..2);
        let mut reader = Reader::open(Arc::clone(&output), None, Start::Current).await;
        assert_eq!((reader.lag(), reader.skip()), (Duration::from_millis(320), false));
        assert_eq!(ready(&mut reader), [(0, 23), (320, 23)]);
        assert_eq!(reader.lag(), Duration::ZERO);
        publish(&output, &[SEGMENT, SEGMENT + 1]);
        push(&output, Kind::Video, SEGMENT + 2, 0..1);
        assert_eq!(reader.lag(), Duration::from_millis(9 * 320));
        assert!(reader.skip(), "the sound of the newest segment is behind");
        assert_eq!(ready(&mut reader)[0], (1920, 23));
    }

    #[tokio::test]
    async fn a_change_that_decoders_do_not_see_is_none() {
        let output = output();
        publish(&output, &[SEGMENT]);
        let mut reader = Reader::open(Arc::clone(&output), None, Start::Next).await;
        for (index, (from, bitrate)) in (1..).zip([(SEGMENT + 2, 0), (SEGMENT + 3, 1)]) {
            let spec = StreamSpec { title: format!("{index}"), ..output.spec.clone() };
            let revision = spec.revision("");
            assert!(output.change(Epoch::new((index, from), spec, revision)));
            initialise(&output, bitrate);
        }
        publish(&output, &[SEGMENT + 1, SEGMENT + 2, SEGMENT + 3]);
        assert_eq!(ready(&mut reader).len() as u32, 2 * CHUNKS);
        assert!(matches!(reader.next().await, Read::Changed));
        let mut reader = Reader::open(Arc::clone(&output), Some(&output.tracks[0].id.clone()), Start::Next).await;
        publish(&output, &[SEGMENT + 4]);
        assert_eq!(ready(&mut reader).len() as u32, CHUNKS);
        output.end();
        assert!(matches!(reader.next().await, Read::Ended));
    }
}
