//! Basics that all other wings use: time, network addresses, manifest formats, secrets, memory, threads, metrics, error texts and refusals of other servers. This
//! wing uses no other.

#[cfg(test)]
pub(crate) mod test_texts;

pub mod background;
pub mod format;
pub mod memory;
pub mod metrics;
pub mod network;
pub mod os_error;
pub mod problem;
pub mod secret;
pub mod suggestion;
pub mod timeline;
pub mod utc;
