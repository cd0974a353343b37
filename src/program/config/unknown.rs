//! Environment variables that look like settings and are none.

use std::ffi::OsString;

use super::ConfigError;
use crate::base::suggestion::nearest;

const PREFIX: &str = "BARSTONE_";

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
