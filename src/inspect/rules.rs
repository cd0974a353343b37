//! The rules of HLS, DASH and CMAF as pure functions from text and bytes to violations. Each rule has an id.

pub mod cmaf;
pub mod dash;
pub mod hls;
pub mod lldash;
pub mod llhls;
mod report;
pub mod schema;

use report::Report;
pub use report::Violation;
