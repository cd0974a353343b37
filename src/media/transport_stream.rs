//! MPEG transport stream (ISO/IEC 13818-1) of a rendition and the audio, at a constant bitrate. Pure functions of chunks and
//! their numbers.
//!
//! Every segment begins with the tables and an IDR picture, has the same number of packets, and lets every continuity counter
//! end where it began. So the bytes of a segment do not depend on what was sent before it. Null packets take the place of the
//! padding in the chunks. The clock follows from the place of a packet in its segment; times are those of Unix.

use std::time::Duration;

use bytes::Bytes;

use self::packet::{Entry, LENGTH, PAYLOAD};
use crate::base::timeline::{AUDIO_FRAME_SAMPLES, Kind, SAMPLE_RATE, Timeline, UnixTime};
use crate::media::cmaf::{Chunk, Configuration, unpadded};

mod access_unit;
mod packet;
mod tables;
#[cfg(test)]
mod tests;

/// Longest time between two clock references: less than the 40 ms of DVB (ETSI TS 101 154), so that their places can be
/// rounded to packets.
const CLOCK_PERIOD_MS: u64 = 36;
/// Every second clock reference has the tables before it.
const CLOCKS_PER_TABLES: usize = 2;
/// How long before its presentation time a frame may arrive at the latest: half of what a decoder must be able to store
/// (ISO/IEC 13818-1 2.4.2.3).
const DELAY_MS: u64 = 500;
/// Duration of an AAC frame, rounded down.
const FRAME_MICROS: u64 = AUDIO_FRAME_SAMPLES as u64 * 1_000_000 / SAMPLE_RATE as u64;
/// AAC frames in a PES packet, which has less than two thirds of a packet of overhead.
const GROUP: usize = 5;
/// Steps of a continuity counter.
const COUNTER_STEPS: usize = 16;
/// Index of the clock in [`Place::gaps`], after the two kinds of tracks.
const CLOCK_GAP: usize = 2;
/// Clock references are in units of 27 MHz, times of frames in units of 90 kHz.
const CLOCK_RATE: u128 = 27_000_000;
const TIME_RATE: u128 = 90_000;

/// A track of the stream.
#[derive(Debug, Clone, Copy)]
pub struct Track<'a> {
    /// Decoder configuration.
    pub configuration: &'a Configuration,
    /// Bits per second, which the bytes of a segment do not exceed.
    pub bitrate: u32,
}

/// Settings of a transport stream.
#[derive(Debug, Clone)]
pub struct Multiplex {
    timeline: Timeline,
    association: Vec<u8>,
    map: Vec<u8>,
    parameter_sets: Option<Vec<u8>>,
    adts: Option<[u8; access_unit::ADTS_HEADER]>,
    /// Packets in a segment.
    packets: usize,
    /// Packets of them that only the last chunk of a segment may need.
    reserve: usize,
    /// Clock references in a segment.
    clocks: usize,
}

/// A segment that is being written.
#[derive(Debug, Clone, Default)]
pub struct Place {
    segment: u64,
    /// Packets written.
    packets: usize,
    /// Clock references written.
    clocks: usize,
    /// Packets with payload written, for video and audio.
    counters: [usize; 2],
    /// Continuity counter of the last packet with payload that has the PID of the clock.
    counter: usize,
    /// Whether the next packet of video, of audio and with a clock says that packets before it are missing.
    gaps: [bool; 3],
}

impl Place {
    /// The beginning of a segment.
    pub fn new(segment: u64) -> Self {
        Self { segment, counter: COUNTER_STEPS - 1, ..Self::default() }
    }

    /// The beginning of a segment of which the client did not receive the one before.
    pub fn after_gap(segment: u64) -> Self {
        Self { gaps: [true; 3], ..Self::new(segment) }
    }

    /// Number of the segment.
    pub fn segment(&self) -> u64 {
        self.segment
    }
}

/// A PES packet in packets, and the number of the video frame with which it is sent.
struct Unit {
    frame: u64,
    packets: Vec<u8>,
}

