//! The server process: configuration, log, signals, start and shutdown. This wing has no protocol and no media.

pub mod app;
pub mod config;
pub mod shutdown;
pub mod telemetry;
pub mod token_file;
pub mod wait;
