//! What a user asked for: conditions in a URL ([`condition`]); stream definitions ([`spec`]), and where they are stored
//! ([`store`]). Conditions and definitions are valid by construction. Nothing here knows whether a stream runs.

pub mod condition;
pub mod spec;
pub mod store;
