//! Moments in conditions: RFC 3339 in UTC, Unix seconds, or relative to now.

use std::fmt;
use std::str::FromStr;

use super::Offset;
use crate::base::timeline::UnixTime;

/// A moment as it is written in a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A fixed moment: `2026-11-21T03:40:28Z` or `1795232428`.
    At(UnixTime),
    /// A moment relative to the time of the request: `-1h30m` or `+10s`.
    FromNow(Offset),
}

impl Moment {
    /// The moment of the request.
    pub const NOW: Self = Self::FromNow(Offset::ZERO);

    /// Whether the moment is relative to the time of the request.
    pub const fn is_relative(self) -> bool {
        match self {
            Self::At(_) => false,
            Self::FromNow(_) => true,
        }
    }

    /// A relative moment as an absolute one, seen at `now`, in whole seconds. An absolute moment stays as it is.
    #[must_use]
    pub fn fixed(self, now: UnixTime) -> Self {
        match self {
            Self::At(_) => self,
            Self::FromNow(offset) => Self::At(UnixTime::from_millis(offset.after(now).as_secs() * 1000)),
        }
    }

    /// The moment, as seen at `now`.
    pub fn at(self, now: UnixTime) -> UnixTime {
        match self {
            Self::At(moment) => moment,
            Self::FromNow(offset) => offset.after(now),
        }
    }
}

impl FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::FromNow);
        }
        let timestamp = match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => jiff::Timestamp::from_second(text.parse().map_err(|_| ())?),
            false if is_utc(text) => text.parse(),
            false => return Err(()),
        };
        let nanos = timestamp.map_err(|_| ())?.as_nanosecond();
        u64::try_from(nanos).map(|nanos| Self::At(UnixTime::from_nanos(nanos))).map_err(|_| ())
    }
}

/// Whether the text contains only letters of RFC 3339 in UTC. The parser of dates also accepts other notations.
fn is_utc(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_digit() || b"-:.T".contains(&byte);
    text.strip_suffix('Z').is_some_and(|rest| rest.contains('T') && rest.bytes().all(is_allowed))
}

impl fmt::Display for Moment {
    /// RFC 3339 with as many decimals as the moment needs, or a duration with its sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(moment) => {
                let nanos = i128::from(moment.as_nanos());
                write!(f, "{}", jiff::Timestamp::from_nanosecond(nanos).unwrap_or(jiff::Timestamp::MAX))
            }
            Self::FromNow(offset) => write!(f, "{}{offset}", if offset.is_negative() { "" } else { "+" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixTime = UnixTime::from_millis(1_795_232_428_800);

    #[track_caller]
    fn check(text: &str, canonical: &str, millis: u64) {
        let moment: Moment = text.parse().unwrap();
        assert_eq!((moment.to_string().as_str(), moment.at(NOW).as_millis()), (canonical, millis), "{text}");
    }

    #[test]
    fn moments_are_dates_seconds_or_relative() {
        check("2026-11-21T03:40:28Z", "2026-11-21T03:40:28Z", 1_795_232_428_000);
        check("2026-11-21T03:40:28.800Z", "2026-11-21T03:40:28.8Z", 1_795_232_428_800);
        check("1795232428", "2026-11-21T03:40:28Z", 1_795_232_428_000);
        check("0", "1970-01-01T00:00:00Z", 0);
        check("-90s", "-1m30s", 1_795_232_338_800);
        check("+10s", "+10s", 1_795_232_438_800);
        check("-36500d", "-36500d", 0);
        for wrong in [
            "",
            "now",
            "10s",
            "-",
            "2026-11-21",
            "2026-11-21 03:40:28Z",
            "2026-11-21T03:40:28",
            "2026-11-21T03:40:28+01:00",
            "2026-13-21T03:40:28Z",
            "1969-12-31T23:59:59Z",
            "99999999999999999999",
            "3000-01-01T00:00:00Z",
        ] {
            assert_eq!(wrong.parse::<Moment>(), Err(()), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_moment_is_read_as_itself(nanos: u64) {
            let moment = Moment::At(UnixTime::from_nanos(nanos));
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[-+0-9dhmsTZ:.]{0,30}|\\PC{0,30}") {
            if let Ok(moment) = text.parse::<Moment>() {
                prop_assert_eq!(moment.to_string().parse(), Ok(moment));
            }
        }
    }
}
