//! What `cargo xtask new` writes and `cargo xtask remove` takes away.

mod checks;
pub mod endpoint;
pub mod migration;
mod names;
pub mod permission;
pub mod spec;
mod texts;
pub mod undo;
