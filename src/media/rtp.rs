//! RTP (RFC 3550): payloads of H.264 and VP8, and timestamps that follow from UTC. Headers, sequence numbers and encryption
//! belong to the sessions that send the payloads.

mod h264;
mod vp8;

use std::sync::Arc;

use crate::base::timeline::UnixTime;

pub use h264::{ParameterSets, payloads};

/// Ticks per second of the timestamps of H.264 (RFC 6184 8.2.1) and VP8 (RFC 7741 4.1).
pub const VIDEO_CLOCK_RATE: u32 = 90_000;
/// Most bytes in a payload. With the headers of RTP, UDP and IPv6 and the tag of SRTP, a packet fits into 1280 bytes,
/// which every path transports (RFC 8200 5).
pub const MAX_PAYLOAD: usize = 1150;

/// Ticks between the pictures that a receiver gets to catch up: 1 ms.
const CATCH_UP_TICKS: u32 = VIDEO_CLOCK_RATE / 1000;

/// Codec of pictures, as far as a receiver must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoCodec {
    /// H.264 with this `profile-level-id` of SDP (RFC 6184 8.1): profile, constraints and level.
    H264([u8; 3]),
    /// VP8.
    Vp8,
}

impl VideoCodec {
    /// Whether the payloads of a picture begin with the start of a picture at which decoding may start. Packets before the
    /// first payload may be missing.
    pub fn starts_decoding(self, payloads: &[Arc<[u8]>]) -> bool {
        match self {
            Self::H264(_) => h264::starts_decoding(payloads),
            Self::Vp8 => vp8::starts_decoding(payloads),
        }
    }

    /// The picture in these payloads, as a decoder gets it: H.264 as a byte stream (ISO/IEC 14496-10 Annex B), VP8 as it is.
    pub fn access_unit(self, payloads: &[Arc<[u8]>]) -> Vec<u8> {
        match self {
            Self::H264(_) => h264::access_unit(payloads),
            Self::Vp8 => vp8::access_unit(payloads),
        }
    }
}

/// The RTP timestamp of a time: UTC in ticks of the clock, modulo 2^32. Every replica sends the same one.
pub fn timestamp(time: UnixTime, clock_rate: u32) -> u32 {
    let ticks = u128::from(time.as_nanos()) * u128::from(clock_rate) / 1_000_000_000;
    // The conversion wraps.
    ticks as u32
}

/// Timestamps for `count` pictures that a receiver gets together. The last picture keeps its timestamp `newest`. The others
/// precede it in steps of 1 ms, or of less if they would not be after `sent`, the last timestamp that the receiver got.
pub fn catch_up(sent: Option<u32>, newest: u32, count: usize) -> impl Iterator<Item = u32> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let room = sent.map_or(u32::MAX, |sent| newest.wrapping_sub(sent));
    let ticks = (room / count.max(1)).clamp(1, CATCH_UP_TICKS);
    (0..count).rev().map(move |before| newest.wrapping_sub(before.wrapping_mul(ticks)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timeline::Rate;

    #[test]
    fn timestamps_are_utc() {
        assert_eq!(timestamp(UnixTime::from_millis(1000), VIDEO_CLOCK_RATE), 90_000);
        let time = UnixTime::from_millis(1_795_232_428_800);
        assert_eq!(timestamp(time, 48_000), (1_795_232_428_800_u64 * 48 % (1 << 32)) as u32);
        let rate = Rate::new(30_000, 1001).unwrap();
        for frame in 53_803_170_000..53_803_170_030_u64 {
            let exact = (frame * 3003 % (1 << 32)) as u32;
            assert_eq!(timestamp(rate.frame_start(frame), VIDEO_CLOCK_RATE), exact, "{frame}");
        }
    }

    #[test]
    fn pictures_to_catch_up_are_between_the_last_one_sent_and_the_newest() {
        let all = |sent, newest, count| catch_up(sent, newest, count).collect::<Vec<_>>();
        assert_eq!(all(None, 900, 3), [720, 810, 900]);
        assert_eq!(all(None, 900, 1), [900]);
        assert_eq!(all(None, 90, 3), [u32::MAX - 89, 0, 90], "it wraps");
        assert_eq!(all(Some(500), 4100, 3), [3920, 4010, 4100]);
        let squeezed = all(Some(u32::MAX - 99), 3500, 48);
        assert_eq!((squeezed.len(), squeezed.last()), (48, Some(&3500)));
        let since = squeezed.iter().map(|timestamp| timestamp.wrapping_add(100)).collect::<Vec<_>>();
        assert!(since.is_sorted_by(|a, b| a < b) && since[0] > 0, "{since:?}");
        assert_eq!(all(None, 0, 0), [0; 0]);
    }
}
