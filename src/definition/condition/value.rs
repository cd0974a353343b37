//! Values of conditions: their kinds and limits, and the words for them.

use super::{Offset, On, Span, Wrap};

/// The value that stands for no value.
pub(super) const NONE: &str = "none";

/// Kinds of values and their limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The condition has no value.
    Nothing,
    /// A duration within limits, both included.
    Span {
        /// The shortest.
        least: Span,
        /// The longest.
        most: Span,
        /// Whether `none` is allowed too.
        or_none: bool,
    },
    /// A duration with a sign, up to a size.
    Offset {
        /// The largest size.
        most: Span,
    },
    /// A moment, absolute or relative to now.
    Moment,
    /// `none`, or schemes joined by `+`, each at most once.
    Schemes,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Bits of a timestamp, and the time until they are passed.
    Wrap,
    /// A whole number within limits, both included.
    Integer {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A whole number with a sign, up to a size.
    Signed {
        /// The largest size.
        most: i32,
    },
    /// A number from 0 to 1.
    Share,
    /// The first and the last number of segments.
    Numbers,
    /// A kind of tracks, or the id of a track.
    Track,
    /// One of these kinds of resources.
    On(&'static [On]),
}

impl Value {
    /// Kind of the value in the API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Span { .. } => "duration",
            Self::Offset { .. } => "offset",
            Self::Moment => "moment",
            Self::Schemes => "words",
            Self::Word(_) | Self::On(_) => "word",
            Self::Wrap => "wrap",
            Self::Integer { .. } => "integer",
            Self::Signed { .. } => "signed",
            Self::Share => "share",
            Self::Numbers => "numbers",
            Self::Track => "track",
        }
    }

    /// Description of the allowed values, as a noun. `no value` if the condition has none.
    pub fn allowed(&self) -> String {
        match self {
            Self::Nothing => "no value".to_owned(),
            Self::Span { least, most, or_none: false } => format!("a duration from {least} to {most}"),
            Self::Span { least, most, or_none: true } => format!("a duration from {least} to {most}, or {NONE}"),
            Self::Offset { most } => format!("a duration from -{most} to {most}"),
            Self::Moment => "a moment such as 2026-11-21T03:40:28Z, Unix seconds, -1h30m or +10s".to_owned(),
            Self::Schemes => {
                let words: Vec<_> = Timing::ALL.iter().map(|scheme| scheme.word()).collect();
                format!("{NONE}, or some of {} joined by +", words.join(", "))
            }
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Self::Signed { most } => format!("a whole number from -{most} to {most}"),
            Self::Share => "a number from 0 to 1 with at most six decimals".to_owned(),
            Self::Numbers => "the first and the last number, such as 100-120".to_owned(),
            Self::Track => "video, audio or the id of a track".to_owned(),
            Self::On(on) => format!("one of {}", words(on).join(", ")),
            Self::Wrap => format!("32 or 33, and :in= with a duration up to {}, such as 33:in=15s", Wrap::MOST),
        }
    }

    /// Values that are fixed words.
    pub fn words(&self) -> Vec<&'static str> {
        match self {
            Self::Nothing
            | Self::Span { or_none: false, .. }
            | Self::Offset { .. }
            | Self::Moment
            | Self::Integer { .. }
            | Self::Signed { .. }
            | Self::Share
            | Self::Numbers => Vec::new(),
            Self::Track => vec!["video", "audio"],
            Self::On(on) => words(on),
            Self::Span { or_none: true, .. } => vec![NONE],
            Self::Schemes => Timing::ALL.iter().map(|scheme| scheme.word()).chain([NONE]).collect(),
            Self::Word(words) => words.to_vec(),
            Self::Wrap => vec!["32", "33"],
        }
    }

    /// The smallest and the largest value.
    pub fn limits(&self) -> Option<(String, String)> {
        match self {
            Self::Span { least, most, .. } => Some((least.to_string(), most.to_string())),
            Self::Offset { most } => Some((format!("-{most}"), most.to_string())),
            Self::Wrap => Some((Span::from_millis(0).to_string(), Wrap::MOST.to_string())),
            Self::Integer { least, most } => Some((least.to_string(), most.to_string())),
            Self::Signed { most } => Some((format!("-{most}"), most.to_string())),
            Self::Share => Some(("0".to_owned(), "1".to_owned())),
            Self::Nothing
            | Self::Moment
            | Self::Schemes
            | Self::Word(_)
            | Self::Numbers
            | Self::Track
            | Self::On(_) => None,
        }
    }

    /// Description of the allowed values, as the end of a sentence about the condition.
    pub(super) fn rule(&self) -> String {
        match self {
            Self::Nothing => "takes no value".to_owned(),
            _ => format!("must be {}", self.allowed()),
        }
    }

    /// Reads a duration within the limits.
    pub(super) fn span(&self, text: &str) -> Option<Span> {
        match self {
            Self::Span { least, most, .. } => text.parse().ok().filter(|span| (*least..=*most).contains(span)),
            _ => None,
        }
    }

    /// Reads a duration with a sign within the limits.
    pub(super) fn offset(&self, text: &str) -> Option<Offset> {
        match self {
            Self::Offset { most } => text.parse().ok().filter(|offset: &Offset| offset.size() <= *most),
            _ => None,
        }
    }

    /// Reads a whole number within the limits; no sign.
    pub(super) fn integer(&self, text: &str) -> Option<u64> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::Integer { least, most } if is_number => {
                text.parse().ok().filter(|number| (*least..=*most).contains(number))
            }
            _ => None,
        }
    }

    /// Reads a whole number with or without a sign, within the limits.
    pub(super) fn signed(&self, text: &str) -> Option<i32> {
        match self {
            Self::Signed { most } => text.parse().ok().filter(|number| (-most..=*most).contains(number)),
            _ => None,
        }
    }

    /// Reads a kind of resources.
    pub(super) fn on(&self, text: &str) -> Option<On> {
        match self {
            Self::On(allowed) => On::read(text).filter(|on| allowed.contains(on)),
            _ => None,
        }
    }
}

