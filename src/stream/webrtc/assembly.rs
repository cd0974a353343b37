//! Whole pictures from the packets of a publisher, which may be lost, late or in another order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::peer::Received;
use crate::media::rtp::VideoCodec;

/// Longest wait for a packet that is missing. Until then it is requested again several times.
const PATIENCE: Duration = Duration::from_millis(400);
/// Most packets that wait for a missing one, half a second of 40 Mbit/s.
const MAX_WAITING: usize = 2048;
/// Most packets of one picture, 4 MB.
const MAX_PAYLOADS: usize = 4096;

/// A whole picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Whether decoding may start here.
    pub(super) is_idr: bool,
    /// Timestamp as the publisher has sent it.
    pub(super) timestamp: u32,
    /// When the first packet arrived.
    pub(super) arrived: Instant,
    pub(super) payloads: Vec<Arc<[u8]>>,
}

/// Assembles the pictures of a track.
#[derive(Debug)]
pub(super) struct Assembly {
    codec: VideoCodec,
    /// Packets that are not part of a picture yet, with their arrival.
    waiting: BTreeMap<u64, (Instant, Received)>,
    /// Number of the packet that must come next.
    next: Option<u64>,
    /// The beginning of a picture.
    begun: Option<Picture>,
    /// Whether a picture is missing that later ones refer to.
    is_broken: bool,
    /// Number of times that pictures were lost.
    pub(super) losses: u64,
}

impl Assembly {
    /// Waits for the first picture at which decoding may start.
    pub(super) const fn new(codec: VideoCodec) -> Self {
        Self { codec, waiting: BTreeMap::new(), next: None, begun: None, is_broken: true, losses: 0 }
    }

    /// Adds a packet that arrived at `now`. A packet that arrives too late is ignored.
    pub(super) fn add(&mut self, packet: Received, now: Instant) {
        if self.next.is_none_or(|next| packet.sequence >= next) {
            self.waiting.entry(packet.sequence).or_insert((now, packet));
        }
    }

