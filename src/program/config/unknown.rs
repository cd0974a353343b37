//! Names that nothing has, and the ones that were probably meant.

use std::ffi::OsString;

use super::ConfigError;

const PREFIX: &str = "BARSTONE_";
/// From here on two words are alike: half of their letters are the same, in the same order.
const ALIKE: f64 = 0.5;

/// Refuses a variable that is meant for this program and that is none of `known`.
///
/// # Errors
/// [`ConfigError::Environment`].
pub fn check_environment(names: impl Iterator<Item = OsString>, known: &[String]) -> Result<(), ConfigError> {
    let known: Vec<_> = known.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    for name in names {
        let name = name.to_string_lossy();
        let Some(word) = name.strip_prefix(PREFIX) else { continue };
        if known.contains(&word) || is_from_kubernetes(word) {
            continue;
        }
        let advice = match nearest(word, known.iter().copied()) {
            Some(meant) => format!("did you mean {PREFIX}{meant}?"),
            None => format!("there are {PREFIX}{}", known.join(&format!(", {PREFIX}"))),
        };
        return Err(ConfigError::Environment { name: name.escape_debug().to_string(), advice });
    }
    Ok(())
}

/// Whether it tells where a Service called `barstone` is, which Kubernetes tells everybody in its namespace.
fn is_from_kubernetes(word: &str) -> bool {
    ["SERVICE_HOST", "SERVICE_PORT", "PORT"].contains(&word)
        || ["SERVICE_PORT_", "PORT_"].iter().any(|start| word.starts_with(start))
}

/// What serde says of a word that it does not know ("unknown field `x`, expected one of `a`, `b`"), but with the one
/// that is nearest instead of all.
pub(super) fn with_advice(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let meant = quoted.next().and_then(|word| nearest(word, quoted));
    match (message.split_once(", expected "), meant) {
        (Some((problem, _)), Some(meant)) if problem.starts_with("unknown ") => {
            format!("{problem}; did you mean `{meant}`?")
        }
        (Some(_) | None, _) => message.to_owned(),
    }
}

fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}
