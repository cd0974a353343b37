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
