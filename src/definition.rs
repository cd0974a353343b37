//! What a user asked for: stream definitions, valid by construction ([`spec`]), and where they are stored ([`store`]). Nothing
//! here knows whether a stream runs.

pub mod spec;
pub mod store;
