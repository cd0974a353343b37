//! The certificate with which all sessions of the process identify themselves.

use std::fmt;

use str0m::config::DtlsCert;

/// A self-signed certificate. A client compares its fingerprint with that of the answer.
#[derive(Clone)]
pub(super) struct Certificate(pub(super) DtlsCert);

impl Certificate {
    /// A new certificate. `None` if the system has no random numbers.
    pub(super) fn new() -> Option<Self> {
        str0m::crypto::from_feature_flags().dtls_provider.generate_certificate().map(Self)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}
