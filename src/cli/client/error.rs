//! Errors of the client and their exit codes.

use std::path::PathBuf;

use super::token_origin::Origin;
use crate::base::os_error;

/// Exit codes. Of several errors the highest code counts.
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
    /// The HTTP client cannot be created.
    #[error("cannot start the client: {0}")]
    Start(String),
    #[error("{server} cannot be reached: {problem}. Is the server running? Start it, or name another with --server")]
    Unreachable { server: String, problem: String },
    #[error("{server} has not answered within {seconds} s; raise --timeout")]
    Timeout { server: String, seconds: u64 },
    #[error("the server answered {status}: {problem}")]
    Failed { status: u16, problem: String },
    /// The server answers that it is not ready.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The answer is neither the expected JSON nor a problem document.
    #[error("this is not the answer of a barstone server: {0}. Check --server")]
    NotBarstone(String),
    #[error("cannot write the output: {}", os_error::text(.0))]
    Output(std::io::Error),
    #[error("{option}: must consist of visible ASCII characters")]
    Header { option: &'static str },
    #[error("the API token of {origin} cannot be sent: a token consists of visible ASCII characters without blanks")]
    Token { origin: Origin },
    #[error("{server} needs the API token for this: use --token-file FILE, or set BARSTONE_API_TOKEN")]
    TokenNeeded { server: String },
    #[error("{server} refuses the API token of {origin}: use --token-file FILE, or set BARSTONE_API_TOKEN")]
    TokenRefused { server: String, origin: Origin },
    #[error("--listen: must have a port other than 0, so that the server can be found")]
    AnyPort,
    #[error("cannot read {}: {}", path.display(), os_error::text(source))]
    File { path: PathBuf, source: std::io::Error },
    #[error("{document} {problem}")]
    Document { document: String, problem: String },
    /// `put --create` with a name that exists.
    #[error("{0} exists already; leave out --create to replace it")]
    Exists(String),
    /// A precondition of the request failed (412).
    #[error("{0}")]
    PreconditionFailed(String),
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Refused(String),
}

impl ClientError {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Start(_)
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Failed { .. }
            | Self::NotReady(_)
            | Self::NotBarstone(_)
            | Self::Output(_) => Code::Failed,
            Self::AnyPort | Self::Header { .. } | Self::Token { .. } | Self::File { .. } | Self::Document { .. } => {
                Code::Usage
            }
            Self::Missing(_) => Code::Missing,
            Self::Refused(_)
            | Self::Exists(_)
            | Self::PreconditionFailed(_)
            | Self::TokenNeeded { .. }
            | Self::TokenRefused { .. } => Code::Refused,
        }
    }
}
