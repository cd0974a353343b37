//! The `Range` header of a request (RFC 9110 14.1.2, 14.2).

use std::ops::Range;

/// The part of a representation to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it: the header is invalid, or contains several satisfiable ranges, which a server may ignore.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// No range overlaps the representation: 416.
    Unsatisfiable,
}

/// The last byte of a request for all bytes that a representation will ever have (RFC 8673 2.3): the largest integer that
/// JavaScript counts exactly.
const ENDLESS: u64 = (1 << 53) - 1;

/// A single range of a representation that still grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Growing {
    /// The first byte.
    pub(in crate::http) first: u64,
    /// The last byte; `None` if the header names none.
    pub(in crate::http) last: Option<u64>,
}

impl Growing {
    /// Reads a header with one range that has a first byte; `None` for other headers.
    pub(super) fn parse(range: &str) -> Option<Self> {
        let (unit, only) = range.split_once('=')?;
        let (first, last) = only.split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
        let (first, last) = (number(first.trim())?, last.trim());
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last| first <= last).then_some(Self { first, last })
    }

    /// Whether the range has no end, so that bytes are sent as soon as they exist.
    pub(in crate::http) fn is_endless(self) -> bool {
        self.last >= Some(ENDLESS)
    }

    /// Whether the answer can begin with the chunks that end at `ends`. A range without a last byte is served early only if it
    /// begins where a chunk does, as a preload hint has it: other clients take what they get for the rest of the file.
    pub(in crate::http) fn is_served_by(self, mut ends: impl Iterator<Item = u64>) -> bool {
        match self.last {
            Some(last) if !self.is_endless() => ends.any(|end| end > last),
            Some(_) => ends.any(|end| end > self.first),
            None => ends.any(|end| end == self.first) && ends.next().is_some(),
        }
    }
}

/// Selects bytes of a representation of `len` bytes.
pub(super) fn select(range: &str, len: u64) -> Selection {
    let Some((unit, set)) = range.split_once('=') else { return Selection::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let members = set.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    let Some(parsed) = members.map(|member| bytes(member, len)).collect::<Option<Vec<_>>>() else {
        return Selection::Whole;
    };
    let mut satisfiable = parsed.iter().flatten();
    match (parsed.is_empty(), satisfiable.next(), satisfiable.next()) {
        (false, None, _) => Selection::Unsatisfiable,
        (_, Some(only), None) => Selection::Part(only.clone()),
        _ => Selection::Whole,
    }
}

/// Parses one range. The outer option is `None` if it is invalid, the inner if it selects no byte.
fn bytes(member: &str, len: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = member.split_once('-')?;
    let range = if first.is_empty() {
        len.saturating_sub(number(last)?)..len
    } else {
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        first..len.min(last.saturating_add(1))
    };
    Some(Some(range).filter(|range| !range.is_empty()))
}

/// Parses any number of digits. A number that overflows becomes the maximum.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_single_range_is_selected_and_an_invalid_header_is_ignored() {
        for (range, selection) in [
            ("bytes=0-0", Selection::Part(0..1)),
            ("bytes=10-13", Selection::Part(10..14)),
            ("bytes=70-", Selection::Part(70..72)),
            ("bytes=0-99999999999999999999999", Selection::Part(0..72)),
            ("bytes=-3", Selection::Part(69..72)),
            ("bytes=-72", Selection::Part(0..72)),
            ("bytes=-1000", Selection::Part(0..72)),
            ("bytes=-99999999999999999999999", Selection::Part(0..72)),
            ("Bytes= 1-2 ,", Selection::Part(1..3)),
            ("bytes=72-,4-5,-0", Selection::Part(4..6)),
            ("bytes=72-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selection::Unsatisfiable),
            ("bytes=72-80,100-", Selection::Unsatisfiable),
            ("bytes=0-1,4-5", Selection::Whole),
            ("bytes=0-10,5-15", Selection::Whole),
            ("bytes=2-1", Selection::Whole),
            ("bytes=0-1,2-1", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=", Selection::Whole),
            ("bytes=1", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=1 - 2", Selection::Whole),
            ("bytes", Selection::Whole),
            ("lines=1-2", Selection::Whole),
        ] {
            assert_eq!(select(range, 72), selection, "{range}");
        }
        assert_eq!(select("bytes=-1", 0), Selection::Unsatisfiable);
    }

    #[test]
    fn a_range_of_what_is_being_made_has_a_first_byte() {
        let parsed = |text| Growing::parse(text).map(|range| (range.first, range.last, range.is_endless()));
        assert_eq!(parsed("bytes=70-"), Some((70, None, false)));
        assert_eq!(parsed("Bytes= 10-19"), Some((10, Some(19), false)));
        assert_eq!(parsed("bytes=10-9007199254740991"), Some((10, Some(ENDLESS), true)));
        for other in ["bytes=-5", "bytes=5-4", "bytes=1-2,4-5", "lines=1-2", "bytes=a-", "bytes"] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    #[test]
    fn a_range_is_served_when_its_bytes_are_there() {
        for (text, served) in [
            ("bytes=0-99", true),
            ("bytes=0-299", true),
            ("bytes=0-300", false),
            ("bytes=299-9007199254740991", true),
            ("bytes=300-9007199254740991", false),
            ("bytes=100-", true),
            ("bytes=101-", false),
            ("bytes=300-", false),
            ("bytes=0-", false),
        ] {
            let range = Growing::parse(text).unwrap();
            assert_eq!(range.is_served_by([100, 300].into_iter()), served, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_selected_range_lies_within_the_representation(first in 0_u64..200, last in 0_u64..200, len in 1_u64..100) {
            let expected = match (last < first, first < len) {
                (true, _) => Selection::Whole,
                (false, true) => Selection::Part(first..len.min(last + 1)),
                (false, false) => Selection::Unsatisfiable,
            };
            prop_assert_eq!(select(&format!("bytes={first}-{last}"), len), expected);
            let suffix = if last == 0 { Selection::Unsatisfiable } else { Selection::Part(len.saturating_sub(last)..len) };
            prop_assert_eq!(select(&format!("bytes=-{last}"), len), suffix);
        }

        #[test]
        fn any_text_is_parsed_without_panic(text: String, len: u64) {
            if let Selection::Part(range) = select(&text, len) {
                prop_assert!(range.start < range.end && range.end <= len);
            }
        }
    }
}
