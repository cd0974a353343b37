//! Reasons why a request has no answer.

use std::error::Error;
use std::time::Duration;

use crate::base::os_error;

/// Redirects that are followed, as browsers do.
pub(super) const MOST_REDIRECTS: usize = 10;
/// How rustls says that the certificate of a server is one of an authority.
const OF_AUTHORITY: &str = "Other(OtherError(CaUsedAsEndEntity))";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client cannot be built.
    #[error("{0}")]
    Client(String),
    /// The URL is of something else.
    #[error("its scheme is {0:?}, and only http and https can be requested")]
    Scheme(String),
    /// No connection, or TLS that does not verify.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The answer is not HTTP, or its body breaks off.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// A redirect leads nowhere.
    #[error("the redirect leads to {0:?}, which is not a URL")]
    Location(String),
    /// Redirects lead in a circle, or too far.
    #[error("there are more than {MOST_REDIRECTS} redirects")]
    Redirects,
    /// The body does not end.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The decompressed body is too long.
    #[error("the decompressed body is longer than {0} bytes")]
    Inflated(usize),
    /// The body is not gzip.
    #[error("the body is not gzip, which Content-Encoding states: {0}")]
    Coding(String),
    /// The answer was not complete in time.
    #[error("no complete answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
}

impl FetchError {
    /// Why a request has no answer, or a body breaks off.
    pub fn of(error: &reqwest::Error) -> Self {
        match error.is_connect() {
            true => Self::Connect(root(error)),
            false => Self::Broken(root(error)),
        }
    }

    /// Whether there was no answer, as opposed to a wrong answer.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Connect(_) | Self::Timeout(_))
    }
}

/// Innermost cause of an error.
pub(super) fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    os_error::without_numbers(
        &cause.to_string().replace(OF_AUTHORITY, "it is that of a certificate authority (CA:TRUE)"),
    )
}
