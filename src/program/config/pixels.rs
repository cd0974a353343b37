//! How many pixels a second all streams may be made of.

use std::ops::RangeInclusive;

use super::settings::NumberOrWord;
use super::{ConfigError, refused};

const AUTO: &str = "auto";
const NONE: &str = "none";
/// From less than the smallest stream takes to more than any machine makes.
const RANGE: RangeInclusive<u64> = 1..=1_000_000_000_000;

/// How many pixels a second all streams may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxPixels {
    /// As many as the machine can make.
    Auto,
    /// As many as anybody wants.
    None,
    /// So many.
    PerSecond(u64),
}

impl MaxPixels {
    pub(super) fn read(said: NumberOrWord) -> Result<Self, ConfigError> {
        let wrong = match said {
            NumberOrWord::Number(number) if RANGE.contains(&number) => return Ok(Self::PerSecond(number)),
            NumberOrWord::Word(word) if word == AUTO => return Ok(Self::Auto),
            NumberOrWord::Word(word) if word == NONE => return Ok(Self::None),
            NumberOrWord::Number(number) => number.to_string(),
            NumberOrWord::Word(word) => format!("{word:?}"),
        };
        let allowed = format!("must be {AUTO}, {NONE} or {} to {}, not {wrong}", RANGE.start(), RANGE.end());
        Err(refused("max_pixels_per_second", allowed))
    }

    pub(super) fn said(self) -> NumberOrWord {
        match self {
            Self::Auto => NumberOrWord::Word(AUTO.into()),
            Self::None => NumberOrWord::Word(NONE.into()),
            Self::PerSecond(number) => NumberOrWord::Number(number),
        }
    }
}
