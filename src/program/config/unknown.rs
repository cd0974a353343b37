//! Environment variables with the prefix of settings and unknown names.

use std::ffi::OsString;

use super::ConfigError;
use crate::base::suggestion::nearest;

const PREFIX: &str = "BARSTONE_";
/// Transport protocols of a Kubernetes Service.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Refuses a variable whose name begins with `BARSTONE_` and resembles one of the `known` names without being one.
///
/// Returns the other unknown names with the prefix, which have no effect. Kubernetes sets such variables for each
/// Service in the namespace whose name begins with `barstone`.
///
/// # Errors
/// [`ConfigError::Environment`].
pub fn check_environment(names: impl Iterator<Item = OsString>, known: &[String]) -> Result<Vec<String>, ConfigError> {
    let known: Vec<_> = known.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    let names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    let words: Vec<_> = names.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    let mut ignored = Vec::new();
    for word in words.iter().filter(|word| !known.contains(word)) {
        let name = format!("{PREFIX}{}", word.escape_debug());
        match nearest(&word.to_uppercase(), known.iter().copied()) {
            Some(meant) if !is_from_kubernetes(word, &words) => {
                return Err(ConfigError::Environment { name, advice: format!("did you mean {PREFIX}{meant}?") });
            }
            Some(_) | None => ignored.push(name),
        }
    }
    Ok(ignored)
}

/// Whether Kubernetes sets this variable for a Service, whose other variables are among `words`.
fn is_from_kubernetes(word: &str, words: &[&str]) -> bool {
    if ["SERVICE_HOST", "SERVICE_PORT"].iter().any(|end| word.ends_with(end)) || word.contains("SERVICE_PORT_") {
        return true;
    }
    match word.strip_suffix("_PORT") {
        // Someone may also give a setting such a name by mistake.
        Some(service) if words.contains(&format!("{service}_SERVICE_HOST").as_str()) => true,
        Some(_) | None => is_port(word),
    }
}

/// Whether this is `PORT_8080_TCP`, or `PORT_8080_TCP_ADDR` and the like, after the name of a Service or without one.
fn is_port(word: &str) -> bool {
    let words: Vec<_> = word.split('_').collect();
    words.windows(3).any(|part| part[0] == "PORT" && part[1].parse::<u16>().is_ok() && PROTOCOLS.contains(&part[2]))
}
