//! The file of an interval of the past. Its length is known before its media, because all its segments have the same length,
//! so a part of it needs only the segments of that part.

use std::ops::{Range, RangeInclusive};

use bytes::Bytes;

use super::Container;
use crate::base::timeline::{Kind, Timeline};
use crate::media::cmaf::{Chunk, Format, Movie, Segments};
use crate::media::transport_stream::{Multiplex, Place, Track};

/// Room for a `free` box after the media of a segment.
const FREE_BOX: u64 = 8;

/// The file of an interval.
#[derive(Debug, Clone)]
pub struct Recording {
    layout: Layout,
    kinds: Vec<Kind>,
    header: Vec<Bytes>,
    header_length: u64,
    segments: RangeInclusive<u64>,
    /// Length of each segment.
    segment_length: u64,
}

#[derive(Debug, Clone)]
enum Layout {
    Mp4(Movie),
    TransportStream(Multiplex),
}

impl Recording {
    /// The file of whole segments of these tracks, video first. `None` without a track, or if a configuration is malformed.
    pub fn new(
        container: Container,
        timeline: Timeline,
        tracks: &[Track<'_>],
        segments: RangeInclusive<u64>,
    ) -> Option<Self> {
        let kinds: Vec<_> = tracks.iter().map(|track| track.configuration.kind()).collect();
        let (layout, header, segment_length) = match container {
            Container::Mp4 => {
                let of_track = |track: &Track<'_>| {
                    let kind = track.configuration.kind();
                    Format { kind, timeline, bitrate: track.bitrate }.longest_segment()
                };
                let length = tracks.iter().map(of_track).sum::<u64>() + FREE_BOX;
                let first = *kinds.first()?;
                let per_second = u64::from(timeline.timescale(first));
                let ticks = timeline.segment_ticks() * per_second / u64::from(timeline.timescale(Kind::Video));
                let frames = timeline.segment(first, *segments.start());
                let start = frames.start * u64::from(timeline.frame_ticks(first));
                let count = segments.end() + 1 - segments.start();
                let scale = |track: &Track<'_>| timeline.timescale(track.configuration.kind());
                let tracks: Vec<_> = tracks.iter().map(|track| (track.configuration, scale(track))).collect();
                let movie = Movie::of_segments(&tracks, &Segments { start, ticks, count, length })?;
                let header = movie.header().pieces().to_vec();
                (Layout::Mp4(movie), header, length)
            }
            Container::TransportStream => {
                let multiplex = Multiplex::new(timeline, tracks)?;
                let length = multiplex.segment_len();
                (Layout::TransportStream(multiplex), Vec::new(), length)
            }
        };
        let header_length = header.iter().map(|piece| piece.len() as u64).sum();
        Some(Self { layout, kinds, header, header_length, segments, segment_length })
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.header_length + (self.segments.end() + 1 - self.segments.start()) * self.segment_length
    }

    /// The bytes before the first segment.
    pub fn header(&self) -> &[Bytes] {
        &self.header
    }

    /// The segments that have bytes in a part of the file.
    pub fn segments_in(&self, part: &Range<u64>) -> Range<u64> {
        let (first, length) = (*self.segments.start(), self.segment_length);
        let start = part.start.saturating_sub(self.header_length) / length;
        let end = part.end.saturating_sub(self.header_length).div_ceil(length);
        first + start.min(end)..first + end
    }

    /// Place of the first byte of a segment.
    pub fn start_of(&self, segment: u64) -> u64 {
        self.header_length + (segment - self.segments.start()) * self.segment_length
    }

