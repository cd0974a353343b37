//! One rendition and the audio of a stream in one file, which clients play without a manifest.

use std::sync::Arc;

use bytes::Bytes;

mod recording;

pub use recording::Recording;

use super::cmaf::{Configuration, Movie};
use super::transport_stream::{Multiplex, Place, Track};
use super::window::{Chunks, Output, Reader};
use crate::base::timeline::Kind;
use crate::definition::spec::TrackId;

/// Format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Fragmented MP4.
    Mp4,
    /// MPEG transport stream.
    TransportStream,
}

impl Container {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Mp4, Self::TransportStream];

    /// Name of the file in the directory of a stream.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Mp4 => "stream.mp4",
            Self::TransportStream => "stream.ts",
        }
    }

    /// Media type of a file whose most important track is of this kind.
    pub const fn media_type(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Mp4, Kind::Video) => "video/mp4",
            (Self::Mp4, Kind::Audio) => "audio/mp4",
            (Self::TransportStream, _) => "video/mp2t",
        }
    }
}

/// Writes the chunks of a reader into a file.
#[derive(Debug)]
pub enum Writer {
    /// Fragmented MP4.
    Mp4(Movie),
    /// MPEG transport stream.
    TransportStream(Packets),
}

impl Writer {
    /// A writer for the tracks of `reader`, once their decoder configurations are known. `None` if a track has none.
    pub fn new(container: Container, output: &Arc<Output>, reader: &Reader) -> Option<Self> {
        match container {
            Container::Mp4 => {
                let timeline = &output.spec.timeline;
                let tracks = reader.configurations().map(|(kind, of_track)| (of_track, timeline.timescale(kind)));
                Some(Self::Mp4(Movie::new(&tracks.collect::<Vec<_>>())?))
            }
            Container::TransportStream => Some(Self::TransportStream(Packets::new(output, reader)?)),
        }
    }

    /// The beginning of the file.
    pub fn header(&self) -> &[Bytes] {
        match self {
            Self::Mp4(movie) => movie.header().pieces(),
            Self::TransportStream(_) => &[],
        }
    }

    /// The same chunk of every track. `None` if a chunk cannot be parsed.
    pub fn write(&mut self, chunks: &Chunks) -> Option<Vec<Bytes>> {
        match self {
            Self::Mp4(movie) => {
                let fragments = (0..).zip(chunks.iter()).map(|(track, (_, chunk))| movie.fragment(track, chunk));
                Some(fragments.collect::<Option<Vec<_>>>()?.concat())
            }
            Self::TransportStream(packets) => packets.write(chunks),
        }
    }
}

/// The packets of a transport stream, segment by segment.
#[derive(Debug)]
pub struct Packets {
    output: Arc<Output>,
    video: Option<TrackId>,
    configurations: Vec<(Kind, Configuration)>,
    /// The segment that is being written.
    segment: Option<(Multiplex, Place)>,
}

impl Packets {
    fn new(output: &Arc<Output>, reader: &Reader) -> Option<Self> {
        let configurations: Vec<_> = reader.configurations().map(|(kind, of_track)| (kind, of_track.clone())).collect();
        let (output, video) = (Arc::clone(output), reader.video().cloned());
        (!configurations.is_empty()).then_some(Self { output, video, configurations, segment: None })
    }

    fn write(&mut self, chunks: &Chunks) -> Option<Vec<Bytes>> {
        if chunks.index == 0 {
            let place = match &self.segment {
                Some((_, before)) if before.segment() + 1 != chunks.segment => Place::after_gap(chunks.segment),
                Some(_) | None => Place::new(chunks.segment),
            };
            self.segment = Some((self.multiplex(chunks.segment)?, place));
        }
        let (multiplex, place) = self.segment.as_mut()?;
        multiplex.write(place, &chunks.iter().collect::<Vec<_>>())
    }

    /// The settings of a segment. They follow from its definition alone.
    fn multiplex(&self, segment: u64) -> Option<Multiplex> {
        let epoch = self.output.epoch(segment);
        let bitrate = |kind: Kind| match kind {
            Kind::Video => {
                let id = self.video.as_ref()?;
                epoch.spec.video.iter().find(|rendition| rendition.id == *id).map(|rendition| rendition.bitrate)
            }
            Kind::Audio => epoch.spec.audio.as_ref().map(|audio| audio.bitrate),
        };
        let tracks = self.configurations.iter();
        let tracks = tracks.map(|(kind, configuration)| Some(Track { configuration, bitrate: bitrate(*kind)? }));
        Multiplex::new(epoch.spec.timeline, &tracks.collect::<Option<Vec<_>>>()?)
    }
}
