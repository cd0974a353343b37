//! Texts for property tests of parsers: nearly valid, which random texts never are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Fragments that are likely to reveal errors of a parser.
const PIECES: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "65536",
    "4294967296",
    "18446744073709551616",
    "%00",
    "%2e%2e/",
    "/",
    "..",
    "?",
    "&",
    "=",
    ",",
    ".",
    ":",
    ";",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    "\\",
    "\n",
    "\0",
    " ",
    "*",
    "null",
    "true",
    "é",
    "bytes=",
    "R",
    "test",
];

/// One of `texts`, with a few characters replaced by fragments at zero or more places.
pub(crate) fn mutated(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    let edit = (any::<Index>(), 0..5_usize, select(PIECES));
    let edits = prop_oneof![1 => Just(Vec::new()), 3 => vec(edit, 1..5)];
    (select(texts), edits).prop_map(|(text, edits)| {
        let mut text: Vec<char> = text.chars().collect();
        for (place, length, piece) in edits {
            let from = place.index(text.len() + 1);
            let until = (from + length).min(text.len());
            text.splice(from..until, piece.chars());
        }
        text.into_iter().collect()
    })
}
