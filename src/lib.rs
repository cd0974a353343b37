//! Live test streams, bars and tone on the UTC clock.
pub mod cmaf;
pub mod manifest;
pub mod metrics;
pub mod signal;
pub mod spec;
pub mod timeline;
pub mod utc;
pub mod window;
