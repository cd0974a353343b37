//! barstone
pub mod app;
pub mod cmaf;
pub mod config;
pub mod directory;
pub mod http;
pub mod manifest;
pub mod metrics;
pub mod pipeline;
pub mod shutdown;
pub mod signal;
pub mod spec;
pub mod stream;
pub mod telemetry;
pub mod timeline;
pub mod utc;
pub mod window;
