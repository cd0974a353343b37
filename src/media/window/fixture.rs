//! Media for tests: chunks without decodable contents that contain their place.

use super::{Epoch, Init, Output};
use crate::base::timeline::Kind;
use crate::media::cmaf::{Chunk, Configuration, Format, Media, Packager};

/// Sets the init segments of all tracks and definitions.
pub(crate) fn initialise(output: &Output) {
    let epochs = output.epochs();
    for (track, epoch) in output.tracks.iter().flat_map(|track| epochs.iter().map(move |epoch| (track, epoch))) {
        let codec = if track.kind == Kind::Video { "avc1.42c01f" } else { "mp4a.40.2" };
        let configuration = Configuration::Aac { specific: codec.into(), bitrate: 0 };
        let media = Media::from(b"init".to_vec());
        track.window.set_init(&epoch.revision, Init { configuration, media, codec: codec.into() });
    }
}

/// Publishes all chunks of whole segments, for every track.
pub(crate) fn publish(output: &Output, segments: impl IntoIterator<Item = u64>) {
    let chunks = output.spec.timeline.chunks_per_segment();
    segments.into_iter().for_each(|segment| publish_chunks(output, segment, 0..chunks));
}

/// Publishes some chunks of a segment, for every track.
pub(crate) fn publish_chunks(output: &Output, segment: u64, chunks: std::ops::Range<u32>) {
    for index in chunks {
        for track in &output.tracks {
            let media = Media::from(format!("{segment}.{index};").into_bytes());
            track.window.push(Chunk { segment, index, media, first_sample_end: 7, excess: 0 });
        }
    }
}

/// Publishes all chunks of segments past the end of an epoch, for every track.
pub(crate) fn publish_past(epoch: &Epoch, segments: impl IntoIterator<Item = u64>) {
    for segment in segments {
        for index in 0..epoch.spec.timeline.chunks_per_segment() {
            for track in 0..epoch.spec.tracks().count() {
                let media = Media::from(format!("past {segment}.{index};").into_bytes());
                let chunk = Chunk { segment, index, media, first_sample_end: 7, excess: 0 };
                epoch.rest(track).expect("there is a window for each track").push(chunk);
            }
        }
    }
}

/// Publishes chunks of the packager, for every track, whose samples contain the number of their frame.
pub(crate) fn package(output: &Output, segments: std::ops::Range<u64>) {
    let chunks = output.spec.timeline.chunks_per_segment();
    segments.for_each(|segment| package_chunks(output, segment, 0..chunks));
}

/// The same for some chunks of a segment.
pub(crate) fn package_chunks(output: &Output, segment: u64, chunks: std::ops::Range<u32>) {
    let timeline = output.spec.timeline;
    for track in &output.tracks {
        let mut packager = Packager::new(Format { kind: track.kind, timeline, bitrate: 100_000 }, segment);
        let frames = timeline.segment(track.kind, segment);
        for frame in frames.clone() {
            let nal = if frame == frames.start { 0x65 } else { 0x41 };
            let unit = [&[0, 0, 0, 9, nal][..], &frame.to_be_bytes()].concat();
            let chunk = packager.push(frame, &unit).expect("frames are consecutive");
            chunk.into_iter().filter(|chunk| chunks.contains(&chunk.index)).for_each(|chunk| track.window.push(chunk));
        }
    }
}
