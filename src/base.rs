//! What every other part uses and what knows none of them: time, network addresses, secrets, metrics and words for errors.

#[cfg(test)]
pub(crate) mod mutation;

pub mod metrics;
pub mod network;
pub mod os_error;
pub mod secret;
pub mod suggestion;
pub mod timeline;
pub mod utc;
