//! Suggestion for a misspelt word.

/// Minimum similarity: half of the letters are the same, in the same order.
const ALIKE: f64 = 0.5;

/// The candidate most similar to `word`, if one is similar enough.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_suggested_if_half_of_its_letters_match() {
        let candidates = ["listen", "log", "log_format"];
        assert_eq!(nearest("lisden", candidates.into_iter()), Some("listen"));
        assert_eq!(nearest("logformat", candidates.into_iter()), Some("log_format"));
        assert_eq!(nearest("xyzzy", candidates.into_iter()), None);
    }
}
