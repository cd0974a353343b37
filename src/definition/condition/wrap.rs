//! The value of `wrap`: timestamps that pass 2^32 or 2^33 soon, as `33` or `33:in=30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Span;
use crate::base::timeline::UnixTime;

/// Ticks per second of the clock of MPEG-2 Systems. The limit counts these ticks, for every timescale of a track.
const TICKS_PER_SECOND: u128 = 90_000;
/// Default of the time until the limit.
const DEFAULT: Span = Span::from_millis(30_000);

/// The limit that timestamps pass, and the time until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wrap {
    bits: Bits,
    after: Span,
}

/// Bits of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bits {
    /// A `tfdt` of version 0, at 90 kHz.
    Bits32,
    /// A timestamp of MPEG-2 Systems.
    Bits33,
}

impl Wrap {
    /// The longest time until the limit.
    pub const MOST: Span = Span::from_millis(86_400_000);

    /// The origin from which timestamps at 90 kHz pass the limit this time after `now`, in whole milliseconds.
    pub fn origin(self, now: UnixTime) -> UnixTime {
        let ticks = match self.bits {
            Bits::Bits32 => 1u128 << 32,
            Bits::Bits33 => 1 << 33,
        };
        let before = Duration::from_nanos((ticks * 1_000_000_000 / TICKS_PER_SECOND) as u64);
        let origin = (now + self.after.duration()).saturating_sub(before);
        UnixTime::from_millis(origin.as_millis())
    }
}

impl FromStr for Wrap {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (bits, parameter) = text.split_once(':').map_or((text, None), |(bits, rest)| (bits, Some(rest)));
        let bits = match bits {
            "32" => Bits::Bits32,
            "33" => Bits::Bits33,
            _ => return Err(()),
        };
        let after = match parameter {
            None => DEFAULT,
            Some(parameter) => parameter.strip_prefix("in=").ok_or(())?.parse()?,
        };
        if after > Self::MOST { Err(()) } else { Ok(Self { bits, after }) }
    }
}

impl fmt::Display for Wrap {
    /// The canonical form, with the time.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = match self.bits {
            Bits::Bits32 => 32,
            Bits::Bits33 => 33,
        };
        write!(f, "{bits}:in={}", self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T03:40:28.800Z
    const NOW: UnixTime = UnixTime::from_millis(1_795_232_428_800);

    #[test]
    fn the_limit_is_passed_so_long_after_now() {
        for (text, canonical, bits, millis) in [
            ("33:in=15s", "33:in=15s", 33, 15_000),
            ("32", "32:in=30s", 32, 30_000),
            ("33:in=1m30s", "33:in=1m30s", 33, 90_000),
            ("32:in=0s", "32:in=0s", 32, 0),
        ] {
            let wrap: Wrap = text.parse().unwrap();
            assert_eq!(wrap.to_string(), canonical);
            let passed = NOW + Duration::from_millis(millis);
            let ticks = passed.saturating_since(wrap.origin(NOW)).as_millis() * 90;
            assert!((0..=90).contains(&(ticks - (1 << bits))), "{text}: {ticks}");
        }
        for wrong in ["", "34", "33:", "33:in", "33:in=", "33:in=25h", "33:after=1s", "33:in=1s:in=1s", "033"] {
            assert_eq!(wrong.parse::<Wrap>(), Err(()), "{wrong:?}");
        }
    }
}
