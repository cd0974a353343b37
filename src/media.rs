//! The media itself, from the painted picture to the manifest text: no HTTP, no task that lasts longer than a run, and no
//! decision about which stream runs.

pub mod cmaf;
pub mod directory;
pub mod manifest;
pub mod pipeline;
pub mod rtp;
pub mod signal;
pub mod single_file;
pub mod still;
pub mod transport_stream;
pub mod truth;
pub mod window;
