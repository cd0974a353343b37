//! Requests of users: conditions in a URL ([`condition`]), stream definitions ([`spec`]), and the store of definitions
//! ([`store`]). Conditions and definitions are valid by construction. No module here depends on whether a stream runs.

pub mod condition;
pub mod spec;
pub mod store;
