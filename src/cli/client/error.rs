//! What can go wrong, and what the program ends with then.

use std::path::PathBuf;

use super::token_origin::Origin;

/// What the program ends with. The higher one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Code {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Missing = 3,
    Refused = 4,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("cannot begin: {0}")]
    Begin(String),
    #[error("{server} cannot be reached: {problem}")]
    Unreachable { server: String, problem: String },
    #[error("{server} has not answered within {seconds} s")]
    Overdue { server: String, seconds: u64 },
    #[error("the server failed: {0}")]
    Failed(String),
    #[error("this is not the answer of a barstone server: {0}")]
    Strange(String),
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    #[error("{option}: not a value that can be sent")]
    Header { option: &'static str },
    #[error("the API token of {origin} cannot be sent: a token is visible ASCII characters without blanks")]
    Token { origin: Origin },
    #[error("{server} needs the API token for this: use --token-file FILE, or set BARSTONE_API_TOKEN")]
    TokenNeeded { server: String },
    #[error("{server} refuses the API token of {origin}: use --token-file FILE, or set BARSTONE_API_TOKEN")]
    TokenRefused { server: String, origin: Origin },
    #[error("a server on any port that is free cannot be found")]
    AnyPort,
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: {problem}", path.display())]
    Document { path: PathBuf, problem: String },
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Refused(String),
}

impl ClientError {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Begin(_)
            | Self::Unreachable { .. }
            | Self::Overdue { .. }
            | Self::Failed(_)
            | Self::Strange(_)
            | Self::Output(_) => Code::Failed,
            Self::AnyPort | Self::Header { .. } | Self::Token { .. } | Self::File { .. } | Self::Document { .. } => {
                Code::Usage
            }
            Self::Missing(_) => Code::Missing,
            Self::Refused(_) | Self::TokenNeeded { .. } | Self::TokenRefused { .. } => Code::Refused,
        }
    }
}
