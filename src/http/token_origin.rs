//! Where the API token comes from, and what a client without it is told.

use std::fmt;

/// Where the API token comes from, which decides where a client without it can find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Created by this server, which prints a link with it.
    Created,
    /// Configured by the operator, and never printed.
    Configured,
}

impl fmt::Display for TokenOrigin {
    /// Where to find the token.
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
