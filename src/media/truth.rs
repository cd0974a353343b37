//! The truth of an interval: the frames, beeps and segments that a stream has in it, computed from the definitions without
//! any media. A tool at the end of a chain compares what it received with these records. Pure: the caller adds sizes and
//! hashes of segments.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::cmaf::Origin;
use super::manifest::extent::Extent;
use super::manifest::path::{self, MediaFile};
use super::manifest::rewriting;
use super::signal::{self, Timecode};
use super::window::{Epoch, Epochs, epoch_at};
use crate::base::timeline::{Kind, SAMPLE_RATE, Timeline, UnixTime};
use crate::definition::condition::{self, Conditions, Fault, Identity, Moment, Resource};

/// One line of the truth. Times are UTC as the picture shows it; `media_time` is in ticks of the timescale of the track.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Record {
    /// A definition that applies from a segment on.
    Definition(Definition),
    /// A segment of one track.
    Segment(Segment),
    /// A picture, which is the same in all renditions.
    Frame(Frame),
    /// A beep.
    Beep(Beep),
}

/// A definition of the stream. Values that are the same for the whole stream are here and not in every record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Definition {
    /// Start of the first segment with this definition; 1970 if the stream was never changed.
    pub utc: String,
    /// Number of that segment.
    pub segment: u64,
    /// Name of the media bytes in URLs.
    pub revision: String,
    /// Frames per second.
    pub fps: String,
    /// Frames in a segment.
    pub segment_frames: u32,
    /// Frames in a chunk.
    pub chunk_frames: u32,
    /// Text in the picture.
    pub title: String,
    /// Tracks, video first.
    pub tracks: Vec<Track>,
}

/// A track of a definition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Track {
    /// Name in URLs.
    pub id: String,
    /// `video` or `audio`.
    pub kind: String,
    /// Ticks per second of `media_time`.
    pub timescale: u32,
}

/// A segment of a track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// Start of the first frame.
    pub utc: String,
    /// Name of the track.
    pub track: String,
    /// Number of the segment, as in its URL.
    pub segment: u64,
    /// Decode time of the first frame (`tfdt`).
    pub media_time: u64,
    /// Seconds from the start of the first frame until the end of the last one.
    pub duration: f64,
    /// Number of chunks.
    pub chunks: u32,
    /// Path from the root of the server.
    pub url: String,
    /// Length of the file, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of the file in hex digits, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Faults that a request for the file meets when the segment has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Whether one of these faults makes other bytes of the segment.
    #[serde(skip)]
    pub is_altered: bool,
    /// Where the media are: the number of the segment counted from 1970, and the index of the track.
    #[serde(skip)]
    pub place: (u64, usize),
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frame {
    /// Start of the frame.
    pub utc: String,
    /// Index of the frame, counted from 1970: the one in the strip.
    pub frame: u64,
    /// The time in the strip: start of the frame in milliseconds since 1970, rounded down.
    pub time_ms: u64,
    /// The 128 bits of the strip as hex digits.
    pub strip: String,
    /// Presentation time.
    pub media_time: u64,
    /// Number of the segment that contains the frame.
    pub segment: u64,
    /// Chunk of the segment, counted from 0.
    pub chunk: u32,
    /// Whether the frame is an IDR picture, with which a segment begins.
    pub idr: bool,
}

/// A beep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beep {
    /// When the beep begins in decoded sound.
    pub utc: String,
    /// Its first sample, counted from 1970 at 48 kHz.
    pub sample: u64,
    /// Presentation time.
    pub media_time: u64,
    /// Pitch in hertz.
    pub frequency: u32,
    /// Length in seconds.
    pub duration: f64,
}

/// The records of an interval, segment by segment.
#[derive(Debug, Clone)]
pub struct Truth {
    epochs: Epochs,
    conditions: Conditions,
    /// How much later than the time in the pictures clients see them.
    shift: Duration,
    /// The interval, in the time of the pictures.
    interval: Range<UnixTime>,
    segments: Range<u64>,
    /// Segment from which numbers and timestamps count.
    origin: u64,
}