impl Multiplex {
    /// A stream of these tracks, video first. `None` without a track, or if a configuration is malformed.
    pub fn new(timeline: Timeline, tracks: &[Track<'_>]) -> Option<Self> {
        let (mut parameter_sets, mut adts, mut kinds, mut packets, mut reserve) = (None, None, Vec::new(), 0, 0);
        let duration = timeline.longest_segment(Kind::Video);
        for track in tracks {
            let bytes = bytes_in(duration.as_nanos(), track.bitrate);
            // Each PES packet may fill its last packet in part.
            let (kind, payload, units) = match track.configuration {
                Configuration::Avc { record, .. } => {
                    let sets = access_unit::parameter_sets(record)?;
                    let frames = timeline.segment_frames() as usize;
                    let payload = bytes + sets.len() + frames * access_unit::PICTURE_OVERHEAD;
                    parameter_sets = Some(sets);
                    (Kind::Video, payload, frames)
                }
                Configuration::Aac { specific, .. } => {
                    adts = Some(access_unit::adts(specific)?);
                    // A segment or a chunk may have one frame more than its duration.
                    let frame = Duration::from_micros(FRAME_MICROS);
                    let frames = (duration.as_nanos() / frame.as_nanos()) as usize + 1;
                    reserve += bytes_in(frame.as_nanos(), track.bitrate).div_ceil(PAYLOAD) + 1;
                    let groups = frames.div_ceil(GROUP) + timeline.chunks_per_segment() as usize;
                    let overhead = frames * access_unit::ADTS_HEADER + groups * access_unit::PES_HEADER;
                    (Kind::Audio, bytes + overhead, groups)
                }
            };
            kinds.push(kind);
            packets += payload.div_ceil(PAYLOAD) + units;
            reserve += COUNTER_STEPS;
        }
        let clocks = (duration.as_millis() as u64 / CLOCK_PERIOD_MS + 1) as usize;
        // A clock reference and the tables need three packets.
        packets = (packets + reserve + clocks + 2 * clocks.div_ceil(CLOCKS_PER_TABLES)).max(4 * clocks);
        let (association, map) = (tables::association(), tables::map(&kinds));
        (!kinds.is_empty()).then_some(Self {
            timeline,
            association,
            map,
            parameter_sets,
            adts,
            packets,
            reserve,
            clocks,
        })
    }

    /// Length of a segment in bytes. A segment is longer only if the encoder has exceeded the bitrate.
    pub fn segment_len(&self) -> u64 {
        (self.packets * LENGTH) as u64
    }

    /// The next chunk of every track of the segment. `None` if a chunk is malformed.
    pub fn write(&self, place: &mut Place, chunks: &[(Kind, &Chunk)]) -> Option<Vec<Bytes>> {
        let index = chunks.first()?.1.index;
        let frames = self.timeline.chunk(Kind::Video, place.segment, index);
        let mut units = Vec::new();
        for (kind, chunk) in chunks {
            match kind {
                Kind::Video => self.pictures(place, chunk, &mut units)?,
                Kind::Audio => self.sounds(place, chunk, &mut units)?,
            }
        }
        units.sort_by_key(|unit| unit.frame);
        let first = self.timeline.segment(Kind::Video, place.segment).start;
        let end = match (frames.end - first) as usize {
            all if all == self.timeline.segment_frames() as usize => self.packets,
            some => (self.packets - self.reserve) * some / self.timeline.segment_frames() as usize,
        };
        let length: usize = units.iter().map(|unit| unit.packets.len()).sum();
        let nulls = end.saturating_sub(place.packets + self.overhead(place, end) + length / LENGTH);
        let mut out = Sending { multiplex: self, place, pieces: Vec::new(), open: Vec::new() };
        let (start, count) = (frames.start, (frames.end - frames.start) as usize);
        let mut units = units.into_iter().peekable();
        for frame in frames.clone() {
            while let Some(unit) = units.next_if(|unit| unit.frame <= frame || frame + 1 == frames.end) {
                out.append(&unit.packets);
            }
            let done = (frame - start) as usize;
            out.append_nulls(nulls * (done + 1) / count - nulls * done / count);
        }
        out.close();
        Some(out.pieces)
    }

    fn pictures(&self, place: &mut Place, chunk: &Chunk, units: &mut Vec<Unit>) -> Option<()> {
        let segment = self.timeline.segment(Kind::Video, place.segment);
        let rate = self.timeline.rate();
        for (frame, sample) in self.timeline.chunk(Kind::Video, place.segment, chunk.index).zip(unpadded(&chunk.media)?)
        {
            let time = u128::from(frame) * u128::from(rate.den()) * TIME_RATE / u128::from(rate.num());
            let starts = frame == segment.start;
            let sets = self.parameter_sets.as_deref().filter(|_| starts).unwrap_or_default();
            let pes = access_unit::picture(in_33_bits(time), sets, &sample)?;
            let packets = self.packets(place, (Kind::Video, &pes), (starts, frame + 1 == segment.end));
            units.push(Unit { frame, packets });
        }
        Some(())
    }

    fn sounds(&self, place: &mut Place, chunk: &Chunk, units: &mut Vec<Unit>) -> Option<()> {
        let adts = self.adts.as_ref()?;
        let segment = self.timeline.segment(Kind::Audio, place.segment);
        let mut first = self.timeline.chunk(Kind::Audio, place.segment, chunk.index).start;
        for group in unpadded(&chunk.media)?.chunks(GROUP) {
            let end = first + group.len() as u64;
            let time = u128::from(first) * u128::from(AUDIO_FRAME_SAMPLES) * TIME_RATE / u128::from(SAMPLE_RATE);
            let pes = access_unit::sound(in_33_bits(time), adts, group);
            let packets = self.packets(place, (Kind::Audio, &pes), (first == segment.start, end == segment.end));
            let frame = self.timeline.rate().frame_at(self.timeline.frame_start(Kind::Audio, first));
            units.push(Unit { frame, packets });
            first = end;
        }
        Some(())
    }

    /// A PES packet in packets. The last one of a segment has as many as the continuity counter needs to end where it began.
    fn packets(&self, place: &mut Place, (kind, pes): (Kind, &[u8]), (starts, ends): (bool, bool)) -> Vec<u8> {
        let discontinuity = std::mem::take(&mut place.gaps[kind as usize]);
        let entry = Entry { random_access: starts, discontinuity };
        let counter = &mut place.counters[kind as usize];
        let mut count = packet::count(pes.len(), entry);
        if ends {
            count = (*counter + count).next_multiple_of(COUNTER_STEPS) - *counter;
        }
        let mut packets = Vec::with_capacity(count * LENGTH);
        packet::append_pes(&mut packets, (tables::pid(kind), *counter), pes, (count, entry));
        *counter += count;
        packets
    }

    /// Packets with clock references and tables between the place and packet `end`.
    fn overhead(&self, place: &Place, end: usize) -> usize {
        let clocks = (place.clocks..self.clocks).take_while(|clock| self.place_of_clock(*clock) < end);
        clocks.map(|clock| if clock.is_multiple_of(CLOCKS_PER_TABLES) { 3 } else { 1 }).sum()
    }

    /// Place of a clock reference in the segment.
    fn place_of_clock(&self, clock: usize) -> usize {
        clock * self.packets / self.clocks
    }

    /// The track whose packets have the clock: the first.
    fn kind_of_clock(&self) -> Kind {
        if self.parameter_sets.is_some() { Kind::Video } else { Kind::Audio }
    }

    /// The clock, in units of 27 MHz, when the first bytes of packet `packet` of a segment arrive.
    fn clock(&self, segment: u64, packet: usize) -> u64 {
        let at = |segment| in_units(self.timeline.segment_start(segment), CLOCK_RATE);
        let (start, end) = (at(segment), at(segment + 1));
        // The reference is in bytes 6 to 11 of the packet.
        let bytes = (packet * LENGTH + 11) as u128;
        (start + bytes * (end - start) / (self.packets * LENGTH) as u128) as u64 - DELAY_MS * 27_000
    }
}

/// The packets of a chunk in their order.
struct Sending<'a> {
    multiplex: &'a Multiplex,
    place: &'a mut Place,
    pieces: Vec<Bytes>,
    /// The piece that is being written.
    open: Vec<u8>,
}

