//! CMAF packaging (ISO/IEC 23000-19) of access units: init segments and chunks. Pure functions of bytes and frame
//! numbers. A segment is the concatenation of its chunks.

mod avc;
mod init;
mod media;
mod movie;
mod opening;
mod packager;
mod padding;
mod rewriting;
mod samples;

pub use avc::Slices;
pub use init::Configuration;
pub use media::Media;
pub use movie::{Movie, Segments};
pub use opening::{opening, smallest};
pub use packager::{Chunk, Format, Packager};
pub use rewriting::{Corruption, Drift, Origin, Rewriting};
pub use samples::{level, samples, unpadded};

/// Track id of the single track in every file.
const TRACK_ID: u32 = 1;

/// The output of an encoder cannot be packaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Access units are not consecutive.
    #[error("frame {found} arrived in place of frame {expected}")]
    OutOfOrder {
        /// The expected frame.
        expected: u64,
        /// The frame received.
        found: u64,
    },
    /// An access unit or a decoder configuration cannot be parsed.
    #[error("{what} of frame {frame} is malformed")]
    Malformed {
        /// What was parsed.
        what: &'static str,
        /// Its frame.
        frame: u64,
    },
    /// An IDR picture inside a segment, or a segment without an IDR picture at its start.
    #[error("frame {frame}: segments start with an IDR picture and hold no other")]
    MisplacedIdr {
        /// The frame.
        frame: u64,
    },
}

#[cfg(test)]
mod tests;
