//! From access units to CMAF (ISO/IEC 23000-19): init segments and chunks. Pure: bytes in, bytes out; which
//! frame an access unit is, the caller says. A segment is its chunks one after another and has no bytes of
//! its own.

mod avc;
mod init;
mod media;
mod packager;
mod padding;
mod samples;

pub use init::Configuration;
pub use media::Media;
pub use packager::{Chunk, Format, Packager};
pub use samples::{level, samples};

/// Every file holds one track, and this is its id.
const TRACK_ID: u32 = 1;

/// Why an encoder's output cannot be packaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Access units do not follow each other.
    #[error("frame {found} came where frame {expected} was due")]
    OutOfOrder {
        /// The frame that was due.
        expected: u64,
        /// The frame that came.
        found: u64,
    },
    /// The bytes of an access unit or of a decoder configuration do not parse.
    #[error("{what} of frame {frame} is malformed")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// The frame it belongs to.
        frame: u64,
    },
    /// An IDR picture is not where a segment starts, or a segment does not start with one.
    #[error("frame {frame}: segments start with an IDR picture and hold no other")]
    MisplacedIdr {
        /// The frame in question.
        frame: u64,
    },
}

#[cfg(test)]
mod tests;