    /// The next whole picture that a decoder can use. Later pictures do not wait for one that is lost.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Picture> {
        loop {
            let (sequence, (arrived, _)) = self.waiting.first_key_value()?;
            let (sequence, arrived) = (*sequence, *arrived);
            if self.next.is_some_and(|next| sequence > next) {
                if now < arrived + PATIENCE && self.waiting.len() < MAX_WAITING {
                    return None;
                }
                self.lose();
            }
            self.next = Some(sequence + 1);
            let (_, (arrived, packet)) = self.waiting.pop_first()?;
            if let Some(picture) = self.append(packet, arrived).and_then(|picture| self.checked(picture)) {
                return Some(picture);
            }
        }
    }

    /// When [`Self::pop`] must be called again, if packets wait for a missing one.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(_, (arrived, _))| *arrived + PATIENCE)
    }

    /// Whether pictures are dropped until one arrives at which decoding may start.
    pub(super) const fn needs_idr(&self) -> bool {
        self.is_broken
    }

    /// Adds a packet to its picture. Returns the picture that is whole with it.
    fn append(&mut self, packet: Received, arrived: Instant) -> Option<Picture> {
        let Received { timestamp, is_last, payload, .. } = packet;
        // Senders that do not mark the last packet of a picture change the timestamp.
        let before = self.begun.take_if(|begun| begun.timestamp != timestamp);
        let begun = self.begun.get_or_insert(Picture { is_idr: false, timestamp, arrived, payloads: Vec::new() });
        if begun.payloads.len() >= MAX_PAYLOADS {
            self.lose();
            return None;
        }
        // Packets without payload are padding.
        if !payload.is_empty() {
            begun.payloads.push(payload);
        }
        match before {
            Some(before) => Some(before),
            None if is_last => self.begun.take(),
            None => None,
        }
    }

    /// The picture, if a decoder that has all pictures before it can use it.
    fn checked(&mut self, picture: Picture) -> Option<Picture> {
        if picture.payloads.is_empty() {
            return None;
        }
        let is_idr = self.codec.starts_decoding(&picture.payloads);
        self.is_broken &= !is_idr;
        (!self.is_broken).then_some(Picture { is_idr, ..picture })
    }

    fn lose(&mut self) {
        self.losses += u64::from(!self.is_broken);
        (self.begun, self.is_broken) = (None, true);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::peer::Kind;
    use super::*;

    /// A packet of VP8: `first` bytes of a picture begin with a descriptor that says so.
    fn packet(sequence: u64, timestamp: u32, is_last: bool, payload: &[u8]) -> Received {
        Received { kind: Kind::Video, sequence, timestamp, is_last, payload: payload.into() }
    }

    const KEY: &[u8] = &[0x10, 0x00];
    const INTER: &[u8] = &[0x10, 0x01];
    const MORE: &[u8] = &[0x00, 0x07];

    /// Pictures of two packets each, of which every tenth is a key frame.
    fn packets(pictures: std::ops::Range<u64>) -> Vec<Received> {
        let of = |picture: u64| {
            let (sequence, timestamp) = (2 * picture, 3000 * picture as u32);
            let first = if picture.is_multiple_of(10) { KEY } else { INTER };
            [packet(sequence, timestamp, false, first), packet(sequence + 1, timestamp, true, MORE)]
        };
        pictures.flat_map(of).collect()
    }

    /// The numbers of the pictures that come out at `now`.
    fn pop(assembly: &mut Assembly, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| assembly.pop(now)).map(|picture| picture.timestamp / 3000).collect()
    }

    #[test]
    fn pictures_come_out_when_they_are_whole_from_a_key_frame_on() {
        let (mut assembly, now) = (Assembly::new(VideoCodec::Vp8), Instant::now());
        let mut found = Vec::new();
        for packet in packets(8..13) {
            assembly.add(packet, now);
            found.push(pop(&mut assembly, now));
        }
        let none = Vec::<u32>::new;
        assert_eq!(found, [none(), none(), none(), none(), none(), vec![10], none(), vec![11], none(), vec![12]]);
        assert!(!assembly.needs_idr() && assembly.losses == 0);
    }

    #[test]
    fn a_lost_packet_ends_the_pictures_until_the_next_key_frame() {
        let (mut assembly, now) = (Assembly::new(VideoCodec::Vp8), Instant::now());
        let lost = |packet: &Received| packet.sequence != 2 * 13 + 1;
        packets(10..22).into_iter().filter(lost).for_each(|packet| assembly.add(packet, now));
        assert_eq!(pop(&mut assembly, now), [10, 11, 12]);
        assert_eq!(assembly.deadline(), Some(now + PATIENCE));
        assert_eq!(pop(&mut assembly, now + PATIENCE), [20, 21]);
        assert!(!assembly.needs_idr() && assembly.losses == 1);
        assembly.add(packet(2 * 13 + 1, 3000 * 13, true, MORE), now);
        assert_eq!((pop(&mut assembly, now), assembly.deadline()), (vec![], None), "too late");
    }

    #[test]
    fn a_sender_that_marks_no_packet_and_padding_are_understood() {
        let (mut assembly, now) = (Assembly::new(VideoCodec::Vp8), Instant::now());
        let unmarked = packets(0..4).into_iter().map(|packet| Received { is_last: false, ..packet });
        unmarked.for_each(|packet| assembly.add(packet, now));
        assert_eq!(pop(&mut assembly, now), [0, 1, 2]);
        assembly.add(packet(8, 9000, true, &[]), now);
        assembly.add(packet(9, 12_000, true, &[]), now);
        assembly.add(packet(10, 15_000, true, INTER), now);
        assert_eq!(pop(&mut assembly, now), [3, 5]);
    }

    proptest! {
        #[test]
        fn packets_in_any_order_and_twice_give_the_same_pictures(order in Just((0..60_usize).collect::<Vec<_>>()).prop_shuffle(), again in 0..60_usize) {
            let (mut assembly, now) = (Assembly::new(VideoCodec::Vp8), Instant::now());
            let all = packets(10..40);
            assembly.add(all[0].clone(), now);
            let mut found = pop(&mut assembly, now);
            for place in order.into_iter().chain([again]) {
                assembly.add(all[place].clone(), now);
                found.extend(pop(&mut assembly, now));
            }
            prop_assert_eq!(found, (10..40).collect::<Vec<_>>());
        }
    }
}