impl Sending<'_> {
    fn append(&mut self, packets: &[u8]) {
        for packet in packets.chunks(LENGTH) {
            self.append_due_clocks();
            self.open.extend_from_slice(packet);
            self.place.packets += 1;
            if packet::pid(packet) == tables::pid(self.multiplex.kind_of_clock()) {
                self.place.counter = packet::counter(packet);
            }
        }
    }

    fn append_nulls(&mut self, mut count: usize) {
        while count > 0 {
            self.append_due_clocks();
            let next = match self.place.clocks < self.multiplex.clocks {
                true => self.multiplex.place_of_clock(self.place.clocks),
                false => usize::MAX,
            };
            let run = count.min(next - self.place.packets);
            self.close();
            self.pieces.extend(packet::nulls(run));
            self.place.packets += run;
            count -= run;
        }
    }

    fn append_due_clocks(&mut self) {
        let Self { multiplex, place, open, .. } = self;
        let clock = place.clocks;
        if clock == multiplex.clocks || multiplex.place_of_clock(clock) > place.packets {
            return;
        }
        if clock.is_multiple_of(CLOCKS_PER_TABLES) {
            let in_segment = multiplex.clocks.div_ceil(CLOCKS_PER_TABLES) as u64;
            let counter = (place.segment * in_segment) as usize + clock / CLOCKS_PER_TABLES;
            packet::append_table(open, tables::PAT_PID, counter, &multiplex.association);
            packet::append_table(open, tables::PMT_PID, counter, &multiplex.map);
            place.packets += 2;
        }
        let kind = multiplex.kind_of_clock();
        let time = multiplex.clock(place.segment, place.packets);
        let gap = std::mem::take(&mut place.gaps[CLOCK_GAP]);
        packet::append_clock(open, (tables::pid(kind), place.counter), time, gap);
        place.packets += 1;
        place.clocks += 1;
    }

    /// Ends the piece that is being written.
    fn close(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push(std::mem::take(&mut self.open).into());
        }
    }
}

fn bytes_in(nanos: u128, bitrate: u32) -> usize {
    (nanos * u128::from(bitrate)).div_ceil(8_000_000_000) as usize
}

fn in_units(time: UnixTime, rate: u128) -> u128 {
    u128::from(time.as_nanos()) * rate / 1_000_000_000
}

/// A time in 90 kHz as it is sent: it starts again from zero every 26.5 hours.
fn in_33_bits(time: u128) -> u64 {
    (time % (1 << 33)) as u64
}
