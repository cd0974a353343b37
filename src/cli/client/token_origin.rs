//! Source of an API token, for error messages.

use std::fmt;
use std::path::PathBuf;

/// Source of an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Argument,
    File(PathBuf),
    /// The file that the running server at this address has written for commands of its user.
    Server,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("--token or BARSTONE_API_TOKEN"),
            Self::File(path) => path.display().fmt(f),
            Self::Server => f.write_str("the server that runs here"),
        }
    }
}
