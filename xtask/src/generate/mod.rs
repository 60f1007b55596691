//! What `cargo xtask new` writes and `cargo xtask remove` takes away.

pub mod catalogue;
mod checks;
pub mod endpoint;
pub mod migration;
mod names;
pub mod permission;
pub mod spec;
mod texts;
pub mod undo;
