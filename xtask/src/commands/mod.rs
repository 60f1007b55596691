//! One file for each command of `cargo xtask`.

pub mod assets;
pub mod bench;
pub mod coverage;
pub mod database_ca;
pub mod deny;
pub mod down;
pub mod env;
pub mod fuzz;
pub mod invoke;
pub mod keys;
pub mod lint;
pub mod logs;
pub mod migrate;
pub mod mutants;
pub mod openapi;
pub mod outbox;
pub mod passwords;
pub mod queue;
pub mod requirements;
pub mod sbom;
pub mod tasks;
pub mod template;
pub mod test;
pub mod up;
pub mod users;
