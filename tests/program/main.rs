//! Tests of the whole program from outside, with the real server as a child process. All are one test binary, which
//! links once. Tests that need a quiet machine have binaries of their own.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "tests of other binaries use the rest")]
mod support;

mod abuse;
mod access;
mod archive;
mod bitrate;
mod capacity;
mod client;
mod config;
mod connections;
mod decode;
mod definitions;
mod directory;
mod disk_trouble;
mod faults;
mod headers;
mod hooks;
mod http2;
mod in_sync;
mod load;
mod memory;
mod openapi;
mod past;
mod players;
mod presentations;
mod private;
mod probe;
mod protocol;
mod push;
mod reload;
mod rest;
mod restart;
mod single_file;
mod still;
mod store;
mod verify;
mod viewers;
