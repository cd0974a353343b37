//! Live test streams, bars and tone on the UTC clock.
pub mod cmaf;
pub mod directory;
pub mod manifest;
pub mod metrics;
pub mod pipeline;
pub mod signal;
pub mod spec;
pub mod stream;
pub mod timeline;
pub mod utc;
pub mod window;
