//! The rules of HLS, DASH and CMAF as pure functions from text and bytes to violations.

pub mod cmaf;
pub mod dash;
pub mod hls;
pub mod http;
pub mod lldash;
pub mod llhls;
pub mod origins;
mod punctuality;
mod report;
pub mod schema;
pub mod table;

pub use punctuality::Punctuality;
pub(crate) use report::Report;
pub use report::Violation;
pub use table::Level;
