//! One file for each command of `cargo xtask`, in a folder for its purpose.

pub mod bench;
pub mod deliver;
pub mod develop;
pub mod operate;
