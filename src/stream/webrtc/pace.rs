//! When packets leave. A burst of a large picture overflows queues of the network, and a queue in front of the network
//! adds delay, so a picture is sent within a few milliseconds. Pure arithmetic.

use std::time::Duration;

/// Packets of a picture that are sent immediately.
const BURST: usize = 8;
/// Time over which the other packets of a picture are spread.
const SPREAD: Duration = Duration::from_millis(8);
/// Time per packet of pictures that a late joiner gets, about 40 Mbit/s.
const REPLAY: Duration = Duration::from_micros(230);

/// How the packets of a picture are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A picture that is due now.
    Live,
    /// One of several pictures that are sent again.
    Replay,
}

impl Pace {
    /// Delay of packet `index` of `count` after the first one.
    pub(super) fn delay(self, index: usize, count: usize) -> Duration {
        match self {
            Self::Live if index < BURST => Duration::ZERO,
            Self::Live => SPREAD * (index + 1 - BURST) as u32 / (count - BURST).max(1) as u32,
            Self::Replay => REPLAY * index as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_leaves_within_eight_milliseconds() {
        let delays = |count| (0..count).map(|index| Pace::Live.delay(index, count).as_micros()).collect::<Vec<_>>();
        assert_eq!(delays(8), [0; 8]);
        assert_eq!(delays(10)[7..], [0, 4000, 8000]);
        for count in 9..500 {
            let delays = delays(count);
            assert!(delays.is_sorted() && delays[count - 1] == 8000, "{count}: {delays:?}");
        }
    }

    #[test]
    fn a_replay_is_sent_at_forty_megabits_a_second() {
        let megabits = 1150.0 * 8.0 / Pace::Replay.delay(1, 2).as_secs_f64() / 1e6;
        assert!((39.0..41.0).contains(&megabits), "{megabits}");
    }
}
