//! One file for each command of `cargo xtask`.

pub mod down;
pub mod env;
pub mod invoke;
pub mod lint;
pub mod logs;
pub mod migrate;
pub mod openapi;
pub mod test;
pub mod up;
