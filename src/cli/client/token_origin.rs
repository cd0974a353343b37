//! Where the API token of a command comes from, as its errors name it.

use std::fmt;
use std::path::PathBuf;

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Argument,
    File(PathBuf),
    /// A server that runs at this address has left it for commands of its user.
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
