//! The setting `max_pixels_per_second`.

use std::ops::RangeInclusive;

use super::settings::NumberOrWord;
use super::{ConfigError, refused};

const AUTO: &str = "auto";
const NONE: &str = "none";
/// From less than the smallest stream needs to more than any machine encodes.
const RANGE: RangeInclusive<u64> = 1..=1_000_000_000_000;

/// Maximum encoding load of all streams together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxPixels {
    /// The measured capacity of the machine.
    Auto,
    /// No limit.
    None,
    /// A number of pixels per second.
    PerSecond(u64),
}

impl MaxPixels {
    pub(super) fn read(value: NumberOrWord) -> Result<Self, ConfigError> {
        let wrong = match value {
            NumberOrWord::Number(number) if RANGE.contains(&number) => return Ok(Self::PerSecond(number)),
            NumberOrWord::Word(word) if word == AUTO => return Ok(Self::Auto),
            NumberOrWord::Word(word) if word == NONE => return Ok(Self::None),
            NumberOrWord::Number(number) => number.to_string(),
            NumberOrWord::Word(word) => format!("{word:?}"),
        };
        let allowed = format!("must be {AUTO}, {NONE} or {} to {}, not {wrong}", RANGE.start(), RANGE.end());
        Err(refused("max_pixels_per_second", allowed))
    }

    pub(super) fn as_setting(self) -> NumberOrWord {
        match self {
            Self::Auto => NumberOrWord::Word(AUTO.into()),
            Self::None => NumberOrWord::Word(NONE.into()),
            Self::PerSecond(number) => NumberOrWord::Number(number),
        }
    }
}
