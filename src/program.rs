//! The server process: its configuration, log, signals, and start and end. No protocol and no media.

pub mod app;
pub mod config;
pub mod shutdown;
pub mod telemetry;
pub mod token_file;
pub mod wait;
