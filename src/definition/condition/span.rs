//! Durations in conditions: `500ms`, `90s`, `1h30m`, `2d`, and the same with a sign.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::timeline::UnixTime;

/// Units from the longest to the shortest, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// The longest span: a hundred years, far from any overflow.
const MAX_MILLIS: u64 = 36_525 * UNITS[0].1;

/// A duration in whole milliseconds, at most a hundred years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Span {
    /// The longest span.
    pub const MAX: Self = Self(MAX_MILLIS);

    /// A span of `millis` milliseconds.
    ///
    /// # Panics
    /// If the span is longer than [`Self::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        assert!(millis <= MAX_MILLIS);
        Self(millis)
    }

    /// The shortest span of at least `duration`.
    pub fn covering(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(MAX_MILLIS).min(MAX_MILLIS))
    }

    /// The span as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for Span {
    type Err = ();

    /// Reads numbers with units. Longer units come first, and each unit occurs at most once.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text.is_empty() {
            return Err(());
        }
        let mut units = UNITS.iter();
        let (mut total, mut rest) = (0u64, text);
        while !rest.is_empty() {
            let (number, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
            let (unit, behind) = behind.split_at(behind.bytes().take_while(u8::is_ascii_lowercase).count());
            let (_, millis) = units.find(|(name, _)| *name == unit).ok_or(())?;
            let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis)).ok_or(())?;
            total = total.checked_add(part).filter(|total| *total <= MAX_MILLIS).ok_or(())?;
            rest = behind;
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    /// The canonical form: each unit as large as it can be, `0s` for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// A span forwards or backwards in time: `10s`, `+10s` or `-1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offset {
    is_negative: bool,
    span: Span,
}

impl Offset {
    /// No offset.
    pub const ZERO: Self = Self { is_negative: false, span: Span(0) };

    /// The offset without its sign.
    pub const fn size(self) -> Span {
        self.span
    }

    /// Whether the offset leads backwards.
    pub const fn is_negative(self) -> bool {
        self.is_negative
    }

    /// The time that is this much later than `time`, or earlier. At least 1970.
    pub fn after(self, time: UnixTime) -> UnixTime {
        match self.is_negative {
            true => time.saturating_sub(self.span.duration()),
            false => time + self.span.duration(),
        }
    }
}

impl FromStr for Offset {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (is_negative, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let span: Span = size.parse()?;
        // Zero has no sign.
        Ok(Self { is_negative: is_negative && span > Span(0), span })
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        write!(f, "{sign}{}", self.span)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        assert_eq!(text.parse::<Offset>().map(|offset| offset.to_string()), Ok(canonical.to_owned()), "{text}");
    }

    #[test]
    fn durations_have_units_from_long_to_short() {
        for (text, canonical) in [
            ("500ms", "500ms"),
            ("90s", "1m30s"),
            ("1h30m", "1h30m"),
            ("2d", "2d"),
            ("0ms", "0s"),
            ("+10s", "10s"),
            ("-36h1500ms", "-1d12h1s500ms"),
            ("-0s", "0s"),
        ] {
            check(text, canonical);
        }
        for wrong in [
            "",
            "1",
            "s",
            "-",
            "1.5s",
            "1s1s",
            "1s1m",
            "1ms1s",
            "1 s",
            "--1s",
            "+-1s",
            "1S",
            "1sx",
            "1é",
            "99999999999d",
            "36526d",
            "18446744073709551616ms",
        ] {
            assert_eq!(wrong.parse::<Offset>(), Err(()), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_offset_is_read_as_itself(is_negative: bool, millis in 0..=MAX_MILLIS) {
            let offset = Offset { is_negative: is_negative && millis > 0, span: Span(millis) };
            prop_assert_eq!(offset.to_string().parse(), Ok(offset));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[-+0-9dhms.é]{0,30}|\\PC{0,30}") {
            if let Ok(offset) = text.parse::<Offset>() {
                prop_assert_eq!(offset.to_string().parse(), Ok(offset));
            }
        }
    }
}