impl Truth {
    /// The truth of a stream with these definitions, as clients see it under `conditions` from the start of `interval` until
    /// its end. Frames and beeps that begin in the interval are part of it, and segments that overlap it.
    pub fn new(epochs: Epochs, conditions: &Conditions, interval: Range<UnixTime>, now: UnixTime) -> Self {
        let spec = &epochs[0].spec;
        let timeline = spec.timeline;
        let Extent { shift, bounds, origin, .. } = Extent::of(conditions, spec, now);
        let interval = interval.start.saturating_sub(shift)..interval.end.saturating_sub(shift);
        let first = timeline.segment_at(interval.start).max(origin);
        let end = timeline.segment_at(interval.end.saturating_sub(Duration::from_nanos(1))) + 1;
        let segments = match bounds {
            Some(bounds) => first.max(bounds.first)..end.min(bounds.last + 1),
            None => first..end,
        };
        Self { epochs, conditions: conditions.clone(), shift, interval, segments, origin }
    }

    /// Numbers of the segments that overlap the interval, counted from 1970.
    pub fn segments(&self) -> Range<u64> {
        self.segments.clone()
    }

    /// The definition of a segment.
    pub fn epoch(&self, number: u64) -> &Arc<Epoch> {
        epoch_at(&self.epochs, number)
    }

    /// From where the bytes of a track count, if not from 1970.
    pub fn origin(&self, track: usize) -> Option<Origin> {
        let spec = &self.epochs[0].spec;
        let (_, kind) = spec.tracks().nth(track).filter(|_| self.origin > 0)?;
        Some(Origin {
            sequence: self.origin * u64::from(spec.timeline.chunks_per_segment()),
            ticks: spec.timeline.ticks_until(kind, self.origin),
        })
    }

    /// The records of a segment: its definition if the interval or an epoch begins with it, the segment of every track, then
    /// frames and beeps in the order of their times.
    pub fn records(&self, number: u64) -> Vec<Record> {
        let epoch = self.epoch(number);
        let is_new = number == self.segments.start || number == epoch.from;
        let mut records: Vec<_> = is_new.then(|| Record::Definition(self.definition(epoch))).into_iter().collect();
        let tracks = epoch.spec.tracks().map(|(_, kind)| kind).enumerate();
        records.extend(tracks.map(|track| Record::Segment(self.segment(epoch, number, track))));
        let mut beeps = self.beeps(epoch, number).into_iter().peekable();
        for (start, frame) in self.frames(epoch, number) {
            while let Some((_, beep)) = beeps.next_if(|(time, _)| *time <= start) {
                records.push(Record::Beep(beep));
            }
            records.push(Record::Frame(frame));
        }
        records.extend(beeps.map(|(_, beep)| Record::Beep(beep)));
        records
    }

    fn definition(&self, epoch: &Epoch) -> Definition {
        let spec = &epoch.spec;
        let track = |(id, kind): (&_, Kind)| Track {
            id: ToString::to_string(id),
            kind: kind.to_string(),
            timescale: spec.timeline.timescale(kind),
        };
        Definition {
            utc: utc(spec.timeline.segment_start(epoch.from)),
            segment: epoch.from.saturating_sub(self.origin),
            revision: epoch.revision.to_string(),
            fps: spec.timeline.rate().to_string(),
            segment_frames: spec.timeline.segment_frames(),
            chunk_frames: spec.timeline.chunk_frames(),
            title: spec.shown_title().to_owned(),
            tracks: spec.tracks().map(track).collect(),
        }
    }