    /// The bytes of a segment, of which `tracks` has the chunks of each track. `None` if they cannot be parsed, or are too
    /// long because the encoder has exceeded the bitrate.
    pub fn segment(&self, number: u64, tracks: &[&[Chunk]]) -> Option<Vec<Bytes>> {
        match &self.layout {
            Layout::Mp4(movie) => movie.segment(tracks, self.segment_length),
            Layout::TransportStream(multiplex) => {
                let mut place = Place::new(number);
                let mut pieces = Vec::new();
                for index in 0..tracks.first()?.len() {
                    let chunks = self.kinds.iter().zip(tracks).map(|(kind, chunks)| Some((*kind, chunks.get(index)?)));
                    pieces.extend(multiplex.write(&mut place, &chunks.collect::<Option<Vec<_>>>()?)?);
                }
                let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
                (length == self.segment_length).then_some(pieces)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::cmaf::{Configuration, Packager};

    const FIRST: u64 = 935_016_890;
    const RECORD: [u8; 17] = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 2, 0x68, 0xce];
    const BITRATES: [(Kind, u32); 2] = [(Kind::Video, 400_000), (Kind::Audio, 128_000)];

    fn timeline() -> Timeline {
        Timeline::new("30000/1001".parse().unwrap(), 48, 6)
    }

    fn recording(container: Container) -> Recording {
        let configurations = [
            Configuration::Avc { record: RECORD.to_vec(), width: 320, height: 180 },
            Configuration::Aac { specific: vec![0x11, 0x90], bitrate: 128_000 },
        ];
        let tracks =
            configurations.iter().zip(BITRATES).map(|(configuration, (_, bitrate))| Track { configuration, bitrate });
        Recording::new(container, timeline(), &tracks.collect::<Vec<_>>(), FIRST..=FIRST + 9).unwrap()
    }

    /// The chunks of a segment. Pictures have `length` bytes, AAC frames what their bitrate allows.
    fn chunks((kind, bitrate): (Kind, u32), number: u64, length: usize) -> Vec<Chunk> {
        let timeline = timeline();
        let mut packager = Packager::new(Format { kind, timeline, bitrate }, number);
        let unit = |frame: u64| match kind {
            Kind::Video => {
                let header = if frame.is_multiple_of(48) { 0x65 } else { 0x41 };
                [&(length as u32).to_be_bytes()[..], &vec![header; length]].concat()
            }
            Kind::Audio => vec![0x21; 341],
        };
        timeline.segment(kind, number).filter_map(|frame| packager.push(frame, &unit(frame)).unwrap()).collect()
    }

    fn segment(recording: &Recording, number: u64, length: usize) -> Option<u64> {
        let [video, audio] = BITRATES.map(|track| chunks(track, number, length));
        let pieces = recording.segment(number, &[&video, &audio])?;
        Some(pieces.iter().map(|piece| piece.len() as u64).sum())
    }

    #[test]
    fn every_segment_is_where_the_length_says() {
        for container in Container::ALL {
            let recording = recording(container);
            for number in FIRST..FIRST + 3 {
                let length = recording.start_of(number + 1) - recording.start_of(number);
                assert_eq!(segment(&recording, number, 500), Some(length), "{container:?} {number}");
            }
            assert_eq!(recording.length(), recording.start_of(FIRST + 10));
            let header: u64 = recording.header().iter().map(|piece| piece.len() as u64).sum();
            assert_eq!(header, recording.start_of(FIRST));
        }
    }

    #[test]
    fn a_segment_that_exceeds_its_bitrate_is_refused() {
        for container in Container::ALL {
            assert_eq!(segment(&recording(container), FIRST, 4000), None, "{container:?}");
        }
    }

    #[test]
    fn a_part_needs_only_its_segments() {
        let recording = recording(Container::Mp4);
        let (start, next) = (recording.start_of(FIRST), recording.start_of(FIRST + 1));
        let check = |part: Range<u64>, expected: Range<u64>| {
            let found = recording.segments_in(&part);
            assert_eq!(found, FIRST + expected.start..FIRST + expected.end, "{part:?}");
        };
        check(0..recording.length(), 0..10);
        check(0..start, 0..0);
        check(0..start + 1, 0..1);
        check(start..next, 0..1);
        check(next - 1..next + 1, 0..2);
        check(next..next + 1, 1..2);
        check(recording.length() - 1..recording.length(), 9..10);
    }
}
