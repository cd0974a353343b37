//! A part of a whole: `0.1`.

use std::fmt;
use std::str::FromStr;

/// Digits behind the point.
const DIGITS: usize = 6;
/// The whole.
const WHOLE: u32 = 1_000_000;

/// A number from 0 to 1 with at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share(u32);

impl Share {
    /// This share of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        (u128::from(whole) * u128::from(self.0) / u128::from(WHOLE)) as u64
    }

    /// Whether the share includes a hash. A share includes all hashes that a smaller share includes.
    pub(super) const fn includes(self, hash: u64) -> bool {
        hash % (WHOLE as u64) < self.0 as u64
    }
}

impl FromStr for Share {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = matches!(whole, "0" | "1")
            && matches!(decimals.len(), 1..=DIGITS)
            && decimals.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(());
        }
        let millionths = format!("{whole}{decimals:0<DIGITS$}").parse().map_err(|_| ())?;
        if millionths > WHOLE { Err(()) } else { Ok(Self(millionths)) }
    }
}

impl fmt::Display for Share {
    /// As few decimals as the number needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:0DIGITS$}", self.0 / WHOLE, self.0 % WHOLE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        for (text, canonical) in
            [("0", "0"), ("1", "1"), ("0.1", "0.1"), ("0.50", "0.5"), ("1.0", "1"), ("0.000001", "0.000001")]
        {
            assert_eq!(text.parse::<Share>().map(|share| share.to_string()), Ok(canonical.to_owned()), "{text}");
        }
        for wrong in ["", ".", "0.", ".5", "1.1", "2", "-0.1", "0.1234567", "1e-1", "0,5", "+0.5", "00.5"] {
            assert_eq!(wrong.parse::<Share>(), Err(()), "{wrong:?}");
        }
        assert_eq!("0.25".parse::<Share>().unwrap().of(1001), 250);
        assert_eq!("1".parse::<Share>().unwrap().of(u64::MAX), u64::MAX);
    }
}
