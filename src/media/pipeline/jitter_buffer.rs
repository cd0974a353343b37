//! Sound of a publisher on the time line of the stream. The clock of the publisher is not UTC: its first packet is played
//! [`DELAY`] after it arrives, and the others as far from the first one as their RTP timestamps are. Pure: times are
//! arguments.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::timeline::{Rate, SAMPLE_RATE, UnixTime};
use crate::media::signal::CHANNELS;

/// Time from the arrival of sound or of a picture to its place in the stream. An encoder gets sound up to 76 ms before it is
/// due, and the network may deliver a packet later than others.
pub(super) const DELAY: Duration = Duration::from_millis(200);
/// Most time from the arrival of a packet to its place, before the places are computed anew: the clock of the publisher is fast.
const LONGEST: Duration = Duration::from_millis(500);
/// Consecutive packets that arrive too late, half a second, before the places are computed anew: the clock of the publisher is
/// slow, or the way of the packets has become longer.
const MOST_LATE: u32 = 25;
/// Packets that are stored at most. The encoder reads them within a chunk, which lasts at most 10 s.
const MOST_PACKETS: usize = 1024;

/// Numbers of samples since 1970, and their times.
pub(super) const SAMPLES: Rate = Rate::new(SAMPLE_RATE, 1).expect("neither is zero");

/// Decoded packets that the encoder has not read.
#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    anchor: Option<Anchor>,
    /// Sample since 1970 up to which the encoder has read.
    read: u64,
    late: u32,
    /// Interleaved stereo from a sample on, in order.
    packets: VecDeque<(u64, Vec<i16>)>,
}

/// The place of one packet, from which those of later packets follow.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    timestamp: u32,
    sample: u64,
}

impl JitterBuffer {
    /// The place of a packet: its first sample, counted from 1970.
    pub(super) fn place(&mut self, timestamp: u32, arrived: UnixTime) -> u64 {
        let usual = SAMPLES.frame_at(arrived + DELAY);
        let known = self.anchor.map(|anchor| {
            // Timestamps wrap; the difference is negative if packets arrive in another order.
            let since = timestamp.wrapping_sub(anchor.timestamp) as i32;
            anchor.sample.saturating_add_signed(since.into())
        });
        self.late = if known.is_some_and(|sample| sample < self.read) { self.late + 1 } else { 0 };
        let is_late = self.late >= MOST_LATE;
        let sample = known.filter(|sample| !is_late && *sample <= SAMPLES.frame_at(arrived + LONGEST)).unwrap_or(usual);
        if is_late {
            self.late = 0;
        }
        self.anchor = Some(Anchor { timestamp, sample });
        sample
    }

    /// Adds decoded sound at its place.
    pub(super) fn add(&mut self, sample: u64, sound: Vec<i16>) {
        if self.packets.len() == MOST_PACKETS {
            self.packets.pop_front();
        }
        let after = self.packets.iter().rposition(|(other, _)| *other < sample).map_or(0, |before| before + 1);
        self.packets.insert(after, (sample, sound));
    }

    /// Fills `out` with interleaved stereo from sample `first` on, and with silence where there is no sound. Earlier sound is
    /// removed.
    pub(super) fn read(&mut self, first: u64, out: &mut [i16]) {
        out.fill(0);
        let end = first + (out.len() / CHANNELS) as u64;
        self.read = end;
        while let Some((sample, sound)) = self.packets.front().filter(|(sample, _)| *sample < end) {
            let sound_end = sample + (sound.len() / CHANNELS) as u64;
            let (from, until) = (first.max(*sample), end.min(sound_end));
            if from < until {
                let place = |sample: u64, start: u64| (sample - start) as usize * CHANNELS;
                out[place(from, first)..place(until, first)]
                    .copy_from_slice(&sound[place(from, *sample)..place(until, *sample)]);
            }
            if sound_end > end {
                break;
            }
            self.packets.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples of a packet.
    const PACKET: u64 = 960;

    fn arrival(packet: u64) -> UnixTime {
        UnixTime::from_millis(1_795_232_428_800 + packet * 20)
    }

    /// The timestamp of a packet, of a publisher whose timestamps wrap soon.
    fn timestamp(packet: u64) -> u32 {
        (u64::from(u32::MAX) - 2000 + packet * PACKET) as u32
    }

    fn start() -> u64 {
        SAMPLES.frame_at(arrival(0) + DELAY)
    }

    /// Sound whose samples are all `value`.
    fn sound(value: i16) -> Vec<i16> {
        vec![value; PACKET as usize * CHANNELS]
    }

    /// The left channel.
    fn read(buffer: &mut JitterBuffer, first: u64, samples: usize) -> Vec<i16> {
        let mut out = vec![7; samples * CHANNELS];
        buffer.read(first, &mut out);
        out.chunks(CHANNELS).map(|pair| pair[0]).collect()
    }

    #[test]
    fn packets_in_any_order_are_played_without_gaps_and_missing_ones_are_silence() {
        let mut buffer = JitterBuffer::default();
        for packet in [0, 2, 1, 4] {
            let jitter = Duration::from_millis(13 * (packet % 3));
            let sample = buffer.place(timestamp(packet), arrival(packet) + jitter);
            assert_eq!(sample, start() + packet * PACKET);
            buffer.add(sample, sound(packet as i16 + 1));
        }
        let played = [read(&mut buffer, start() - 100, 1024), read(&mut buffer, start() + 924, 4100)].concat();
        let expected = [(0, 100), (1, 960), (2, 960), (3, 960), (0, 960), (5, 960), (0, 224)];
        let expected = expected.iter().flat_map(|(value, count)| vec![*value; *count]).collect::<Vec<i16>>();
        assert!(played == expected);
        assert!(buffer.packets.is_empty());
    }

    #[test]
    fn a_packet_that_arrives_after_its_time_is_not_played() {
        let mut buffer = JitterBuffer::default();
        buffer.place(timestamp(0), arrival(0));
        read(&mut buffer, start(), 5 * PACKET as usize);
        let late = buffer.place(timestamp(3), arrival(20));
        assert_eq!(late, start() + 3 * PACKET);
        buffer.add(late, sound(1));
        assert_eq!(read(&mut buffer, start() + 5 * PACKET, 10), [0; 10]);
        assert_eq!(buffer.place(timestamp(21), arrival(21)), start() + 21 * PACKET);
    }

    #[test]
    fn the_places_follow_a_publisher_whose_clock_is_slow_or_fast() {
        let mut buffer = JitterBuffer::default();
        buffer.place(timestamp(0), arrival(0));
        read(&mut buffer, start(), 40 * PACKET as usize);
        let places: Vec<_> = (1..30).map(|packet| buffer.place(timestamp(packet), arrival(packet + 50))).collect();
        let late: Vec<_> = (1..25).map(|packet| start() + packet * PACKET).collect();
        assert_eq!(places[..24], late);
        assert_eq!(places[24..], (75..80).map(|packet| start() + packet * PACKET).collect::<Vec<_>>());
        let fast = arrival(30 + 50 - 16);
        assert_eq!(buffer.place(timestamp(30), fast), SAMPLES.frame_at(fast + DELAY));
    }
}
