//! Source of the API token, for the error message to clients without it.

use std::fmt;

/// Source of the API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Created by this server, which prints a link that contains it.
    Created,
    /// Configured by the operator, never printed.
    Configured,
}

impl fmt::Display for TokenOrigin {
    /// Writes where to find the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "send Authorization: Bearer TOKEN, or open the link that barstone printed when it started",
            Self::Configured => {
                "send Authorization: Bearer TOKEN with the api_token of the server's configuration; barstone \
                 commands take it from --token-file or BARSTONE_API_TOKEN"
            }
        })
    }
}
