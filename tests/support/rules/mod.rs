//! The rules of HLS, DASH and CMAF as pure functions from text and bytes to violations. Each rule has an id.

pub(crate) mod cmaf;
pub(crate) mod dash;
pub(crate) mod hls;
pub(crate) mod lldash;
pub(crate) mod llhls;
mod report;
pub(crate) mod schema;

use report::Report;
pub(crate) use report::Violation;