    fn segment(&self, epoch: &Epoch, number: u64, (track, kind): (usize, Kind)) -> Segment {
        let (spec, timeline) = (&epoch.spec, &epoch.spec.timeline);
        let frames = timeline.segment(kind, number);
        let file = MediaFile::Segment(number).counted_from(self.origin);
        let id = spec.tracks().nth(track).map(|(id, _)| id).expect("the caller takes it from the definition");
        let of_track = condition::Track { id: id.as_str(), kind };
        let conditions = self.conditions.of_resource(Resource::Segment, Some(of_track));
        let directory = path::track_directory(&spec.name, id);
        let path = format!("/{directory}/{}", file.in_track(&epoch.revision));
        let identity = Identity::of_segment((Resource::Segment, of_track, &path), timeline, (number, self.origin));
        let ended = timeline.segment_start(number + 1) + self.shift;
        let alters = |fault: &Fault| rewriting::acts(fault, spec, &identity, (number, self.origin));
        let acts = |fault: &&Fault| fault.applies(&identity, ended) || alters(fault);
        let faults: Vec<&Fault> = conditions.faults().filter(acts).collect();
        Segment {
            utc: utc(timeline.frame_start(kind, frames.start)),
            track: id.to_string(),
            segment: number - self.origin,
            media_time: self.media_time(timeline, kind, frames.start),
            duration: timeline.duration(kind, number).as_secs_f64(),
            chunks: timeline.chunks_per_segment(),
            url: path::under_conditions(&conditions, &path),
            bytes: None,
            sha256: None,
            faults: faults.iter().map(ToString::to_string).collect(),
            is_altered: faults.iter().any(|fault| alters(fault)),
            place: (number, track),
        }
    }

    /// The frames of a segment that begin in the interval.
    fn frames<'a>(&'a self, epoch: &'a Epoch, number: u64) -> impl Iterator<Item = (UnixTime, Frame)> + 'a {
        let timeline = epoch.spec.timeline;
        let frames = if epoch.spec.video.is_empty() { 0..0 } else { timeline.segment(Kind::Video, number) };
        let first = frames.start;
        let timed = frames.map(move |frame| (timeline.rate().frame_start(frame), frame));
        timed.filter(|(start, _)| self.interval.contains(start)).map(move |(start, frame)| {
            let strip = Timecode::of_frame(timeline.rate(), frame);
            let described = Frame {
                utc: utc(start),
                frame,
                time_ms: strip.time_ms,
                strip: strip.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
                media_time: self.media_time(&timeline, Kind::Video, frame),
                segment: number - self.origin,
                chunk: ((frame - first) / u64::from(timeline.chunk_frames())) as u32,
                idr: frame == first,
            };
            (start, described)
        })
    }

    /// The beeps that begin during a segment and in the interval.
    fn beeps(&self, epoch: &Epoch, number: u64) -> Vec<(UnixTime, Beep)> {
        let (Some(audio), timeline) = (&epoch.spec.audio, &epoch.spec.timeline) else { return Vec::new() };
        let from = timeline.segment_start(number).max(self.interval.start);
        let to = timeline.segment_start(number + 1).min(self.interval.end);
        let second = |time: UnixTime| time.as_nanos().div_ceil(1_000_000_000);
        let origin = timeline.ticks_until(Kind::Audio, self.origin);
        let beep = |second: u64| {
            let signal::Beep { sample, hz, samples } = signal::Beep::at(second, audio.beep_hz);
            let start = UnixTime::from_millis(second * 1000);
            let duration = f64::from(samples) / f64::from(SAMPLE_RATE);
            let media_time = sample.saturating_sub(origin);
            (start, Beep { utc: utc(start), sample, media_time, frequency: hz, duration })
        };
        (second(from)..second(to)).map(beep).collect()
    }

    /// Time of a frame in ticks from the origin.
    fn media_time(&self, timeline: &Timeline, kind: Kind, frame: u64) -> u64 {
        let ticks = frame * u64::from(timeline.frame_ticks(kind));
        ticks - timeline.ticks_until(kind, self.origin)
    }
}

/// RFC 3339 with as many decimals as the time needs.
fn utc(time: UnixTime) -> String {
    Moment::At(time).to_string()
}

#[cfg(test)]
mod tests;