fn words(on: &[On]) -> Vec<&'static str> {
    on.iter().map(|on| on.word()).collect()
}

/// How an MPD refers to segments (ISO/IEC 23009-1 5.3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Addressing {
    /// By number, with one duration for all segments.
    Number,
    /// By number, with a list of the durations.
    NumberTimeline,
    /// By start time, with a list of the durations.
    TimeTimeline,
}

impl Addressing {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Number, Self::NumberTimeline, Self::TimeTimeline];
    /// The words for all ways.
    pub(super) const WORDS: &'static [&'static str] = &[Self::ALL[0].word(), Self::ALL[1].word(), Self::ALL[2].word()];

    /// Value of the condition in URLs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::NumberTimeline => "number-timeline",
            Self::TimeTimeline => "time-timeline",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == text)
    }

    /// Whether the MPD lists every segment.
    pub fn has_timeline(self) -> bool {
        self != Self::Number
    }
}

/// A way to learn the time (ISO/IEC 23009-1 5.8.4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timing {
    /// A resource whose body is an xs:dateTime.
    HttpXsDate,
    /// A resource whose body is a date by ISO/IEC 8601.
    HttpIso,
    /// A resource whose answer to HEAD has the time in `Date`.
    HttpHead,
    /// The time itself, in the MPD.
    Direct,
}

impl Timing {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::HttpXsDate, Self::HttpIso, Self::HttpHead, Self::Direct];

    /// Value of the condition in URLs, which is a part of the URN.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HttpXsDate => "http-xsdate",
            Self::HttpIso => "http-iso",
            Self::HttpHead => "http-head",
            Self::Direct => "direct",
        }
    }

    /// Reads `none`, or words joined by `+`, each at most once.
    pub(super) fn read_all(text: &str) -> Option<Vec<Self>> {
        if text == NONE {
            return Some(Vec::new());
        }
        let mut schemes = Vec::new();
        for word in text.split('+') {
            let scheme = Self::ALL.into_iter().find(|scheme| scheme.word() == word)?;
            if schemes.contains(&scheme) {
                return None;
            }
            schemes.push(scheme);
        }
        Some(schemes)
    }

    pub(super) fn join(schemes: &[Self]) -> String {
        match schemes {
            [] => NONE.to_owned(),
            schemes => schemes.iter().map(|scheme| scheme.word()).collect::<Vec<_>>().join("+"),
        }
    }
}
