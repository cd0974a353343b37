//! What every other part uses and what knows none of them: time, network addresses, secrets and metrics.

#[cfg(test)]
pub(crate) mod mutation;

pub mod metrics;
pub mod network;
pub mod secret;
pub mod timeline;
pub mod utc;
